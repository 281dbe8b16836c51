//! Memory of a call, summed over all memories and tables: the engine itself asks about each one alone.

use wasmtime::ResourceLimiter;

/// Bytes of one table element.
const ELEMENT: usize = size_of::<usize>();

/// What a call holds, and whether it was refused more.
#[derive(Debug)]
pub(super) struct Memory {
    allowed: usize,
    held: usize,
    peak: usize,
    refused: Option<usize>,
}

impl Memory {
    pub(super) fn new(allowed: u64) -> Self {
        Self { allowed: usize::try_from(allowed).unwrap_or(usize::MAX), held: 0, peak: 0, refused: None }
    }

    /// Most bytes held at once.
    pub(super) fn peak(&self) -> u64 {
        self.peak as u64
    }

    /// How much it would have held had the last refused growth been granted. An exhausted memory looks like any other
    /// trap, or like an ordinary refusal by the guest: this tells.
    pub(super) fn refused(&self) -> Option<u64> {
        self.refused.map(|bytes| bytes as u64)
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let wanted = self.held.saturating_add(desired.saturating_sub(current));
        if wanted > self.allowed {
            self.refused = Some(wanted);
            return false;
        }
        self.held = wanted;
        self.peak = self.peak.max(wanted);
        true
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Beyond its own declared maximum a growth fails anyway; that is the guest's own limit, not ours.
        if maximum.is_some_and(|maximum| desired > maximum) {
            if desired > self.allowed {
                self.refused = Some(desired);
            }
            return Ok(false);
        }
        Ok(self.grow(current, desired))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(current.saturating_mul(ELEMENT), desired.saturating_mul(ELEMENT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_count_together() {
        let mut memory = Memory::new(1_000);
        assert!(memory.memory_growing(0, 600, None).unwrap());
        assert!(!memory.memory_growing(0, 600, None).unwrap(), "a second memory is not a second allowance");
        assert_eq!(memory.refused(), Some(1_200));
        assert!(memory.table_growing(0, 50, None).unwrap());
        assert!(!memory.table_growing(50, 51, None).unwrap());
        assert_eq!(memory.peak(), 1_000);
    }
}
