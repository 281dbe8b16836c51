//! Settings of a shop of any kind, and how an adapter is opened.

use std::{collections::BTreeMap, sync::Arc};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Shop, evolutionx, push, woocommerce};
use crate::domain::{
    clock::Clock,
    collect::{Read, read_all},
    problem::Problem,
};

/// Settings of one shop: the key `kind` and the kind's own keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ShopSettings {
    /// EvolutionX.
    Evolutionx(Box<evolutionx::Settings>),
    /// WooCommerce.
    Woocommerce(Box<woocommerce::Settings>),
    /// Orders are pushed to us.
    Push(push::Settings),
}

/// What makes two shops the same shop (lifecycle section 2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShopIdentity {
    /// Kind.
    pub kind: String,
    /// Base address in its normal form; empty for push.
    pub address: String,
    /// Account; of push without one, the connection's name.
    pub account: String,
}

/// Which statuses mean what, until a connection says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusDefaults {
    /// Taken.
    pub new: &'static [&'static str],
    /// Set when the ERP has the order; none where the shop's status can't be written.
    pub success: Option<&'static str>,
    /// Set when the order needs a person.
    pub failure: Option<&'static str>,
    /// Known, and deliberately not taken.
    pub ignored: &'static [&'static str],
}

/// The vendor's Order Processing App uses these three.
const EVOLUTIONX: StatusDefaults = StatusDefaults {
    new: &["New Order"],
    success: Some("In Progress"),
    failure: Some("On Hold"),
    ignored: &["Shipped", "Completed", "Cancelled"],
};

/// `processing` is WooCommerce's word for "ready to be fulfilled". Success and failure are statuses of Orderdock's own,
/// which the shop registers with a few lines (they stand in the example of the settings): `completed` would mail
/// "your order is complete" to the buyer and count as sent out, `on-hold` would mail "waiting for payment", and payment
/// gateways move orders into and out of it. `check` says when the shop lacks them, and names the statuses it has. Names are
/// at most 17 characters, because WordPress stores `wc-` and the name in 20.
const WOOCOMMERCE: StatusDefaults = StatusDefaults {
    new: &["processing"],
    success: Some("erp-delivered"),
    failure: Some("erp-failed"),
    ignored: &[
        "pending",
        "on-hold",
        "completed",
        "cancelled",
        "refunded",
        "failed",
        "checkout-draft",
        "auto-draft",
        "trash",
    ],
};

/// A pushing system has no status of ours to write: it asks for the state.
const PUSH: StatusDefaults =
    StatusDefaults { new: &[push::NEW], success: None, failure: None, ignored: &[push::CANCELLED] };

impl ShopSettings {
    /// Reads the table `shop` of a connection.
    ///
    /// # Errors
    /// Everything that is wrong, with places that begin with `shop`.
    pub fn read(table: impl Serialize) -> Result<Self, Vec<Problem>> {
        let mut table = serde_json::to_value(table).map_err(|error| vec![Problem::new("shop", error.to_string())])?;
        let kinds = "expected `evolutionx`, `woocommerce` or `push`";
        let Some(fields) = table.as_object_mut() else {
            return Err(vec![Problem::new("shop", "is not a table")]);
        };
        let kind = match fields.remove("kind") {
            Some(Value::String(kind)) => kind,
            Some(_) => return Err(vec![Problem::new("shop.kind", format!("is not a text, {kinds}"))]),
            None => return Err(vec![Problem::new("shop.kind", format!("is missing, {kinds}"))]),
        };
        match kind.as_str() {
            evolutionx::KIND => finish(read_all(table, "shop")).map(|settings| Self::Evolutionx(Box::new(settings))),
            woocommerce::KIND => finish(read_all(table, "shop")).map(|settings| Self::Woocommerce(Box::new(settings))),
            push::KIND => finish(read_all(table, "shop")).map(Self::Push),
            other => Err(vec![Problem::new("shop.kind", format!("`{other}` is not a kind of shop, {kinds}"))]),
        }
    }

    /// The kind's name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Evolutionx(_) => evolutionx::KIND,
            Self::Woocommerce(_) => woocommerce::KIND,
            Self::Push(_) => push::KIND,
        }
    }

    /// What makes it this shop and no other. Whoever pushes has no address, and two of them may number their orders alike:
    /// where no account tells, each connection of this kind is a shop of its own.
    #[must_use]
    pub fn identity(&self, connection: &str) -> ShopIdentity {
        let (address, account) = match self {
            Self::Evolutionx(settings) => (settings.address(), settings.account.as_str()),
            Self::Woocommerce(settings) => (settings.base_address.as_str(), settings.account.as_str()),
            Self::Push(settings) if settings.account.is_empty() => {
                // In the address's place: no account that somebody chooses can be the same.
                let (kind, address) = (self.kind().to_owned(), format!("connection {connection}"));
                return ShopIdentity { kind, address, account: String::new() };
            }
            Self::Push(settings) => ("", settings.account.as_str()),
        };
        // Host names are case-blind and a final slash means nothing.
        let address = url::Url::parse(address).map_or_else(|_| address.to_owned(), |url| url.to_string());
        ShopIdentity {
            kind: self.kind().to_owned(),
            address: address.trim_end_matches('/').to_owned(),
            account: account.to_owned(),
        }
    }

    /// The secrets that this kind needs: slot and what it is.
    #[must_use]
    pub fn secret_slots(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Evolutionx(_) => &[("token", "API token, sent as `Authorization: Bearer …`")],
            Self::Woocommerce(_) => &[
                ("consumer_key", "consumer key of the REST API, `ck_…`"),
                ("consumer_secret", "its secret, `cs_…`; read and write access"),
            ],
            Self::Push(_) => &[("token", "bearer token that the sending system must show")],
        }
    }

    /// Which statuses mean what by default.
    #[must_use]
    pub fn status_defaults(&self) -> StatusDefaults {
        match self {
            Self::Evolutionx(_) => EVOLUTIONX,
            Self::Woocommerce(_) => WOOCOMMERCE,
            Self::Push(_) => PUSH,
        }
    }

    /// Opens the adapter. Nothing is sent yet.
    ///
    /// # Errors
    /// Everything that is wrong with settings and secrets. A push shop has no adapter: its orders are in the ledger.
    pub fn open(
        &self,
        secrets: &BTreeMap<String, SecretString>,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<dyn Shop>, Vec<Problem>> {
        let mut problems = Vec::new();
        let nothing = SecretString::from(String::new());
        for (slot, what) in self.secret_slots() {
            if !secrets.contains_key(*slot) {
                problems.push(Problem::new(format!("shop.secrets.{slot}"), format!("is missing: {what}")));
            }
        }
        let secret = |slot: &str| secrets.get(slot).unwrap_or(&nothing);
        let opened: Result<Arc<dyn Shop>, Vec<Problem>> = match self {
            Self::Evolutionx(settings) => evolutionx::EvolutionX::open((**settings).clone(), secret("token"), clock)
                .map(|shop| Arc::new(shop) as Arc<dyn Shop>),
            Self::Woocommerce(settings) => {
                let (key, pass) = (secret("consumer_key"), secret("consumer_secret"));
                woocommerce::WooCommerce::open((**settings).clone(), key, pass, clock)
                    .map(|shop| Arc::new(shop) as Arc<dyn Shop>)
            }
            Self::Push(_) => {
                Err(vec![Problem::new("shop.kind", "`push` has nothing to open: its orders are in the ledger")])
            }
        };
        match opened {
            Ok(shop) if problems.is_empty() => Ok(shop),
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }
}

/// A commented example of the table `shop` for a kind, for `config example`.
#[must_use]
pub fn example(kind: &str) -> Option<String> {
    let text = bare_example(kind)?;
    let nested = text.lines().map(|line| match line.strip_prefix('[') {
        Some(rest) => format!("[shop.{rest}\n"),
        None => format!("{line}\n"),
    });
    Some(std::iter::once("[shop]\n".to_owned()).chain(nested).collect())
}

fn bare_example(kind: &str) -> Option<&'static str> {
    match kind {
        evolutionx::KIND => Some(include_str!("evolutionx/example.toml")),
        woocommerce::KIND => Some(include_str!("woocommerce/example.toml")),
        push::KIND => Some(include_str!("push-example.toml")),
        _ => None,
    }
}

fn finish<T>(read: Read<T>) -> Result<T, Vec<Problem>> {
    match read.value {
        Some(value) if read.problems.is_empty() => Ok(value),
        _ => Err(read.problems),
    }
}

#[cfg(test)]
mod tests;
