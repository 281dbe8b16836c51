//! A canary: another release (or other settings, other tables) for some new orders first. Which orders, and when it is
//! judged to be as good as what it is to replace. Pure, so that every host comes to the same result.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::id::PassKey;

/// Parts of a whole in which shares are counted: hundredths of a percent.
pub const WHOLE: u32 = 10_000;

/// Rates are judged as if at least that many orders had been mapped: one refusal among the first two orders says little.
const AT_LEAST: u32 = 20;

/// Medians of fewer orders are not compared.
const MEDIANS_FROM: u32 = 5;

/// Less than that is no longer than before, whatever it is a multiple of.
const TIME_FLOOR_US: u64 = 20_000;

/// Which new orders it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// That many of [`WHOLE`].
    Share(u32),
    /// The next ones, that many.
    Next(u32),
}

/// How much worse than what is in force it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Refused orders more, of [`WHOLE`].
    pub refused: u32,
    /// Orders more at which the plugin failed, of [`WHOLE`].
    pub faults: u32,
    /// Processor units for an order, in percent of before.
    pub cpu_percent: u32,
    /// Time for an order, in percent of before.
    pub time_percent: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { refused: WHOLE / 20, faults: 0, cpu_percent: 300, time_percent: 500 }
    }
}

/// What was agreed on when it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Which orders.
    pub part: Part,
    /// After that many orders it has stood the test.
    pub enough: u32,
    /// A person decides then; else it is promoted by itself.
    pub ask: bool,
    /// How much worse it may be.
    pub limits: Limits,
}

/// What became of orders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Orders that were mapped and whose end is known (awaiting an answer counts as known).
    pub settled: u32,
    /// Orders that were mapped, settled or not.
    pub mapped: u32,
    /// Refused: by the plugin, by the ERP, or skipped by the plugin as not for this ERP.
    pub refused: u32,
    /// The plugin failed at them: a trap, a limit, an invalid result, a delivery that lacks something.
    pub faults: u32,
    /// Processor units of a mapping, median.
    pub cpu: Option<u64>,
    /// Microseconds of a mapping, median.
    pub us: Option<u64>,
}

/// One order among those that are judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    /// Its end is known.
    pub settled: bool,
    /// As in [`Figures::refused`].
    pub refused: bool,
    /// As in [`Figures::faults`].
    pub fault: bool,
    /// Processor units of its mapping.
    pub cpu: Option<u64>,
    /// Microseconds of its mapping.
    pub us: Option<u64>,
}

impl Figures {
    /// Of these orders.
    #[must_use]
    pub fn of(orders: &[Counted]) -> Self {
        let count = |which: fn(&Counted) -> bool| {
            u32::try_from(orders.iter().filter(|it| which(it)).count()).unwrap_or(u32::MAX)
        };
        let median = |which: fn(&Counted) -> Option<u64>| {
            let mut all: Vec<u64> = orders.iter().filter_map(which).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied()
        };
        Self {
            settled: count(|it| it.settled),
            mapped: count(|_| true),
            refused: count(|it| it.refused),
            faults: count(|it| it.fault),
            cpu: median(|it| it.cpu),
            us: median(|it| it.us),
        }
    }

    /// In words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words =
            format!("{} orders, {} refused, {} failed by the plugin", self.mapped, self.refused, self.faults);
        if let Some(cpu) = self.cpu {
            words.push_str(&format!(", {cpu} CPU units"));
        }
        if let Some(us) = self.us {
            words.push_str(&format!(", {us} µs each"));
        }
        words
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// Nothing yet.
    GoOn,
    /// Back to what is in force, because.
    Back(String),
    /// It has stood the test.
    Enough,
}

/// Compares what is tried with what is in force.
#[must_use]
pub fn judge(rules: &Rules, old: &Figures, new: &Figures) -> Ruling {
    let limits = &rules.limits;
    for (what, before, now, more) in [
        ("the plugin failed at", old.faults, new.faults, limits.faults),
        ("were refused:", old.refused, new.refused, limits.refused),
    ] {
        if is_more(now, new.mapped, before, old.mapped, more) {
            let (of, than) = (new.mapped, old.mapped);
            return Ruling::Back(format!("{what} {now} of {of} orders, before {before} of {than}"));
        }
    }
    if new.mapped >= MEDIANS_FROM {
        let medians = [
            ("CPU units", old.cpu, new.cpu, limits.cpu_percent, 0),
            ("µs", old.us, new.us, limits.time_percent, TIME_FLOOR_US),
        ];
        for (unit, before, now, percent, floor) in medians {
            let (Some(before), Some(now)) = (before, now) else { continue };
            if now > floor && u128::from(now) * 100 > u128::from(before) * u128::from(percent) {
                return Ruling::Back(format!("an order takes {now} {unit}, before {before}"));
            }
        }
    }
    if new.settled >= rules.enough { Ruling::Enough } else { Ruling::GoOn }
}

/// Whether `now` of `of` is more than the share of before, and `more` of [`WHOLE`] besides.
fn is_more(now: u32, of: u32, before: u32, than: u32, more: u32) -> bool {
    let of = u128::from(of.max(AT_LEAST));
    let than = u128::from(than.max(1));
    // now / of > before / than + more / whole, without fractions.
    let whole = u128::from(WHOLE);
    u128::from(now) * than * whole > (u128::from(before) * whole + u128::from(more) * than) * of
}

/// Whether a pass is mapped by the canary of this activation: new orders only, chosen by the pass's own name, so that it is
/// the same choice however often and on whichever host it is made. Documents are numbered in the order in which passes open.
#[must_use]
pub fn takes(part: Part, activation: u32, after_document: u64, pass: &PassKey, document: u64) -> bool {
    if document <= after_document {
        return false;
    }
    match part {
        Part::Next(count) => document - after_document <= u64::from(count),
        Part::Share(share) => {
            let mut hash = Sha256::new();
            hash.update(activation.to_be_bytes());
            hash.update(pass.order.connection.as_str());
            hash.update([0]);
            hash.update(&pass.order.shop_order_id);
            hash.update([0]);
            hash.update(pass.pass.to_be_bytes());
            let digest = hash.finalize();
            let point = digest.first_chunk::<8>().map_or(0, |eight| u64::from_be_bytes(*eight));
            point % u64::from(WHOLE) < u64::from(share)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrderKey;

    fn rules(part: Part) -> Rules {
        Rules { part, enough: 50, ask: false, limits: Limits::default() }
    }

    fn figures(mapped: u32, refused: u32, faults: u32) -> Figures {
        Figures { settled: mapped, mapped, refused, faults, cpu: Some(1_000), us: Some(100) }
    }

    fn pass(id: &str) -> PassKey {
        let order = OrderKey { connection: "c".into(), shop: "s".into(), shop_order_id: id.to_owned() };
        PassKey { order, pass: 1 }
    }

    #[test]
    fn a_share_takes_about_that_many_and_always_the_same() {
        let taken = |activation: u32| {
            let all =
                (0..10_000_u64).filter(|id| takes(Part::Share(1_000), activation, 5, &pass(&id.to_string()), 6 + id));
            all.collect::<Vec<_>>()
        };
        let first = taken(2);
        assert!((900..1_100).contains(&first.len()), "{}", first.len());
        assert_eq!(first, taken(2));
        assert_ne!(first, taken(3), "another canary meets other orders");
        assert!(!takes(Part::Share(WHOLE), 2, 5, &pass("1"), 5), "an order from before it began");
        assert!(takes(Part::Share(WHOLE), 2, 5, &pass("1"), 6));
        assert!(!takes(Part::Share(0), 2, 5, &pass("1"), 6));
    }

    #[test]
    fn the_next_orders_are_so_many() {
        let taken = (1..=20_u64).filter(|document| takes(Part::Next(5), 2, 10, &pass("1"), *document));
        assert_eq!(taken.collect::<Vec<_>>(), [11, 12, 13, 14, 15]);
    }

    #[test]
    fn it_goes_back_when_it_is_worse_and_stands_when_it_is_not() {
        let rules = rules(Part::Share(1_000));
        let old = figures(200, 2, 0);
        let back = |new: Figures| matches!(judge(&rules, &old, &new), Ruling::Back(_));
        assert_eq!(judge(&rules, &old, &figures(49, 0, 0)), Ruling::GoOn);
        assert_eq!(judge(&rules, &old, &figures(50, 1, 0)), Ruling::Enough);
        assert!(back(figures(1, 0, 1)), "the first trap");
        assert!(!back(figures(2, 1, 0)), "one refusal among two says little");
        assert!(back(figures(3, 3, 0)), "three among three do not");
        assert!(!back(figures(100, 6, 0)), "1 % before, 5 % are allowed besides");
        assert!(back(figures(100, 7, 0)));
        assert!(back(Figures { cpu: Some(3_001), ..figures(5, 0, 0) }));
        assert!(!back(Figures { cpu: Some(3_001), ..figures(4, 0, 0) }), "too few to compare");
        assert!(!back(Figures { us: Some(19_000), ..figures(5, 0, 0) }), "that is nothing");
        assert!(back(Figures { us: Some(21_000), ..figures(5, 0, 0) }));
        let Ruling::Back(why) = judge(&rules, &old, &figures(1, 0, 1)) else { panic!("back") };
        assert_eq!(why, "the plugin failed at 1 of 1 orders, before 0 of 200");
    }

    #[test]
    fn what_failed_before_may_fail_as_often() {
        let rules = rules(Part::Share(1_000));
        let old = figures(100, 0, 10);
        assert_eq!(judge(&rules, &old, &figures(30, 0, 3)), Ruling::GoOn);
        assert!(matches!(judge(&rules, &old, &figures(30, 0, 4)), Ruling::Back(_)));
    }

    #[test]
    fn figures_are_counted_with_medians() {
        let one = |cpu| Counted { settled: true, cpu: Some(cpu), us: None, ..Counted::default() };
        let figures = Figures::of(&[one(1), one(100), one(3), Counted { refused: true, ..Counted::default() }]);
        assert_eq!(
            (figures.settled, figures.mapped, figures.refused, figures.cpu, figures.us),
            (3, 4, 1, Some(3), None)
        );
    }
}
