//! What came back, and what the plugin makes of it; `wit/plugin.wit` documents each field.

use serde::{Deserialize, Serialize};

use super::{
    Pair,
    delivery::{Delivery, base64_bytes},
};

/// What the host would conclude by itself (lifecycle section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultVerdict {
    /// 2xx, or the files were written.
    Accepted,
    /// 4xx other than 429; 307, 308.
    Rejected,
    /// 429, or 503 where the connection trusts it.
    RetryLater,
    /// Anything else.
    Unknown,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// A complete HTTP answer.
    Http {
        /// Status.
        status: u16,
        /// Headers, names in lower case.
        headers: Vec<Pair>,
        /// Body.
        #[serde(with = "base64_bytes")]
        body: Vec<u8>,
    },
    /// The files lie in their folder.
    FilesWritten {
        /// Their names, the trigger last.
        names: Vec<String>,
    },
    /// An answer file appeared.
    AnswerFile {
        /// Slot of the folder.
        folder: String,
        /// Name.
        name: String,
        /// Content.
        #[serde(with = "base64_bytes")]
        bytes: Vec<u8>,
    },
    /// Nothing came in time.
    DeadlinePassed {
        /// What lay in the answer folders, as `slot/name`.
        listing: Vec<String>,
    },
}

/// The ERP has the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The ERP's id.
    pub erp_order_id: Option<String>,
    /// The number people use there.
    pub erp_order_number: Option<String>,
    /// The ERP's words.
    pub message: Option<String>,
    /// What staff should know.
    pub warnings: Vec<String>,
}

/// Who has to act on a failure. `Plugin` and `Host` are the host's own findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// Staff: the order.
    Data,
    /// The administrator: settings, look-up tables, folders, credentials.
    Settings,
    /// The ERP's people.
    Erp,
    /// The plugin's author.
    Plugin,
    /// Whoever runs the network, the destination or Orderdock itself.
    Operations,
}

/// The ERP refused the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The ERP's own words.
    pub message: String,
    /// Who has to act.
    pub class: FailureClass,
    /// Field path in the order.
    pub field: Option<String>,
    /// What was created in part.
    pub partial_id: Option<String>,
}

/// What an answer file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMeaning {
    /// Taken.
    Success,
    /// Refused.
    Failure,
    /// Our file is no longer there.
    Gone,
    /// The plugin reads it.
    Any,
}

/// One pattern to watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileCheck {
    /// Slot of an answer folder; `out` is the folder that we write to.
    pub folder: String,
    /// `*` and `?` as wildcards.
    pub pattern: String,
    /// What it means.
    pub meaning: FileMeaning,
}

/// Where a late answer comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerCheck {
    /// Files.
    Files(Vec<FileCheck>),
    /// Questions.
    Poll {
        /// The question.
        delivery: Box<Delivery>,
        /// Seconds between two.
        after_s: u32,
    },
}

/// The order was handed over; the answer comes later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaiting {
    /// The ERP's name for the pending work.
    pub ticket: String,
    /// Seconds until nobody expects an answer any more.
    pub deadline_s: u32,
    /// The plugin's own bytes.
    #[serde(with = "base64_bytes")]
    pub state: Vec<u8>,
    /// Where it comes from.
    pub check: AnswerCheck,
}

/// A credential that the ERP gave. Never stored in clear; `Debug` hides the value.
#[derive(Clone)]
pub struct Login {
    /// Name of the slot.
    pub slot: String,
    /// The secret.
    pub value: secrecy::SecretString,
    /// Seconds it lives.
    pub seconds: u32,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("slot", &self.slot).field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

/// What the answer means.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The ERP has it.
    Accepted(Acceptance),
    /// The ERP had it already.
    AlreadyThere(Acceptance),
    /// Refused.
    Rejected(Refusal),
    /// Provably nothing was done; come back.
    RetryLater {
        /// Seconds to wait at least.
        after_s: Option<u32>,
        /// Why.
        message: String,
    },
    /// A look-up found nothing.
    NotFound,
    /// The answer comes later.
    AwaitingAnswer(Awaiting),
    /// Not yet.
    StillWaiting {
        /// Seconds to wait at least.
        after_s: Option<u32>,
    },
    /// A file of another order.
    NotMine,
    /// Nobody can tell.
    Unknown {
        /// What was seen.
        message: String,
    },
    /// One more call.
    Next {
        /// The call.
        delivery: Box<Delivery>,
        /// Logins to remember first.
        remember: Vec<Login>,
    },
}
