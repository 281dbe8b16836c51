//! What a connection wants to be true of every delivery: section `[checks]`.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::reader::Section;

/// By what an order's line is known in the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineName {
    /// Its SKU.
    Sku,
    /// The shop's id of the line.
    Id,
}

/// Which of the order's lines the delivery has as lines of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinesHold {
    /// All of them: products, shipping, fees, discounts.
    All,
    /// Products only; the rest stands elsewhere or nowhere.
    Products,
}

/// Whether the delivery's amounts hold the tax.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amounts {
    /// With tax.
    Gross,
    /// Without tax.
    Net,
}

/// What must be true of every delivery. Places are as `orderdock plugin shadow` prints them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checks {
    /// Only requests whose path begins so are looked at, whichever call of a conversation they are. None: the first
    /// delivery of an order, whatever it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Place of its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// Which lines of the order these are.
    pub lines_hold: LinesHold,
    /// Place, within a line, of what the line is known by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_key: Option<String>,
    /// What that is of the order's line.
    pub line_name: LineName,
    /// The look-up table by which the plugin translates it, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_table: Option<String>,
    /// Place, within a line, of its quantity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_quantity: Option<String>,
    /// Place, within a line, of the price of one; quantity and price together are the line's total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_price: Option<String>,
    /// Place, within a line, of its total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_total: Option<String>,
    /// Place of the order's total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// Whether these amounts hold the tax.
    pub amounts: Amounts,
    /// How far two amounts may be apart, in the order's currency.
    pub tolerance: String,
    /// Plugin settings whose values must stand in the delivery.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
}

impl Checks {
    /// How far two amounts may be apart.
    #[must_use]
    pub fn tolerance(&self) -> Decimal {
        amount(&self.tolerance).unwrap_or_default()
    }
}

fn amount(text: &str) -> Option<Decimal> {
    text.parse::<Decimal>().ok().filter(|amount| !amount.is_sign_negative())
}

/// Reads the section; none where the file has none.
pub(super) fn read(root: &Section<'_, '_>) -> Option<Checks> {
    let table = root.section("checks");
    if !table.is_given() {
        return None;
    }
    let checks = Checks {
        request: table.text("request"),
        lines: table.text("lines"),
        lines_hold: table
            .choice("lines_hold", &[("all", LinesHold::All), ("products", LinesHold::Products)])
            .unwrap_or(LinesHold::All),
        line_key: table.text("line_key"),
        line_name: table.choice("line_name", &[("sku", LineName::Sku), ("id", LineName::Id)]).unwrap_or(LineName::Sku),
        line_table: table.text("line_table"),
        line_quantity: table.text("line_quantity"),
        line_price: table.text("line_price"),
        line_total: table.text("line_total"),
        total: table.text("total"),
        amounts: table.choice("amounts", &[("gross", Amounts::Gross), ("net", Amounts::Net)]).unwrap_or(Amounts::Gross),
        tolerance: table.text("tolerance").unwrap_or_else(|| "0.01".to_owned()),
        settings: table.texts("settings").unwrap_or_default(),
    };
    sense(&table, &checks);
    table.close();
    Some(checks)
}

/// What contradicts itself, or would check nothing.
fn sense(table: &Section<'_, '_>, checks: &Checks) {
    if amount(&checks.tolerance).is_none() {
        let message = format!("`{}` is not an amount", checks.tolerance);
        table.note("tolerance", &message, Some("write for example \"0.05\"".into()));
    }
    let within = [
        ("line_key", &checks.line_key),
        ("line_quantity", &checks.line_quantity),
        ("line_price", &checks.line_price),
        ("line_total", &checks.line_total),
    ];
    for (key, _) in within.iter().filter(|(_, given)| given.is_some() && checks.lines.is_none()) {
        table.note(key, "needs `lines`, the place of the lines that it is in", None);
    }
    if checks.lines.is_some() && within.iter().all(|(_, given)| given.is_none()) {
        let hint = "add `line_key`, `line_quantity` or `line_total`";
        table.note("lines", "checks nothing by itself", Some(hint.into()));
    }
    let needs = |key: &str, is: bool, other: &str, why: &str| {
        if is {
            table.note(key, &format!("needs `{other}`, {why}"), None);
        }
    };
    needs("line_table", checks.line_table.is_some() && checks.line_key.is_none(), "line_key", "which it translates");
    let no_quantity = checks.line_price.is_some() && checks.line_quantity.is_none();
    needs("line_price", no_quantity, "line_quantity", "with which it makes a line's total");
    let no_key = checks.line_quantity.is_some() && checks.line_price.is_none() && checks.line_key.is_none();
    needs("line_quantity", no_key, "line_key", "by which its line is found, or `line_price`");
    if checks.line_price.is_some() && checks.line_total.is_some() {
        table.note("line_price", "is a second way to a line's total", Some("leave it or `line_total` out".into()));
    }
    if checks.lines.is_none() && checks.total.is_none() && checks.settings.is_empty() {
        table.note("", "checks nothing", Some("add `lines`, `total` or `settings`, or leave the section out".into()));
    }
}
