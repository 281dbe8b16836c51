//! Makes real shops and destinations of what the ledger has: the only place that chooses an adapter.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::{
    parts::{Opener, Secrets},
    push::PushShop,
};
use crate::{
    config::{ConnectionSettings, DestinationKind},
    destination::Destination,
    domain::{
        clock::{Clock, Millis},
        id::Digest,
        policy::{PaymentRule, StatusMap, TakePolicy},
        problem::Problem,
    },
    ledger::{Ledger, connections::ConnectionRecord},
    plugin::Source,
    shop::{Abilities, Shop, ShopSettings, StatusDefaults},
};

/// Opens the real ones.
pub struct RealOpener {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where pushed orders lie.
    pub ledger: Arc<dyn Ledger>,
}

impl Opener for RealOpener {
    fn shop(
        &self,
        record: &ConnectionRecord,
        settings: &ConnectionSettings,
        secrets: &Secrets,
    ) -> Result<Arc<dyn Shop>, Vec<Problem>> {
        let shop = shop_settings(settings)?;
        if let ShopSettings::Push(_) = shop {
            return Ok(Arc::new(PushShop {
                ledger: Arc::clone(&self.ledger),
                connection: record.id.clone(),
                shop: record.shop_id.clone(),
            }));
        }
        shop.open(&of_room(secrets, "shop."), Arc::clone(&self.clock))
    }

    fn destination(&self, pinned: &Value, secrets: &Secrets) -> Result<Arc<Destination>, Vec<Problem>> {
        Destination::open(pinned, secrets).map(Arc::new)
    }
}

/// Releases out of the ledger, for a machine that never had them.
pub struct LedgerReleases(pub Arc<dyn Ledger>);

#[async_trait]
impl Source for LedgerReleases {
    async fn component(&self, release: &Digest) -> Result<Option<Vec<u8>>, String> {
        self.0.release_bytes(release).await.map_err(|error| error.to_string())
    }
}

/// The shop's settings, as its room reads them.
///
/// # Errors
/// Everything that is wrong with them; places begin with `shop`.
pub fn shop_settings(settings: &ConnectionSettings) -> Result<ShopSettings, Vec<Problem>> {
    let mut table = settings.shop.settings.value.clone();
    table.insert("kind".to_owned(), settings.shop.kind.clone().into());
    for (name, value) in [("base_address", &settings.shop.base_address), ("account", &settings.shop.account)] {
        if !value.is_empty() {
            table.insert(name.to_owned(), value.clone().into());
        }
    }
    ShopSettings::read(table)
}

/// The slots of one room, without the room's name in front.
pub fn of_room(secrets: &Secrets, room: &str) -> Secrets {
    secrets
        .iter()
        .filter_map(|(slot, value)| slot.strip_prefix(room).map(|slot| (slot.to_owned(), value.clone())))
        .collect()
}

/// What deliveries may name: the destination's and the plugin's slots.
pub fn for_deliveries(secrets: &Secrets) -> Secrets {
    let mut all = of_room(secrets, "plugin.");
    all.extend(of_room(secrets, "destination."));
    all
}

/// The form in which passes pin a destination.
pub fn pinned_destination(settings: &ConnectionSettings) -> Value {
    let mut table: Map<String, Value> = settings.destination.settings.value.clone();
    match settings.destination.kind {
        DestinationKind::Http => {
            table.insert("kind".to_owned(), json!("http"));
            table.insert("trusts_503".to_owned(), settings.retry.trusts_503.into());
            table.insert("settling_s".to_owned(), settings.unknown.settling.seconds().into());
        }
        DestinationKind::Folder => {
            table.insert("kind".to_owned(), json!("folder"));
            table.insert("answers".to_owned(), json!(settings.destination.answer_folders));
        }
    }
    Value::Object(table)
}

/// What a connection takes, with the shop's own defaults where it says nothing.
pub fn take_policy(
    settings: &ConnectionSettings,
    defaults: StatusDefaults,
    take_from_ms: Millis,
    abilities: Abilities,
) -> TakePolicy {
    let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let given = settings.status.clone().unwrap_or_default();
    let success = given.success.or(defaults.success.map(str::to_owned)).filter(|_| abilities.set_status);
    let failure = given.failure.or(defaults.failure.map(str::to_owned)).filter(|_| abilities.set_status);
    let new = if given.new.is_empty() { own(defaults.new) } else { given.new };
    let ignored = if given.ignored.is_empty() { own(defaults.ignored) } else { given.ignored };
    let skip_api_users = match settings.take.api_users {
        Some(crate::config::ApiUserRule::Skip) => true,
        Some(crate::config::ApiUserRule::Take) => false,
        None => settings.shop.kind == "evolutionx",
    };
    TakePolicy {
        status: StatusMap { new, success, failure, ignored: ignored.into_iter().collect() },
        payment: match settings.take.payment {
            crate::config::PaymentRule::Paid => PaymentRule::Paid,
            crate::config::PaymentRule::Any => PaymentRule::Any,
        },
        take_from_ms,
        skip_api_users,
        shipped: settings.take.shipped,
        has_stamp: abilities.mark_processed,
        names_actors: abilities.names_actors,
        share: settings.take.share,
        shop_reset_confirms: settings.unknown.shop_reset_confirms,
        read_lag_ms: Millis::from(abilities.read_lag_s).saturating_mul(1000),
    }
}
