//! One try of a group: its transaction, what is run alone in it, what is done together, and its end.

use std::sync::atomic::Ordering;

use super::{Line, Outcome, Source};
use crate::{
    failpoint,
    ledger::{
        LedgerError,
        sql::{
            dialect::{BEGIN_POOLED, BEGIN_POSTGRES, BEGIN_SQLITE, COMMIT_SQLITE},
            errors::{Fault, explain, explain_commit},
            held::Held,
            job::Job,
            together::Stopped,
        },
    },
};

impl Line {
    /// Begins a transaction.
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
        let begun = self.db.script_rows(if pooled { BEGIN_POOLED } else { BEGIN_POSTGRES }).await;
        match begun {
            Ok(rows) => {
                let now_ms = rows.last().map(|row| row.int("now_ms")).transpose().map_err(Outcome::Failed)?;
                self.db.now_ms = time.read(now_ms.unwrap_or_default());
                Ok(())
            }
            Err(error) => Err(Outcome::Gone(explain(&error, self.db.place()))),
        }
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
        if let Err(outcome) = self.begin().await {
            return outcome;
        }
        let started = self.db.changes;
        let alone = group.len() == 1;
        let mut sets: Vec<Vec<usize>> = Vec::new();
        for at in 0..group.len() {
            let Some(job) = group.get_mut(at) else { break };
            if job.plan(&self.db) {
                let like = |set: &Vec<usize>| {
                    let first = set.first().and_then(|first| group.get(*first)).and_then(|job| job.planned());
                    let own = group.get(at).and_then(|job| job.planned());
                    matches!((first, own), (Some(first), Some(own)) if first.is_like(own))
                };
                let found = sets.iter_mut().position(|set| like(set)).and_then(|set| sets.get_mut(set));
                match found {
                    Some(set) => set.push(at),
                    None => sets.push(vec![at]),
                }
                continue;
            }
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
        failpoint::in_ledger();
        let unchanged = self.db.changes == started;
        let end = match &self.receipt {
            _ if unchanged => "commit".into(),
            None => std::borrow::Cow::Borrowed(COMMIT_SQLITE),
            Some(receipt) => receipt.commit(self.db.now_ms, &self.db.wakes).into(),
        };
        match self.db.script_rows(&end).await {
            Ok(rows) => {
                if let (Some(receipt), false) = (&mut self.receipt, unchanged) {
                    receipt.committed();
                }
                self.committed(rows.first().and_then(|row| row.large("number").ok()));
                Outcome::Done
            }
            Err(error) => self.not_committed(&error, unchanged, more).await,
        }
    }

    /// Takes note of how far the ledger is now.
    fn committed(&self, sequence: Option<u64>) {
        if let Some(sequence) = sequence {
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
