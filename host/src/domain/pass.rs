//! The states of a pass and what each owes (lifecycle section 1).

use serde::{Deserialize, Serialize};

/// Where a pass is. What exists only in one state (not before, lease, deadline) lies beside it in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassState {
    /// To be taken; also after a safe retry.
    Waiting,
    /// A worker has it; nothing is stored yet.
    Claimed,
    /// The bytes of a step are stored, and nothing of that step was sent.
    Mapped,
    /// The write-ahead row is committed.
    Sending,
    /// Handed over; the verdict comes later.
    Awaiting,
    /// May or may not be in the ERP; look-ups are under way.
    Unknown,
    /// The ERP has it.
    Delivered,
    /// Refused.
    Failed,
    /// Before the first byte the shop no longer offered it.
    Withdrawn,
    /// May exist in the ERP; no look-up could tell.
    GivenUp,
}

/// What staff see. Colour is never the only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    /// Delivered.
    Green,
    /// Waiting or under way.
    Blue,
    /// Failed, or given up.
    Red,
    /// Unknown, being looked up.
    Amber,
    /// Nothing is owed.
    None,
}

impl PassState {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Waiting,
        Self::Claimed,
        Self::Mapped,
        Self::Sending,
        Self::Awaiting,
        Self::Unknown,
        Self::Delivered,
        Self::Failed,
        Self::Withdrawn,
        Self::GivenUp,
    ];

    /// The word as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed => "claimed",
            Self::Mapped => "mapped",
            Self::Sending => "sending",
            Self::Awaiting => "awaiting",
            Self::Unknown => "unknown",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
            Self::GivenUp => "given_up",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// The words that people read.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Claimed | Self::Mapped => "being worked on",
            Self::Sending => "being sent",
            Self::Awaiting => "awaiting the answer",
            Self::Unknown => "outcome unknown, looking it up",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Withdrawn => "withdrawn",
            Self::GivenUp => "outcome unknown",
        }
    }

    /// Whether the pass has ended. A given-up pass may still be settled by a late answer.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed | Self::Withdrawn | Self::GivenUp)
    }

    /// Its colour.
    #[must_use]
    pub fn colour(self) -> Colour {
        match self {
            Self::Waiting | Self::Claimed | Self::Mapped | Self::Sending | Self::Awaiting => Colour::Blue,
            Self::Unknown => Colour::Amber,
            Self::Delivered => Colour::Green,
            Self::Failed | Self::GivenUp => Colour::Red,
            Self::Withdrawn => Colour::None,
        }
    }

    /// Whether a move from this state to that one is a rule of the lifecycle.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        use PassState::{Awaiting, Claimed, Delivered, Failed, GivenUp, Mapped, Sending, Unknown, Waiting, Withdrawn};
        match self {
            Waiting => matches!(to, Claimed | Withdrawn | Failed),
            // Delivered before anything was sent: a pass after a doubt looks first, and the ERP may have the order.
            Claimed => matches!(to, Sending | Mapped | Waiting | Failed | Withdrawn | Delivered),
            Mapped => matches!(to, Sending | Claimed | Mapped | Waiting | Failed | Withdrawn | Delivered),
            Sending => matches!(to, Delivered | Failed | Unknown | Awaiting | Waiting | Mapped | Sending),
            Awaiting => matches!(to, Awaiting | Delivered | Failed | Unknown),
            Unknown => matches!(to, Unknown | Delivered | Waiting | Failed | Awaiting | GivenUp),
            GivenUp => matches!(to, Delivered | Failed | Awaiting),
            Delivered | Failed | Withdrawn => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pass_stays_closed_unless_it_was_given_up() {
        for from in PassState::ALL {
            let leaves = PassState::ALL.into_iter().any(|to| from.may_become(to));
            assert_eq!(leaves, !from.is_closed() || from == PassState::GivenUp, "{from:?}");
        }
    }

    #[test]
    fn nothing_that_may_have_left_goes_back_to_claimed() {
        for from in [PassState::Sending, PassState::Unknown, PassState::Awaiting, PassState::GivenUp] {
            assert!(!from.may_become(PassState::Claimed), "{from:?}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for state in PassState::ALL {
            assert_eq!(PassState::parse(state.as_str()), Some(state));
        }
    }
}
