//! Failpoints: named places at which a test lets the host die, stop, wait or fail, so that every crash that the promises
//! speak of can be tried on the real program.
//!
//! They exist only in a debug build with the feature `failpoints`, which the test kit turns on; in any release build, and
//! in every build of this crate alone, `absent` stands in their place and leaves no code behind. Armed by the variable
//! [`VARIABLE`], for example `F7.after=kill; F14.before=pause@2`: point and side, what happens, and at which passing of the
//! point (the first unless told).
//!
//! | action | what happens |
//! |---|---|
//! | `kill` | SIGKILL to ourselves |
//! | `pause` | SIGSTOP to ourselves, until somebody sends SIGCONT |
//! | `hold:FILE` | only what passes here waits until `FILE` exists; `FILE.held` tells that it waits |
//! | `panic` | a bug of ours |
//! | `error` | before: it is not tried and fails; after: it is done, and the answer is lost |
//!
//! Besides, `ledger=panic@N` is a bug where the ledger commits for the N-th time, `lease=2s` shortens the leases, `clock=FILE` sets the machine's wall clock off by as many milliseconds as the file
//! says, `next-step=FILE` makes the process one version newer, with the file's SQL as a further step of the schema, and `without=…` takes one of the [`Guarantee`]s away: the tests must notice.

#[cfg(not(all(feature = "failpoints", debug_assertions)))]
mod absent;
#[cfg(all(feature = "failpoints", debug_assertions))]
mod armed;

#[cfg(not(all(feature = "failpoints", debug_assertions)))]
pub use absent::{VARIABLE, arm, around, awaited, clock_off_ms, here, in_ledger, lease, next_step, reached, without};
#[cfg(all(feature = "failpoints", debug_assertions))]
pub use armed::{VARIABLE, arm, around, awaited, clock_off_ms, here, in_ledger, lease, next_step, reached, without};

/// A place. The numbers are those of the crash matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// F1: the shop's list was read, nothing is recorded.
    PollAnswer,
    /// F2: what the list showed is recorded.
    Ingest,
    /// F3: the sweep is recorded; the next one by modified time begins where this one began.
    Cursor,
    /// F4: passes are claimed.
    Claim,
    /// F5: the plugin runs.
    Plugin,
    /// F6: the order is mapped, its bytes are only in memory; sided where the bytes of a conversation's next step are
    /// committed by themselves.
    Mapped,
    /// F7: the write-ahead row is committed.
    WriteAhead,
    /// F8: the connection stands. Files: the temporaries are written.
    Connected,
    /// F9: half of the request left. Files: phase *renaming* is committed.
    HalfRequest,
    /// F10: the whole request left. Files: the first of a set has its name.
    WholeRequest,
    /// F11: the answer's headers are here. Files: all have their names, the folder is not flushed.
    Headers,
    /// F12: a part of the answer's body is here. Files: the folder is flushed.
    HalfBody,
    /// F13: the outcome is committed.
    Outcome,
    /// F14: the status is written in the shop.
    StatusWrite,
    /// F15: that the shop has it is committed.
    StatusConfirmed,
    /// F16: the mail is with the mail server, which is not committed yet.
    MailSent,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::PollAnswer,
        Self::Ingest,
        Self::Cursor,
        Self::Claim,
        Self::Plugin,
        Self::Mapped,
        Self::WriteAhead,
        Self::Connected,
        Self::HalfRequest,
        Self::WholeRequest,
        Self::Headers,
        Self::HalfBody,
        Self::Outcome,
        Self::StatusWrite,
        Self::StatusConfirmed,
        Self::MailSent,
    ];

    /// `F1` to `F16`.
    #[must_use]
    pub fn name(self) -> String {
        let number = Self::ALL.iter().position(|point| *point == self).map_or(0, |at| at + 1);
        format!("F{number}")
    }
}

/// What a test may take away, to show that it would be missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarantee {
    /// `fence`: a move asks for the state only, not for the lease's token.
    Fence,
    /// `write-ahead`: the row is committed after the answer instead of before the first byte.
    WriteAhead,
    /// `gate`: the lease is not asked for at the first byte.
    Gate,
    /// `renewal`: leases are not renewed, as when a host can't reach the database any more.
    Renewal,
}

/// An error that can stand for a failpoint.
pub trait Breakable {
    /// It was not done.
    fn not_done(why: String) -> Self;
    /// It was done, and the answer is lost.
    fn answer_lost(why: String) -> Self;
}
