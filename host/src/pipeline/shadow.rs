//! A shadow run: many recorded passes are run with what is in force and with what might be, side by side, and everything
//! that differs is grouped by kind. Nothing is sent and nothing changes.
//!
//! Orders are read in batches while earlier batches are at work, one on each processor, and as many again wait: batches end
//! together, and a processor whose next one was yet to be read stood still. Each release is prepared once, by its first call.
//!
//! What is in force is not run again where the record says what it gave: the order was mapped, and its answers were read, by
//! that very release with those settings and tables, on this version of the host, and plugins give the same for the same. An
//! order in `CHECKED` is run with both all the same, which also gives the times that are compared.

use std::{collections::BTreeMap, sync::Arc};

use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};

use super::rerun::{self, Recorded, With};
use crate::{
    compare::{Group, Groups},
    domain::id::PassKey,
    ledger::{Ledger, LedgerError, recorded::Recording},
    plugin::Mapper,
};

/// Passes that are read and run at a time.
const BATCH: usize = 100;
/// One order in so many is run with what is in force although its record would do.
const CHECKED: usize = 10;
/// Orders that are named as examples.
const EXAMPLES: usize = 3;

/// What is compared.
pub struct Plan {
    /// Which passes.
    pub passes: Vec<PassKey>,
    /// What is in force.
    pub before: With,
    /// The revisions of its settings and tables, where they are in the ledger: what was mapped with them is on record.
    pub revisions: Option<(u32, u32)>,
    /// What might be.
    pub after: With,
    /// Batches at work at the same time.
    pub at_once: usize,
}

/// Orders that came out the same way before, and the same way after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Turn {
    /// Where they led, such as `accepted` or `refused (data)`.
    pub before: String,
    /// Where they lead.
    pub after: String,
    /// How many.
    pub orders: u64,
    /// The first of them.
    pub examples: Vec<Reason>,
}

/// An order, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Reason {
    /// Its number.
    pub order: String,
    /// Why, if anybody said.
    pub because: String,
}

/// Orders that could not be compared, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Left {
    /// Why.
    pub because: String,
    /// How many.
    pub orders: u64,
    /// The first of them.
    pub examples: Vec<String>,
}

/// What one side cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// CPU units of all orders.
    pub cpu: u64,
    /// Of the middle one.
    pub cpu_middle: u64,
    /// Of the dearest one.
    pub cpu_most: u64,
    /// Which that was.
    pub cpu_most_order: String,
    /// The largest peak of memory, in bytes.
    pub memory_most: u64,
    /// Wall time of the mappings alone, in microseconds. Where not every order was run, that of those that were, times how
    /// many there are.
    pub us: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Orders that were run with both.
    pub orders: u64,
    /// Those that came out the same, byte for byte and verdict for verdict.
    pub identical: u64,
    /// Answers of the ERP that both read.
    pub answers: u64,
    /// Outcomes, changed ones first.
    pub outcomes: Vec<Turn>,
    /// Changes, those of most orders first.
    pub changes: Vec<Group>,
    /// Changes that are in no group, because there are too many kinds of them.
    pub changes_dropped: u64,
    /// What was not compared, or not to its end.
    pub left: Vec<Left>,
    /// What the old side cost.
    pub cost_before: Cost,
    /// What the new side costs.
    pub cost_after: Cost,
}

impl Report {
    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.identical != self.orders
    }
}

/// What one batch came to.
#[derive(Default)]
struct Sum {
    orders: u64,
    identical: u64,
    answers: u64,
    outcomes: BTreeMap<(&'static str, &'static str), (u64, Vec<Reason>)>,
    groups: Groups,
    left: BTreeMap<String, (u64, Vec<String>)>,
    before: Costs,
    after: Costs,
}

#[derive(Default)]
struct Costs {
    cpu: Vec<u64>,
    most: (u64, String),
    memory: u64,
    us: u64,
    /// Orders whose time is in `us`.
    timed: u64,
}

impl Costs {
    fn add(&mut self, order: &str, run: &rerun::Run) {
        self.add_known(order, run.cpu, run.memory);
        self.us = self.us.saturating_add(run.usage.wall_us);
        self.timed = self.timed.saturating_add(1);
    }

    /// Units and memory are the same at each run; time is not.
    fn add_known(&mut self, order: &str, cpu: u64, memory: u64) {
        if cpu > self.most.0 {
            self.most = (cpu, order.to_owned());
        }
        self.cpu.push(cpu);
        self.memory = self.memory.max(memory);
    }

    fn merge(&mut self, other: Self) {
        if other.most.0 > self.most.0 {
            self.most = other.most;
        }
        self.cpu.extend(other.cpu);
        self.memory = self.memory.max(other.memory);
        self.us = self.us.saturating_add(other.us);
        self.timed = self.timed.saturating_add(other.timed);
    }

    fn told(mut self) -> Cost {
        self.cpu.sort_unstable();
        let all = u64::try_from(self.cpu.len()).unwrap_or(u64::MAX);
        let us = u128::from(self.us).saturating_mul(u128::from(all)) / u128::from(self.timed.max(1));
        Cost {
            cpu: self.cpu.iter().fold(0, |sum, units| sum.saturating_add(*units)),
            cpu_middle: self.cpu.get(self.cpu.len() / 2).copied().unwrap_or(0),
            cpu_most: self.most.0,
            cpu_most_order: self.most.1,
            memory_most: self.memory,
            us: u64::try_from(us).unwrap_or(u64::MAX),
        }
    }
}

fn keep<T: Ord>(examples: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    examples.extend(more);
    examples.sort();
    examples.truncate(EXAMPLES);
}

impl Sum {
    fn leave(&mut self, order: &str, because: String) {
        let (orders, examples) = self.left.entry(because).or_default();
        *orders = orders.saturating_add(1);
        keep(examples, [order.to_owned()]);
    }

    /// An order that came out as it is on record.
    fn add_alike(&mut self, order: &str, on_record: (u64, u64), after: &rerun::Run) {
        self.orders = self.orders.saturating_add(1);
        self.identical = self.identical.saturating_add(1);
        self.answers = self.answers.saturating_add(u64::try_from(after.heard.len()).unwrap_or(0));
        let (cpu, memory) = on_record;
        self.before.add_known(order, cpu, memory);
        self.after.add(order, after);
        let outcome = after.outcome();
        let (orders, _) = self.outcomes.entry((outcome, outcome)).or_default();
        *orders = orders.saturating_add(1);
    }

    fn add(&mut self, order: &str, before: &rerun::Run, after: &rerun::Run) {
        self.orders = self.orders.saturating_add(1);
        let both = u64::try_from(before.heard.len().min(after.heard.len())).unwrap_or(0);
        self.answers = self.answers.saturating_add(both);
        self.before.add(order, before);
        self.after.add(order, after);
        let turn = (before.outcome(), after.outcome());
        let (orders, examples) = self.outcomes.entry(turn).or_default();
        *orders = orders.saturating_add(1);
        if turn.0 != turn.1 && examples.len() < EXAMPLES {
            examples.push(Reason { order: order.to_owned(), because: after.message() });
        }
        let changes = rerun::differences(before, after);
        if changes.is_empty() && turn.0 == turn.1 {
            self.identical = self.identical.saturating_add(1);
        } else {
            self.groups.add(order, changes);
        }
        // Said of the old side only: a new side that stops earlier shows as another outcome.
        if let Some(why) = &before.short {
            let because = why.split_once(": ").map_or(why.as_str(), |(_, because)| because);
            self.leave(order, format!("not read to the end: {because}"));
        }
    }

    fn merge(&mut self, other: Self) {
        self.orders = self.orders.saturating_add(other.orders);
        self.identical = self.identical.saturating_add(other.identical);
        self.answers = self.answers.saturating_add(other.answers);
        self.groups.merge(other.groups);
        self.before.merge(other.before);
        self.after.merge(other.after);
        for (turn, (count, some)) in other.outcomes {
            let (orders, examples) = self.outcomes.entry(turn).or_default();
            *orders = orders.saturating_add(count);
            keep(examples, some);
        }
        for (because, (count, some)) in other.left {
            let (orders, examples) = self.left.entry(because).or_default();
            *orders = orders.saturating_add(count);
            keep(examples, some);
        }
    }

    fn told(self) -> Report {
        let mut outcomes: Vec<Turn> = self
            .outcomes
            .into_iter()
            .map(|((before, after), (orders, examples))| Turn {
                before: before.to_owned(),
                after: after.to_owned(),
                orders,
                examples,
            })
            .collect();
        outcomes.sort_by_key(|turn| (turn.before == turn.after, std::cmp::Reverse(turn.orders)));
        Report {
            orders: self.orders,
            identical: self.identical,
            answers: self.answers,
            outcomes,
            changes_dropped: self.groups.dropped(),
            changes: self.groups.list(),
            left: self
                .left
                .into_iter()
                .map(|(because, (orders, examples))| Left { because, orders, examples })
                .collect(),
            cost_before: self.before.told(),
            cost_after: self.after.told(),
        }
    }
}

/// Runs every pass with both. `told` hears how many passes are done, now and then.
///
/// # Errors
/// The ledger's.
pub async fn shadow(
    ledger: &dyn Ledger,
    mapper: &Arc<dyn Mapper>,
    plan: Plan,
    told: impl Fn(usize),
) -> Result<Report, LedgerError> {
    let sides = Arc::new((plan.before, plan.after, plan.revisions));
    let at_once = plan.at_once.max(1);
    let places = Arc::new(Semaphore::new(at_once));
    let mut sum = Sum::default();
    let mut at_work: JoinSet<(usize, Sum)> = JoinSet::new();
    let mut done = 0;
    let mut take = |joined: Option<Result<(usize, Sum), tokio::task::JoinError>>, sum: &mut Sum| match joined {
        Some(Ok((count, batch))) => {
            sum.merge(batch);
            done += count;
            told(done);
        }
        Some(Err(error)) => sum.leave("-", format!("a batch broke off: {error}")),
        None => {}
    };
    for keys in plan.passes.chunks(BATCH) {
        let recordings = ledger.recordings(keys).await?;
        while at_work.len() >= at_once.saturating_mul(2) {
            take(at_work.join_next().await, &mut sum);
        }
        let (mapper, sides, count) = (Arc::clone(mapper), Arc::clone(&sides), keys.len());
        let places = Arc::clone(&places);
        at_work.spawn(async move {
            // Never closed.
            let _place = places.acquire().await;
            (count, batch(mapper.as_ref(), recordings, &sides).await)
        });
    }
    while !at_work.is_empty() {
        take(at_work.join_next().await, &mut sum);
    }
    Ok(sum.told())
}

async fn batch(mapper: &dyn Mapper, recordings: Vec<Recording>, sides: &(With, With, Option<(u32, u32)>)) -> Sum {
    let (before, after, revisions) = sides;
    let mut sum = Sum::default();
    for (at, recording) in recordings.into_iter().enumerate() {
        let number = recording.order_number.clone();
        match Recorded::read(recording) {
            Ok(recorded) => {
                let new = rerun::run(mapper, &recorded, after).await;
                let known = revisions.filter(|_| at % CHECKED != 0);
                match known.and_then(|revisions| recorded.alike(&before.release, revisions, &new)) {
                    Some(on_record) => sum.add_alike(&number, on_record, &new),
                    None => {
                        let old = rerun::run(mapper, &recorded, before).await;
                        sum.add(&number, &old, &new);
                    }
                }
            }
            Err(because) => sum.leave(&number, because),
        }
    }
    sum
}
