//! Which Attaché customer an order belongs to.

use orderdock_plugin::{Order, Part, Place, Rejection, tables};

use crate::settings::Settings;
use crate::texts::Texts;

/// The look-up table asked for buyers without an account code.
pub const TABLE: &str = "customers";

/// The customer code: the buyer's account code, else by customer id or e-mail address from the look-up table, else the
/// default customer.
///
/// # Errors
/// When none of them gives a code, or the code can't be written.
pub fn code(order: &Order, settings: &Settings, texts: &mut Texts<'_>, field: &str) -> Result<String, Rejection> {
    let buyer = &order.buyer;
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    if let Some(code) = given(&buyer.account_code) {
        return texts.code(field, Place::new(Part::Buyer, "account_code"), &code);
    }
    let email = buyer.email.trim().to_lowercase();
    let keys: Vec<String> = given(&buyer.customer_id).into_iter().chain((!email.is_empty()).then_some(email)).collect();
    for key in &keys {
        if let Some(code) = tables::find(TABLE, key) {
            return texts.known_code(field, &format!("look-up table `{TABLE}`, entry `{key}`"), &code);
        }
    }
    if let Some(code) = &settings.default_customer {
        return texts.known_code(field, "setting `default_customer`", code);
    }
    let tried = match keys.as_slice() {
        [] => "the order names no customer id and no e-mail address".to_owned(),
        keys => format!("look-up table `{TABLE}` has no entry for {}", keys.join(" or ")),
    };
    Err(Rejection::data(format!(
        "no Attaché customer code: the buyer has no account code in the shop, {tried}, and no `default_customer` is set"
    ))
    .field("buyer.account_code"))
}
