//! Mapping: other field names, odd values, actors.

use super::*;
use crate::shop::json::whole;

fn read(json: &str, settings: &Settings) -> Sight {
    sight(&whole(json.as_bytes()).unwrap(), settings).unwrap()
}

const SMALL: &str = r#"{"id":7,"status":"New Order","currency":"aud","total":"12.90","tax":1.17,"created_at":1795310358,"lines":[
    {"sku":"A","quantity":2,"price":5.865}],"shipping_amount":"0.00","discount":"1.50","customer":{"id":"","company":"Müller & Søn <Ltd>"},
    "shipping_address":{"country":"Germany","address1":"1 High St\u000bUnit 4","address2":""},"billing_address":[]}"#;

#[test]
fn a_small_order_is_read_as_it_stands() {
    let sight = read(SMALL, &Settings::default());
    let order = sight.order.unwrap();
    assert_eq!((sight.order_number.as_str(), sight.placed_ms), ("7", Some(1_795_310_358_000)));
    assert_eq!(
        (order.currency.as_str(), order.totals.gross.as_str(), order.totals.tax.unwrap().as_str().to_owned()),
        ("AUD", "12.90", "1.17".to_owned())
    );
    assert_eq!(order.lines[0].unit_price_net.as_ref().unwrap().as_str(), "5.865");
    assert_eq!(order.lines[0].id, "line-1");
    // Free delivery without a method is no line; the order's reduction is one.
    assert_eq!(order.lines.len(), 2);
    assert_eq!(
        (order.lines[1].kind, order.lines[1].total_net.as_ref().unwrap().as_str()),
        (LineKind::Discount, "-1.50")
    );
    let address = &order.delivery_addresses[0];
    assert_eq!((address.country.as_str(), address.extra[0].1.as_str()), ("", "Germany"));
    assert_eq!(address.street, ["1 High St\u{b}Unit 4"]);
    assert!(order.billing_address.is_none());
    assert_eq!((order.buyer.company.as_str(), order.buyer.customer_id), ("Müller & Søn <Ltd>", None));
    assert_eq!(order.raw_json, SMALL);
    assert_eq!((sight.creator, sight.processed_stamp), (None, Some(false)));
}

#[test]
fn field_names_are_settings() {
    let mut settings = Settings::default();
    settings.fields.lines = "cart.items".to_owned();
    settings.fields.line.sku = "product.code".to_owned();
    settings.fields.total = "totals.0.amount".to_owned();
    settings.fields.default_currency = "NZD".to_owned();
    settings.fields.status = String::new();
    settings.status_ids.insert("New Order".to_owned(), "1".to_owned());
    let sight = read(
        r#"{"id":"x1","status_id":1,"created_at":"2026-11-22T01:19:18+00:00","totals":[{"amount":5}],"cart":{"items":[{"product":{"code":"A"},"quantity":"1"}]}}"#,
        &settings,
    );
    let order = sight.order.unwrap();
    assert_eq!(
        (sight.status.as_str(), order.currency.as_str(), order.totals.gross.as_str()),
        ("New Order", "NZD", "5")
    );
    assert_eq!(order.lines[0].sku.as_deref(), Some("A"));
}

#[test]
fn actors_are_told_apart() {
    let mut settings = Settings::default();
    settings.actors.our_user_id = "77".to_owned();
    let who = |kind: &str, id: &str| {
        let json = format!(r#"{{"id":1,"status_user_type":"{kind}","status_user_id":{id}}}"#);
        read(&json, &settings).status_actor
    };
    assert_eq!(who("API", "5"), Some(Actor::ApiUser));
    assert_eq!(who("api", "77"), Some(Actor::Us));
    assert_eq!(who("admin", "5"), Some(Actor::Staff));
    assert_eq!(who("storefront", "5"), Some(Actor::Buyer));
    assert_eq!(who("robot", "5"), None);
}

#[test]
fn a_stamp_is_a_stamp_in_every_form() {
    let stamped = |value: &str| {
        read(&format!(r#"{{"id":1,"backoffice_processed_at":{value}}}"#), &Settings::default()).processed_stamp
    };
    for value in ["1795310358", "\"2026-11-22 01:19:18\"", "true"] {
        assert_eq!(stamped(value), Some(true), "{value}");
    }
    for value in ["null", "\"\"", "0", "false"] {
        assert_eq!(stamped(value), Some(false), "{value}");
    }
    let mut none = Settings::default();
    none.fields.processed_stamp = String::new();
    assert_eq!(read(r#"{"id":1}"#, &none).processed_stamp, None);
}

#[test]
fn an_order_without_anything_tells_all_that_is_missing() {
    let problems = read(r#"{"id":1}"#, &Settings::default()).order.unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["created_at", "total", "lines", "currency"]);
    assert!(sight(&whole(b"{}").unwrap(), &Settings::default()).is_none());
    assert!(sight(&whole(b"[]").unwrap(), &Settings::default()).is_none());
}

proptest::proptest! {
    #[test]
    fn no_damage_makes_the_reader_stop(at in 0..SMALL.len(), cut in 0_usize..30, with in "[\\[\\]{}\",:0-9a-z-]{0,6}") {
        let mut bytes = SMALL.as_bytes().to_vec();
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, with.into_bytes());
        if let Ok(raw) = whole(&bytes) {
            sight(&raw, &Settings::default());
        }
    }
}
