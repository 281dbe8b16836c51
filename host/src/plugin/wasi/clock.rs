//! Our own monotonic clock and `poll`. The library's really wait; here time is a counter that moves when it is looked at.
//!
//! A read moves the counter by a fixed step. A poll never sleeps: streams are always ready, and if only timers are asked
//! about, the earliest is ready and the counter jumps to it. So a guest that sleeps goes on at once, and two runs of the
//! same call see the same times.

use std::collections::BTreeMap;

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::{
    DynPollable, Pollable,
    bindings::{clocks::monotonic_clock, io::poll},
    subscribe,
};

use crate::plugin::guest::Guest;

/// Nanoseconds by which a read moves the counter.
const STEP: u64 = 10_000;

/// The counter, and the timers by their place in the resource table.
#[derive(Debug, Default)]
pub(super) struct Timers {
    now: u64,
    deadlines: BTreeMap<u32, u64>,
}

impl Timers {
    fn read(&mut self) -> u64 {
        self.now = self.now.saturating_add(STEP);
        self.now
    }

    /// Which of `asked` are ready; moves the counter if only a jump makes one ready.
    fn poll(&mut self, asked: &[u32]) -> Vec<u32> {
        let deadline = |rep: &u32| self.deadlines.get(rep).copied().unwrap_or(0);
        let earliest = asked.iter().map(deadline).min().unwrap_or(0);
        let now = self.now.max(earliest);
        let ready = asked.iter().enumerate().filter(|(_, rep)| deadline(rep) <= now);
        let ready = ready.filter_map(|(index, _)| u32::try_from(index).ok()).collect();
        self.now = now;
        ready
    }
}

/// What stands behind a timer in the resource table. It is never asked: `poll` is ours too.
struct Timer;

#[async_trait::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {}
}

struct Clockwork<'a> {
    timers: &'a mut Timers,
    table: &'a mut ResourceTable,
}

struct HasClockwork;

impl HasData for HasClockwork {
    type Data<'a> = Clockwork<'a>;
}

fn clockwork(guest: &mut Guest) -> Clockwork<'_> {
    Clockwork { timers: &mut guest.wasi.timers, table: &mut guest.wasi.table }
}

impl Clockwork<'_> {
    fn timer(&mut self, deadline: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.table.push(Timer)?;
        let pollable = subscribe(self.table, timer)?;
        self.timers.deadlines.insert(pollable.rep(), deadline);
        Ok(pollable)
    }
}

impl monotonic_clock::Host for Clockwork<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.timers.read())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(STEP)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(when)
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.timer(self.timers.now.saturating_add(duration))
    }
}

impl poll::Host for Clockwork<'_> {
    async fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        if pollables.is_empty() {
            return Err(wasmtime::format_err!("empty poll list"));
        }
        Ok(self.timers.poll(&pollables.iter().map(Resource::rep).collect::<Vec<_>>()))
    }
}

impl poll::HostPollable for Clockwork<'_> {
    async fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        let now = self.timers.read();
        Ok(self.timers.deadlines.get(&pollable.rep()).is_none_or(|deadline| *deadline <= now))
    }

    async fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.timers.poll(&[pollable.rep()]);
        Ok(())
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        self.timers.deadlines.remove(&pollable.rep());
        <ResourceTable as poll::HostPollable>::drop(self.table, pollable)
    }
}

/// Puts both over the library's.
///
/// # Errors
/// When shadowing is not allowed in `linker`.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<Guest, HasClockwork>(linker, clockwork)?;
    poll::add_to_linker::<Guest, HasClockwork>(linker, clockwork)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_earliest_timer_is_ready_and_time_jumps_to_it() {
        let mut timers = Timers::default();
        timers.deadlines.extend([(7, 5_000_000_000), (8, 1_000_000_000)]);
        assert_eq!(timers.poll(&[7, 8]), [1]);
        assert_eq!(timers.now, 1_000_000_000);
        assert_eq!(timers.poll(&[7, 3]), [1], "a stream is ready, the clock stands still");
        assert_eq!(timers.now, 1_000_000_000);
        assert_eq!(timers.read(), 1_000_000_000 + STEP);
    }
}
