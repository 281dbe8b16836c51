//! One call: a fresh store with its limits, and what became of it in words.

use std::{sync::Arc, time::Duration};

use tokio::sync::SemaphorePermit;
use wasmtime::{Store, Trap, WasmBacktrace};

use super::{
    Called, Limit, LogLine, PluginFault, Usage,
    contract::Lifted,
    engine::FRAMES,
    guest::{Guest, lock},
    log::cut,
    runtime::Runtime,
    wasi::Seed,
};
use crate::domain::call::Tables;

/// Bytes that each argument adds besides its texts.
const CALL_BYTES: usize = 1_024;

/// A running call. Dropping it gives the instance back.
pub(super) struct Call<'a> {
    runtime: &'a Runtime,
    doing: &'static str,
    started: Duration,
    allowed: u64,
    pub(super) store: Store<Guest>,
    _permit: Option<SemaphorePermit<'a>>,
}

/// What the engine said: a value, a trap, or nothing in time.
pub(super) type Outcome<R> = Result<wasmtime::Result<R>, tokio::time::error::Elapsed>;

impl<'a> Call<'a> {
    /// Waits for room in the pool and prepares a store.
    pub(super) async fn begin(
        runtime: &'a Runtime,
        doing: &'static str,
        lines: usize,
        bytes: usize,
        tables: Arc<Tables>,
        seed: Seed,
    ) -> Self {
        Self::begin_within(runtime, doing, lines, bytes, tables, seed, None).await
    }

    /// The same with fewer CPU units than are allowed: to see where a call is when it has used that many.
    pub(super) async fn begin_within(
        runtime: &'a Runtime,
        doing: &'static str,
        lines: usize,
        bytes: usize,
        tables: Arc<Tables>,
        seed: Seed,
        most: Option<u64>,
    ) -> Self {
        // The semaphore is never closed; if it were, the pool itself would still refuse.
        let permit = runtime.permits.acquire().await.ok();
        let settings = &runtime.settings;
        let started = runtime.clock.since_boot();
        let allowed = settings.cpu_allowed(lines, bytes.saturating_add(CALL_BYTES));
        let allowed = most.map_or(allowed, |most| most.min(allowed));
        let mut store = Store::new(&runtime.engine, Guest::new(settings, tables, seed));
        store.limiter(|guest| &mut guest.memory);
        store.set_hostcall_fuel(usize::try_from(settings.output_bytes).unwrap_or(usize::MAX));
        if settings.metered {
            // Both fail only when the engine does not count units.
            let armed =
                store.set_fuel(allowed).and_then(|()| store.fuel_async_yield_interval(Some(settings.yield_every)));
            if let Err(error) = armed {
                tracing::error!(%error, "CPU units can't be set");
            }
        }
        Self { runtime, doing, started, allowed, store, _permit: permit }
    }

    /// Puts what became of the call into words. `check` checks what the guest gave; `excuse` says that a value is what a
    /// guest gives when it ran out of memory and caught it.
    pub(super) fn finish<R, T>(
        mut self,
        outcome: Outcome<Lifted<R>>,
        check: impl FnOnce(R) -> Result<T, Vec<String>>,
        excuse: impl FnOnce(&T) -> bool,
    ) -> Called<T> {
        let mut unknown = Vec::new();
        let result = match outcome {
            Ok(Ok(lifted)) => {
                unknown = lifted.unknown;
                match check(lifted.value) {
                    Ok(value) => match self.store.data().memory.refused() {
                        Some(wanted) if excuse(&value) => Err(self.over_memory(wanted)),
                        _ => Ok(value),
                    },
                    Err(problems) => Err(PluginFault::BadOutput { doing: self.doing, problems }),
                }
            }
            Ok(Err(error)) => Err(at(self.fault(&error), &error)),
            Err(_) => {
                Err(self.over(Limit::Time, self.elapsed().as_millis(), self.runtime.settings.wall_limit.as_millis()))
            }
        };
        let usage = self.usage(&result);
        let look_ups = self.store.data_mut().take_look_ups();
        let log = std::mem::replace(&mut *lock(&self.store.data().log), super::log::Log::empty());
        let (mut log, log_dropped) = log.finish();
        log.extend(unknown.into_iter().map(|name| LogLine {
            level: "warn".to_owned(),
            message: format!("a name in `extra` that this version does not know was ignored: {name}"),
        }));
        Called { result, usage: Usage { log_dropped, ..usage }, log, look_ups, contract: "" }
    }

    fn elapsed(&self) -> Duration {
        self.runtime.clock.since_boot().saturating_sub(self.started)
    }

    fn usage<T>(&self, result: &Result<T, PluginFault>) -> Usage {
        let left = self.store.get_fuel().unwrap_or(self.allowed);
        let ran_dry = matches!(result, Err(PluginFault::OverLimit { limit: Limit::Cpu, .. }));
        Usage {
            cpu_used: if ran_dry { self.allowed } else { self.allowed.saturating_sub(left) },
            cpu_allowed: self.allowed,
            memory_peak: self.store.data().memory.peak(),
            memory_allowed: self.runtime.settings.memory_bytes,
            wall_us: u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX),
            log_dropped: 0,
        }
    }

    fn over(&self, limit: Limit, used: u128, allowed: u128) -> PluginFault {
        PluginFault::OverLimit {
            doing: self.doing,
            limit,
            used: u64::try_from(used).unwrap_or(u64::MAX),
            allowed: u64::try_from(allowed).unwrap_or(u64::MAX),
            stack: Vec::new(),
        }
    }

    fn over_memory(&self, wanted: u64) -> PluginFault {
        self.over(Limit::Memory, u128::from(wanted), u128::from(self.runtime.settings.memory_bytes))
    }

    /// Which limit a trap stands for, if any; else the trap with the guest's own words.
    fn fault(&self, error: &wasmtime::Error) -> PluginFault {
        let settings = &self.runtime.settings;
        let trap = error.downcast_ref::<Trap>();
        match trap {
            Some(Trap::OutOfFuel) => return self.over(Limit::Cpu, u128::from(self.allowed), u128::from(self.allowed)),
            Some(Trap::StackOverflow) => {
                return self.over(Limit::Stack, settings.stack_bytes as u128, settings.stack_bytes as u128);
            }
            _ => {}
        }
        if let Some(wanted) = self.store.data().memory.refused() {
            return self.over_memory(wanted);
        }
        // The library has no public type for this one.
        if error.root_cause().to_string().contains("fuel allocated for hostcalls") {
            return self.over(Limit::Output, u128::from(settings.output_bytes), u128::from(settings.output_bytes));
        }
        let words = lock(&self.store.data().log).last_words();
        let stack = error.downcast_ref::<WasmBacktrace>().map(stack).unwrap_or_default();
        let reason = words.unwrap_or_else(|| reason(error, trap, &stack));
        PluginFault::Trap { doing: self.doing, reason, stack }
    }
}

/// A limit with the place where it was met.
fn at(fault: PluginFault, error: &wasmtime::Error) -> PluginFault {
    match fault {
        PluginFault::OverLimit { doing, limit, used, allowed, .. } => {
            let stack = error.downcast_ref::<WasmBacktrace>().map(stack).unwrap_or_default();
            PluginFault::OverLimit { doing, limit, used, allowed, stack }
        }
        other => other,
    }
}

/// The trap in words.
fn reason(error: &wasmtime::Error, trap: Option<&Trap>, stack: &[String]) -> String {
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return format!("it ended itself with exit code {}", exit.0);
    }
    match trap {
        Some(Trap::UnreachableCodeReached) => wanted(stack).to_owned(),
        // A guest keeps large frames on a stack of its own, at the lower end of its memory.
        Some(Trap::MemoryOutOfBounds) if is_recursion(stack) => {
            "out of bounds memory access: its own stack ran over in a recursion".to_owned()
        }
        Some(trap) => trap.to_string(),
        None => cut(&error.root_cause().to_string(), 2_000).to_owned(),
    }
}

/// What a guest wanted whose own stand-in for WASI gave up: the innermost names of its stack tell.
fn wanted(stack: &[String]) -> &'static str {
    let asks = |names: &[&str]| stack.iter().take(6).any(|frame| names.iter().any(|name| frame.contains(name)));
    if asks(&["wall_clock_now", "monotonic_clock_now", "clock_gettime"]) {
        "it asked what time it is: there is no clock but the context's `mapped-at`"
    } else if asks(&["filesystem_", "__wasilibc_find_abspath", "path_open"]) {
        "it wanted a file: there are none at run time"
    } else if asks(&["get_random_bytes", "get_random_u64", "getentropy"]) {
        "it asked for random numbers of the system: there are none"
    } else {
        "it gave up without a word (a panic or an abort)"
    }
}

/// Whether the stack is deep and made of few functions.
fn is_recursion(stack: &[String]) -> bool {
    stack.len() >= FRAMES && stack.iter().collect::<std::collections::HashSet<_>>().len() <= FRAMES / 4
}

/// The guest's stack, innermost first. Names of Rust as their authors wrote them; other languages' are readable as they are.
fn stack(trace: &WasmBacktrace) -> Vec<String> {
    trace
        .frames()
        .iter()
        .take(FRAMES)
        .map(|frame| match frame.func_name() {
            Some(name) => cut(&format!("{:#}", rustc_demangle::demangle(name)), 200).to_owned(),
            None => format!("function {}", frame.func_index()),
        })
        .collect()
}
