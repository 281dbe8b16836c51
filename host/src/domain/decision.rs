//! What is done about an order that a shop showed, and why (lifecycle sections 2 and 3).

use serde::{Deserialize, Serialize};

/// Why an order is not taken now. Every reason is one sentence for staff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum SkipReason {
    /// The status is not in the connection's status map.
    StatusNotMapped {
        /// The shop's word.
        status: String,
    },
    /// The status is mapped, but not as new.
    StatusNotNew {
        /// The shop's word.
        status: String,
    },
    /// Not paid, and the connection takes paid orders only.
    NotPaid,
    /// Sent out already.
    Shipped,
    /// Cancelled.
    Cancelled,
    /// Placed before the connection's start, and already new when the connection first looked.
    OlderThanStart,
    /// Created by a program, not by a person (EvolutionX's rule).
    ApiUser,
    /// New again, but the shop's processed stamp is still set.
    StampNotReset,
    /// Another connection of the same shop has it.
    OtherConnection {
        /// Its name.
        connection: String,
    },
    /// The plugin says that it does not belong to this ERP.
    NotForUs {
        /// The plugin's words.
        message: String,
    },
    /// An earlier pass has it or has delivered it; a new one needs a reset or a person.
    AlreadyTaken,
    /// Its content was changed in the shop after it was sent (contract section 14).
    ChangedAfterSending {
        /// Hash of the content as it is now: another change is another decision.
        content: String,
    },
}

impl SkipReason {
    /// The sentence that staff read.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::StatusNotMapped { status } => {
                format!("its status \"{status}\" is not in the connection's status map")
            }
            Self::StatusNotNew { status } => format!("its status \"{status}\" is not one that means new"),
            Self::NotPaid => "it is not paid yet, and this connection takes paid orders only".to_owned(),
            Self::Shipped => "the shop says that it was shipped already".to_owned(),
            Self::Cancelled => "it was cancelled in the shop".to_owned(),
            Self::OlderThanStart => "it is older than the start of this connection".to_owned(),
            Self::ApiUser => "it was created by a program with an API key, not by a person".to_owned(),
            Self::StampNotReset => {
                "its status is new again, but the shop's \"backoffice processed\" stamp was not reset".to_owned()
            }
            Self::OtherConnection { connection } => format!("the connection \"{connection}\" of the same shop has it"),
            Self::NotForUs { message } => format!("the plugin says that it is not for this ERP: {message}"),
            Self::AlreadyTaken => "it was taken before".to_owned(),
            Self::ChangedAfterSending { .. } => {
                "it was changed in the shop after it was sent; the change is not sent".to_owned()
            }
        }
    }
}

/// What was decided at a sight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "decision")]
pub enum Decision {
    /// A pass was opened, or is open.
    Taken,
    /// Not now.
    Skipped(SkipReason),
    /// A person must say whether it is to be sent again (lifecycle section 3).
    Question {
        /// What is asked.
        asks: String,
    },
}

/// Why a pass was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "opening")]
pub enum Opening {
    /// Seen new for the first time.
    First,
    /// Staff set it back to new.
    Reset,
    /// It was corrected after a failure before anything was sent.
    Correction,
    /// A person asked for it.
    Intent {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
}
