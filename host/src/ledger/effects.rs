//! Effects: what the host owes somebody after a pass moved on, written in the move's own transaction (an outbox).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Result;
use crate::domain::{
    clock::Millis,
    id::{ConnectionId, HostId, LeaseToken, OrderKey},
    judge::Confirmed,
};

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "effect")]
pub enum EffectBody {
    /// The ERP order id, into the shop.
    ErpId {
        /// The id.
        id: String,
    },
    /// A staff note on the shop's timeline.
    Note {
        /// The text.
        text: String,
    },
    /// The shop's processed stamp.
    Stamp,
    /// The shop's status.
    Status {
        /// To write.
        status: String,
        /// A person opened the pass, whatever the shop showed: it began with what was written for the pass before.
        #[serde(default)]
        by_intent: bool,
    },
    /// A mail about a failed pass.
    Mail {
        /// What it says, as `notify` defines it.
        failed: serde_json::Value,
    },
}

impl EffectBody {
    /// The word as stored.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ErpId { .. } => "erp_id",
            Self::Note { .. } => "note",
            Self::Stamp => "stamp",
            Self::Status { .. } => "status",
            Self::Mail { .. } => "mail",
        }
    }

    /// Effects of one order go out in this order.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::ErpId { .. } => 0,
            Self::Note { .. } => 1,
            Self::Stamp => 2,
            Self::Status { .. } => 3,
            Self::Mail { .. } => 4,
        }
    }
}

/// An effect that is owed.
#[derive(Clone, Debug, PartialEq)]
pub struct Owed {
    /// Its number, unique within the connection; stable, so that a note's marker can be made from it.
    pub number: i64,
    /// Of which pass.
    pub pass: u32,
    /// What.
    pub body: EffectBody,
    /// When it was first owed.
    pub since_ms: Millis,
    /// Tries that failed.
    pub tries: u32,
    /// A try was begun and its end never recorded: it may have been done.
    pub in_doubt: bool,
}

/// All due shop effects of one order: they are done in order, by one worker.
#[derive(Clone, Debug)]
pub struct OwedByOrder {
    /// Which order.
    pub order: OrderKey,
    /// Proof.
    pub token: LeaseToken,
    /// End of the lease.
    pub until_ms: Millis,
    /// The status that we wrote last (or found to be there when we wanted to), and for which pass.
    pub written: Option<(u32, String)>,
    /// Whether the shop confirmed that status during the present pass: any other is then somebody's decision.
    pub confirmed: bool,
    /// The effects by pass, rank and number, up to the first that is not due: an effect waits for those before it. Marked
    /// as begun in the same transaction.
    pub effects: Vec<Owed>,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EffectEnd {
    /// Done.
    Done,
    /// The shop has no such verb, or the effect is not wanted any more: nothing to do, with the reason.
    NotNeeded(String),
    /// Try again.
    Retry {
        /// Not before.
        not_before_ms: Millis,
        /// What failed.
        error: String,
    },
    /// Refused for good, or tried for too long: shown, blocks nothing.
    GivenUp(String),
    /// The shop shows a status that we did not expect: left as it is, staff are told.
    Conflict(String),
}

/// Mails that go out as one.
#[derive(Clone, Debug)]
pub struct MailBatch {
    /// Stable: repeats of this batch have the same members and the same id.
    pub mail: String,
    /// Proof.
    pub token: LeaseToken,
    /// Of which connection.
    pub connection: ConnectionId,
    /// The effects, all `Mail`, each with its order.
    pub members: Vec<(OrderKey, Owed)>,
}

/// Effects.
#[async_trait]
pub trait Effects {
    /// Claims the due shop effects of at most `limit` orders of a connection. Effects of one order are never with two
    /// workers at once.
    async fn claim_effects(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<OwedByOrder>>;

    /// Records how the effects of one order ended, the status that the shop confirmed, and sentences for the timeline.
    ///
    /// # Errors
    /// `Lost`.
    async fn finish_effects(
        &self,
        order: &OrderKey,
        token: &LeaseToken,
        ends: Vec<(i64, EffectEnd)>,
        confirmed: Option<Confirmed>,
        timeline: Vec<(u32, String)>,
    ) -> Result<()>;

    /// Claims due mails, one batch for each connection at most; those owed since less than `gather_ms` wait, so that many
    /// failures become one mail.
    async fn claim_mails(&self, host: &HostId, gather_ms: Millis, lease_ms: Millis) -> Result<Vec<MailBatch>>;

    /// Records how a batch ended.
    ///
    /// # Errors
    /// `Lost`.
    async fn finish_mails(&self, batch: &MailBatch, end: EffectEnd) -> Result<()>;

    /// When the next effect becomes due, mail included.
    async fn next_effect_ms(&self) -> Result<Option<Millis>>;
}
