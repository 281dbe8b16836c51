//! What the contract offers to a plugin: `log`, `tables.find` and `tables.missing`. A guest of an older version of the track
//! finds all that it asks for in the newest; 0.2 has the same.
//!
//! Written by hand instead of generated, so that a line that is over the cap is never copied out of the guest, and so that
//! all cost CPU units: otherwise a flood would be free for the guest and dear for the host.

use wasmtime::{
    StoreContextMut,
    component::{Linker, WasmStr},
};

use super::bindings::orderdock::plugin::log::Level;
use crate::plugin::guest::{Guest, lock};

/// CPU units of one log line or look-up.
const CALL_COST: u64 = 1_000;

fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

/// Takes `units` from what the guest may still use. Where limits are off there is nothing to take from.
fn charge(store: &mut StoreContextMut<'_, Guest>, units: usize) -> wasmtime::Result<()> {
    if let Ok(left) = store.get_fuel() {
        let cost = CALL_COST.saturating_add(units as u64);
        store.set_fuel(left.checked_sub(cost).ok_or(wasmtime::Trap::OutOfFuel)?)?;
    }
    Ok(())
}

/// A text out of the guest, paid for by its length.
fn text(store: &mut StoreContextMut<'_, Guest>, text: &WasmStr) -> wasmtime::Result<String> {
    let text = text.to_str(&*store)?.into_owned();
    if let Ok(left) = store.get_fuel() {
        store.set_fuel(left.checked_sub(text.len() as u64).ok_or(wasmtime::Trap::OutOfFuel)?)?;
    }
    Ok(text)
}

/// Offers all to the guests of `linker`.
///
/// # Errors
/// When a name is taken already, which is a mistake in this room.
pub(in crate::plugin) fn link(linker: &mut Linker<Guest>, version: &str) -> wasmtime::Result<()> {
    linker.instance(&format!("orderdock:plugin/log@{version}"))?.func_wrap(
        "log",
        |mut store: StoreContextMut<'_, Guest>, (level, message): (Level, WasmStr)| {
            charge(&mut store, 0)?;
            let log = std::sync::Arc::clone(&store.data().log);
            let has_room = lock(&log).has_room();
            // An error line is looked at even when the log is full: it may be the last words before a trap.
            if has_room || matches!(level, Level::Error) {
                let text = message.to_str(&store)?;
                lock(&log).push(name(level), &text);
                let bytes = text.len();
                charge(&mut store, bytes)?;
            } else {
                lock(&log).drop_line();
            }
            Ok(())
        },
    )?;
    let mut tables = linker.instance(&format!("orderdock:plugin/tables@{version}"))?;
    tables.func_wrap("find", |mut store: StoreContextMut<'_, Guest>, (table, key): (WasmStr, WasmStr)| {
        let table = text(&mut store, &table)?;
        let key = text(&mut store, &key)?;
        charge(&mut store, 0)?;
        Ok((store.data_mut().find(&table, &key)?,))
    })?;
    tables.func_wrap(
        "missing",
        |mut store: StoreContextMut<'_, Guest>, (table, key, what): (WasmStr, WasmStr, WasmStr)| {
            let table = text(&mut store, &table)?;
            let key = text(&mut store, &key)?;
            let what = text(&mut store, &what)?;
            charge(&mut store, 0)?;
            Ok((store.data_mut().missing(table, key, what)?,))
        },
    )
}
