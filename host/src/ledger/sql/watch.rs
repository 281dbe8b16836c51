//! What the working host watches around its database: the reserve on its disk, and the mark that tells a restored backup.
//! While one of them says so, nothing new is taken and nothing is sent.

use std::{
    io,
    path::Path,
    sync::{Mutex, PoisonError},
};

use super::{
    SqlLedger,
    database::{Db, values_of},
    errors::unavailable,
    intents, keys,
    mark::{self, Mark, Seen},
    reserve::Reserve,
};
use crate::{
    domain::clock::Millis,
    ledger::{
        LedgerError, Result,
        standstill::{PutInDoubt, Standstill, WentBack},
    },
};

/// What a pass that is in doubt says of itself.
const RESTORED: &str = "the database was restored from an older copy, and it may have been sent since";

/// Document numbers are given out at least that far above those of the restored ledger, for each commit that is missing: no
/// commit holds more than 64 operations, and no order is sent with fewer than two.
const DOCUMENTS_A_COMMIT: u64 = 32;

/// The reserve and the mark.
#[derive(Debug)]
pub struct Watch {
    reserve: Option<Reserve>,
    mark: Option<Mark>,
    back: Mutex<Option<WentBack>>,
}

impl Watch {
    fn new(reserve: Option<Reserve>, mark: Option<Mark>, back: Option<WentBack>) -> Self {
        Self { reserve, mark, back: Mutex::new(back) }
    }

    fn back(&self) -> Option<WentBack> {
        self.back.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_back(&self, back: Option<WentBack>) {
        *self.back.lock().unwrap_or_else(PoisonError::into_inner) = back;
    }

    fn full(&self) -> Option<&Reserve> {
        self.reserve.as_ref().filter(|reserve| reserve.is_given_up())
    }
}

/// The working host's hooks.
impl SqlLedger {
    /// Begins to watch, for the working host: `mark` is the file of the mark, `reserve` the database file and the bytes to
    /// keep beside it.
    ///
    /// # Errors
    /// `Unavailable` when the mark can't be kept.
    pub async fn watch(&self, mark: &Path, reserve: Option<(&Path, u64)>) -> Result<()> {
        let kept = Mark::open(mark).map_err(|error| {
            unavailable(&self.place, format!("its mark {} can't be written: {error}", mark.display()))
        })?;
        let back = self.compare(kept.seen()).await?;
        let failed = |error: io::Error| unavailable(&self.place, format!("its mark can't be written: {error}"));
        if back.is_some() != kept.seen().behind {
            kept.set_behind(back.is_some()).map_err(failed)?;
        }
        let reserve = reserve.filter(|(_, bytes)| *bytes > 0).map(|(database, bytes)| Reserve::beside(database, bytes));
        if let Some(Err(error)) = reserve.as_ref().map(Reserve::make) {
            tracing::warn!(%error, "the reserve beside the database could not be made");
        }
        let watch = Watch::new(reserve, Some(kept), back);
        // Set once; a ledger is watched by whoever opened it.
        let _first = self.watch.set(watch);
        if self.back().is_none() {
            self.note_all().await?;
        }
        Ok(())
    }

    /// Looks at the mark as the command line does, beside whoever works: nothing is kept, and nothing is held up.
    ///
    /// # Errors
    /// The database's; `Unavailable` when the mark is there and can't be read.
    pub async fn glance(&self, mark: &Path) -> Result<()> {
        let seen = mark::look(mark)
            .map_err(|error| unavailable(&self.place, format!("its mark {} can't be read: {error}", mark.display())))?;
        let back = match seen {
            Some(seen) => self.compare(seen).await?,
            None => None,
        };
        let _first = self.watch.set(Watch::new(None, None, back));
        Ok(())
    }

    /// How far the ledger is behind what was seen, unless a person has accepted that.
    async fn compare(&self, seen: Seen) -> Result<Option<WentBack>> {
        let sequence = self.sequence().await?;
        if (!seen.behind && sequence >= seen.sequence) || self.accepted().await? >= seen.sequence {
            return Ok(None);
        }
        Ok(Some(WentBack { place: self.place.to_string(), sequence, seen: seen.sequence, seen_ms: seen.at_ms }))
    }

    /// The highest mark that a person has accepted to be behind.
    async fn accepted(&self) -> Result<u64> {
        let row =
            self.reader().await?.maybe_row("select number from meta where name = 'reconciled'", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.large("number"))
    }

    fn back(&self) -> Option<WentBack> {
        self.watch.get().and_then(Watch::back)
    }

    /// Why nothing may be taken or sent.
    pub(super) fn still(&self) -> Option<Standstill> {
        let watch = self.watch.get()?;
        if let Some(back) = watch.back() {
            return Some(Standstill::WentBack(back));
        }
        let reserve = watch.full()?.bytes();
        Some(Standstill::DiskFull { place: self.place.to_string(), reserve })
    }

    /// Whether the working host has to hold still. The command line beside it never does: it is what mends things.
    pub(super) fn holds_still(&self) -> bool {
        self.watch.get().is_some_and(|watch| watch.mark.is_some()) && self.still().is_some()
    }

    /// Refuses what would begin something new.
    pub(super) fn moving(&self) -> Result<()> {
        match self.still() {
            Some(still) if self.holds_still() => {
                Err(LedgerError::Unavailable { place: self.place.to_string(), reason: still.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// The reserve's state before a write, for [`SqlLedger::more_room`].
    pub(super) fn room(&self) -> Option<u64> {
        self.watch.get()?.reserve.as_ref().map(Reserve::state)
    }

    /// Gives the reserve up for a write that found the disk full. True if it should be tried again.
    pub(super) fn more_room(&self, since: Option<u64>) -> bool {
        let given = match (self.watch.get().and_then(|watch| watch.reserve.as_ref()), since) {
            (Some(reserve), Some(since)) => reserve.give_up(since),
            _ => false,
        };
        if given {
            tracing::error!(place = %self.place, "the disk is full: the reserve is given up so that outcomes can be recorded");
        }
        given
    }

    /// Takes note of how far this process has brought the ledger. Each commit says where it left it before those who wait
    /// for it are told, so what is about to be sent is covered without another question.
    pub(super) fn note(&self) -> Result<()> {
        self.note_at(self.writer.sequence())
    }

    /// Takes note of how far the ledger is, whoever brought it there.
    async fn note_all(&self) -> Result<()> {
        self.note_at(self.sequence().await?)
    }

    fn note_at(&self, sequence: u64) -> Result<()> {
        let Some(mark) = self.watch.get().and_then(|watch| watch.mark.as_ref()) else { return Ok(()) };
        mark.note(sequence, self.clock.now_ms())
            .map_err(|error| unavailable(&self.place, format!("its mark can't be written: {error}")))
    }

    /// Once a second: is there space again, has somebody accepted, how far are we.
    pub(super) async fn attend(&self) -> Result<()> {
        let Some(watch) = self.watch.get() else { return Ok(()) };
        let Some(mark) = &watch.mark else { return Ok(()) };
        if watch.full().is_some_and(|reserve| reserve.make().is_ok()) {
            tracing::info!(place = %self.place, "there is space on the disk again, and the reserve is made anew");
        }
        let failed = |error: io::Error| unavailable(&self.place, format!("its mark can't be written: {error}"));
        if watch.back().is_some() {
            let back = self.compare(mark.seen()).await?;
            if back.is_some() {
                watch.set_back(back);
                return Ok(());
            }
            mark.set_behind(false).map_err(failed)?;
            watch.set_back(None);
            tracing::info!(place = %self.place, "the restored database was accepted: work goes on");
        }
        self.note_all().await?;
        mark.flush().map_err(failed)
    }

    /// Puts document numbers out of reach of those that were given out in the time that the ledger forgot.
    pub(super) async fn jump_documents(&self, missing: u64) -> Result<()> {
        self.write(missing, |db, missing| Box::pin(jump(db, *missing))).await
    }

    /// Accepts that the ledger went back: what may have been sent is in doubt from now on, and the sequence goes on above
    /// everything that was seen.
    pub(super) async fn accept(&self, back: &WentBack, doubtful: Vec<PutInDoubt>, by: &str) -> Result<usize> {
        let input = (back.seen, doubtful, by.to_owned());
        let doubted = self.write(input, |db, input| Box::pin(accept(db, input))).await?;
        if let Some(watch) = self.watch.get() {
            watch.set_back(None);
        }
        Ok(doubted)
    }
}

async fn jump(db: &mut Db, missing: u64) -> Result<()> {
    let by = missing.saturating_mul(DOCUMENTS_A_COMMIT);
    db.later("update connections set last_document = ((last_document + $1) / 1000 + 1) * 1000", values_of![by]);
    Ok(())
}

async fn accept(db: &mut Db, input: &(u64, Vec<PutInDoubt>, String)) -> Result<usize> {
    let (seen, doubtful, by) = input;
    let mut doubted = 0;
    for one in doubtful {
        doubted += usize::from(doubt(db, one).await?);
    }
    let words = format!("accepted by {by} at {}", crate::domain::time::rfc3339(db.now_ms));
    db.later(
        "insert into meta (name, number, words) values ('reconciled', $1, $2)
         on conflict (name) do update set number = excluded.number, words = excluded.words",
        values_of![*seen, words],
    );
    db.later(
        "update meta set number = case when number < $1 then $1 else number end where name = 'sequence'",
        values_of![*seen],
    );
    if db.is_postgres() {
        let above = "select setval('ledger_sequence', greatest($1, (select last_value from ledger_sequence)))";
        db.changed(above, values_of![*seen]).await?;
    }
    intents::changed(db);
    Ok(doubted)
}

/// One open pass: whether the ERP has it is asked, or a person decides; it is not sent before.
async fn doubt(db: &mut Db, one: &PutInDoubt) -> Result<bool> {
    let now: Millis = db.now_ms;
    let rows = db
        .run(
            "update passes set state = 'unknown', state_ms = $5, not_before_ms = $5, deadline_ms = $6, because = $7,
                lease_token = null, lease_host = null, lease_until_ms = 0, retries = 0, retry_since_ms = null,
                tried_ms = null
             where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4
                and state in ('waiting', 'claimed', 'mapped', 'sending')",
            keys::of_pass(&one.pass, values_of![now, one.deadline_ms, RESTORED]),
        )
        .await?;
    if rows == 0 {
        return Ok(false);
    }
    db.later(keys::LINE, keys::line(&one.pass, now, &format!("In doubt: {RESTORED}")));
    db.run(
        "update attempts set ended_ms = $5, outcome = 'unknown'
         where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and pass = $4 and ended_ms is null",
        keys::of_pass(&one.pass, values_of![now]),
    )
    .await?;
    Ok(true)
}
