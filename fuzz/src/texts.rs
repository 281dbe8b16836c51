//! An order's texts on their way into XML and KFI files.

use attache_kfi::AttacheKfi;
use orderdock_plugin::{
    Order, Place, Report,
    kfi::{self, Form, Unsafe},
    place::{self, Part},
    testing::{Mapper, Native, Tables},
    xml::{self, Illegal, XmlStyle, XmlWriter},
};
use quick_xml::events::Event;

use crate::context;

/// Texts by lines that end with a zero byte.
pub fn texts(data: &[u8]) {
    let texts: Vec<String> =
        data.split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    for text in &texts {
        into_xml(text);
        into_kfi(text);
    }
    into_a_file(&texts);
}

/// What is written is what another reader sees.
fn into_xml(text: &str) {
    let clean = xml::clean(text, Illegal::Drop, Place::new(Part::Order, "buyer_note"), &mut Report::new())
        .expect("dropping refuses nothing");
    let mut writer = XmlWriter::new(XmlStyle::default());
    writer.open("order", &[("note", text)]);
    writer.element("note", &[], text);
    writer.close();
    let (document, _) = writer.finish().expect("dropping refuses nothing");
    let mut reader = quick_xml::Reader::from_str(&document);
    let (mut depth, mut seen) = (0, String::new());
    loop {
        match reader.read_event().expect("it is XML") {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            Event::Text(part) if depth == 2 => seen.push_str(&part),
            Event::GeneralRef(reference) if depth == 2 => {
                seen.push(match reference.resolve_char_ref().expect("a known number") {
                    Some(letter) => letter,
                    None => match &*reference {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "quot" => '"',
                        "apos" => '\'',
                        other => panic!("unknown reference {other}"),
                    },
                });
            }
            Event::Eof => break,
            _ => {}
        }
    }
    // Readers turn line ends into one kind; whether a writer keeps the others apart is tested elsewhere.
    let plain = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    assert_eq!(plain(&seen), plain(&clean));
}

/// Nothing in a text presses keys in Attaché.
fn into_kfi(text: &str) {
    for form in [Form::Xml, Form::Positional] {
        let place = Place::new(Part::Order, "buyer_note");
        let safe =
            kfi::safe(text, form, Unsafe::Replace, place, &mut Report::new()).expect("replacing refuses nothing");
        assert!(!safe.contains(['<', '>']) && !safe.chars().any(char::is_control), "{safe:?}");
        assert!(form == Form::Xml || !safe.contains([',', '"']), "{safe:?}");
        let refused = kfi::safe(text, form, Unsafe::Refuse, place, &mut Report::new());
        assert_eq!(refused.is_ok(), safe == text, "refused is what would have been replaced");
    }
}

/// A whole order whose every text is one of these.
fn into_a_file(texts: &[String]) {
    let mut order: Order = serde_json::from_value(serde_json::json!({
        "shop_order_id": "7", "order_number": "WEB-7", "placed_at": "2026-01-02T03:04:05Z", "currency": "AUD",
        "buyer": { "account_code": "ACME01", "phone": "1" },
        "delivery_addresses": [{ "company": "c", "street": ["1", "2"], "city": "c", "country": "AU" }],
        "lines": [
            { "id": "1", "sku": "MUG", "description": "d", "quantity": "2", "unit_price_net": "1.50" },
            { "id": "3", "kind": "shipping", "sku": "DHL", "description": "d", "quantity": "1", "total_net": "4.90" },
        ],
        "totals": { "gross": "10" }, "buyer_reference": "r", "buyer_note": "n",
    }))
    .expect("an order");
    let mut next = texts.iter().cycle();
    let filled: Result<(), ()> = place::each_text(&mut order, |_, text| {
        if let Some(new) = next.next() {
            *text = new.clone();
        }
        Ok(())
    });
    filled.expect("nothing refuses");
    let context = context();
    let mapped =
        Native::<AttacheKfi>::default().map_order(&order, &context, &Tables::new()).expect("it does not panic");
    if let Err(rejection) = mapped {
        assert!(rejection.message.len() > 10, "a sentence: {rejection:?}");
    }
}
