//! What a connection wants to be true of every delivery, whatever release made it: each line of the order is in it once, its
//! amounts add up, settings that must be used are used. Judged by the host from the bytes, before anything is recorded or
//! sent.

use std::{collections::BTreeMap, fmt};

use rust_decimal::Decimal;

use crate::{
    compare::{self, Content, Piece},
    config::{Amounts, Checks, LineName, LinesHold},
    domain::{
        Line, LineKind, Order,
        call::Tables,
        delivery::{Delivery, DeliveryContent},
    },
};

/// Sentences that a reason names; the rest is counted.
const MOST_NAMED: usize = 5;

/// One check that a delivery breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Its key under `[checks]`.
    pub check: &'static str,
    /// Of which line of the order, or which place of the delivery.
    pub of: String,
    /// What should be.
    pub expected: String,
    /// What is.
    pub found: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, of, expected, found } = self;
        write!(out, "`checks.{check}`, {of}: expected {expected}, found {found}")
    }
}

/// With what a delivery was made.
#[derive(Clone, Copy)]
pub struct Made<'a> {
    /// The order.
    pub order: &'a Order,
    /// The plugin's settings, as JSON text.
    pub settings: &'a str,
    /// Look-up tables.
    pub tables: &'a Tables,
    /// Whether it is the first delivery of the order, and not a later call of a conversation.
    pub first: bool,
}

/// Why a delivery may not be sent: one sentence; none when it holds all that it must.
#[must_use]
pub fn reason(checks: &Checks, made: Made<'_>, delivery: &Delivery) -> Option<String> {
    let broken = broken(checks, made, delivery);
    let named: Vec<String> = broken.iter().take(MOST_NAMED).map(ToString::to_string).collect();
    let more = match broken.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    let because =
        || format!("the delivery breaks the connection's checks, so it was not sent: {}{more}", named.join("; "));
    (!broken.is_empty()).then(because)
}

/// Everything that is broken.
#[must_use]
pub fn broken(checks: &Checks, made: Made<'_>, delivery: &Delivery) -> Vec<Broken> {
    if !is_meant(checks, made.first, delivery) {
        return Vec::new();
    }
    let texts = texts(delivery);
    let mut broken = settings_used(checks, made.settings, &texts, delivery);
    if checks.lines.is_none() && checks.total.is_none() {
        return broken;
    }
    let contents: Vec<Content> = texts.iter().filter_map(|(name, bytes)| Content::read(name, bytes)).collect();
    if contents.is_empty() {
        let check = if checks.lines.is_some() { "lines" } else { "total" };
        let found = "text that is none of them".to_owned();
        let of = "the delivery".to_owned();
        broken.push(Broken { check, of, expected: "JSON, XML, KFI or CSV".to_owned(), found });
        return broken;
    }
    let everywhere = |place: &str| contents.iter().flat_map(|content| content.whole().at(place)).collect::<Vec<_>>();
    if let Some(place) = &checks.lines {
        let lines = everywhere(place);
        if lines.is_empty() && !made.order.lines.is_empty() {
            let expected = format!("the order's {} lines", made.order.lines.len());
            broken.push(Broken { check: "lines", of: format!("`{place}`"), expected, found: "none".to_owned() });
        } else {
            let Lines { known, sum } = read_lines(checks, &lines, &mut broken);
            let before = broken.len();
            each_line(checks, made, &known, &mut broken);
            // A line that is wrong by itself makes the sum wrong too: that says nothing more.
            if broken.len() == before {
                broken.extend(sum.and_then(|sum| lines_add_up(checks, made.order, sum)));
            }
        }
    }
    if let Some(place) = &checks.total {
        broken.extend(total(checks, made.order, place, &everywhere(place)));
    }
    broken
}

fn is_meant(checks: &Checks, first: bool, delivery: &Delivery) -> bool {
    match (&delivery.content, &checks.request) {
        (DeliveryContent::Http(http), Some(begin)) => {
            http.path.trim_start_matches('/').starts_with(begin.trim_start_matches('/'))
        }
        _ => first,
    }
}

/// Bodies and files, by name. Secrets are not in them.
fn texts(delivery: &Delivery) -> Vec<(&str, Vec<u8>)> {
    match &delivery.content {
        DeliveryContent::Http(http) => vec![("", compare::shown(&http.body))],
        DeliveryContent::Files(files) => files
            .files
            .iter()
            .chain(&files.trigger)
            .map(|file| (file.name.as_str(), compare::shown(&file.content)))
            .collect(),
    }
}

/// Settings whose values stand nowhere.
fn settings_used(checks: &Checks, settings: &str, texts: &[(&str, Vec<u8>)], delivery: &Delivery) -> Vec<Broken> {
    if checks.settings.is_empty() {
        return Vec::new();
    }
    let settings: serde_json::Value = serde_json::from_str(settings).unwrap_or_default();
    let mut written: Vec<String> = Vec::new();
    for (name, bytes) in texts {
        written.extend([(*name).to_owned(), String::from_utf8_lossy(bytes).into_owned()]);
    }
    if let DeliveryContent::Http(http) = &delivery.content {
        written.push(http.path.clone());
        written.extend(http.query.iter().map(|(_, value)| value.clone()));
        let headers = http.headers.iter().map(|header| compare::shown(&header.value));
        written.extend(headers.map(|value| String::from_utf8_lossy(&value).into_owned()));
    }
    let mut broken = Vec::new();
    for name in &checks.settings {
        let pointer: String =
            name.split('.').map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1"))).collect();
        let value = match settings.pointer(&pointer) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        // As it is, in JSON, in XML.
        let json = serde_json::to_string(&value).unwrap_or_default();
        let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let forms = [value.as_str(), json.trim_matches('"'), &xml];
        let (expected, found) = if value.is_empty() {
            ("a value that is used".to_owned(), "that it has none")
        } else if written.iter().any(|text| forms.iter().any(|form| text.contains(form))) {
            continue;
        } else {
            (format!("its value {value:?} in the delivery"), "it nowhere")
        };
        broken.push(Broken { check: "settings", of: format!("setting `{name}`"), expected, found: found.to_owned() });
    }
    broken
}

/// What stands in the delivery under one key.
#[derive(Default)]
struct Known {
    times: usize,
    quantity: Decimal,
    total: Decimal,
}

/// The delivery's lines, added up.
struct Lines {
    /// By key.
    known: BTreeMap<String, Known>,
    /// All of their totals; none where nothing gives one, or where one is no number.
    sum: Option<Decimal>,
}

fn read_lines(checks: &Checks, lines: &[Piece<'_>], broken: &mut Vec<Broken>) -> Lines {
    let before = broken.len();
    let mut known = BTreeMap::<String, Known>::new();
    let mut sum = Decimal::ZERO;
    for line in lines {
        let text = |place: &Option<String>| place.as_ref().and_then(|place| line.at(place).first()?.text());
        let mut amount = |check: &'static str, place: &Option<String>| {
            let written = text(place).filter(|text| !text.is_empty())?;
            let amount = number(written);
            if amount.is_none() {
                let of = format!("`{}` in a line", place.as_deref().unwrap_or_default());
                broken.push(Broken { check, of, expected: "a number".to_owned(), found: format!("{written:?}") });
            }
            amount
        };
        let quantity = amount("line_quantity", &checks.line_quantity).unwrap_or_default();
        let price = amount("line_price", &checks.line_price).and_then(|price| price.checked_mul(quantity));
        let total = amount("line_total", &checks.line_total).or(price).unwrap_or_default();
        sum = sum.saturating_add(total);
        if let Some(key) = text(&checks.line_key) {
            let entry = known.entry(key.to_owned()).or_default();
            entry.times += 1;
            entry.quantity = entry.quantity.saturating_add(quantity);
            entry.total = entry.total.saturating_add(total);
        }
    }
    let told = checks.line_total.is_some() || checks.line_price.is_some();
    Lines { known, sum: (told && broken.len() == before).then_some(sum) }
}

/// The order's product lines of one key.
struct Wanted<'a> {
    names: Vec<String>,
    lines: Vec<&'a Line>,
}

/// Each product line is there as often as the order has it, with its quantity and total. More lines (freight, discounts) do no
/// harm.
fn each_line(checks: &Checks, made: Made<'_>, known: &BTreeMap<String, Known>, broken: &mut Vec<Broken>) {
    let Some(place) = &checks.line_key else { return };
    let table = checks.line_table.as_ref().and_then(|name| made.tables.get(name));
    let mut wanted = BTreeMap::<String, Wanted<'_>>::new();
    for (at, line) in made.order.lines.iter().enumerate().filter(|(_, line)| line.kind == LineKind::Product) {
        let key = match checks.line_name {
            LineName::Sku => line.sku.as_deref().unwrap_or_default().trim(),
            LineName::Id => line.id.trim(),
        };
        let name = format!("line {} ({key}{}{})", at + 1, if key.is_empty() { "" } else { ", " }, line.description);
        if key.is_empty() {
            let expected = "a SKU by which it is found".to_owned();
            broken.push(Broken { check: "line_key", of: name, expected, found: "that the order has none".to_owned() });
            continue;
        }
        let translated = table.and_then(|table| table.get(key)).map_or(key, String::as_str).trim();
        let entry =
            wanted.entry(translated.to_owned()).or_insert_with(|| Wanted { names: Vec::new(), lines: Vec::new() });
        entry.names.push(name);
        entry.lines.push(line);
    }
    let nothing = Known::default();
    for (key, Wanted { names, lines }) in wanted {
        let there = known.get(&key).unwrap_or(&nothing);
        let mut wrong = |check, of: String, expected, found| broken.push(Broken { check, of, expected, found });
        if there.times != names.len() {
            let expected = match names.len() {
                1 => format!("{key:?} once at `{place}`"),
                times => format!("{key:?} {times} times at `{place}`"),
            };
            wrong("line_key", names.join(" and "), expected, times(there.times));
            continue;
        }
        if checks.line_quantity.is_some() {
            let quantity = added(lines.iter().map(|line| number(line.quantity.as_str())));
            if quantity != Some(there.quantity) {
                let expected = quantity.map_or_else(|| "a quantity".to_owned(), |quantity| quantity.to_string());
                wrong("line_quantity", names.join(" and "), expected, there.quantity.to_string());
            }
        }
        let check = if checks.line_total.is_some() { "line_total" } else { "line_price" };
        if checks.line_total.is_some() || checks.line_price.is_some() {
            match added(lines.iter().map(|line| line_amount(checks, line))) {
                None => {
                    wrong(check, names.join(" and "), amounts(checks), "that the order does not tell it".to_owned())
                }
                Some(is) if apart(checks, is, there.total) => {
                    wrong(check, names.join(" and "), within(checks, is), there.total.to_string());
                }
                Some(_) => {}
            }
        }
    }
}

fn lines_add_up(checks: &Checks, order: &Order, sum: Decimal) -> Option<Broken> {
    let check = if checks.line_total.is_some() { "line_total" } else { "line_price" };
    let of = format!("the sum of all `{}`", checks.lines.as_deref().unwrap_or_default());
    let held = |line: &&Line| checks.lines_hold == LinesHold::All || line.kind == LineKind::Product;
    let wanted = added(order.lines.iter().filter(held).map(|line| line_amount(checks, line)));
    let Some(wanted) = wanted else {
        let found = "that the order does not tell it of every line".to_owned();
        return Some(Broken { check, of, expected: amounts(checks), found });
    };
    let broken = || Broken { check, of, expected: within(checks, wanted), found: sum.to_string() };
    apart(checks, wanted, sum).then(broken)
}

fn total(checks: &Checks, order: &Order, place: &str, found: &[Piece<'_>]) -> Vec<Broken> {
    let broken = |expected, found| Broken { check: "total", of: format!("`{place}`"), expected, found };
    let net = || {
        let (gross, tax) = (number(order.totals.gross.as_str())?, number(order.totals.tax.as_ref()?.as_str())?);
        gross.checked_sub(tax)
    };
    let wanted = match checks.amounts {
        Amounts::Gross => number(order.totals.gross.as_str()),
        Amounts::Net => order.totals.net.as_ref().and_then(|net| number(net.as_str())).or_else(net),
    };
    let Some(wanted) = wanted else {
        return vec![broken(amounts(checks), "that the order does not tell it".to_owned())];
    };
    let texts: Vec<&str> = found.iter().filter_map(|piece| piece.text()).collect();
    if texts.is_empty() {
        return vec![broken(within(checks, wanted), "nothing".to_owned())];
    }
    let is_wrong = |text: &&&str| number(text).is_none_or(|is| apart(checks, wanted, is));
    texts.iter().filter(is_wrong).map(|text| broken(within(checks, wanted), (*text).to_owned())).collect()
}

/// What a line of the order costs, gross or net; a shop need not tell both.
fn line_amount(checks: &Checks, line: &Line) -> Option<Decimal> {
    let told = |amount: &Option<crate::domain::Decimal>| amount.as_ref().and_then(|amount| number(amount.as_str()));
    let (gross, net, tax) = (told(&line.total_gross), told(&line.total_net), told(&line.tax_amount));
    match checks.amounts {
        Amounts::Gross => gross.or_else(|| net?.checked_add(tax?)),
        Amounts::Net => net.or_else(|| gross?.checked_sub(tax?)),
    }
}

/// None where one is missing, or where it is more than any shop sells.
fn added(mut amounts: impl Iterator<Item = Option<Decimal>>) -> Option<Decimal> {
    amounts.try_fold(Decimal::ZERO, |sum, amount| sum.checked_add(amount?))
}

fn apart(checks: &Checks, wanted: Decimal, is: Decimal) -> bool {
    wanted.checked_sub(is).is_none_or(|difference| difference.abs() > checks.tolerance())
}

fn within(checks: &Checks, wanted: Decimal) -> String {
    format!("{wanted} (± {})", checks.tolerance)
}

fn amounts(checks: &Checks) -> String {
    match checks.amounts {
        Amounts::Gross => "its gross amount".to_owned(),
        Amounts::Net => "its net amount".to_owned(),
    }
}

fn times(times: usize) -> String {
    match times {
        0 => "it nowhere".to_owned(),
        1 => "it once".to_owned(),
        times => format!("it {times} times"),
    }
}

fn number(text: &str) -> Option<Decimal> {
    let text = text.trim();
    text.parse().ok().or_else(|| Decimal::from_scientific(text).ok())
}

#[cfg(test)]
mod tests;
