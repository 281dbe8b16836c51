//! What each target does with its bytes. A panic is a finding, and so is a broken promise (`assert!`).
//!
//! Rooms of the host are taken in as files instead of by the crate: the host brings the WebAssembly engine, two database
//! drivers and a TLS library along, whose instrumented build takes longer than the fuzzing.

mod answers;
pub mod domain;
mod dot_path;
pub mod shop;
mod shop_json;
mod texts;

use orderdock_plugin::{Context, testing::CaseContext};

pub use self::{answers::answers, dot_path::dot_path, shop_json::shop_json, texts::texts};

#[path = "../../host/src/plugin/outline.rs"]
pub mod outline;

/// An uploaded component, as far as it is read before anything is compiled.
pub fn upload(data: &[u8]) {
    // Behind the right beginning there is more to find.
    let component = [b"\0asm\x0d\0\x01\0".as_slice(), data].concat();
    for bytes in [data, component.as_slice()] {
        if let Ok(outline) = outline::outline(bytes) {
            assert!(outline.imports.len() + outline.exports.len() <= bytes.len(), "names come from the bytes");
        }
    }
}

/// Two parts of the input, divided by the first zero byte.
fn halves(data: &[u8]) -> (&[u8], &[u8]) {
    let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (first, rest) = data.split_at(at);
    (first, rest.get(1..).unwrap_or_default())
}

/// What a plugin is told besides the order.
fn context() -> Context<String> {
    let utc = || "UTC".to_owned();
    let case = CaseContext { shop_time_zone: utc(), erp_time_zone: utc(), ..CaseContext::default() };
    case.with_settings("{}".to_owned()).0
}
