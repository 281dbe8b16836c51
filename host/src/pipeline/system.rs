//! The real clock and the real randomness: the one place in the host that asks the operating system for either.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::domain::{
    clock::{Clock, Millis},
    random::Random,
};

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else is given")]
    fn now_ms(&self) -> Millis {
        jiff::Timestamp::now().as_millisecond().saturating_add(crate::failpoint::clock_off_ms())
    }

    fn since_boot(&self) -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// What a wall clock may be behind its own clock that never jumps before it is followed: one part in so many.
const SLOWLY: i64 = 20;

/// The time of a ledger that has one host: that of the machine when the host began, carried on by the clock that never jumps.
/// When somebody sets the machine's clock, it is followed slowly (three minutes in an hour): leases, waits and what is in
/// doubt must not become an hour older or younger at once.
pub struct SteadyClock {
    machine: Arc<dyn Clock>,
    /// Our time minus the time since boot, and the time since boot when that was looked at last.
    ahead: Mutex<(Millis, Millis)>,
}

impl SteadyClock {
    /// Begins with the machine's time.
    #[must_use]
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        let boot_ms = super::parts::millis(machine.since_boot());
        let ahead = Mutex::new((machine.now_ms().saturating_sub(boot_ms), boot_ms));
        Self { machine, ahead }
    }
}

impl Clock for SteadyClock {
    fn now_ms(&self) -> Millis {
        let mut held = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let (ahead, looked) = *held;
        let boot_ms = super::parts::millis(self.machine.since_boot());
        let wrong = self.machine.now_ms().saturating_sub(boot_ms).saturating_sub(ahead);
        let most = boot_ms.saturating_sub(looked).max(0) / SLOWLY;
        // What is too little to move by stays until there is enough.
        let used = if wrong == 0 { boot_ms } else { looked.saturating_add(most.saturating_mul(SLOWLY)) };
        *held = (ahead.saturating_add(wrong.clamp(-most, most)), used);
        boot_ms.saturating_add(held.0)
    }

    fn since_boot(&self) -> Duration {
        self.machine.since_boot()
    }
}

/// The operating system's random numbers.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn bytes(&self) -> [u8; 16] {
        rand::random()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Wall clock and time since boot, both in milliseconds.
    struct Machine(AtomicI64, AtomicI64);

    impl Machine {
        fn pass(&self, ms: i64) {
            self.0.fetch_add(ms, Ordering::SeqCst);
            self.1.fetch_add(ms, Ordering::SeqCst);
        }
    }

    impl Clock for Machine {
        fn now_ms(&self) -> Millis {
            self.0.load(Ordering::SeqCst)
        }

        fn since_boot(&self) -> Duration {
            Duration::from_millis(u64::try_from(self.1.load(Ordering::SeqCst)).unwrap())
        }
    }

    #[test]
    fn a_clock_that_is_set_is_followed_slowly_and_never_goes_back() {
        for jump in [3_600_000, -3_600_000, 86_400_000, -86_400_000] {
            let machine = Arc::new(Machine(AtomicI64::new(1_700_000_000_000), AtomicI64::new(5_000)));
            let steady = SteadyClock::new(Arc::clone(&machine) as _);
            machine.pass(60_000);
            assert_eq!(steady.now_ms(), 1_700_000_060_000);
            machine.0.fetch_add(jump, Ordering::SeqCst);
            let (mut before, mut passed) = (steady.now_ms(), 0);
            assert_eq!(before, 1_700_000_060_000, "at once nothing changes");
            while steady.now_ms() != machine.now_ms() {
                machine.pass(7);
                passed += 7;
                let now = steady.now_ms();
                assert!(now > before, "it never goes back");
                if passed == 3_500_000 {
                    let wrong = (now - 1_700_000_060_000 - passed).abs();
                    assert!((174_000..=176_000).contains(&wrong), "one part in twenty: {wrong}");
                    machine.pass(30 * 86_400_000);
                }
                before = now;
            }
        }
    }
}
