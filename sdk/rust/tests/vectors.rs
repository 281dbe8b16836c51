//! The helpers against `sdk/vectors/helpers.tsv`, which the SDK of every language must pass.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use orderdock_plugin::{
    Context, DotPath, FileNameTemplate, Instant, Number, Order, Purpose, Report, Rounding, file_name,
    number::NumberError, xml,
};

fn order() -> Order {
    serde_json::from_value(serde_json::json!({
        "shop_order_id": "4711", "order_number": "WEB-10042", "placed_at": "2026-01-02T03:04:05Z", "currency": "EUR",
        "lines": [], "totals": { "gross": "0" },
    }))
    .unwrap()
}

fn context() -> Context<()> {
    Context {
        purpose: Purpose::Create,
        connection: "acme".to_owned(),
        settings: (),
        pass: 2,
        attempt: 1,
        step: 0,
        idempotency_key: String::new(),
        document_number: 17,
        mapped_at: Instant::trusted("2026-01-02T03:04:05.6Z".to_owned()),
        shop_time_zone: "UTC".to_owned(),
        erp_time_zone: "UTC".to_owned(),
        request_id: String::new(),
        previous: None,
        logins: Vec::new(),
        extra: Vec::new(),
    }
}

fn rounding(word: &str) -> Rounding {
    serde_json::from_value(word.into()).unwrap()
}

fn compute(left: &str, right: &str, of: fn(Number, Number) -> Result<Number, NumberError>) -> Option<String> {
    of(left.parse().ok()?, right.parse().ok()?).ok().map(|number| number.to_string())
}

fn give(name: &str, arguments: &[&str]) -> Option<String> {
    match (name, arguments) {
        ("add", [left, right]) => compute(left, right, Number::add),
        ("sub", [left, right]) => compute(left, right, Number::sub),
        ("mul", [left, right]) => compute(left, right, Number::mul),
        ("div", [left, right]) => compute(left, right, Number::div),
        ("fixed", [number, places, word]) => {
            number.parse::<Number>().ok().map(|number| number.fixed(places.parse().unwrap(), rounding(word)))
        }
        ("shortest", [number]) => number.parse::<Number>().ok().map(Number::shortest),
        ("dot_path", [path, json]) => match DotPath::new(*path) {
            Ok(path) => path.find_text(json.as_bytes()),
            Err(_) => Some("!".to_owned()),
        },
        ("safe_name", [value]) => Some(file_name::safe(value)),
        ("file_name", [template]) => match FileNameTemplate::new(*template) {
            Ok(template) => Some(template.build(&order(), &context())),
            Err(_) => Some("!".to_owned()),
        },
        ("xml_clean", [text]) => {
            Some(xml::clean(text, xml::Illegal::Drop, "here", &mut Report::new()).unwrap().into_owned())
        }
        ("json_text", [text]) => Some(serde_json::to_string(text).unwrap()),
        // Written by the XML writer and by plugins here; nothing of its own to ask.
        ("xml_escape" | "percent", [_]) => None,
        _ => panic!("the vectors ask for `{name}` with {} arguments", arguments.len()),
    }
}

#[test]
fn every_helper_gives_what_the_other_languages_give() {
    let mut wrong = Vec::new();
    let vectors = include_str!("../../vectors/helpers.tsv");
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap();
        if matches!(name, "xml_escape" | "percent") {
            continue;
        }
        let values: Vec<Option<String>> = cells.map(|cell| serde_json::from_str(cell).unwrap()).collect();
        let (expected, arguments) = values.split_last().unwrap();
        let arguments: Vec<&str> = arguments.iter().map(|argument| argument.as_deref().unwrap()).collect();
        let came = give(name, &arguments);
        if came != *expected {
            wrong.push(format!("{line}\n  came {came:?}"));
        }
    }
    assert!(vectors.lines().count() > 100);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
