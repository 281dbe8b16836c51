//! Releases made of one guest: the mark in the built component is overwritten with a name and a behaviour.
//!
//! Each delivery then says by which release it was mapped, and the fake ERP's book can tell whether that was the right one.

use crate::rig::component;

/// The mark's beginning; what follows is `tests/guests/variant`'s business.
const BEGINNING: &[u8] = b"orderdock-mark: ";
/// Bytes for the name, and for the behaviour behind it.
const FIELD: usize = 8;

/// A component that names itself `name` and behaves as `behaviour` says: `good`, `trap`, `refuse`, `slow`, `short`.
///
/// # Panics
/// When the guest was not built, its mark is not there exactly once, or a text is too long.
#[must_use]
pub fn variant(name: &str, behaviour: &str) -> Vec<u8> {
    assert!(name.len() <= FIELD && behaviour.len() <= FIELD, "at most {FIELD} bytes each: {name}, {behaviour}");
    let mut bytes = std::fs::read(component("guests/variant")).expect("the component can be read");
    let places: Vec<usize> =
        bytes.windows(BEGINNING.len()).enumerate().filter(|(_, it)| *it == BEGINNING).map(|(at, _)| at).collect();
    let [place] = places.as_slice() else { panic!("the mark stands in the component at {places:?}") };
    let mark = format!("{name:<FIELD$}{behaviour:<FIELD$}");
    let from = place + BEGINNING.len();
    bytes[from..from + mark.len()].copy_from_slice(mark.as_bytes());
    bytes
}
