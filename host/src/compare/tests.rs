//! Changes as people would call them, and properties that hold for any content.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::delivery::{Header, SecretEncoding};

fn body(before: &str, after: &str) -> Vec<(String, Kind)> {
    bodies("", before.as_bytes(), after.as_bytes()).into_iter().map(|it| (it.place, it.kind)).collect()
}

fn one(place: &str, kind: Kind) -> Vec<(String, Kind)> {
    vec![(place.to_owned(), kind)]
}

#[test]
fn numbers_are_told_apart_by_what_became_of_them() {
    for (before, after, kind) in [
        ("12.50", "12.5", Kind::ZerosDropped),
        ("12", "12.00", Kind::ZerosAdded),
        ("100", "1000", Kind::NumberChanged),
        ("007", "7", Kind::NumberRewritten),
        ("12.345", "12.35", Kind::Rounded),
        ("12.345", "12.34", Kind::Rounded),
        ("12.345", "12.3", Kind::Rounded),
        ("12.345", "12.36", Kind::NumberChanged),
        ("-1", "1", Kind::NumberChanged),
        ("", "1", Kind::Filled),
        ("1", "", Kind::Emptied),
        ("Main Street 12", "Main Street", Kind::Cut),
        ("Main", "Main Street", Kind::Extended),
        ("Main Street", "main street", Kind::Case),
        ("Main  Street ", "Main Street", Kind::WhiteSpace),
        ("+49 1", "+49 2", Kind::TextChanged),
    ] {
        assert_eq!(leaf::kind(before, after), kind, "{before:?} → {after:?}");
    }
}

#[test]
fn json_is_compared_by_path() {
    let before = r#"{"id":"7","lines":[{"sku":"a","price":1.50},{"sku":"b","price":2.10}]}"#;
    let zeros = r#"{"id":"7","lines":[{"sku":"a","price":1.5},{"sku":"b","price":2.1}]}"#;
    assert_eq!(
        body(before, zeros),
        [one("/lines/*/price", Kind::ZerosDropped), one("/lines/*/price", Kind::ZerosDropped)].concat()
    );
    assert_eq!(body(before, &before.replace("\"7\"", "7")), one("/id", Kind::TypeChanged));
    assert_eq!(body(before, &before.replace("\"id\":\"7\",", "")), one("/id", Kind::Removed));
    assert_eq!(body(before, &before.replace(",\"lines\"", ", \"lines\"")), one("body", Kind::Rewritten));
    let turned = r#"{"id":"7","lines":[{"sku":"b","price":2.10},{"sku":"a","price":1.50}]}"#;
    assert_eq!(body(before, turned), one("/lines/*", Kind::Reordered));
    let longer = r#"{"id":"7","lines":[{"sku":"new","price":3},{"sku":"a","price":1.50},{"sku":"b","price":2.10}]}"#;
    assert_eq!(body(before, longer), one("/lines/*", Kind::Added), "found again behind what was put in");
    let members = r#"{"lines":[{"sku":"a","price":1.50},{"sku":"b","price":2.10}],"id":"7"}"#;
    assert_eq!(body(before, members), one("body", Kind::Reordered));
}

#[test]
fn xml_is_compared_by_element_and_attribute() {
    let before = r#"<?xml version="1.0"?><Order no="1"><Line><P>1.50</P></Line><Line><P>2.00</P></Line><N>A &amp; B</N></Order>"#;
    assert_eq!(body(before, &before.replace("2.00", "2")), one("/Order/Line/*/P", Kind::ZerosDropped));
    assert_eq!(body(before, &before.replace("no=\"1\"", "no=\"2\"")), one("/Order/@no", Kind::NumberChanged));
    assert_eq!(body(before, &before.replace("&amp;", "&#38;")), one("body", Kind::Rewritten));
    assert_eq!(body(before, &before.replace("><", ">\n <")), one("body", Kind::Rewritten), "space between elements");
    assert_eq!(body(before, &before.replace("<N>A &amp; B</N>", "")), one("/Order/N", Kind::Removed));
}

#[test]
fn keystroke_files_are_compared_by_column() {
    let standard = "<KFI_version=1.0><Object_ID=107>\nACME01,,WEB-1,Anna\nMUG,4,12.50,,<F9>\nTEA,2,8.00,,<F9>\n<F9>\n";
    assert_eq!(body(standard, &standard.replace("8.00", "8")), one("/lines/*/field 3", Kind::ZerosDropped));
    assert_eq!(body(standard, &standard.replace("Anna", "ANNA")), one("/header/field 4", Kind::Case));
    assert_eq!(body(standard, &standard.replace("107", "84")), one("/tags", Kind::TextChanged));
    let variable = "<Object_ID=107>,,\n<HEADROW><header>code,ref,<productline>sku,price,<ENDHEADROW>\nA,W-1,MUG,12.50,\nA,W-1,TEA,8.00,\n";
    assert_eq!(
        body(variable, &variable.replace("8.00", "9.00")),
        one("/rows/*/productline.price", Kind::NumberChanged)
    );
    assert_eq!(body(variable, &variable.replace("\n", "\r\n")), one("body", Kind::Rewritten));
    let found = bodies("a.csv", b"sku,price\n\"a,b\",1.0\n", b"sku,price\n\"a,c\",1.0\n");
    assert_eq!((found[0].place.as_str(), found[0].before.as_deref()), ("/rows/*/sku", Some("a,b")));
    assert_eq!(body("one\ntwo\nthree", "one\nthree"), one("/line/*", Kind::Removed));
}

fn delivery(change: impl FnOnce(&mut HttpDelivery)) -> Delivery {
    let bytes = |text: &str| Segment::Bytes(text.as_bytes().to_vec());
    let mut http = HttpDelivery {
        method: "POST".into(),
        path: "orders".into(),
        query: Vec::new(),
        headers: vec![Header { name: "X-Key".into(), value: vec![bytes("a")] }],
        body: vec![bytes("{\"a\":1}")],
        content_type: Some("application/json".into()),
        repeat: Repeat::Never,
        sensitive: false,
    };
    change(&mut http);
    Delivery { content: DeliveryContent::Http(http), state: Vec::new(), notes: vec!["cut".into()] }
}

#[test]
fn everything_of_a_request_is_compared_and_no_secret_is_needed() {
    let before = delivery(|_| {});
    assert_eq!(deliveries(&before, &before), []);
    let secret = Segment::Secret { slot: "key".into(), encode: SecretEncoding::None };
    let after = delivery(|it| {
        it.method = "PUT".into();
        it.query.push(("page".into(), "1".into()));
        it.headers[0].value = vec![secret];
        it.repeat = Repeat::WithKey(60);
        it.body = vec![Segment::Bytes(b"{\"a\":2}".to_vec())];
    });
    let found: Vec<_> = deliveries(&before, &after).into_iter().map(|it| (it.place, it.kind)).collect();
    assert_eq!(
        found,
        [
            one("method", Kind::TextChanged),
            one("repeat", Kind::TextChanged),
            one("query page", Kind::Added),
            one("header x-key", Kind::TextChanged),
            one("/a", Kind::NumberChanged),
        ]
        .concat()
    );
    let cut = delivery(|it| it.body = vec![Segment::Bytes(b"{\"a\"".to_vec()), Segment::Bytes(b":1}".to_vec())]);
    assert_eq!(deliveries(&before, &cut), [], "the same bytes leave");
    let files = DeliveryContent::Files(FileDelivery { files: Vec::new(), trigger: None });
    let found = deliveries(&before, &Delivery { content: files, ..before.clone() });
    assert_eq!(found[0].kind, Kind::DeliveryKind);
}

#[test]
fn groups_count_orders_and_keep_the_first_as_examples() {
    let change = |kind| Change::new("/a", kind, Some("1".into()), Some("2".into()));
    let (mut one, mut other) = (Groups::default(), Groups::default());
    for order in ["1042", "1043"] {
        one.add(order, vec![change(Kind::ZerosDropped), change(Kind::ZerosDropped)]);
    }
    other.add("1041", vec![change(Kind::ZerosDropped), change(Kind::Cut)]);
    one.merge(other);
    let list = one.list();
    assert_eq!((list.len(), list[0].orders, list[0].times, list[0].kind), (2, 3, 5, Kind::ZerosDropped));
    assert_eq!(list[0].examples.iter().map(|it| it.order.as_str()).collect::<Vec<_>>(), ["1041", "1042", "1043"]);
}

/// Any JSON of a few levels.
fn any_leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|it| json!(it)),
        (-1000i64..1000).prop_map(|it| json!(it)),
        "[ a-zäß\"\\\\<&]{0,6}".prop_map(|it| json!(it)),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    any_leaf().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

/// Without lists: of several ways to line two lists up the shortest is taken, and that need not be the same one both ways.
fn any_record() -> impl Strategy<Value = Value> {
    any_leaf().prop_recursive(3, 24, 4, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..4).prop_map(|it| Value::Object(it.into_iter().collect()))
    })
}

fn mirrored(kind: Kind) -> Kind {
    match kind {
        Kind::Added => Kind::Removed,
        Kind::Removed => Kind::Added,
        other => other,
    }
}

proptest! {
    #[test]
    fn equal_bytes_have_no_changes_and_other_bytes_have_some(one in any_json(), other in any_json()) {
        let (one, other) = (one.to_string(), other.to_string());
        prop_assert!(bodies("", one.as_bytes(), one.as_bytes()).is_empty());
        prop_assert_eq!(bodies("", one.as_bytes(), other.as_bytes()).is_empty(), one == other);
    }

    #[test]
    fn what_is_added_one_way_is_removed_the_other(one in any_record(), other in any_record()) {
        let count = |changes: &[Change], kind: Kind| changes.iter().filter(|it| it.kind == kind).count();
        let (there, back) = (values("", &one, &other), values("", &other, &one));
        prop_assert_eq!(there.len(), back.len());
        for kind in [Kind::Added, Kind::Removed, Kind::TypeChanged, Kind::Reordered, Kind::NumberChanged] {
            prop_assert_eq!(count(&there, kind), count(&back, mirrored(kind)));
        }
    }

    #[test]
    fn how_json_is_laid_out_is_no_change_of_content(one in any_json()) {
        let (small, large) = (one.to_string(), serde_json::to_string_pretty(&one).unwrap());
        let found = bodies("", small.as_bytes(), large.as_bytes());
        prop_assert!(found.iter().all(|it| it.kind == Kind::Rewritten), "{:?}", found);
    }

    #[test]
    fn no_bytes_are_too_strange(
        one in prop::collection::vec(any::<u8>(), 0..60),
        other in prop::collection::vec(any::<u8>(), 0..60),
        head in prop_oneof![Just(""), Just("<a>"), Just("{"), Just("<Object_ID=1>\n"), Just("<HEADROW><header>a,<"), Just("[\"")],
        name in prop_oneof![Just(""), Just("a.kfi"), Just("a.csv")],
    ) {
        let (one, other) = ([head.as_bytes(), &one].concat(), [head.as_bytes(), &other].concat());
        prop_assert_eq!(bodies(name, &one, &other).is_empty(), one == other);
    }

    #[test]
    fn a_list_finds_its_elements_again(kept in prop::collection::vec(0u8..9, 0..12), at in any::<prop::sample::Index>()) {
        let mut longer = kept.clone();
        longer.insert(at.index(kept.len() + 1), 42);
        let pairs = list::pair(&kept, &longer);
        prop_assert_eq!(pairs.iter().filter(|(old, new)| old.is_none() && new.is_some()).count(), 1);
        prop_assert!(pairs.iter().all(|(old, new)| match (old, new) {
            (Some(old), Some(new)) => kept[*old] == longer[*new],
            (None, Some(new)) => longer[*new] == 42,
            _ => false,
        }), "{:?}", pairs);
    }
}
