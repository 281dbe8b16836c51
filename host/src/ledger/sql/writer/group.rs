//! One try of a group: its transaction, what is run alone in it, what is done together, and its end.

use std::{sync::atomic::Ordering, time::Duration};

use tokio::time::Instant;

use super::{Line, Outcome, Source, Time};
use crate::{
    domain::clock::Millis,
    failpoint,
    ledger::{
        LedgerError,
        sql::{
            database::{Db, Row},
            dialect::{BEGIN_POOLED, BEGIN_POSTGRES, BEGIN_SQLITE, COMMIT_SQLITE, NOW, RECEIPT, commit_postgres},
            errors::{Fault, TRIPPED, explain, explain_commit, is_late, state},
            far::Far,
            held::Held,
            job::Job,
            together::{Stopped, far},
        },
    },
};

/// After a rest of this length the server is asked for its time first.
const REST: Duration = Duration::from_millis(100);
/// How far from the server's time a transaction may begin whose own was guessed.
const AWAY: Millis = 1_000;

/// What was done of a transaction before its end.
#[derive(Clone, Copy)]
enum Begun {
    /// It is under way, and has changed something or not.
    Changed(bool),
    /// Nothing: its end brings all of it, with a time that was guessed.
    Guessed,
}

fn begin_text(pooled: bool) -> &'static str {
    if pooled { BEGIN_POOLED } else { BEGIN_POSTGRES }
}

/// Plans all that can be planned; those whose plans are alike.
fn alike(group: &mut [Box<dyn Job>], db: &Db) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    for at in 0..group.len() {
        let planned = group.get_mut(at).is_some_and(|job| job.plan(db));
        let Some(own) = group.get(at).and_then(|job| job.planned()).filter(|_| planned) else { continue };
        let like = |set: &Vec<usize>| {
            let first = set.first().and_then(|first| group.get(*first)).and_then(|job| job.planned());
            first.is_some_and(|first| first.is_like(own))
        };
        match sets.iter().position(like).and_then(|set| sets.get_mut(set)) {
            Some(set) => set.push(at),
            None => sets.push(vec![at]),
        }
    }
    sets
}

impl Line {
    /// Begins a transaction, and learns its time.
    async fn begin(&mut self) -> std::result::Result<(), Outcome> {
        self.db.fault = Fault::None;
        self.db.wakes.clear();
        let (time, pooled) = match &*self.source {
            Source::Sqlite(clock) => {
                self.db.now_ms = clock.now_ms();
                return self.begin_sqlite().await;
            }
            Source::Postgres(server, time) => (time.clone(), server.speech.pooled),
        };
        match self.db.script_rows(&format!("{} {NOW}", begin_text(pooled))).await {
            Ok(rows) => {
                let now_ms = rows.last().map(|row| row.int("now_ms")).transpose().map_err(Outcome::Failed)?;
                self.db.now_ms = time.read(now_ms.unwrap_or_default());
                self.heard = Some(Instant::now());
                Ok(())
            }
            Err(error) => Err(Outcome::Gone(explain(&error, self.db.place()))),
        }
    }

    /// Prepares a transaction that is one message to PostgreSQL, with a time that is guessed: the server says at its end if
    /// that was too far from its own. Not after a rest, in which the server may have gone away: what asks for the time first
    /// notices that before anything hangs on an answer.
    fn guess(&mut self) -> bool {
        let Source::Postgres(_, time) = &*self.source else { return false };
        if self.heard.is_none_or(|heard| heard.elapsed() > REST) {
            return false;
        }
        self.db.fault = Fault::None;
        self.db.wakes.clear();
        self.db.now_ms = time.now_ms();
        true
    }

    async fn begin_sqlite(&mut self) -> std::result::Result<(), Outcome> {
        let mut left_open = false;
        loop {
            match self.db.script(BEGIN_SQLITE).await {
                Ok(()) => return Ok(()),
                // A transaction that an earlier failure left open.
                Err(error) if error.to_string().contains("within a transaction") && !left_open => {
                    left_open = true;
                    self.rollback().await;
                }
                Err(error) => return Err(Outcome::Failed(explain(&error, self.db.place()))),
            }
        }
    }

    async fn rollback(&mut self) {
        self.db.forget();
        // It may be over already: a full disk ends the transaction by itself, and so does a lost connection.
        if self.db.script("rollback").await.is_err() && self.db.is_postgres() {
            self.db.replace(Held::Lost);
        }
    }

    /// What a failure inside the group means for all of it; none: it harms nobody.
    async fn judge(&mut self, changed: bool, more: bool) -> Option<Outcome> {
        match self.db.fault {
            Fault::Gone => return Some(Outcome::Gone(self.retry())),
            fault @ (Fault::Clash | Fault::Twice) if more => {
                self.rollback().await;
                return Some(Outcome::Clash(fault));
            }
            Fault::None if !changed => return None,
            _ => {}
        }
        self.rollback().await;
        Some(Outcome::Apart)
    }

    pub(super) async fn together(&mut self, group: &mut [Box<dyn Job>], more: bool) -> Outcome {
        if group.iter().all(|job| job.plans()) && self.guess() {
            let sets = alike(group, &self.db);
            return self.finish(group, &sets, Begun::Guessed, more).await;
        }
        if let Err(outcome) = self.begin().await {
            return outcome;
        }
        let started = self.db.changes;
        let alone = group.len() == 1;
        for job in group.iter_mut().filter(|job| !job.plans()) {
            let before = self.db.changes;
            if job.run(&mut self.db).await {
                continue;
            }
            match self.judge(self.db.changes != before, more).await {
                None => {}
                // Alone, it keeps its own error, and the rollback undoes only what it did.
                Some(Outcome::Apart) if alone => return Outcome::Done,
                Some(outcome) => return outcome,
            }
        }
        let sets = alike(group, &self.db);
        if self.db.is_postgres() {
            let begun = Begun::Changed(self.db.changes != started);
            return self.finish(group, &sets, begun, more).await;
        }
        for set in sets {
            if let Some(outcome) = self.set(group, &set, more).await {
                return outcome;
            }
        }
        self.commit(started, more).await
    }

    /// Carries out plans that are alike. None: go on.
    async fn set(&mut self, group: &mut [Box<dyn Job>], set: &[usize], more: bool) -> Option<Outcome> {
        let plans: Vec<_> = set.iter().filter_map(|at| group.get(*at)).filter_map(|job| job.planned()).collect();
        if plans.is_empty() {
            return None;
        }
        match self.db.together(&plans).await {
            Ok(answers) => {
                for at in set {
                    if let Some(job) = group.get_mut(*at) {
                        job.took(&answers);
                    }
                }
                None
            }
            Err(Stopped::Tripped) => {
                self.rollback().await;
                Some(Outcome::Apart)
            }
            Err(Stopped::Failed(error)) => {
                self.db.note(&error);
                self.judge(true, more).await
            }
        }
    }

    pub(super) async fn apart(&mut self, group: &mut [Box<dyn Job>], more: bool) -> Outcome {
        if let Err(outcome) = self.begin().await {
            return outcome;
        }
        let started = self.db.changes;
        for job in group.iter_mut() {
            if let Err(error) = self.db.script("savepoint one").await {
                return self.broken(&error).await;
            }
            let ran = job.run(&mut self.db).await;
            let fault = self.db.fault;
            if !ran
                && (fault == Fault::Gone || (fault > Fault::Failed && more))
                && let Some(outcome) = self.judge(true, more).await
            {
                return outcome;
            }
            let end = if ran { "release savepoint one" } else { "rollback to savepoint one; release savepoint one" };
            if let Err(error) = self.db.script(end).await {
                return self.broken(&error).await;
            }
            self.db.fault = Fault::None;
        }
        self.commit(started, more).await
    }

    async fn broken(&mut self, error: &sqlx::Error) -> Outcome {
        let (gone, reason) = (self.db.fault == Fault::Gone, explain(error, self.db.place()));
        self.rollback().await;
        if gone && self.db.is_postgres() { Outcome::Gone(reason) } else { Outcome::Failed(reason) }
    }

    async fn commit(&mut self, started: u64, more: bool) -> Outcome {
        let changed = self.db.changes != started;
        if self.db.is_postgres() {
            return self.finish(&mut [], &[], Begun::Changed(changed), more).await;
        }
        failpoint::in_ledger();
        match self.db.script_rows(if changed { COMMIT_SQLITE } else { "commit" }).await {
            Ok(rows) => {
                self.committed(rows.first());
                Outcome::Done
            }
            Err(error) => self.not_committed(&error, !changed, more).await,
        }
    }

    /// Carries out plans on PostgreSQL, those that are alike together, and commits: one message for all of it.
    async fn finish(&mut self, group: &mut [Box<dyn Job>], sets: &[Vec<usize>], begun: Begun, more: bool) -> Outcome {
        failpoint::in_ledger();
        let unchanged = sets.is_empty() && !matches!(begun, Begun::Changed(true));
        let guessed = matches!(begun, Begun::Guessed);
        if unchanged && guessed {
            return Outcome::Done;
        }
        let Source::Postgres(server, time) = &*self.source else { return Outcome::Failed(self.retry()) };
        let (time, pooled) = (time.clone(), server.speech.pooled);
        let each: Vec<Vec<Far<'_>>> = sets
            .iter()
            .map(|set| {
                let plans: Vec<_> = set.iter().filter_map(|at| group.get(*at)?.planned()).collect();
                far(&plans, true)
            })
            .collect();
        let counts: Vec<usize> = each.iter().map(Vec::len).collect();
        let away_ms = (guessed && matches!(time, Time::Server(_))).then_some(AWAY);
        let receipt = self.receipt.as_ref().filter(|_| !unchanged);
        let receipt = receipt.map(|it| it.values(self.db.now_ms, away_ms));
        let receipt = receipt.as_ref().map(|values| Far { sql: RECEIPT, rows: vec![values], guard: false });
        let statements: Vec<Far<'_>> = each.into_iter().flatten().chain(receipt).collect();
        let before = if guessed { begin_text(pooled) } else { "" };
        let after = commit_postgres(&self.db.wakes);
        self.db.changes += u64::from(!sets.is_empty());
        let answers = match self.db.held().message(before, &statements, &after).await {
            Ok(answers) => answers,
            Err(error) => return self.not_finished(&error, unchanged, sets.is_empty(), more).await,
        };
        self.heard = Some(Instant::now());
        let mut answers = answers.into_iter().map(|it| it.rows);
        for (set, count) in sets.iter().zip(counts) {
            let own: Vec<Vec<Row>> = answers.by_ref().take(count).collect();
            for at in set {
                if let Some(job) = group.get_mut(*at) {
                    job.took(&own);
                }
            }
        }
        if let (Some(receipt), false) = (&mut self.receipt, unchanged) {
            receipt.committed();
            let row = answers.next().and_then(|mut rows| rows.pop());
            if let Some(now_ms) = row.as_ref().and_then(|row| row.int("now_ms").ok()) {
                time.read(now_ms);
            }
            self.committed(row.as_ref());
        }
        Outcome::Done
    }

    /// What it means that a message which ends with the commit was not carried out.
    async fn not_finished(&mut self, error: &sqlx::Error, unchanged: bool, no_sets: bool, more: bool) -> Outcome {
        self.db.note(error);
        if is_late(error) {
            self.rollback().await;
            self.heard = None;
            return Outcome::Late;
        }
        if no_sets && state(error).as_deref() == Some(TRIPPED) {
            // The line was quiet for so long that its row was cleared away. A new connection makes a new one.
            return Outcome::Gone(self.retry());
        }
        if no_sets || self.db.fault == Fault::Gone {
            return self.not_committed(error, unchanged, more).await;
        }
        self.judge(true, more).await.unwrap_or(Outcome::Apart)
    }

    /// Takes note of how far the ledger is now.
    fn committed(&self, row: Option<&Row>) {
        if let Some(sequence) = row.and_then(|row| row.large("number").ok()) {
            self.sequence.fetch_max(sequence, Ordering::AcqRel);
        }
    }

    async fn not_committed(&mut self, error: &sqlx::Error, unchanged: bool, more: bool) -> Outcome {
        let fault = self.db.fault;
        let error = explain_commit(error, self.db.place());
        if unchanged && fault == Fault::Gone && self.db.is_postgres() {
            return Outcome::Gone(error);
        }
        if matches!(error, LedgerError::InDoubt(_)) && self.db.is_postgres() {
            return Outcome::InDoubt(error);
        }
        self.rollback().await;
        if fault == Fault::Clash && more { Outcome::Clash(fault) } else { Outcome::Failed(error) }
    }
}
