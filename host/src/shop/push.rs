//! The `push` shop: any system sends its orders as canonical JSON. There is nothing to poll; this file reads and checks
//! what was sent, and the ledger is the shop.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{
    Order,
    collect::{Read, read_all},
    problem::Problem,
    sight::Sight,
};

/// The kind's name in settings, and the order's `source` where the sender names none.
pub const KIND: &str = "push";
/// The status of an order whose sender names none.
pub const NEW: &str = "new";
/// The status by which a sender cancels.
pub const CANCELLED: &str = "cancelled";

/// Settings of a push shop. The bearer token that senders use is the secret `token`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Name of the sending system. Connections with the same one take orders of the same shop; without it, each connection is
    /// a shop of its own.
    pub account: String,
}

/// Reads a pushed order. `id` is the shop order id of the address; the body may repeat it.
///
/// # Errors
/// Everything that is wrong, each with its field path.
pub fn read_pushed(id: &str, body: &[u8]) -> Result<Order, Vec<Problem>> {
    let mut from: Value = serde_json::from_slice(body).map_err(|error| {
        vec![
            Problem::new("", format!("the body is not JSON: {error}")).hint("send one order as a JSON object in UTF-8"),
        ]
    })?;
    let Some(fields) = from.as_object_mut() else {
        return Err(vec![Problem::new("", "the body is not a JSON object, expected one order")]);
    };
    fields.entry("shop_order_id").or_insert_with(|| id.into());
    let Read { value, mut problems } = read_all::<Order>(from, "");
    let Some(mut order) = value else { return Err(problems) };
    let told: BTreeSet<String> = problems.iter().map(|problem| problem.place.clone()).collect();
    problems.extend(meaning(id, &order).into_iter().filter(|problem| !told.contains(&problem.place)));
    if !problems.is_empty() {
        return Err(problems);
    }
    if order.source.is_empty() {
        KIND.clone_into(&mut order.source);
    }
    if order.status.is_empty() {
        NEW.clone_into(&mut order.status);
    }
    Ok(order)
}

/// What the types can't say.
fn meaning(id: &str, order: &Order) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |place: String, message: String| problems.push(Problem::new(place, message));
    if order.shop_order_id != id {
        say("shop_order_id".into(), format!("is `{}`, the address says `{}`", short(&order.shop_order_id), short(id)));
    }
    if order.order_number.trim().is_empty() {
        say("order_number".into(), "is empty".into());
    }
    if !(order.currency.len() == 3 && order.currency.bytes().all(|byte| byte.is_ascii_uppercase())) {
        say(
            "currency".into(),
            format!("`{}` is not a currency code: expected three capital letters as in `EUR`", short(&order.currency)),
        );
    }
    let addresses = order.billing_address.iter().map(|address| ("billing_address".to_owned(), address));
    let deliveries = order
        .delivery_addresses
        .iter()
        .enumerate()
        .map(|(index, address)| (format!("delivery_addresses[{index}]"), address));
    for (place, address) in addresses.chain(deliveries) {
        let country = &address.country;
        if !(country.is_empty() || country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase())) {
            say(
                format!("{place}.country"),
                format!("`{}` is not a country code: expected two capital letters as in `DE`", short(country)),
            );
        }
    }
    let mut ids = BTreeSet::new();
    for (index, line) in order.lines.iter().enumerate() {
        let place = format!("lines[{index}]");
        if line.id.is_empty() {
            say(format!("{place}.id"), "is empty".into());
        } else if !ids.insert(&line.id) {
            say(format!("{place}.id"), format!("`{}` is the id of an earlier line too", short(&line.id)));
        }
        let within = |index: Option<u32>, count: usize| {
            index.is_none_or(|index| usize::try_from(index).is_ok_and(|index| index < count))
        };
        if !within(line.parent, order.lines.len()) {
            say(format!("{place}.parent"), format!("there are only {} lines", order.lines.len()));
        }
        if !within(line.delivery_address, order.delivery_addresses.len()) {
            say(
                format!("{place}.delivery_address"),
                format!("there are only {} delivery addresses", order.delivery_addresses.len()),
            );
        }
    }
    problems
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// A pushed order as a sight.
#[must_use]
pub fn sight(order: Order) -> Sight {
    let millis = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    Sight {
        shop_order_id: order.shop_order_id.clone(),
        order_number: order.order_number.clone(),
        status: order.status.clone(),
        placed_ms: millis(order.placed_at.as_str()),
        modified_ms: order.modified_at.as_ref().and_then(|at| millis(at.as_str())),
        processed_stamp: None,
        shipped: false,
        cancelled: order.status == CANCELLED,
        creator: None,
        status_actor: None,
        order: Ok(Box::new(order)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"order_number":"W-1","placed_at":"2026-11-22T01:19:18Z","currency":"EUR",
        "lines":[{"id":"1","sku":"A","quantity":"2"}],"totals":{"gross":"30.98"}}"#;

    #[test]
    fn a_small_order_is_enough() {
        let order = read_pushed("7", GOOD.as_bytes()).unwrap();
        assert_eq!((order.shop_order_id.as_str(), order.source.as_str(), order.status.as_str()), ("7", "push", "new"));
        let sight = sight(order);
        assert_eq!(sight.placed_ms, Some(1_795_310_358_000));
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let bad = r#"{"shop_order_id":"8","order_number":"","placed_at":"yesterday","currency":"euro","colour":1,
            "delivery_addresses":[{"country":"Germany","streeet":["x"]}],
            "lines":[{"id":"1","quantity":2,"parent":9},{"id":"1","quantity":"2","total_net":"1e5"},{"quantity":"1"}],
            "totals":{"net":"123456789012345678901234567890"}}"#;
        let problems = read_pushed("7", bad.as_bytes()).unwrap_err();
        let mut places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "colour",
                "currency",
                "delivery_addresses[0].country",
                "delivery_addresses[0].streeet",
                "lines[0].parent",
                "lines[0].quantity",
                "lines[1].id",
                "lines[1].total_net",
                "lines[2].id",
                "order_number",
                "placed_at",
                "shop_order_id",
                "totals.gross",
                "totals.net"
            ]
        );
    }

    #[test]
    fn what_is_no_order_is_refused_with_its_place() {
        for (bad, words) in [
            ("", "not JSON"),
            ("[1]", "not a JSON object"),
            ("{\"a\":", "not JSON"),
            (r#"{"order_number":"\ud800"}"#, "not JSON"),
        ] {
            let problems = read_pushed("7", bad.as_bytes()).unwrap_err();
            assert!(problems[0].message.contains(words), "{bad}: {}", problems[0]);
        }
        assert!(read_pushed("7", "[".repeat(10_000).as_bytes()).is_err());
    }
}
