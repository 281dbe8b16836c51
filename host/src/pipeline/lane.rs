//! A connection at work: its shop, destination, rules and rhythm, as they are in force now.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::Value;

use super::{
    breaker::{Identity, identity},
    open,
    parts::{Parts, Secrets},
};
use crate::{
    config::ConnectionSettings,
    destination::Destination,
    domain::{
        backoff::Backoff,
        call::{Purpose, Tables},
        canary,
        clock::Millis,
        id::{ConnectionId, Digest, OrderKey},
        policy::{StatusMap, TakePolicy},
        problem::{self, Problem},
        schedule::Schedule,
    },
    ledger::{
        LedgerError,
        activations::Activation,
        canaries::Canary,
        connections::{ConnectionRecord, ConnectionState, SealedSecret},
        passes::{Pass, Pins},
    },
    shop::Shop,
};

/// A connection, opened. Immutable: a change in the ledger makes a new one, and every loop takes up the new one at its
/// next turn.
pub struct Lane {
    /// As the ledger has it.
    pub record: ConnectionRecord,
    /// Its settings.
    pub settings: ConnectionSettings,
    /// What it takes.
    pub policy: TakePolicy,
    /// Its shop.
    pub shop: Arc<dyn Shop>,
    /// The form in which passes pin its destination.
    pub pinned_destination: Value,
    /// Its destination.
    pub destination: Arc<Destination>,
    /// By what hosts share what they know of that destination; none where it is not watched.
    pub identity: Option<Identity>,
    /// What is in force.
    pub in_force: Arc<InForce>,
    /// What is tried with some new orders, and what was agreed on.
    pub tried: Option<(Canary, Arc<InForce>)>,
    /// What deliveries may name: credentials and secret slots.
    pub secrets: Secrets,
    /// All secrets as the ledger has them.
    sealed: Vec<SealedSecret>,
    /// When the shop is looked at.
    pub schedule: Schedule,
    /// The whole host is paused.
    pub host_paused: bool,
    /// Since when it is paused, by its own switch or the host's.
    pub paused_since_ms: Option<Millis>,
}

/// An activation with all that it says: what passes are mapped with.
pub struct InForce {
    /// Number, release, revisions.
    pub activation: Activation,
    /// The plugin's settings, as JSON text.
    pub plugin_settings: Arc<String>,
    /// Look-up tables.
    pub tables: Arc<Tables>,
}

impl InForce {
    async fn read(parts: &Parts, id: &ConnectionId, activation: &Activation) -> Result<Arc<Self>, LedgerError> {
        let settings = parts.ledger.plugin_settings(id, activation.settings_revision).await?;
        Ok(Arc::new(Self {
            plugin_settings: Arc::new(settings.to_string()),
            tables: Arc::new(parts.ledger.tables(id, activation.tables_revision).await?),
            activation: activation.clone(),
        }))
    }
}

/// Why a connection can't work.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Its settings; all problems at once.
    #[error("connection `{name}` can't work:\n{}", problem::list(.problems))]
    Problems {
        /// Which.
        name: String,
        /// What.
        problems: Vec<Problem>,
    },
}

impl Lane {
    /// Opens a connection as the ledger has it now.
    ///
    /// # Errors
    /// All problems that keep it from working.
    pub async fn open(parts: &Parts, record: ConnectionRecord) -> Result<Self, LaneError> {
        Self::open_after(parts, record, None).await
    }

    /// The same for one that is at work: a shop and a destination that did not change are kept, with what they have learned
    /// (how long to wait, which connections are open). So a swap costs no more than reading what it changes.
    ///
    /// # Errors
    /// All problems that keep it from working.
    pub async fn open_after(parts: &Parts, record: ConnectionRecord, before: Option<&Self>) -> Result<Self, LaneError> {
        let fail = |problems| LaneError::Problems { name: record.name.clone(), problems };
        let settings: ConnectionSettings = serde_json::from_value(record.config.clone())
            .map_err(|error| fail(vec![Problem::new("config", error.to_string())]))?;
        let sealed = parts.ledger.secrets(&record.id).await?;
        let before = before.filter(|before| before.sealed == sealed && before.record.name == record.name);
        let secrets = unseal(parts, &record, &sealed)?;
        let in_force = InForce::read(parts, &record.id, &record.activation).await?;
        let tried = match &record.canary {
            Some(canary) => Some((canary.clone(), InForce::read(parts, &record.id, &canary.activation).await?)),
            None => None,
        };
        let mut problems = Vec::new();
        let same_shop = before.filter(|it| it.settings.shop == settings.shop && it.record.shop_id == record.shop_id);
        let shop = match same_shop {
            Some(before) => Ok(Arc::clone(&before.shop)),
            None => parts.opener.shop(&record, &settings, &secrets).map_err(|mut found| problems.append(&mut found)),
        };
        let pinned_destination = open::pinned_destination(&settings);
        let secrets_out = open::for_deliveries(&secrets);
        let destination = match before.filter(|it| it.pinned_destination == pinned_destination) {
            Some(before) => Ok(Arc::clone(&before.destination)),
            None => parts
                .opener
                .destination(&pinned_destination, &secrets_out)
                .map_err(|mut found| problems.append(&mut found)),
        };
        let (Ok(shop), Ok(destination)) = (shop, destination) else {
            return Err(fail(problems));
        };
        let abilities = shop.abilities();
        let defaults = open::shop_settings(&settings).map_err(fail)?.status_defaults();
        let policy = open::take_policy(&settings, defaults, record.take_from_ms, abilities);
        let schedule = {
            let schedule = &settings.schedule;
            Schedule::new(&schedule.cron, &schedule.time_zone, schedule.jitter_s, record.id.as_str())
        }
        .map_err(|error| fail(vec![Problem::new("schedule.cron", error.to_string())]))?;
        let host_paused_since_ms = parts.ledger.host_paused_since_ms().await?;
        let paused_since_ms = match record.state {
            ConnectionState::Active => host_paused_since_ms.map(|since| since.max(record.state_since_ms)),
            ConnectionState::Paused | ConnectionState::Removed => Some(record.state_since_ms),
        };
        Ok(Self {
            policy,
            settings,
            shop,
            identity: identity(parts, &pinned_destination, &secrets_out),
            pinned_destination,
            destination,
            in_force,
            tried,
            secrets: secrets_out,
            sealed,
            schedule,
            host_paused: host_paused_since_ms.is_some(),
            paused_since_ms,
            record,
        })
    }

    /// Whether new orders are taken.
    pub fn takes(&self) -> bool {
        self.record.state == ConnectionState::Active && !self.host_paused
    }

    /// Whether orders are mapped: a release in quarantine maps none, and they wait.
    pub fn maps(&self) -> bool {
        self.takes() && self.record.quarantine.is_none()
    }

    /// The releases that new orders are mapped with.
    pub fn releases(&self) -> impl Iterator<Item = &Digest> {
        let tried = self.tried.as_ref().map(|(_, tried)| &tried.activation.release);
        [&self.in_force.activation.release].into_iter().chain(tried)
    }

    /// Whether a moment that something was waited for is over: a pause uses up no time (lifecycle section 2). The ledger moves
    /// the moment itself when the pause ends.
    pub fn is_over(&self, moment_ms: Millis, now_ms: Millis) -> bool {
        self.paused_since_ms.unwrap_or(now_ms).min(now_ms) >= moment_ms
    }

    /// The status map.
    pub fn status(&self) -> &StatusMap {
        &self.policy.status
    }

    /// The ledger's key of one of its orders.
    pub fn key(&self, shop_order_id: &str) -> OrderKey {
        OrderKey {
            connection: self.record.id.clone(),
            shop: self.record.shop_id.clone(),
            shop_order_id: shop_order_id.to_owned(),
        }
    }

    /// What a pass is mapped with, if it is mapped now. A pass that inherits a doubt is no new order: what is tried does not
    /// meet it.
    pub fn choose(&self, pass: &Pass) -> &Arc<InForce> {
        match &self.tried {
            Some((canary, tried)) if !pass.inherits_unknown => {
                let (number, after) = (canary.activation.number, canary.after_document);
                match canary::takes(canary.rules.part, number, after, &pass.key, pass.document_number) {
                    true => tried,
                    false => &self.in_force,
                }
            }
            _ => &self.in_force,
        }
    }

    /// What a pass that is mapped with this pins.
    pub fn pins(&self, with: &InForce, content_hash: String, purpose: Purpose) -> Pins {
        Pins {
            activation: with.activation.number,
            release: with.activation.release.clone(),
            settings_revision: with.activation.settings_revision,
            tables_revision: with.activation.tables_revision,
            destination: self.pinned_destination.clone(),
            content_hash,
            purpose,
        }
    }

    /// The destination that a pass is pinned to: ours, unless it was changed since.
    ///
    /// # Errors
    /// Every problem of the pinned settings.
    pub fn destination_of(&self, parts: &Parts, pins: &Pins) -> Result<Arc<Destination>, Vec<Problem>> {
        if pins.destination == self.pinned_destination {
            return Ok(Arc::clone(&self.destination));
        }
        parts.opener.destination(&pins.destination, &self.secrets)
    }

    /// The plugin's settings and tables that a pass is pinned to.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn inputs_of(&self, parts: &Parts, pins: &Pins) -> Result<(Arc<String>, Arc<Tables>), LedgerError> {
        let known = || [Some(&self.in_force), self.tried.as_ref().map(|(_, tried)| tried)].into_iter().flatten();
        let settings = match known().find(|it| it.activation.settings_revision == pins.settings_revision) {
            Some(known) => Arc::clone(&known.plugin_settings),
            None => Arc::new(parts.ledger.plugin_settings(&self.record.id, pins.settings_revision).await?.to_string()),
        };
        let tables = match known().find(|it| it.activation.tables_revision == pins.tables_revision) {
            Some(known) => Arc::clone(&known.tables),
            None => Arc::new(parts.ledger.tables(&self.record.id, pins.tables_revision).await?),
        };
        Ok((settings, tables))
    }

    /// Credentials, secret slots and remembered logins that are alive: those that are `known`, else as the ledger has them.
    ///
    /// # Errors
    /// The ledger's, or a login that can't be unsealed.
    pub async fn secrets_now(
        &self,
        parts: &Parts,
        known: Option<Vec<SealedSecret>>,
    ) -> Result<(Secrets, Vec<String>), LedgerError> {
        let logins = match known {
            Some(known) => known,
            None => parts.ledger.logins(&self.record.id).await?,
        };
        if logins.is_empty() {
            return Ok((self.secrets.clone(), Vec::new()));
        }
        let mut secrets = self.secrets.clone();
        let mut slots = Vec::with_capacity(logins.len());
        for login in logins {
            secrets.insert(login.slot.clone(), open_secret(parts, &self.record, &login.slot, &login.sealed)?);
            slots.push(login.slot);
        }
        Ok((secrets, slots))
    }

    /// Time limit of one request plus the destination's settling time: later than that after the write-ahead row, "not
    /// found" counts.
    pub fn settle_ms(&self, destination: &Destination) -> Millis {
        super::parts::millis(destination.absent_counts_after())
    }

    /// How long to wait before what was not processed is tried again, as the connection sets it.
    pub fn back_off(&self, tries: u32, seed: &str, at_least: Option<Duration>) -> Duration {
        let retry = &self.settings.retry;
        let rule = Backoff { first_ms: retry.first_wait.millis(), longest_ms: retry.longest_wait.millis() };
        super::parts::wait(&rule, tries, seed, at_least)
    }
}

/// What a secret is sealed for: a value can't be moved to another connection or slot.
pub fn secret_purpose(connection: &str, slot: &str) -> String {
    format!("secret/{connection}/{slot}")
}

/// What a plugin's state is sealed for: it goes only to the release that made it, and only within one idempotency key,
/// which a pass after *unknown* inherits.
pub fn state_purpose(idempotency_key: &str, release: &str) -> String {
    format!("state/{idempotency_key}/{release}")
}

fn unseal(parts: &Parts, record: &ConnectionRecord, sealed: &[SealedSecret]) -> Result<Secrets, LaneError> {
    let mut secrets = Secrets::new();
    for secret in sealed {
        let value = open_secret(parts, record, &secret.slot, &secret.sealed)?;
        secrets.insert(secret.slot.clone(), value);
    }
    Ok(secrets)
}

fn open_secret(
    parts: &Parts,
    record: &ConnectionRecord,
    slot: &str,
    sealed: &[u8],
) -> Result<SecretString, LedgerError> {
    // Secrets are sealed before the connection has an id, so its name stands for it.
    let bytes = parts
        .sealer
        .open(&secret_purpose(&record.name, slot), sealed)
        .map_err(|error| LedgerError::Corrupt(format!("secret `{slot}` of connection `{}`: {error}", record.name)))?;
    String::from_utf8(bytes)
        .map(SecretString::from)
        .map_err(|_| LedgerError::Corrupt(format!("secret `{slot}` of connection `{}` is not text", record.name)))
}
