//! What the pipeline is given: every clock, random number, database, plugin, shop, destination and mail server comes in
//! through here, so that tests and the simulation can put their own in place.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::breaker::Known;
use crate::{
    config::ConnectionSettings,
    destination::Destination,
    domain::{
        backoff::Backoff,
        call::Purpose,
        clock::{Clock, Millis},
        id::{Digest, HostId},
        problem::Problem,
        random::Random,
    },
    ledger::{Ledger, LedgerError, connections::ConnectionRecord},
    metrics::Metrics,
    notify::Mailer,
    plugin::Mapper,
    seal::Sealer,
    shop::Shop,
};

/// Slot → secret.
pub type Secrets = BTreeMap<String, SecretString>;

/// Opens what a connection needs. The real one is [`super::open::RealOpener`].
pub trait Opener: Send + Sync {
    /// The connection's shop.
    ///
    /// # Errors
    /// Every problem of its settings.
    fn shop(
        &self,
        record: &ConnectionRecord,
        settings: &ConnectionSettings,
        secrets: &Secrets,
    ) -> Result<Arc<dyn Shop>, Vec<Problem>>;

    /// A destination, from the form in which passes pin it.
    ///
    /// # Errors
    /// Every problem of its settings.
    fn destination(&self, pinned: &Value, secrets: &Secrets) -> Result<Arc<Destination>, Vec<Problem>>;
}

/// How much at once, and how often.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Passes at work in the whole host.
    pub total: usize,
    /// Passes at work for one connection.
    pub per_connection: usize,
    /// Lease of a claimed pass (lifecycle section 4).
    pub lease: Duration,
    /// How often leases are renewed.
    pub renew_every: Duration,
    /// A send begins only if more than this is left of the lease.
    pub lease_margin: Duration,
    /// How often the ledger is asked whether an administrator changed something.
    pub notice_every: Duration,
    /// How long failures are gathered into one mail.
    pub gather_mails: Duration,
    /// Between two signs of life to a shop.
    pub heartbeat_every: Duration,
    /// How long bodies are kept after a pass closed.
    pub keep_bodies: Duration,
    /// Calls in a row that may fail by the plugin's own fault before its release is put into quarantine; 0 = any number.
    pub quarantine_after: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            total: 64,
            per_connection: 8,
            lease: Duration::from_secs(30),
            renew_every: Duration::from_secs(10),
            lease_margin: Duration::from_secs(5),
            notice_every: Duration::from_millis(250),
            gather_mails: Duration::from_secs(10),
            heartbeat_every: Duration::from_secs(60),
            keep_bodies: Duration::from_secs(15 * 86_400),
            quarantine_after: 5,
        }
    }
}

/// Everything the pipeline works with.
pub struct Parts {
    /// This host.
    pub host: HostId,
    /// What people call it.
    pub host_name: String,
    /// Time: the ledger's, as far as this host knows it.
    pub clock: Arc<dyn Clock>,
    /// What schedules go by: where the ledger's time follows a clock that was set only slowly, the clock on the wall.
    pub calendar: Arc<dyn Clock>,
    /// Randomness: tokens.
    pub random: Arc<dyn Random>,
    /// All state.
    pub ledger: Arc<dyn Ledger>,
    /// Plugins.
    pub mapper: Arc<dyn Mapper>,
    /// Mail; none sends none.
    pub mailer: Option<Arc<dyn Mailer>>,
    /// Sender of mails where a connection names none.
    pub mail_from: String,
    /// Shops and destinations.
    pub opener: Arc<dyn Opener>,
    /// How destinations are, as far as this host knows.
    pub destinations: Arc<Known>,
    /// Secrets at rest.
    pub sealer: Arc<Sealer>,
    /// What is counted for whoever watches.
    pub metrics: Arc<Metrics>,
    /// How much at once.
    pub pace: Pace,
}

impl Parts {
    /// Whether a release can be asked whether the ERP has an order. Read when somebody wants to know: one row, beside a
    /// call to the ERP, whereas a host may have thousands of releases.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn can_look_up(&self, release: &Digest) -> Result<bool, LedgerError> {
        let known = self.ledger.release_record(release).await?;
        Ok(known.is_some_and(|release| release.description.purposes.contains(&Purpose::LookUp)))
    }
}

/// A duration in the ledger's unit.
#[must_use]
pub fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// How long to wait before a shop or a mail server that did not take something is tried again.
#[must_use]
pub fn back_off(tries: u32, seed: &str, at_least: Option<Duration>) -> Duration {
    wait(&Backoff { first_ms: 10_000, longest_ms: 3_600_000 }, tries, seed, at_least)
}

/// A rule's wait after `tries` earlier failures; `seed` names what is tried.
#[must_use]
pub fn wait(rule: &Backoff, tries: u32, seed: &str, at_least: Option<Duration>) -> Duration {
    let digest = Sha256::digest(seed);
    let seed = digest.first_chunk::<8>().map_or(0, |eight| u64::from_be_bytes(*eight));
    let wait_ms = rule.wait_ms(tries.saturating_add(1), seed, at_least.map(millis));
    Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))
}
