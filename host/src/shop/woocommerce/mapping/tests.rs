//! Mapping: prices, taxes, payment, metadata, and what is wrong.

use super::*;
use crate::shop::json::whole;

fn read(json: &str) -> Sight {
    sight(&whole(json.as_bytes()).unwrap(), &Settings::default()).unwrap()
}

fn with(fields: &str) -> String {
    let head = r#""id":11,"number":"A-11","status":"processing","currency":"EUR","total":"30.98","date_created_gmt":"2026-11-22T01:19:18""#;
    format!("{{{head},{fields}}}")
}

fn line(fields: &str) -> Line {
    let json = with(&format!(r#""line_items":[{{"id":1,{fields}}}]"#));
    read(&json).order.unwrap().lines.remove(0)
}

#[test]
fn unit_prices_come_from_exact_totals() {
    let price = |line: &Line| line.unit_price_net.as_ref().map(|price| price.as_str().to_owned());
    // The float that the shop serves is never looked at.
    assert_eq!(
        price(&line(r#""quantity":2,"subtotal":"25.98","total":"25.98","price":12.9900000001"#)).unwrap(),
        "12.99"
    );
    assert_eq!(
        price(&line(r#""quantity":3,"subtotal":"10.00","total":"10.00","price":3.3333333333333335"#)).unwrap(),
        "3.333333"
    );
    assert_eq!(price(&line(r#""quantity":8,"subtotal":"1.00","total":"1.00""#)).unwrap(), "0.125");
    assert_eq!(price(&line(r#""quantity":0,"subtotal":"1.00","total":"1.00""#)), None);
    assert_eq!(price(&line(r#""quantity":-1,"subtotal":"-5.00","total":"-5.00""#)).unwrap(), "5.00");
    assert_eq!(
        price(&line(r#""quantity":1,"subtotal":"9999999999999999999999999999","total":"0""#)).unwrap(),
        "9999999999999999999999999999"
    );
    let reduced = line(r#""quantity":2,"subtotal":"20.00","total":"15.00""#);
    assert_eq!(
        (price(&reduced).unwrap().as_str(), reduced.discount.unwrap().as_str(), reduced.total_net.unwrap().as_str()),
        ("10.00", "5.00", "15.00")
    );
}

#[test]
fn gross_prices_are_given_where_the_shop_has_them() {
    let json = with(
        r#""prices_include_tax":true,"line_items":[{"id":1,"quantity":2,"subtotal":"10.00","subtotal_tax":"1.90","total":"10.00"}]"#,
    );
    let line = read(&json).order.unwrap().lines.remove(0);
    assert_eq!(line.unit_price_gross.unwrap().as_str(), "5.95");
}

#[test]
fn one_tax_has_a_rate_and_two_have_none() {
    let rates = r#""tax_lines":[{"rate_id":1,"rate_percent":19},{"rate_id":2,"rate_percent":7.5}]"#;
    let rate = |taxes: &str| {
        let json = with(&format!(r#"{rates},"line_items":[{{"id":1,"quantity":1,"taxes":[{taxes}]}}]"#));
        read(&json).order.unwrap().lines[0].tax_rate.as_ref().map(|rate| rate.as_str().to_owned())
    };
    assert_eq!(rate(r#"{"id":2,"total":"1.00"}"#).as_deref(), Some("7.5"));
    assert_eq!(rate(r#"{"id":1,"total":""},{"id":2,"total":"1.00"}"#).as_deref(), Some("7.5"));
    assert_eq!(rate(r#"{"id":1,"total":"1.00"},{"id":2,"total":"1.00"}"#), None);
    assert_eq!(rate(""), None);
}

#[test]
fn payment_is_what_the_shop_tells() {
    let state = |fields: &str| read(&with(&format!("{fields},\"line_items\":[]"))).order.unwrap().payment_state;
    assert_eq!(state(r#""date_paid_gmt":"2026-11-22T01:19:18""#), PaymentState::Paid);
    assert_eq!(state(r#""date_paid_gmt":null,"needs_payment":true"#), PaymentState::Unpaid);
    assert_eq!(state(r#""date_paid_gmt":null,"needs_payment":false"#), PaymentState::Unknown);
    assert_eq!(state(r#""date_paid_gmt":"2026-11-22T01:19:18","refunds":[{"id":3}]"#), PaymentState::Refunded);
}

#[test]
fn metadata_is_sorted_into_its_places() {
    let json = with(
        r#""line_items":[{"id":1,"quantity":1,"variation_id":9,"meta_data":[{"key":"pa_colour","display_key":"Colour","value":"blue","display_value":"Blue"},{"key":"_x","value":"1"}]}],
        "coupon_lines":[{"code":"SAVE5"}],
        "meta_data":[{"key":"_erp_order_id","value":"SO-1"},{"key":"_wc_internal","value":"1"},{"key":"po_number","value":"PO 7"},{"key":"gift","value":{"wrap":true}},{"key":"_billing_vat","value":"DE1"}]"#,
    );
    let order = read(&json).order.unwrap();
    assert_eq!(
        order.custom_fields,
        [
            ("po_number".into(), "PO 7".into()),
            ("gift".into(), r#"{"wrap":true}"#.into()),
            ("coupon".to_owned(), "SAVE5".to_owned())
        ]
    );
    assert_eq!((order.buyer_reference.as_str(), order.buyer.tax_number.as_deref()), ("PO 7", Some("DE1")));
    assert_eq!(order.lines[0].options, [("Colour".to_owned(), "Blue".to_owned())]);
    assert_eq!(order.lines[0].extra, [("variation_id".to_owned(), "9".to_owned())]);
}

#[test]
fn everything_wrong_is_told_and_the_head_stays_readable() {
    let sight = read(
        r#"{"id":11,"number":"A-11","status":"processing","currency":"€","total":"123456789012345678901234567890","date_created_gmt":"0000-00-00T00:00:00",
        "billing":"none","line_items":[{"id":1},{"id":2,"quantity":1,"total":"1,50"}]}"#,
    );
    assert_eq!((sight.order_number.as_str(), sight.status.as_str(), sight.placed_ms), ("A-11", "processing", None));
    let places: Vec<_> = sight.order.unwrap_err().into_iter().map(|problem| problem.place).collect();
    assert_eq!(
        places,
        ["date_created_gmt", "total", "billing", "currency", "line_items[0].quantity", "line_items[1].total"]
    );
}

proptest::proptest! {
    #[test]
    fn no_amount_makes_the_reader_stop(quantity in "-?[0-9]{1,30}([.][0-9]{1,10})?", subtotal in "-?[0-9]{1,30}([.][0-9]{1,10})?", tax in ".{0,12}") {
        let tax = serde_json::to_string(&tax).unwrap();
        let json = with(&format!(
            r#""prices_include_tax":true,"line_items":[{{"id":1,"quantity":{quantity:?},"subtotal":"{subtotal}","total":"-{subtotal}","subtotal_tax":{tax},"taxes":[{{"id":1,"total":{tax}}}]}}]"#
        ));
        let sight = read(&json);
        proptest::prop_assert_eq!(sight.shop_order_id.as_str(), "11");
    }
}
