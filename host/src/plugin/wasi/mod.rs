//! WASI 0.2 with nothing behind it, for guests whose language brings it along.
//!
//! No folders, no environment, no arguments; sockets and names are there and refuse; the wall clock stands at the mapping
//! time; random numbers repeat; what is printed goes to the log. `wasi:http` is not linked at all. Most guests import
//! none of this, so the context is made only when the first of its functions is called.

mod clock;
mod print;
mod random;

use std::{sync::Arc, time::Duration};

use wasmtime::component::{Linker, ResourceTable};
use wasmtime_wasi::{HostWallClock, WasiCtx, WasiCtxView, WasiView};

use super::guest::{Guest, SharedLog};

/// Most resources that a guest may hold at once.
const RESOURCES: usize = 1_024;
/// Most random bytes in one call.
const RANDOM_BYTES: u64 = 64 * 1024;

/// What makes clock and random numbers of a call repeatable: everything that names the call, and its frozen time.
#[derive(Clone, Debug, Default)]
pub(super) struct Seed {
    /// Parts that name the call.
    pub(super) parts: Vec<String>,
    /// The mapping time, RFC 3339.
    pub(super) mapped_at: String,
}

/// A guest's WASI.
pub(super) struct Wasi {
    seed: Seed,
    log: SharedLog,
    context: Option<WasiCtx>,
    table: ResourceTable,
    timers: clock::Timers,
}

impl Wasi {
    pub(super) fn new(seed: Seed, log: SharedLog) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES);
        Self { seed, log, context: None, table, timers: clock::Timers::default() }
    }
}

struct Frozen(Duration);

impl HostWallClock for Frozen {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

fn context(seed: &Seed, log: &SharedLog) -> WasiCtx {
    let mapped_at = seed
        .mapped_at
        .parse::<jiff::Timestamp>()
        .ok()
        .and_then(|at| Duration::try_from(at.as_duration()).ok())
        .unwrap_or_default();
    let stream = |name| print::Printer { name, log: Arc::clone(log) };
    let mut random = random::Repeatable::new(&seed.parts);
    WasiCtx::builder()
        .stdout(stream("stdout"))
        .stderr(stream("stderr"))
        .wall_clock(Frozen(mapped_at))
        .insecure_random_seed(random.wide())
        .insecure_random(random.fork())
        .secure_random(random)
        .max_random_size(RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .build()
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let wasi = &mut self.wasi;
        let ctx = wasi.context.get_or_insert_with(|| context(&wasi.seed, &wasi.log));
        WasiCtxView { ctx, table: &mut wasi.table }
    }
}

/// Offers WASI 0.2 to the guests of `linker`.
///
/// # Errors
/// When two definitions clash, which is a mistake in this file.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    clock::link(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}
