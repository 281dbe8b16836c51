//! Random numbers that repeat: the same call gets the same numbers on every machine.

use std::convert::Infallible;

use rand::TryRng;
use sha2::{Digest as _, Sha256};

/// SplitMix64 (Steele, Lea, Flood 2014), started from the names of the call. Spelled out here because it must never change
/// with a library: replays of old orders depend on it. Nothing secret may be built on it.
pub(super) struct Repeatable {
    state: u64,
}

impl Repeatable {
    pub(super) fn new(parts: &[String]) -> Self {
        let mut sha = Sha256::new();
        for part in parts {
            sha.update((part.len() as u64).to_be_bytes());
            sha.update(part.as_bytes());
        }
        let digest = sha.finalize();
        let state = digest.iter().take(8).fold(0, |state, byte| (state << 8) | u64::from(*byte));
        Self { state }
    }

    fn step(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 128 bits.
    pub(super) fn wide(&mut self) -> u128 {
        (u128::from(self.step()) << 64) | u128::from(self.step())
    }

    /// Another generator with numbers of its own.
    pub(super) fn fork(&mut self) -> Self {
        Self { state: self.step() }
    }
}

impl TryRng for Repeatable {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.step() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.step())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            for (to, from) in chunk.iter_mut().zip(self.step().to_le_bytes()) {
                *to = from;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_repeat_and_depend_on_every_part() {
        let numbers =
            |parts: &[&str]| Repeatable::new(&parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>()).wide();
        assert_eq!(numbers(&["order", "1"]), numbers(&["order", "1"]));
        assert_ne!(numbers(&["order", "1"]), numbers(&["order", "2"]));
        assert_ne!(numbers(&["order1", ""]), numbers(&["order", "1"]));
    }
}
