//! What an answer means: a plugin's reading of what the ERP said.

use orderdock_order::Pair;
use serde::{Deserialize, Serialize};

use crate::Delivery;

/// The ERP has the order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acceptance {
    /// The ERP's id of the order. Kept, shown, written to the shop's seller reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erp_order_id: Option<String>,
    /// The number people use in the ERP, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erp_order_number: Option<String>,
    /// The ERP's own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What staff should know although it went well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Room for growth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Who has to act on a refusal by the ERP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalClass {
    /// The order.
    Data,
    /// The connection's settings or look-up tables.
    Settings,
    /// The ERP.
    Erp,
}

/// The ERP refused the order, and nothing usable of it was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// The ERP's own words, for staff.
    pub message: String,
    /// Who has to act.
    pub class: RefusalClass,
    /// Path of the field in the order, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Id of what the ERP created in part, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial_id: Option<String>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl Refusal {
    /// A refusal in the ERP's words.
    pub fn new(class: RefusalClass, message: impl Into<String>) -> Self {
        Self { message: message.into(), class, field: None, partial_id: None, extra: Vec::new() }
    }
}

/// The ERP provably did nothing and asks to come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postponement {
    /// Seconds to wait at least; none lets the host choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Why.
    pub message: String,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// What an answer file of a pattern means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMeaning {
    /// The order was taken.
    Success,
    /// It was refused; the plugin reads the file.
    Failure,
    /// The file that we wrote is no longer there.
    Gone,
    /// Any answer; the plugin reads the file.
    Any,
}

/// One pattern to watch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileCheck {
    /// Slot of an answer folder of the connection; `out` is the folder that we write to.
    pub folder: String,
    /// Name pattern: `*` stands for any run of characters, `?` for one.
    pub pattern: String,
    /// What it means.
    pub meaning: FileMeaning,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl FileCheck {
    /// Watches one pattern in one folder.
    pub fn new(folder: impl Into<String>, pattern: impl Into<String>, meaning: FileMeaning) -> Self {
        Self { folder: folder.into(), pattern: pattern.into(), meaning, extra: Vec::new() }
    }
}

/// A question to ask the ERP again until it answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Poll {
    /// The question. Its `repeat` is taken as `always`.
    pub delivery: Delivery,
    /// Seconds between two of them, at least.
    pub after: u32,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Where the answer will come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(clippy::large_enum_variant, reason = "one exists per answer; a box would be in every author's way")
)]
pub enum AnswerCheck {
    /// Files.
    Files(Vec<FileCheck>),
    /// Questions.
    Poll(Poll),
}

/// The order was handed over; the answer comes later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Awaiting {
    /// The ERP's name for the pending work, if it has one.
    #[serde(default)]
    pub ticket: String,
    /// Seconds until nobody expects an answer any more.
    pub deadline: u32,
    /// Bytes for the next call.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::bytes_form")]
    pub state: Vec<u8>,
    /// Where the answer will come from.
    pub check: AnswerCheck,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Not yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Waiting {
    /// Seconds until the next look, at least; none lets the host choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Room for growth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Nobody can tell whether the ERP has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// What was seen, for staff.
    pub message: String,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// A credential that the ERP gave and that later calls name as a secret slot.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Name of the slot.
    pub slot: String,
    /// The secret.
    pub value: String,
    /// Seconds it lives.
    pub seconds: u32,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

// The value is a credential: it must not reach a log through `{:?}`.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").field("slot", &self.slot).field("seconds", &self.seconds).finish_non_exhaustive()
    }
}

/// One more call is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextCall {
    /// The call.
    pub delivery: Delivery,
    /// Logins to remember before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remember: Vec<Login>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// What the answer means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The ERP has it.
    Accepted(Acceptance),
    /// The ERP had it already, from an earlier send. Counts as delivered.
    AlreadyThere(Acceptance),
    /// The ERP refused it.
    Rejected(Refusal),
    /// Come back later; provably nothing was done.
    RetryLater(Postponement),
    /// Answer to a look-up: the ERP does not have it.
    NotFound,
    /// The answer comes later.
    AwaitingAnswer(Awaiting),
    /// Answer to a poll or an answer file: not yet.
    StillWaiting(Waiting),
    /// An answer file that belongs to another order.
    NotMine,
    /// Nobody can tell.
    Unknown(Doubt),
    /// One more call is needed; at most 20 in a conversation.
    Next(NextCall),
}

impl Verdict {
    /// Accepted, with the ERP's id where it told one.
    #[must_use]
    pub fn accepted(erp_order_id: Option<String>) -> Self {
        Self::Accepted(Acceptance { erp_order_id, ..Acceptance::default() })
    }

    /// Refused, in the ERP's words.
    pub fn rejected(class: RefusalClass, message: impl Into<String>) -> Self {
        Self::Rejected(Refusal::new(class, message))
    }

    /// Come back later.
    pub fn retry_later(after: Option<u32>, message: impl Into<String>) -> Self {
        Self::RetryLater(Postponement { after, message: message.into(), extra: Vec::new() })
    }

    /// Nobody can tell.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::Unknown(Doubt { message: message.into(), extra: Vec::new() })
    }

    /// Files were handed over; answer files tell later.
    #[must_use]
    pub fn awaiting_files(deadline: u32, checks: Vec<FileCheck>) -> Self {
        Self::AwaitingAnswer(Awaiting {
            ticket: String::new(),
            deadline,
            state: Vec::new(),
            check: AnswerCheck::Files(checks),
            extra: Vec::new(),
        })
    }
}
