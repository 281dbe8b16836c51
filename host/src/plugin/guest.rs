//! What the host keeps for one running guest: its limits, its log, its look-up tables and its empty WASI.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::call::Tables;

use super::{
    LookUp,
    log::{Caps, Log, cut},
    memory::Memory,
    settings::Settings,
    wasi::{Seed, Wasi},
};

/// Bytes of a buyer's own words that a sentence of ours quotes: it must never be longer than a sentence may be.
const SHOWN: usize = 200;

/// The log of a call, shared with the streams that a guest prints to.
pub(super) type SharedLog = Arc<Mutex<Log>>;

/// Locks. Nothing that holds the lock can panic, so a poisoned one is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The data of one store.
pub(super) struct Guest {
    pub(super) memory: Memory,
    pub(super) log: SharedLog,
    pub(super) wasi: Wasi,
    tables: Arc<Tables>,
    look_ups: Vec<LookUp>,
    look_ups_allowed: usize,
}

impl Guest {
    pub(super) fn new(settings: &Settings, tables: Arc<Tables>, seed: Seed) -> Self {
        let caps = Caps { lines: settings.log_lines, bytes: settings.log_bytes, line_bytes: settings.log_line_bytes };
        let log = Arc::new(Mutex::new(Log::new(caps)));
        Self {
            memory: Memory::new(settings.memory_bytes),
            wasi: Wasi::new(seed, Arc::clone(&log)),
            log,
            tables,
            look_ups: Vec::new(),
            look_ups_allowed: settings.look_ups,
        }
    }

    /// Asks a look-up table and records the question.
    ///
    /// # Errors
    /// When the guest asked more often than is recorded: an unrecorded answer could not be replayed.
    pub(super) fn find(&mut self, table: &str, key: &str) -> wasmtime::Result<Option<String>> {
        if self.look_ups.len() >= self.look_ups_allowed {
            return Err(wasmtime::format_err!("more than {} look-ups in one call", self.look_ups_allowed));
        }
        let value = self.tables.get(table).and_then(|rows| rows.get(key)).cloned();
        self.look_ups.push(LookUp { table: table.to_owned(), key: key.to_owned(), value: value.clone(), missed: None });
        Ok(value)
    }

    /// Records that the order can't be mapped for want of an entry, and says so in a sentence.
    ///
    /// # Errors
    /// As [`Guest::find`].
    pub(super) fn missing(&mut self, table: String, key: String, what: String) -> wasmtime::Result<String> {
        let short = |text: &str| match cut(text, SHOWN) {
            whole if whole.len() == text.len() => whole.to_owned(),
            start => format!("{start}…"),
        };
        let (whose, code, rows) = (short(&what), short(&key), short(&table));
        let sentence = format!("no ERP code for {whose} `{code}`: add it to look-up table `{rows}`");
        let asked = self.look_ups.iter_mut().rfind(|asked| asked.table == table && asked.key == key);
        match asked {
            Some(asked) => asked.missed = Some(what),
            None => {
                self.find(&table, &key)?;
                if let Some(asked) = self.look_ups.last_mut() {
                    asked.missed = Some(what);
                }
            }
        }
        Ok(sentence)
    }

    /// The questions asked.
    pub(super) fn take_look_ups(&mut self) -> Vec<LookUp> {
        std::mem::take(&mut self.look_ups)
    }
}
