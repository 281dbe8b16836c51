//! Whatever stands in an order's texts: the file has the structure that the settings give it, or the order is refused
//! with a sentence. And an order of ten thousand lines is an order.

#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use attache_kfi::AttacheKfi;
use orderdock_plugin::testing::{CaseContext, Mapper, Native, Tables};
use orderdock_plugin::{Context, DeliveryContent, Order, Rejection, RejectionClass, Report, Segment, place, xml};
use proptest::prelude::*;
use quick_xml::events::Event;

/// Fields of a header, a product line and a sundry line by the default settings.
const HEADER: usize = 15;
const PRODUCT: usize = 5;
const SUNDRY: usize = 3;

fn order() -> Order {
    serde_json::from_value(serde_json::json!({
        "shop_order_id": "7", "order_number": "WEB-7", "placed_at": "2026-01-02T03:04:05Z", "currency": "AUD",
        "buyer": { "account_code": "ACME01", "phone": "1" },
        "delivery_addresses": [{
            "code": "A1", "company": "c", "first_name": "f", "last_name": "l", "street": ["1", "2", "3"], "city": "c",
            "region": "r", "postal_code": "p", "country": "AU", "phone": "t", "email": "e",
        }],
        "lines": [
            { "id": "1", "sku": "MUG", "description": "d", "quantity": "2", "unit_price_net": "1.50", "tax_code": "t" },
            { "id": "2", "sku": "TEA", "description": "d", "quantity": "1", "unit_price_net": "0.10", "note": "n" },
            { "id": "3", "kind": "shipping", "sku": "DHL", "description": "d", "quantity": "1", "total_net": "4.90" },
        ],
        "totals": { "gross": "10" }, "buyer_reference": "r", "buyer_note": "n",
    }))
    .unwrap()
}

fn context(settings: &serde_json::Value) -> Context<String> {
    let utc = || "UTC".to_owned();
    let case = CaseContext { shop_time_zone: utc(), erp_time_zone: utc(), ..CaseContext::default() };
    case.with_settings(settings.to_string()).0
}

fn map(order: &Order, settings: &serde_json::Value) -> Result<(Vec<u8>, Vec<String>), Rejection> {
    let delivery = Native::<AttacheKfi>::default().map_order(order, &context(settings), &Tables::new()).unwrap()?;
    let DeliveryContent::Files(files) = delivery.content else { panic!("no files") };
    let Segment::Bytes(bytes) = &files.files[0].content[0] else { panic!("no bytes") };
    Ok((bytes.clone(), delivery.notes))
}

/// Puts the texts into the order, one after the other; into codes only if asked to.
fn fill(texts: &[String], codes: bool) -> Order {
    let mut order = order();
    let mut next = texts.iter().cycle();
    place::each_text(&mut order, |place, text| {
        let code = matches!(place.field, "order_number" | "account_code" | "sku" | "code" | "shop_order_id");
        if codes || !code {
            next.next().unwrap().clone_into(text);
        }
        Ok::<(), ()>(())
    })
    .unwrap();
    order
}

fn hostile() -> impl Strategy<Value = Vec<String>> {
    let keys = "[<>,\"＜＞，\u{2028}\r\n\t\u{B}\u{85}F9 ;'&a-c]{0,10}";
    let known = prop::sample::select(vec![
        "<F9>",
        "<BKSP>",
        "\",\"",
        "\r\n",
        "]]>",
        "&lt;F9&gt;",
        "<!--",
        "Müller & Søn <Ltd>",
    ]);
    prop::collection::vec(prop_oneof![keys, "\\PC{0,12}", any::<String>(), known.prop_map(str::to_owned)], 5..9)
}

fn is_a_sentence(refused: &Rejection) -> bool {
    refused.class == RejectionClass::Data && refused.message.len() > 20 && refused.field.is_some()
}

/// Takes the tokens out: what is left, and how many there were.
fn without_tokens(text: &str, tokens: &[&str]) -> (String, usize) {
    let count = tokens.iter().map(|token| text.matches(token).count()).sum();
    (tokens.iter().fold(text.to_owned(), |text, token| text.replace(token, "")), count)
}

/// Name and text of an element.
type Element = (String, String);

/// Every element with its text, as another reader sees the document.
fn read_xml(text: &str) -> Vec<Element> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut open, mut found): (Vec<Element>, Vec<Element>) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => open.push((tag.name().as_ref().to_owned(), String::new())),
            Event::End(_) => found.push(open.pop().unwrap()),
            Event::Text(text) => {
                if let Some((_, value)) = open.last_mut() {
                    value.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref().unwrap() {
                    Some(letter) => letter,
                    None => match &*reference {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        other => panic!("unknown reference {other}"),
                    },
                };
                open.last_mut().unwrap().1.push(letter);
            }
            Event::Decl(_) => {}
            Event::Eof => break,
            other => panic!("an order holds no {other:?}"),
        }
    }
    assert!(open.is_empty());
    found
}

fn value<'a>(elements: &'a [Element], name: &str) -> &'a str {
    elements.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

/// Free of what a reader may take for a key.
fn presses_nothing(text: &str) -> bool {
    !text.contains(|letter: char| {
        letter.is_control() || matches!(letter, '<' | '>' | '＜' | '＞' | '\u{2028}' | '\u{2029}')
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_text_steers_the_standard_format(
        texts in hostile(), codes in any::<bool>(), replace in any::<bool>(),
        encoding in prop::sample::select(vec!["utf-8", "windows-1252", "cp437", "us-ascii"]),
    ) {
        let settings = serde_json::json!({
            "format": "standard", "encoding": encoding, "positional_unsafe": if replace { "replace" } else { "refuse" },
            "line_kind": { "shipping": { "code": "FRT" } }, "tokens": { "before_sundryline": ["F7"] },
            "field_order": { "header": [
                "customercode", "reference", "contactdocument", "deliveryaddresscode", "deliveryname",
                "deliveryaddressline1", "deliveryaddressline2", "deliverysuburb", "deliverystate", "deliverypostcode",
                "deliverycountry", "date", "customerphonedocument", "po", "note",
            ] },
            "order_note": "field", "note_field": "note", "buyer_reference_field": "po",
        });
        match map(&fill(&texts, codes), &settings) {
            Err(refused) => {
                prop_assert!(is_a_sentence(&refused), "{refused:?}");
                prop_assert!(codes || !replace, "only codes are refused: {refused:?}");
            }
            Ok((bytes, _)) => {
                // All structure is ASCII, whatever the encoding.
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                let tokens = ["<KFI_version=1.0>", "<Object_ID=107>", "<Speed=10>", "<F9>", "<F7>"];
                let (rest, count) = without_tokens(&text, &tokens);
                prop_assert_eq!(count, 3 + 3 + 1 + 1, "{}", &text);
                prop_assert_eq!(rest.matches(',').count(), HEADER + 2 * PRODUCT + SUNDRY, "{}", &text);
                prop_assert_eq!(rest.matches("\r\n").count(), 1 + 1 + 3 + 1, "{}", &text);
                let fields = rest.replace("\r\n", "");
                prop_assert!(!fields.contains(['<', '>', '"', '\r', '\n', '\t', '\0', '\u{B}']), "{}", &text);
            }
        }
    }

    #[test]
    fn no_text_steers_the_variable_position_format(texts in hostile(), codes in any::<bool>()) {
        let settings = serde_json::json!({
            "format": "variable", "positional_unsafe": "replace", "line_kind": { "shipping": { "kind": "productline" } },
        });
        match map(&fill(&texts, codes), &settings) {
            // The shipping line's code is its own.
            Err(refused) => prop_assert!(codes && is_a_sentence(&refused), "{refused:?}"),
            Ok((bytes, _)) => {
                let text = String::from_utf8(bytes).unwrap();
                let tokens = ["<Object_ID=107>", "<HEADROW>", "<header>", "<productline>", "<ENDHEADROW>"];
                let (rest, count) = without_tokens(&text, &tokens);
                prop_assert_eq!(count, 5);
                prop_assert!(!rest.contains(['<', '>', '"', '＜', '，']), "{}", &text);
                let commas: Vec<usize> = rest.split_terminator("\r\n").map(|row| row.matches(',').count()).collect();
                prop_assert_eq!(commas, vec![HEADER + PRODUCT; 5]);
            }
        }
    }

    #[test]
    fn xml_says_the_same_to_another_reader(
        texts in hostile(), codes in any::<bool>(), escape in any::<bool>(), indent in any::<bool>(),
    ) {
        let settings = serde_json::json!({
            "xml_unsafe": if escape { "escape" } else { "replace" }, "indent": indent,
            "line_kind": { "shipping": { "code": "FRT" } }, "order_note": "field", "note_field": "note",
        });
        let order = fill(&texts, codes);
        let (bytes, notes) = match map(&order, &settings) {
            Err(refused) => {
                prop_assert!(codes && is_a_sentence(&refused), "{refused:?}");
                return Ok(());
            }
            Ok(made) => made,
        };
        let elements = read_xml(std::str::from_utf8(&bytes).unwrap());
        let parents = ["header", "productline", "sundryline", "record", "xmlkfi"];
        for (name, text) in elements.iter().filter(|(name, _)| !indent || !parents.contains(&name.as_str())) {
            prop_assert!(escape || presses_nothing(text), "{name}: {text:?}");
            prop_assert!(!text.contains(char::is_control), "{name}: {text:?}");
        }
        let note = order.buyer_note.replace("\r\n", "\n");
        let kept = xml::clean(&note, xml::Illegal::Drop, "note", &mut Report::new()).unwrap().into_owned();
        let spaced = |letter: char| if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') { ' ' } else { letter };
        let expected: String = kept.chars().map(spaced).collect();
        if escape || presses_nothing(&expected) && !expected.contains(['\u{2329}', '\u{3008}', '\u{232A}', '\u{3009}', '，', '\u{FF02}', '\u{2BA}', '\u{30E}']) {
            prop_assert_eq!(value(&elements, "note"), expected.trim());
        }
        if expected.trim() != value(&elements, "note") || kept != order.buyer_note.replace("\r\n", "\n") {
            prop_assert!(!notes.is_empty(), "a change is told");
        }
        if !codes {
            prop_assert_eq!(value(&elements, "productcode"), "MUG");
        }
        prop_assert_eq!(elements.iter().filter(|(name, _)| name == "productline").count(), 2);
    }
}

#[test]
fn ten_thousand_lines_are_an_order() {
    let mut order = order();
    let line = order.lines[0].clone();
    order.lines = (0..10_000)
        .map(|number| {
            let mut line = line.clone();
            line.id = number.to_string();
            line.sku = Some(format!("SKU-{number}"));
            line.note = "<F9>".to_owned();
            line
        })
        .collect();
    let (bytes, notes) = map(&order, &serde_json::json!({})).unwrap();
    let elements = read_xml(std::str::from_utf8(&bytes).unwrap());
    assert_eq!(elements.iter().filter(|(name, _)| name == "productcode").count(), 10_000);
    assert_eq!(value(&elements[elements.len() - 9..], "productcode"), "SKU-9999");
    assert!(notes.len() < 10, "{notes:#?}");
    let (bytes, _) = map(&order, &serde_json::json!({ "format": "standard" })).unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap().matches("<F9>").count(), 10_001);
}

#[test]
fn amounts_are_exact_to_the_last_digit() {
    for (price, written) in [
        ("1234567.890", Some("1234567.890")),
        ("-0.00", Some("0.00")),
        ("0012.50", Some("12.50")),
        ("123456789012345678901234.5678", Some("123456789012345678901234.5678")),
        ("0.00000000000000000000000000000000001", None),
    ] {
        let mut order = order();
        order.lines.truncate(1);
        order.lines[0].unit_price_net = Some(orderdock_plugin::Decimal::new(price).unwrap());
        match (map(&order, &serde_json::json!({})), written) {
            (Ok((bytes, _)), Some(written)) => {
                assert_eq!(value(&read_xml(std::str::from_utf8(&bytes).unwrap()), "price"), written);
            }
            (Err(refused), None) => assert!(is_a_sentence(&refused), "{refused:?}"),
            (other, _) => panic!("{price}: {other:?}"),
        }
    }
}
