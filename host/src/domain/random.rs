//! Randomness is passed in, so that tests and the simulation can repeat a run from its seed.

use super::clock::Millis;

/// Where random bytes come from.
pub trait Random: Send + Sync + 'static {
    /// Sixteen bytes that nobody can guess (the operating system's, outside tests).
    fn bytes(&self) -> [u8; 16];
}

/// A proof such as a lease token: 128 random bits as 32 hex digits.
pub fn token(random: &dyn Random) -> String {
    hex::encode(random.bytes())
}

/// An id that sorts by the time it was made: 48 bits of milliseconds, 80 random bits, as 32 hex digits. Neighbours in time
/// are neighbours in an index.
pub fn id(random: &dyn Random, now_ms: Millis) -> String {
    let [.., a, b, c, d, e, f] = now_ms.to_be_bytes();
    let [_, _, _, _, _, _, tail @ ..] = random.bytes();
    format!("{}{}", hex::encode([a, b, c, d, e, f]), hex::encode(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Same;
    impl Random for Same {
        fn bytes(&self) -> [u8; 16] {
            [7; 16]
        }
    }

    #[test]
    fn ids_sort_by_their_time() {
        let (early, late) = (id(&Same, 1_700_000_000_000), id(&Same, 1_700_000_000_001));
        assert!(early < late, "{early} {late}");
        assert_eq!(early.len(), 32);
        assert_eq!(token(&Same).len(), 32);
    }
}
