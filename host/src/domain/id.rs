//! Names of things. All ids are text, so that both databases keep them alike.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    };
}

text_id! {
    /// Generated id of a connection; its name may change, this does not.
    ConnectionId
}
text_id! {
    /// Generated id of a shop: one (kind, base address, account).
    ShopId
}
text_id! {
    /// A worker's proof that it holds a pass. A new one for every claim.
    LeaseToken
}
text_id! {
    /// Proof that an answer belongs to one attempt; stays good after the lease is gone.
    AttemptToken
}
text_id! {
    /// One running host process.
    HostId
}
text_id! {
    /// sha256 of a release's bytes, in lower-case hex: what a release is known by.
    Digest
}

/// An order as the ledger keys it. Connection first, so that tables can be distributed by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Whose.
    pub connection: ConnectionId,
    /// From which shop.
    pub shop: ShopId,
    /// The shop's own key of the order.
    pub shop_order_id: String,
}

/// One journey of an order through the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PassKey {
    /// Which order.
    pub order: OrderKey,
    /// Which journey, from 1.
    pub pass: u32,
}

impl PassKey {
    /// A key that the same pass gets again even if the database was restored: an ERP that honours it sees the repeat.
    #[must_use]
    pub fn first_idempotency_key(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.order.connection.as_str(), self.order.shop.as_str(), &self.order.shop_order_id] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        hash.update(self.pass.to_be_bytes());
        let digest = hex::encode(hash.finalize());
        digest.get(..32).unwrap_or(&digest).to_owned()
    }
}
