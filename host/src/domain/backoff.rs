//! How long to wait before what provably was not processed is tried again: doubling, capped, spread by a seed.

use super::clock::Millis;

/// The rule of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Wait after the first failure, in milliseconds.
    pub first_ms: Millis,
    /// No wait is longer, whoever asks for it.
    pub longest_ms: Millis,
}

impl Backoff {
    /// The wait after the `failures`th failure in a row (from 1), in milliseconds.
    ///
    /// Half of it is fixed and half drawn from `seed`, so that a crowd that failed together does not come back together
    /// and nobody comes back at once. `asked_ms` (Retry-After) only lengthens.
    #[must_use]
    pub fn wait_ms(&self, failures: u32, seed: u64, asked_ms: Option<Millis>) -> Millis {
        let longest = self.longest_ms.max(0);
        let first = self.first_ms.clamp(0, longest);
        let doublings = failures.saturating_sub(1).min(62);
        let full = first.checked_mul(1_i64 << doublings).unwrap_or(longest).min(longest);
        let half = full / 2;
        let width = u64::try_from(full - half).unwrap_or(0).saturating_add(1);
        let drawn = Millis::try_from(mix(seed ^ u64::from(failures)) % width).unwrap_or(0);
        (half + drawn).max(asked_ms.unwrap_or(0)).min(longest)
    }
}

/// SplitMix64's finaliser: neighbouring seeds give unrelated draws.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_doubles_up_to_the_cap() {
        let rule = Backoff { first_ms: 10_000, longest_ms: 600_000 };
        for (failures, full) in [(1, 10_000), (2, 20_000), (3, 40_000), (7, 600_000), (u32::MAX, 600_000)] {
            let wait = rule.wait_ms(failures, 42, None);
            assert!((full / 2..=full).contains(&wait), "{failures}: {wait}");
        }
        assert_eq!(rule.wait_ms(1, 1, Some(120_000)), 120_000);
        assert_eq!(rule.wait_ms(1, 1, Some(i64::MAX)), 600_000);
    }

    proptest! {
        #[test]
        fn it_is_bounded_and_asking_only_lengthens(
            first in any::<i64>(), longest in any::<i64>(), failures in any::<u32>(), seed in any::<u64>(),
            asked in any::<Option<i64>>(),
        ) {
            let rule = Backoff { first_ms: first, longest_ms: longest };
            let plain = rule.wait_ms(failures, seed, None);
            let with = rule.wait_ms(failures, seed, asked);
            prop_assert!((0..=longest.max(0)).contains(&plain));
            prop_assert!((plain..=longest.max(0)).contains(&with));
            prop_assert_eq!(plain, rule.wait_ms(failures, seed, None));
        }
    }
}
