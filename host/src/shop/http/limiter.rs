//! Keeps calls within the shop's rate limit: what the settings allow in a minute, and what the shop's headers say is left.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{HttpSettings, Lane, throttle::Remaining};
use crate::shop::ShopError;

/// The span that "per minute" means: any 60 seconds, not calendar minutes, so that no border can hold a double share.
const WINDOW: Duration = Duration::from_secs(60);

/// One shop account's limit, shared by all calls of this process. Other processes' calls show in the headers only.
pub(super) struct Limiter {
    per_minute: Option<u32>,
    reserve: u32,
    max_wait: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When each call of the last minute began.
    begun: VecDeque<Instant>,
    /// What the shop last said is left, and until when that holds.
    told: Option<(Remaining, Instant)>,
    /// Nothing goes out before this.
    blocked: Option<Instant>,
}

impl Limiter {
    pub fn new(settings: &HttpSettings) -> Self {
        Self {
            per_minute: settings.requests_per_minute.filter(|limit| *limit > 0),
            reserve: settings.heartbeat_reserve,
            max_wait: Duration::from_secs(settings.max_wait_s.into()),
            state: Mutex::default(),
        }
    }

    /// Waits for a place; takes it.
    pub async fn take(&self, lane: Lane) -> Result<(), ShopError> {
        let deadline = Instant::now() + self.max_wait;
        loop {
            let now = Instant::now();
            let Some(ready) = self.begin(lane, now) else { return Ok(()) };
            if ready > deadline {
                let after = ready.saturating_duration_since(now).as_millis();
                return Err(ShopError::Throttled { after_ms: u64::try_from(after).unwrap_or(u64::MAX) });
            }
            sleep(ready.saturating_duration_since(now).max(Duration::from_millis(1))).await;
        }
    }

    /// Nothing goes out for so long.
    pub fn block(&self, wait: Duration) {
        self.block_until(Instant::now() + wait);
    }

    /// Takes over what an answer's headers said.
    pub fn learn(&self, told: Option<Remaining>) {
        if let Some(told) = told {
            self.learn_at(told, Instant::now());
        }
    }

    fn learn_at(&self, told: Remaining, now: Instant) {
        self.lock().told = Some((told, now + Duration::from_millis(told.reset_ms)));
    }

    /// Takes a place now, or says when one will be free.
    fn begin(&self, lane: Lane, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let ready = self.ready(&mut state, lane, now);
        if ready.is_none() {
            state.begun.push_back(now);
            if let Some((told, _)) = &mut state.told {
                told.left = told.left.saturating_sub(1);
            }
        }
        ready
    }

    fn block_until(&self, until: Instant) {
        let mut state = self.lock();
        state.blocked = Some(state.blocked.map_or(until, |earlier| earlier.max(until)));
    }

    /// When a call may begin; none = now.
    fn ready(&self, state: &mut State, lane: Lane, now: Instant) -> Option<Instant> {
        if state.told.is_some_and(|(_, until)| until <= now) {
            state.told = None;
        }
        while state.begun.front().is_some_and(|begun| *begun + WINDOW <= now) {
            state.begun.pop_front();
        }
        // Memory is bounded even where nothing limits us.
        if self.per_minute.is_none() {
            state.begun.clear();
        }
        let blocked = state.blocked.filter(|until| *until > now);
        let told = state.told.and_then(|(told, until)| {
            let kept = self.kept_free(lane, told.limit);
            (told.left <= kept).then_some(until)
        });
        let window = self.per_minute.and_then(|limit| {
            let allowed = usize::try_from(limit - self.kept_free(lane, Some(limit))).unwrap_or(usize::MAX);
            let over = state.begun.len().checked_sub(allowed)?;
            state.begun.get(over).map(|begun| *begun + WINDOW)
        });
        [blocked, told, window].into_iter().flatten().max()
    }

    /// How much of the limit work must leave to the heartbeat: never more than a fifth, so that work can't starve.
    fn kept_free(&self, lane: Lane, limit: Option<u32>) -> u32 {
        match lane {
            Lane::Heartbeat => 0,
            Lane::Work => self.reserve.min(limit.or(self.per_minute).map_or(1, |limit| limit / 5)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(per_minute: u32) -> Limiter {
        Limiter::new(&HttpSettings { requests_per_minute: Some(per_minute), ..HttpSettings::default() })
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_sixty_seconds_hold_more_than_the_limit() {
        let limiter = limiter(10);
        let mut now = Instant::now();
        let mut begun = Vec::new();
        while begun.len() < 25 {
            match limiter.begin(Lane::Work, now) {
                None => begun.push(now),
                Some(ready) => now = ready,
            }
        }
        // 10 a minute less 2 kept for the heartbeat.
        for window in begun.windows(9) {
            assert!(window[8] - window[0] >= WINDOW, "{begun:?}");
        }
    }

    #[test]
    fn the_heartbeat_passes_when_work_has_used_its_share() {
        let limiter = limiter(10);
        let now = Instant::now();
        for _ in 0..8 {
            assert_eq!(limiter.begin(Lane::Work, now), None);
        }
        assert_eq!(limiter.begin(Lane::Work, now + SECOND), Some(now + WINDOW));
        assert_eq!(limiter.begin(Lane::Heartbeat, now + SECOND), None);
        assert_eq!(limiter.begin(Lane::Heartbeat, now + SECOND), None);
        assert!(limiter.begin(Lane::Heartbeat, now + SECOND).is_some());
    }

    #[test]
    fn what_the_shop_says_is_left_is_obeyed_until_its_reset() {
        let limiter = limiter(1000);
        let now = Instant::now();
        limiter.learn_at(Remaining { left: 6, limit: Some(100), reset_ms: 20_000 }, now);
        assert_eq!(limiter.begin(Lane::Work, now), None);
        assert_eq!(limiter.begin(Lane::Work, now), Some(now + 20 * SECOND), "5 of 100 are the heartbeat's");
        assert_eq!(limiter.begin(Lane::Heartbeat, now), None);
        assert_eq!(limiter.begin(Lane::Work, now + 20 * SECOND), None);
        limiter.block_until(now + 60 * SECOND);
        assert_eq!(limiter.begin(Lane::Heartbeat, now + 21 * SECOND), Some(now + 60 * SECOND));
    }

    #[tokio::test]
    async fn a_wait_longer_than_allowed_is_told_and_not_waited_for() {
        let limiter = limiter(1000);
        limiter.block(40 * SECOND);
        assert!(matches!(limiter.take(Lane::Work).await, Err(ShopError::Throttled { after_ms: 39_000..=40_000 })));
    }
}
