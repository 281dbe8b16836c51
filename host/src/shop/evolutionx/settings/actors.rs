//! Who did something: what the API-user rule needs.

use serde::{Deserialize, Serialize};

/// Who created an order, and who last changed its status: what the API-user rule needs. Where a field is absent the actor
/// is unknown, and the order is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Actors {
    /// Kind of user that created the order. Default `source_user_type` (the name that the vendor's webhooks filter by).
    pub creator_kind: String,
    /// Id of that user. Default `source_user_id`.
    pub creator_id: String,
    /// Kind of user that last set the status. Default `status_user_type`.
    pub status_kind: String,
    /// Id of that user. Default `status_user_id`.
    pub status_id: String,
    /// Id of the API user whose token we have; its changes are our own. Default none.
    pub our_user_id: String,
    /// Words that mean an API user. Default `api`. Compared without case.
    pub api_words: Vec<String>,
    /// Words that mean staff. Default `admin`, `staff`.
    pub staff_words: Vec<String>,
    /// Words that mean a buyer. Default `storefront`, `customer`.
    pub buyer_words: Vec<String>,
}

impl Default for Actors {
    fn default() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            creator_kind: "source_user_type".to_owned(),
            creator_id: "source_user_id".to_owned(),
            status_kind: "status_user_type".to_owned(),
            status_id: "status_user_id".to_owned(),
            our_user_id: String::new(),
            api_words: words(&["api"]),
            staff_words: words(&["admin", "staff"]),
            buyer_words: words(&["storefront", "customer"]),
        }
    }
}
