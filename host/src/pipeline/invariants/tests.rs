//! Deliveries of our own plugins, as their cases have them, and the same with something missing or wrong.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::domain::delivery::{FileDelivery, FileOut, HttpDelivery, Repeat, Segment};

fn case(of: &str) -> PathBuf {
    let (plugin, case) = of.split_once('/').unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(plugin).join("cases").join(case)
}

fn order(of: &str) -> Order {
    serde_json::from_str(&std::fs::read_to_string(case(of).join("order.json")).unwrap()).unwrap()
}

/// The bytes that a case expects, and their file's name.
fn expected(of: &str) -> (String, String) {
    let file = std::fs::read_dir(case(of).join("expected")).unwrap().next().unwrap().unwrap();
    (file.file_name().into_string().unwrap(), std::fs::read_to_string(file.path()).unwrap())
}

fn checks(given: Value) -> Checks {
    let mut all = json!({ "lines_hold": "all", "line_name": "sku", "amounts": "gross", "tolerance": "0.01" });
    all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

fn posted(body: &str) -> Delivery {
    let http = HttpDelivery {
        method: "POST".into(),
        path: "/orders".into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: vec![Segment::Bytes(body.as_bytes().to_vec())],
        content_type: None,
        repeat: Repeat::Never,
        sensitive: false,
    };
    Delivery { content: DeliveryContent::Http(http), state: Vec::new(), notes: Vec::new() }
}

fn written((name, text): (String, String)) -> Delivery {
    let file = FileOut { name, content: vec![Segment::Bytes(text.into_bytes())] };
    let files = FileDelivery { files: vec![file], trigger: None };
    Delivery { content: DeliveryContent::Files(files), state: Vec::new(), notes: Vec::new() }
}

const SETTINGS: &str = r#"{"warehouse":"Nord & Süd","folders":{"out":"x"},"empty":""}"#;

fn found(checks: &Checks, order: &Order, delivery: &Delivery) -> Vec<String> {
    let made = Made { order, settings: SETTINGS, tables: &Tables::new(), first: true };
    broken(checks, made, delivery).iter().map(ToString::to_string).collect()
}

/// What is found in a case's bytes after `from` became `to`; nothing may be found before.
#[track_caller]
fn after(of: &str, checks: &Checks, from: &str, to: &str) -> Vec<String> {
    let (order, (name, text)) = (order(of), expected(of));
    let delivery = |text: String| if name == "body.json" { posted(&text) } else { written((name.clone(), text)) };
    assert_eq!(found(checks, &order, &delivery(text.clone())), [""; 0], "{of} as it is");
    assert!(text.contains(from), "{from:?} is not in {text}");
    found(checks, &order, &delivery(text.replacen(from, to, 1)))
}

#[test]
fn json_of_an_everyday_order() {
    let checks = checks(json!({
        "lines": "/lines/*", "line_key": "sku", "line_quantity": "quantity", "line_total": "total_gross",
        "total": "/totals/gross",
    }));
    let of = "json-post/eight-lines";
    assert_eq!(
        after(of, &checks, "\"sku\":\"POT-12\"", "\"sku\":\"POT-21\""),
        ["`checks.line_key`, line 2 (POT-12, Teapot 1.2 l): expected \"POT-12\" once at `sku`, found it nowhere"]
    );
    let twice = after(of, &checks, "\"sku\":\"POT-12\"", "\"sku\":\"MUG-BLUE\"");
    assert!(twice.len() == 2 && twice[0].contains("line 1") && twice[0].ends_with("found it 2 times"), "{twice:?}");
    assert_eq!(
        after(of, &checks, "\"quantity\":\"6\"", "\"quantity\":6.5"),
        ["`checks.line_quantity`, line 3 (SAUCER, Saucer): expected 6, found 6.5"]
    );
    assert_eq!(
        after(of, &checks, "\"total_gross\":\"29.00\"", "\"total_gross\":29.02"),
        ["`checks.line_total`, line 2 (POT-12, Teapot 1.2 l): expected 29.00 (± 0.01), found 29.02"]
    );
    assert_eq!(
        after(of, &checks, "\"total_gross\":\"29.00\"", "\"total_gross\":29.01"),
        [""; 0],
        "within the tolerance"
    );
    // Shipping is no product: its line is not looked for, and still part of the sum.
    assert_eq!(
        after(of, &checks, "\"total_gross\":\"5.83\"", "\"total_gross\":\"5.80\""),
        ["`checks.line_total`, the sum of all `/lines/*`: expected 169.56 (± 0.01), found 169.53"]
    );
    assert_eq!(
        after(of, &checks, "\"gross\":\"169.56\"", "\"gross\":\"no\""),
        ["`checks.total`, `/totals/gross`: expected 169.56 (± 0.01), found no"]
    );
    assert_eq!(
        after(of, &checks, "\"totals\"", "\"sums\""),
        ["`checks.total`, `/totals/gross`: expected 169.56 (± 0.01), found nothing"]
    );
    assert_eq!(
        after(of, &checks, "\"lines\"", "\"items\""),
        ["`checks.lines`, `/lines/*`: expected the order's 8 lines, found none"]
    );
    let other = found(&checks, &order(of), &posted("an order"));
    assert_eq!(
        other,
        ["`checks.lines`, the delivery: expected JSON, XML, KFI or CSV, found text that is none of them"]
    );
}

#[test]
fn ubl_with_and_without_prefixes() {
    let checks = |prefix: &str, lines: &str, key: &str, total: &str| {
        checks(json!({
            "lines": lines, "line_key": key, "line_quantity": format!("{prefix}Quantity"),
            "line_total": format!("{prefix}LineExtensionAmount"), "lines_hold": "products", "total": total, "amounts": "net",
        }))
    };
    let bare = checks(
        "",
        "/Order/OrderLine/*/LineItem",
        "Item/SellersItemIdentification/ID",
        "/Order/AnticipatedMonetaryTotal/TaxExclusiveAmount",
    );
    let full = checks(
        "cbc:",
        "/Order/cac:OrderLine/cac:LineItem",
        "cac:Item/cac:SellersItemIdentification/cbc:ID",
        "/Order/cac:AnticipatedMonetaryTotal/cbc:TaxExclusiveAmount",
    );
    let of = "xml-drop/ubl-eight-lines";
    for checks in [bare, full] {
        let gone = after(of, &checks, "<cbc:ID>SPOON</cbc:ID>", "<cbc:ID/>");
        assert!(gone.len() == 1 && gone[0].contains("line 4 (SPOON") && gone[0].contains("nowhere"), "{gone:?}");
        let wrong = after(of, &checks, ">24.37</cbc:LineExtensionAmount>", ">29.00</cbc:LineExtensionAmount>");
        assert!(wrong.len() == 1 && wrong[0].ends_with("expected 24.37 (± 0.01), found 29.00"), "{wrong:?}");
        let total = after(of, &checks, ">145.32</cbc:TaxExclusiveAmount>", ">169.56</cbc:TaxExclusiveAmount>");
        assert!(total.len() == 1 && total[0].contains("expected 145.32 (± 0.01), found 169.56"), "{total:?}");
        let cut = found(&checks, &order(of), &written(("a.xml".into(), "<Order><OrderLine>".into())));
        assert!(cut.len() == 1 && cut[0].contains("expected JSON, XML, KFI or CSV"), "{cut:?}");
    }
}

#[test]
fn plain_xml_by_attribute_and_by_element() {
    let all = checks(json!({
        "lines": "/order/lines/line", "line_key": "id", "line_name": "id", "line_total": "total_net", "amounts": "net",
    }));
    let of = "xml-drop/plain-eight-lines";
    let gone = after(of, &all, "<id>2</id>", "<id>22</id>");
    assert_eq!(gone, ["`checks.line_key`, line 2 (2, Teapot 1.2 l): expected \"2\" once at `id`, found it nowhere"]);
    let by_number = Checks { line_key: Some("@number".into()), ..all };
    let gone = after(of, &by_number, "<line number=\"2\">", "<line>");
    assert!(gone.len() == 1 && gone[0].contains("at `@number`, found it nowhere"), "{gone:?}");
}

#[test]
fn keystroke_files_in_all_formats_by_quantity_times_price() {
    let by = |lines: &str, key: &str, quantity: &str, price: &str| {
        checks(json!({
            "lines": lines, "line_key": key, "line_quantity": quantity, "line_price": price, "amounts": "net",
        }))
    };
    let standard = by("/lines", "field 1", "field 2", "field 3");
    let variable = by("/rows", "productline.productcode", "productline.qtyordered", "productline.price");
    let xml = by("/xmlkfi/record/productline", "productcode", "qtyordered", "price");
    for (of, checks) in [
        ("attache-kfi/standard-format", &standard),
        ("attache-kfi/variable-position", &variable),
        ("attache-kfi/variable-position-header-once", &variable),
        ("attache-kfi/success-folder", &xml),
    ] {
        let gone = after(of, checks, "TEA-250", "TEA");
        assert!(gone.len() == 1 && gone[0].contains("line 2 (TEA-250,"), "{of}: {gone:?}");
        let many = after(of, checks, "MUG-BLUE", "TEA-250");
        assert!(many.len() == 2 && many[1].ends_with("found it 2 times"), "{of}: {many:?}");
        let price = after(of, checks, "12.50", "12.05");
        assert!(price.len() == 1 && price[0].contains("`checks.line_price`, line 1 (MUG-BLUE"), "{of}: {price:?}");
        assert!(price[0].ends_with("expected 50.00 (± 0.01), found 48.20"), "{of}: {price:?}");
        let number = after(of, checks, "12.50", "12,50x");
        assert!(!number.is_empty(), "{of}");
    }
}

#[test]
fn settings_are_looked_for_as_they_are_written() {
    let only = |settings: &[&str]| checks(json!({ "settings": settings }));
    let order = order("json-post/eight-lines");
    for used in [r#"{"at":"Nord & Süd"}"#, "<at>Nord &amp; Süd</at>"] {
        assert_eq!(found(&only(&["warehouse"]), &order, &posted(used)), [""; 0], "{used}");
    }
    assert_eq!(
        found(&only(&["warehouse", "empty", "none"]), &order, &posted("{}")),
        [
            "`checks.settings`, setting `warehouse`: expected its value \"Nord & Süd\" in the delivery, found it nowhere",
            "`checks.settings`, setting `empty`: expected a value that is used, found that it has none",
            "`checks.settings`, setting `none`: expected a value that is used, found that it has none",
        ]
    );
    assert_eq!(found(&only(&["folders.out"]), &order, &written(("x.txt".into(), String::new()))), [""; 0], "in a name");
}

#[test]
fn keys_are_translated_and_other_requests_are_left_alone() {
    let mut checks =
        checks(json!({ "lines": "/lines", "line_key": "code", "line_table": "skus", "request": "orders" }));
    let mut order = order("attache-kfi/standard-format");
    order.lines[1].sku = Some("MUG-BLUE".into());
    let tables: Tables = [("skus".to_owned(), [("MUG-BLUE".to_owned(), "100".to_owned())].into())].into();
    let made = |first| Made { order: &order, settings: "{}", tables: &tables, first };
    let mut delivery = posted(r#"{"lines":[{"code":100},{"code":"100"},{"code":"FREIGHT"}]}"#);
    assert_eq!(broken(&checks, made(false), &delivery), [], "a later call to the checked path");
    let none = Tables::new();
    let untold = broken(&checks, Made { tables: &none, ..made(true) }, &delivery);
    assert!(untold.len() == 1 && untold[0].to_string().contains("\"MUG-BLUE\" 2 times at `code`"), "{untold:?}");
    if let DeliveryContent::Http(http) = &mut delivery.content {
        http.path = "/session".into();
        http.body.clear();
    }
    assert_eq!(broken(&checks, made(true), &delivery), [], "a log-in before the order");
    checks.request = None;
    assert_eq!(broken(&checks, made(false), &delivery), [], "without a path only the first one is meant");
    assert_eq!(broken(&checks, made(true), &delivery).len(), 1);
}

#[test]
fn what_an_order_does_not_tell_is_said_and_many_problems_are_one_sentence() {
    let net = checks(json!({
        "lines": "/lines", "line_key": "sku", "line_total": "total", "total": "/total", "amounts": "net",
    }));
    let of = "json-post/eight-lines";
    let mut order = order(of);
    for line in &mut order.lines {
        (line.total_net, line.tax_amount) = (None, None);
    }
    order.lines[0].sku = None;
    (order.totals.net, order.totals.tax) = (None, None);
    let delivery = posted(r#"{"lines":[{"sku":"POT-12","total":1}],"total":2}"#);
    let said = found(&net, &order, &delivery);
    assert_eq!(said.len(), 8, "{said:?}");
    assert!(said[0].contains("line 1 (Mug, blue): expected a SKU"), "{said:?}");
    assert!(said.iter().any(|it| it.contains("line 2") && it.contains("that the order does not tell it")), "{said:?}");
    let made = Made { order: &order, settings: "{}", tables: &Tables::new(), first: true };
    let reason = reason(&net, made, &delivery).unwrap();
    assert!(
        reason.contains("so it was not sent: `checks.line_key`, line 1") && reason.ends_with("; and 3 more"),
        "{reason}"
    );
    let huge =
        posted(r#"{"lines":[{"sku":"A","total":79228162514264337593543950335},{"sku":"A","total":"9e28"}],"total":1}"#);
    assert!(!found(&net, &order, &huge).is_empty(), "nothing overflows");
}
