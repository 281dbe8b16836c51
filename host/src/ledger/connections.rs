//! Connections, releases, intents: what an administrator decides.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{
    LedgerError, Result,
    activations::Activation,
    admissions::Quarantine,
    canaries::Canary,
    standstill::{PutInDoubt, Standstill, WentBack},
};
use crate::domain::{
    breaker::Health,
    call::{Description, Tables},
    clock::Millis,
    id::{ConnectionId, Digest, HostId, ShopId},
};

/// Whether a connection works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// Orders are taken.
    Active,
    /// Nothing is taken; what is under way ends.
    Paused,
    /// Gone; its ledger is kept.
    Removed,
}

/// What identifies a shop: the ledger's keys depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopIdentity {
    /// Kind.
    pub kind: String,
    /// Base address, normalised; empty for push.
    pub base_address: String,
    /// Account; empty where there is only one.
    pub account: String,
}

/// What to do when a connection's shop identity changes (lifecycle section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShopChange {
    /// The same shop moved: the ledger is kept.
    Same,
    /// Another shop: a new shop id; refused while passes or effects are open.
    Other,
}

/// A secret as it lies in the ledger: sealed, with its slot in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedSecret {
    /// Where it is used: `shop.token`, `destination.token`, `slot.<name>`, …
    pub slot: String,
    /// The sealed value.
    pub sealed: Vec<u8>,
    /// A keyed fingerprint of the value, so that applying the same secret again is no change.
    pub fingerprint: String,
}

/// What `connection apply` wants.
#[derive(Clone, Debug)]
pub struct ConnectionDraft {
    /// Name, unique among connections that are not removed.
    pub name: String,
    /// The shop.
    pub shop: ShopIdentity,
    /// What a changed identity means; none refuses the change and asks.
    pub shop_change: Option<ShopChange>,
    /// Everything but the plugin's settings, tables and secrets, as `config` wrote it: JSON.
    pub config: serde_json::Value,
    /// The release to map with.
    pub release: Digest,
    /// The plugin's settings, valid against its schema.
    pub plugin_settings: serde_json::Value,
    /// Look-up tables.
    pub tables: Tables,
    /// All secrets; those that are missing are forgotten.
    pub secrets: Vec<SealedSecret>,
    /// Orders placed earlier are too old, if they are new already in the first sweep. None: the moment of the first apply.
    pub take_from_ms: Option<Millis>,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What an apply did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// Which connection.
    pub connection: ConnectionId,
    /// Whether it is new.
    pub created: bool,
    /// What changed, in words: `settings`, `tables`, `plugin release`, `secrets`, `schedule` …; empty for nothing.
    pub changes: Vec<String>,
}

/// A connection as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConnectionRecord {
    /// Id.
    pub id: ConnectionId,
    /// Name.
    pub name: String,
    /// State.
    pub state: ConnectionState,
    /// Why it is paused, if it is.
    pub state_why: String,
    /// Since when it is in that state.
    pub state_since_ms: Millis,
    /// Its shop.
    pub shop_id: ShopId,
    /// What identifies that shop.
    pub shop: ShopIdentity,
    /// As in [`ConnectionDraft::config`].
    pub config: serde_json::Value,
    /// Effective start.
    pub take_from_ms: Millis,
    /// The activation in force.
    pub activation: Activation,
    /// What is tried with some new orders meanwhile.
    pub canary: Option<Canary>,
    /// Grows with every change of this connection.
    pub revision: u64,
    /// Whether a complete sweep of this shop has been recorded.
    pub swept_once: bool,
    /// Why nothing is mapped: the release in force failed too often here.
    pub quarantine: Option<Quarantine>,
    /// Which destination it sends to, as far as hosts share what they know of it.
    pub destination: Option<String>,
    /// Why nothing is sent there, if so.
    pub shut: Option<Health>,
}

/// A release as it lies in the ledger; its bytes are read apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReleaseRecord {
    /// Digest.
    pub digest: Digest,
    /// What it said of itself.
    pub description: Description,
    /// Bytes.
    pub size: u64,
    /// Who added it.
    pub by: String,
    /// When.
    pub added_ms: Millis,
}

/// What a person wants done by the working host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "intent")]
pub enum Intent {
    /// Poll now.
    Sync,
    /// Look at one order now (webhook hint, or `order why --live`).
    Look {
        /// Its key in the shop.
        shop_order_id: String,
    },
    /// Set the order back to new in the shop, and send it again.
    Reset {
        /// Its key in the shop.
        shop_order_id: String,
        /// The pass that the person saw as the last one.
        after: u32,
        /// Why.
        why: String,
    },
    /// Read the answer again that a pass is in doubt about.
    Reread {
        /// Its key in the shop.
        shop_order_id: String,
        /// Which pass.
        pass: u32,
        /// With which release; none = the one in force.
        release: Option<Digest>,
    },
}

/// An intent that was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftIntent {
    /// Its number.
    pub number: i64,
    /// For which connection.
    pub connection: ConnectionId,
    /// What.
    pub intent: Intent,
    /// Who.
    pub by: String,
    /// When.
    pub left_ms: Millis,
}

/// Connections, releases, intents.
#[async_trait]
pub trait Connections {
    /// The database's clock.
    async fn now_ms(&self) -> Result<Millis>;

    /// Grows whenever anything in this room changed, in this process or another: the running host looks at it several
    /// times a second.
    async fn change_number(&self) -> Result<u64>;

    /// Makes a connection what the draft says, in one transaction. Applying the same again changes nothing.
    ///
    /// # Errors
    /// `Refused` when the shop identity changed and `shop_change` does not say what that means, when it says another shop
    /// while passes or effects are open, or when the release is not in the ledger.
    async fn apply_connection(&self, draft: ConnectionDraft) -> Result<Applied>;

    /// All connections that are not removed, by name; with `removed` those too.
    async fn connections(&self, removed: bool) -> Result<Vec<ConnectionRecord>>;

    /// Pauses, resumes or removes.
    ///
    /// # Errors
    /// `NotFound`; `Refused` for removing while passes are under way (waiting ones are not: they stay in the ledger).
    async fn set_connection_state(&self, id: &ConnectionId, state: ConnectionState, by: &str, why: &str) -> Result<()>;

    /// The host-wide switch: paused or not, with the reason. Resuming gives back the retry and answer time that the pause
    /// has used up, as resuming a connection does.
    async fn set_host_pause(&self, paused: bool, by: &str, why: &str) -> Result<()>;

    /// Why the whole host is paused, if it is.
    async fn host_pause(&self) -> Result<Option<String>>;

    /// Since when the whole host is paused, if it is.
    async fn host_paused_since_ms(&self) -> Result<Option<Millis>>;

    /// The sealed secrets of a connection.
    async fn secrets(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>>;

    /// Remembers a login until `until_ms`; replaces one of the same slot.
    async fn remember_login(&self, id: &ConnectionId, secret: SealedSecret, until_ms: Millis) -> Result<()>;

    /// Forgets a remembered login.
    async fn forget_login(&self, id: &ConnectionId, slot: &str) -> Result<()>;

    /// Remembered logins that are alive.
    async fn logins(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>>;

    /// The plugin settings of a revision.
    async fn plugin_settings(&self, id: &ConnectionId, revision: u32) -> Result<serde_json::Value>;

    /// The tables of a revision.
    async fn tables(&self, id: &ConnectionId, revision: u32) -> Result<Tables>;

    /// Keeps a release. Adding the same bytes again changes nothing and answers `false`.
    async fn add_release(&self, digest: &Digest, bytes: &[u8], description: &Description, by: &str) -> Result<bool>;

    /// All releases, newest first.
    async fn releases(&self) -> Result<Vec<ReleaseRecord>>;

    /// One release.
    async fn release_record(&self, digest: &Digest) -> Result<Option<ReleaseRecord>>;

    /// A release's bytes.
    async fn release_bytes(&self, digest: &Digest) -> Result<Option<Vec<u8>>>;

    /// Leaves an intent for the working host.
    async fn leave_intent(&self, connection: &ConnectionId, intent: Intent, by: &str) -> Result<i64>;

    /// Takes the intents that were left, each for `lease_ms`: until then no other host gets it. It is there until
    /// [`Connections::end_intent`], so a host that dies while it carries one out loses nothing; who takes it next must
    /// find out how far that came.
    async fn take_intents(&self, host: &HostId, lease_ms: Millis) -> Result<Vec<LeftIntent>>;

    /// An intent was carried out, or can't be any more.
    async fn end_intent(&self, number: i64) -> Result<()>;

    /// Gives an intent back that could not be carried out yet.
    async fn give_back_intent(&self, number: i64) -> Result<()>;

    /// Ends when the ledger can't write any more for a reason that only a restart can cure; never for one that does not
    /// happen. A host must not go on after it.
    async fn ended(&self) {
        std::future::pending().await
    }

    /// Why nothing may be taken or sent at the moment, whatever people have set. Claims then give nothing, and nothing new
    /// is recorded; a ledger that is not watched never stands still.
    fn standstill(&self) -> Option<Standstill> {
        None
    }

    /// To be called once a second by the working host: looks whether a standstill is over, and takes note of how far the
    /// ledger is.
    async fn tend(&self) -> Result<()> {
        Ok(())
    }

    /// Before a restored ledger takes orders again: puts document numbers out of reach of those that were given out in the
    /// `missing` commits that it forgot.
    async fn skip_documents(&self, missing: u64) -> Result<()> {
        let _ = missing;
        Ok(())
    }

    /// A person accepts that the ledger went back. The doubtful passes become *unknown*: looked up, or left to a person;
    /// sending goes on. How many became so: one that moved on meanwhile does not.
    async fn accept_restored(&self, back: &WentBack, doubtful: Vec<PutInDoubt>, by: &str) -> Result<usize> {
        let _ = (back, doubtful, by);
        Err(LedgerError::Refused("this ledger keeps no mark".to_owned()))
    }
}
