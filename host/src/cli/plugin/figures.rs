//! What a release's mappings came to and cost in the last 24 hours: from the ledger, so of all hosts.

use comfy_table::Cell;
use serde::Serialize;

use crate::{
    cli::{Failure, changes::grouped, open::Beside, output::Output},
    domain::id::Digest,
    ledger::passes::Mapping,
};

const DAY_MS: i64 = 24 * 3_600_000;
/// The newest so many are looked at.
const MOST: u32 = 50_000;

/// Median, 95 of 100, and the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// Half of them are at most this.
    pub median: u64,
    /// 95 of 100 are at most this.
    pub p95: u64,
    /// All of them are at most this.
    pub max: u64,
}

/// What a release did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Orders that it mapped last, or failed to.
    pub calls: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// Refusals.
    pub rejections: u64,
    /// Traps.
    pub traps: u64,
    /// Calls that a limit ended.
    pub limits: u64,
    /// Results that the contract forbids.
    pub invalid: u64,
    /// Calls that could not begin.
    pub not_loaded: u64,
    /// Only the newest were looked at.
    pub more: bool,
    /// CPU units.
    pub cpu_units: Spread,
    /// Bytes.
    pub memory_bytes: Spread,
    /// Microseconds.
    pub time_us: Spread,
}

/// The figures of the last 24 hours.
///
/// # Errors
/// The ledger's.
pub async fn last_day(beside: &Beside, release: &Digest) -> Result<Figures, Failure> {
    let since_ms = beside.ledger.now_ms().await?.saturating_sub(DAY_MS);
    Ok(of(&beside.ledger.mappings(release, since_ms, MOST).await?))
}

fn of(mappings: &[Mapping]) -> Figures {
    let count = |word: &str| mappings.iter().filter(|mapping| mapping.gave == word).count() as u64;
    // A call that never began cost nothing, and says nothing.
    let called = || mappings.iter().filter(|mapping| mapping.gave != "not_loaded");
    Figures {
        calls: mappings.len() as u64,
        deliveries: count("delivery"),
        rejections: count("rejection"),
        traps: count("trap"),
        limits: count("limit"),
        invalid: count("invalid"),
        not_loaded: count("not_loaded"),
        more: mappings.len() >= MOST as usize,
        cpu_units: spread(called().map(|mapping| mapping.cpu).collect()),
        memory_bytes: spread(called().map(|mapping| mapping.memory).collect()),
        time_us: spread(called().map(|mapping| mapping.us).collect()),
    }
}

fn spread(mut all: Vec<u64>) -> Spread {
    all.sort_unstable();
    // The smallest one that at least so many of 100 are not above.
    let at = |percent: usize| {
        let place = (all.len() * percent).div_ceil(100).saturating_sub(1);
        all.get(place).copied().unwrap_or_default()
    };
    Spread { median: at(50), p95: at(95), max: at(100) }
}

/// Prints them.
pub fn show(figures: &Figures, output: Output) {
    let Figures { calls, deliveries, rejections, traps, limits, invalid, not_loaded, more, .. } = figures;
    if *calls == 0 {
        output.line("\nLast 24 hours: it mapped no order");
        return;
    }
    let at_least = if *more { "at least " } else { "" };
    output.line(format!(
        "\nLast 24 hours: {at_least}{calls} orders mapped: {deliveries} deliveries, {rejections} rejections, {traps} traps, \
         {limits} limits, {invalid} invalid results, {not_loaded} not loaded"
    ));
    let rows = [
        ("CPU units", figures.cpu_units, 1),
        ("memory, KiB", figures.memory_bytes, 1_024),
        ("time, µs", figures.time_us, 1),
    ];
    let row = |(name, Spread { median, p95, max }, unit): (&str, Spread, u64)| {
        let numbers = [median, p95, max].map(|number| Cell::new(grouped(number.div_ceil(unit))));
        [vec![Cell::new(name)], numbers.to_vec()].concat()
    };
    output.table(&["", "median", "95 %", "most"], rows.into_iter().map(row).collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_worst_are_told_and_nothing_is_made_up() {
        let mapping = |gave: &str, cpu| Mapping {
            release: Digest("1".into()),
            gave: gave.into(),
            cpu,
            memory: 2 * cpu,
            us: 7,
            in_vain: None,
        };
        let mut all: Vec<Mapping> = (1..=100).map(|cpu| mapping("delivery", cpu)).collect();
        all.extend([mapping("trap", 5_000), mapping("limit", 6_000), mapping("not_loaded", 0)]);
        let figures = of(&all);
        assert_eq!((figures.calls, figures.deliveries, figures.traps, figures.limits), (103, 100, 1, 1));
        assert_eq!(figures.cpu_units, Spread { median: 51, p95: 97, max: 6_000 });
        assert_eq!((figures.memory_bytes.max, figures.time_us.median, figures.more), (12_000, 7, false));
        assert_eq!(of(&[]), Figures::default());
        assert_eq!(spread(vec![9]), Spread { median: 9, p95: 9, max: 9 });
    }
}
