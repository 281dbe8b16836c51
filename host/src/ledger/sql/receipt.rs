//! What tells whether a commit happened whose answer was lost.
//!
//! Each line to the server has a row of its own, and each of its commits counts that row's number on, from the number that
//! the line left there. After a lost answer a new connection tries to count on from the same number, in a transaction of its
//! own: if it can, the lost transaction was not committed and never will be (it would find another number and fail); if it
//! can't, it was. While the lost one is still going on, the row is locked and the question waits.

use super::{
    database::{Value, values_of},
    errors::explain,
    held::Held,
};
use crate::{
    domain::clock::Millis,
    ledger::{LedgerError, Result},
};

/// Rows of lines that ended this long ago are of no use to anybody.
const OLD: Millis = 30 * 86_400_000;
/// How far a row is counted on to shut out a commit that was lost: no line makes as many.
const FENCE: i64 = 1 << 40;

/// The row of one line.
#[derive(Debug)]
pub struct Receipt {
    /// Its key: letters and digits of our own making.
    line: String,
    /// The number that the last commit of this line left.
    number: i64,
}

impl Receipt {
    /// Makes the row of a new line.
    ///
    /// # Errors
    /// What the server says.
    pub async fn open(held: &mut Held, place: &str, line: String, now_ms: Millis) -> Result<Self> {
        let failed = |error: sqlx::Error| explain(&error, place);
        held.script("begin").await.map_err(failed)?;
        held.execute(
            "delete from commits where at_ms < $1 and sequence < (select max(sequence) from commits)",
            values_of![now_ms.saturating_sub(OLD)],
        )
        .await
        .map_err(failed)?;
        held.execute("insert into commits (line, number, at_ms) values ($1, 0, $2)", values_of![&line, now_ms])
            .await
            .map_err(failed)?;
        held.script("commit").await.map_err(failed)?;
        Ok(Self { line, number: 0 })
    }

    /// The values of [`super::dialect::RECEIPT`] for a transaction that went by that time; guessed, if it may be so far away
    /// from the server's.
    pub fn values(&self, now_ms: Millis, away_ms: Option<Millis>) -> Vec<Value> {
        values_of![&self.line, self.number, now_ms, away_ms.unwrap_or(Millis::MAX)]
    }

    /// A commit was confirmed.
    pub fn committed(&mut self) {
        self.number = self.number.saturating_add(1);
    }

    /// Asks over a new connection whether the last commit happened; afterwards the line can go on over it. May be asked
    /// again when its own answer was lost.
    ///
    /// # Errors
    /// What the server says; then nothing is known yet.
    pub async fn settle(&mut self, held: &mut Held, place: &str) -> Result<bool> {
        let failed = |error: sqlx::Error| explain(&error, place);
        held.script("begin").await.map_err(failed)?;
        held.execute(
            "update commits set number = number + $3 where line = $1 and number = $2",
            values_of![&self.line, self.number, FENCE],
        )
        .await
        .map_err(failed)?;
        let rows =
            held.fetch("select number from commits where line = $1", values_of![&self.line]).await.map_err(failed)?;
        held.script("commit").await.map_err(failed)?;
        let Some(number) = rows.first().map(|row| row.int("number")).transpose()? else {
            return Err(LedgerError::Corrupt(format!("{place}: the row of line {} in commits is gone", self.line)));
        };
        let happened = number == self.number.saturating_add(1);
        self.number = number;
        Ok(happened)
    }
}
