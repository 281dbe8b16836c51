//! Passes: claim, lease, write-ahead, and the one fenced write by which a pass moves on (promises 2 and 3).

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    Result,
    admissions::NewQuarantine,
    connections::SealedSecret,
    effects::{EffectBody, OwedByOrder},
};
use crate::domain::{
    call::Purpose,
    clock::Millis,
    decision::Decision,
    delivery::Repeat,
    id::{AttemptToken, ConnectionId, Digest, HostId, LeaseToken, PassKey},
    judge::Confirmed,
    pass::PassState,
    transport::Phase,
    verdict::{Acceptance, Awaiting, FailureClass},
};

/// What a pass maps with from the moment it is mapped until it closes. Never credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// The activation that release, settings and tables are of; 0 for a pass that was mapped before this was kept.
    #[serde(default)]
    pub activation: u32,
    /// Release.
    pub release: Digest,
    /// Revision of the plugin's settings.
    pub settings_revision: u32,
    /// Revision of the look-up tables.
    pub tables_revision: u32,
    /// Destination address and folders, as `config` wrote them.
    pub destination: serde_json::Value,
    /// Hash of the order's content as mapped.
    pub content_hash: String,
    /// Purpose that the pass began with.
    pub purpose: Purpose,
}

/// A pass, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Pass {
    /// Which.
    pub key: PassKey,
    /// The number that people use.
    pub order_number: String,
    /// State.
    pub state: PassState,
    /// When it was opened.
    pub opened_ms: Millis,
    /// Not before; for unknown and awaiting the next look.
    pub not_before_ms: Millis,
    /// Why it waits, fails or is unknown: one sentence.
    pub because: String,
    /// Pins; none before the first mapping.
    pub pins: Option<Pins>,
    /// Current step of the conversation, from 0.
    pub step: u32,
    /// The stored step: the delivery as JSON (secrets are places, not values).
    pub delivery: Option<serde_json::Value>,
    /// The plugin's state for the step, sealed.
    pub sealed_state: Option<Vec<u8>>,
    /// Stable over repeats.
    pub idempotency_key: String,
    /// Document number.
    pub document_number: u64,
    /// Frozen mapping time; none before the first mapping.
    pub mapped_at_ms: Option<Millis>,
    /// What was waited for.
    pub awaiting: Option<Awaiting>,
    /// Deadline of the answer, or the end of look-ups.
    pub deadline_ms: Option<Millis>,
    /// Since when the pass is retried because nothing was processed, while that time runs. See [`Pass::retry_since`].
    pub retry_since_ms: Option<Millis>,
    /// How long it was retried, while that time stands still: from when it waits for its destination, its shop or a trigger
    /// that lies there, until it waits for a retry of its own again.
    pub tried_ms: Option<Millis>,
    /// How often it was put off in a row.
    pub retries: u32,
    /// Takeovers before any send.
    pub takeovers: u32,
    /// Attempts so far.
    pub attempts: u32,
    /// Whether anything may have left in this pass. An attempt that ends as `not processed` takes its mark back; a look-up
    /// never sets it.
    pub sent: bool,
    /// A person opened it: status and age do not matter.
    pub by_intent: bool,
    /// The last pass before this one, when it ended unknown: keys and time are inherited, and it looks up first.
    pub inherits_unknown: bool,
    /// With an inherited doubt: until when the ERP may still be working on what earlier passes sent. A look-up that finds
    /// nothing before that proves nothing.
    pub earlier_settled_ms: Option<Millis>,
    /// With an inherited doubt: the plugin's state of the step that it is about, sealed. Its own deliveries have others.
    pub earlier_state: Option<Vec<u8>>,
    /// How the pass before ended and which ERP ids are known.
    pub previous: Option<PreviousPass>,
}

impl Pass {
    /// Since when the pass is retried because nothing was processed, without the time that it waited for what is no try of
    /// its own; none if it is not retried.
    #[must_use]
    pub fn retry_since(&self, now_ms: Millis) -> Option<Millis> {
        self.retry_since_ms.or_else(|| self.tried_ms.map(|tried| now_ms.saturating_sub(tried)))
    }
}

/// How the pass before ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousPass {
    /// Its state.
    pub state: PassState,
    /// The ERP's id.
    pub erp_order_id: Option<String>,
    /// The number people use there.
    pub erp_order_number: Option<String>,
}

/// An attempt that was open when a pass was taken over, or that is being looked up.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAttempt {
    /// Its number within the pass.
    pub number: u32,
    /// Its token.
    pub token: AttemptToken,
    /// Step.
    pub step: u32,
    /// Purpose.
    pub purpose: Purpose,
    /// Phase that was committed last.
    pub phase: Phase,
    /// When the write-ahead row was committed.
    pub recorded_ms: Millis,
    /// The same of the first attempt at this step in this pass: an ERP counts a key's life from there.
    pub first_recorded_ms: Millis,
    /// Latest moment at which the ERP may still be working on it: write-ahead + request limit + settling time.
    pub settled_by_ms: Millis,
    /// May it be repeated?
    pub repeat: Repeat,
    /// Files: what recovery needs (names, hashes, token, listing), as the pipeline wrote it.
    pub recovery: Option<serde_json::Value>,
}

/// A claim: from now until `until_ms` nobody else has the pass.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Proof.
    pub token: LeaseToken,
    /// End of the lease, by the database's clock.
    pub until_ms: Millis,
    /// The pass. A waiting pass is `Claimed` now; any other keeps its state.
    pub pass: Pass,
    /// The attempt that the pass is on, when the state is `Sending`, `Unknown` or `Awaiting`: open, or ended in doubt.
    /// Looks need its settling time and, for files, its listing.
    pub attempt: Option<OpenAttempt>,
    /// The connection's remembered logins as the claim saw them; none where whoever works on it has to ask.
    pub logins: Option<Vec<SealedSecret>>,
}

/// What to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Waiting passes whose time has come, and passes left behind in `Claimed`, `Mapped` or `Sending` by a lost lease.
    Work,
    /// As `Work`, but only passes that were begun already: a paused connection ends what is under way.
    LeftBehind,
    /// `Unknown` and `Awaiting` passes whose next look has come.
    Look,
}

/// What guards a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The lease: state and token must be as expected.
    Lease(LeaseToken),
    /// An attempt's own answer: the attempt is still open, and the pass is `Sending`, `Unknown` or `GivenUp` on it,
    /// whoever holds the lease. A given-up pass accepts it only until the next pass has committed a send; if the answer
    /// says *delivered* or *awaiting*, a next pass that has sent nothing is withdrawn with it.
    Attempt(AttemptToken),
    /// The answer of the attempt that the pass is in doubt about, read again: the pass is `Unknown` or `GivenUp` on it,
    /// whoever holds the lease, and no later pass has committed a send. A delivery withdraws a next pass as above.
    Reread(AttemptToken),
}

/// A pass in doubt, with what its last attempt brought.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubtful {
    /// The pass; `Unknown` or `GivenUp`.
    pub pass: Pass,
    /// The attempt that it is in doubt about.
    pub attempt: OpenAttempt,
    /// Number of the newest try that brought something: that attempt's own, or an answer file's.
    pub answered: u32,
    /// What it brought, as people are shown it; none if nothing came or it expired.
    pub answer: Option<serde_json::Value>,
}

/// A new attempt: its row is committed before the first byte leaves.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// Token.
    pub token: AttemptToken,
    /// Step.
    pub step: u32,
    /// Purpose.
    pub purpose: Purpose,
    /// May it be repeated?
    pub repeat: Repeat,
    /// First phase: `Recorded` or `Writing`.
    pub phase: Phase,
    /// Milliseconds that the request may last, plus the destination's settling time.
    pub settle_ms: Millis,
    /// The delivery as JSON: exact bytes, secrets as places.
    pub delivery: serde_json::Value,
    /// The plugin's state, sealed.
    pub sealed_state: Vec<u8>,
    /// What people are shown: method, address, headers, names, with secrets redacted and long bodies cut with a note.
    pub shown: serde_json::Value,
    /// sha256 of the bytes that leave, secrets included.
    pub hash: String,
    /// Files: what recovery needs.
    pub recovery: Option<serde_json::Value>,
    /// How it was mapped, as JSON: release, usage, log, look-ups, and all that it takes to map it again.
    pub mapping: Option<Arc<str>>,
}

/// What is pinned with the first attempt of a pass.
#[derive(Clone, Debug)]
pub struct NewPins {
    /// Pins.
    pub pins: Pins,
    /// Frozen mapping time.
    pub mapped_at_ms: Millis,
    /// The order as it was mapped, as canonical JSON with the shop's raw JSON inside.
    pub order: Arc<String>,
}

/// What a mapping came to and what it cost, whatever became of the order. Kept with the pass; the next one replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Who mapped.
    pub release: Digest,
    /// `delivery`, `rejection`, or the kind of fault: `trap`, `limit`, `invalid`.
    pub gave: String,
    /// CPU units.
    pub cpu: u64,
    /// Peak of all memories, in bytes.
    pub memory: u64,
    /// Wall time in microseconds, instantiation included.
    pub us: u64,
    /// Of a mapping after which nothing is sent: what a send would have kept with its attempt.
    #[serde(skip)]
    pub in_vain: Option<MappedInVain>,
}

/// A mapping whose pass ended with nothing sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedInVain {
    /// The order as it was given, as canonical JSON.
    pub order: Arc<String>,
    /// As in [`NewAttempt::mapping`].
    pub evidence: Arc<str>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct AttemptEnd {
    /// Which.
    pub token: AttemptToken,
    /// Phase reached.
    pub phase: Phase,
    /// One word for lists: `accepted`, `already there`, `rejected`, `retry later`, `not processed`, `unknown`, `next`,
    /// `awaiting`, `not found`, `written`.
    pub outcome: &'static str,
    /// Evidence, answer (redacted, capped with a note) and verdict, as people are shown them.
    pub shown: serde_json::Value,
}

/// A try that needed no write-ahead because it only asked or only read: a look-up, a poll, an answer file.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Step.
    pub step: u32,
    /// Purpose.
    pub purpose: Purpose,
    /// Phase reached.
    pub phase: Phase,
    /// When it began.
    pub began_ms: Millis,
    /// As in [`AttemptEnd::outcome`].
    pub outcome: &'static str,
    /// What was sent, as people are shown it.
    pub request: serde_json::Value,
    /// What came back.
    pub answer: serde_json::Value,
    /// How it was mapped.
    pub mapping: serde_json::Value,
}

/// Where a pass goes.
#[derive(Clone, Debug)]
pub enum To {
    /// Back to waiting.
    Waiting {
        /// Not before.
        not_before_ms: Millis,
        /// Why.
        because: String,
        /// Nothing was sent: pins are dropped, the next claim maps anew.
        unpin: bool,
        /// Counts as a retry, whose time is limited (starts or goes on with `retry_since`). Otherwise that time stands still
        /// until the next retry, and only the number of waits in a row goes on, from which the next wait is made.
        retry: bool,
        /// A look-up that counts showed that the ERP has nothing of this pass: it is as unsent as a new one.
        absent: bool,
    },
    /// A step is stored; nothing of it was sent. The lease is kept.
    Mapped {
        /// Step.
        step: u32,
        /// Delivery as JSON.
        delivery: serde_json::Value,
        /// The plugin's state, sealed.
        sealed_state: Vec<u8>,
        /// With the first mapping.
        pins: Option<Box<NewPins>>,
    },
    /// Write-ahead. The lease is kept.
    Sending {
        /// The attempt.
        attempt: Box<NewAttempt>,
        /// With the first mapping.
        pins: Option<Box<NewPins>>,
    },
    /// The verdict comes later.
    Awaiting {
        /// What is waited for.
        awaiting: Awaiting,
        /// The plugin's state, sealed.
        sealed_state: Vec<u8>,
        /// Next look.
        next_look_ms: Millis,
        /// Deadline.
        deadline_ms: Millis,
    },
    /// In doubt.
    Unknown {
        /// Why.
        because: String,
        /// Next look-up.
        next_look_ms: Millis,
        /// End of look-ups; kept if the pass was unknown already.
        deadline_ms: Millis,
    },
    /// Done.
    Delivered {
        /// What the ERP said.
        acceptance: Acceptance,
        /// It was there already.
        already: bool,
    },
    /// Refused.
    Failed {
        /// Who has to act.
        class: FailureClass,
        /// Why.
        because: String,
        /// Field path in the order.
        field: Option<String>,
        /// What the ERP created in part.
        partial_id: Option<String>,
    },
    /// The shop no longer offers it.
    Withdrawn {
        /// Why.
        because: String,
        /// A decision to record with it (*not for us*, cancelled …).
        decision: Option<Decision>,
    },
    /// Nobody can tell.
    GivenUp {
        /// Why.
        because: String,
    },
}

impl To {
    /// The state it leads to.
    #[must_use]
    pub fn state(&self) -> PassState {
        match self {
            Self::Waiting { .. } => PassState::Waiting,
            Self::Mapped { .. } => PassState::Mapped,
            Self::Sending { .. } => PassState::Sending,
            Self::Awaiting { .. } => PassState::Awaiting,
            Self::Unknown { .. } => PassState::Unknown,
            Self::Delivered { .. } => PassState::Delivered,
            Self::Failed { .. } => PassState::Failed,
            Self::Withdrawn { .. } => PassState::Withdrawn,
            Self::GivenUp { .. } => PassState::GivenUp,
        }
    }
}

/// One move of one pass: everything in it happens in one transaction, or nothing.
#[derive(Clone, Debug)]
pub struct Move {
    /// Which pass.
    pub pass: PassKey,
    /// What guards it.
    pub guard: Guard,
    /// The state that the worker believes the pass is in; must be a state that may become the target.
    pub from: PassState,
    /// Where it goes.
    pub to: To,
    /// An attempt that ends with it.
    pub end: Option<AttemptEnd>,
    /// A try that was made without a write-ahead row; it becomes an attempt that has ended.
    pub asked: Option<Asked>,
    /// What the host now owes somebody.
    pub effects: Vec<EffectBody>,
    /// Sentences for the timeline.
    pub timeline: Vec<String>,
    /// What a single read showed meanwhile.
    pub confirmed: Option<Confirmed>,
    /// The release failed too often: from now on nothing is mapped with it at this connection.
    pub quarantine: Option<NewQuarantine>,
    /// The mapping that was made since the last move.
    pub mapping: Option<Mapping>,
}

/// Passes.
#[async_trait]
pub trait Passes {
    /// Claims passes of one connection, oldest first, at most `limit`: one statement each, a new token each, a lease of
    /// `lease_ms` by the database's clock. Document number and idempotency key were given when the pass was opened.
    /// Claiming a pass that a lost lease left in `Claimed` or `Mapped` before any send counts a takeover; waiting again
    /// starts that count anew, and a lease that was given back counts none.
    async fn claim(
        &self,
        connection: &ConnectionId,
        host: &HostId,
        kind: ClaimKind,
        limit: u32,
        lease_ms: Millis,
    ) -> Result<Vec<Claim>>;

    /// Renews leases. For each: the new end, or none when it is lost.
    async fn renew(&self, leases: &[(PassKey, LeaseToken)], lease_ms: Millis) -> Result<Vec<Option<Millis>>>;

    /// Gives a pass back without a change (a graceful stop): others may claim it at once.
    async fn release(&self, pass: &PassKey, token: &LeaseToken) -> Result<()>;

    /// The one fenced write. Exactly one row moves, or `Lost`.
    ///
    /// # Errors
    /// `Lost` when state, token or attempt are not as expected; `Refused` when the move is no rule, or would change what a
    /// pass is pinned to of which something may have left.
    async fn apply(&self, change: Move) -> Result<()>;

    /// The same, and the effects that the move leaves are leased to this host in the same transaction, as if it had claimed
    /// them right after it (`claim_effects`): one commit fewer for each order. None where that can't be, because somebody
    /// has the order's effects or others have to go out before: then they are claimed as ever.
    ///
    /// # Errors
    /// As [`Passes::apply`].
    async fn apply_and_lease(&self, change: Move, _host: &HostId, _lease_ms: Millis) -> Result<Option<OwedByOrder>> {
        self.apply(change).await.map(|()| None)
    }

    /// Commits a phase of an open attempt, guarded by lease and state (files: `Renaming` before the first rename).
    ///
    /// # Errors
    /// `Lost`.
    async fn set_phase(&self, pass: &PassKey, lease: &LeaseToken, attempt: &AttemptToken, phase: Phase) -> Result<()>;

    /// Adds sentences to an order's timeline, unguarded: facts that are true whoever works on the order.
    async fn note(&self, pass: &PassKey, lines: Vec<String>) -> Result<()>;

    /// The order as it was mapped in this pass, as canonical JSON; none if it expired.
    async fn mapped_order(&self, pass: &PassKey) -> Result<Option<String>>;

    /// A pass in `Unknown` or `GivenUp` with what its last attempt brought; none in any other state.
    async fn doubtful(&self, pass: &PassKey) -> Result<Option<Doubtful>>;

    /// When the connection's newest attempt was recorded; none without attempts.
    async fn newest_attempt_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>>;

    /// When the next waiting, unknown or awaiting pass of the connection becomes due, or a lease runs out.
    async fn next_due_ms(&self, connection: &ConnectionId) -> Result<Option<Millis>>;
}
