//! The orders of the demo: captured ones, generated ones, one that shows everything awkward at once, and a few that
//! meet trouble.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::connections::{Food, Line};
use crate::{
    erp::{Behaviour, Rule},
    orders::{self, Item, Plain},
    shop::world::ShopKind,
    stage::Stage,
};

/// The ERP refuses this one until its cause is removed.
pub const REFUSED: &str = "WEB-7001";

/// The ERP takes this one and never answers.
pub const SILENT: &str = "WEB-7002";

/// Attaché refuses this one.
pub const ERR_FILE: &str = "WEB-7003";

/// What the ERP says to [`REFUSED`].
pub const ERP_WORDS: &str = "customer ACC7001 is not known here: create it first";

/// What Attaché writes about [`ERR_FILE`].
pub const ATTACHE_WORDS: &str = "Line 4: product code NO-SUCH-ITEM does not exist";

/// A captured order with a line that has no SKU: plugins that need one hold it before anything is sent.
pub const NO_SKU: &str = "1";

/// How an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The back office has it.
    Delivered,
    /// The plugin refuses it: nothing is sent.
    Held,
    /// The back office refuses it.
    Refused,
    /// The back office has it, and nobody can know.
    Unknown,
}

impl Fate {
    /// The state of its last pass.
    #[must_use]
    pub fn state(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Held | Self::Refused => "failed",
            Self::Unknown => "given_up",
        }
    }
}

/// How an order must end.
#[must_use]
pub fn fate(line: &Line, number: &str) -> Fate {
    match (line.food, number) {
        (Food::Json, SILENT) => Fate::Unknown,
        (Food::Kfi, ERR_FILE) => Fate::Refused,
        (Food::Xml | Food::Kfi, NO_SKU) => Fate::Held,
        _ => Fate::Delivered,
    }
}

/// The number of the order that has everything awkward in it.
#[must_use]
pub fn showpiece(line: &Line) -> &'static str {
    match line.shop {
        ShopKind::Evo => "WEB-7000",
        ShopKind::Woo => "7000",
    }
}

/// Places a connection's orders; gives how many.
///
/// # Errors
/// When the fake shop does not take them.
pub async fn place(stage: &Stage, line: &Line, generated: usize, seed: u64) -> anyhow::Result<u64> {
    let to = json!({ "shop": line.shop, "account": line.account });
    let mut count = ids(&stage.shop_control("fixtures", Some(to.clone())).await?)?;
    let generate = json!({ "shop": line.shop, "account": line.account, "count": generated, "seed": seed });
    count += ids(&stage.shop_control("generate", Some(generate)).await?)?;
    let mut special = vec![awkward(showpiece(line))];
    match line.food {
        Food::Json => special.extend([plain(REFUSED, 71), plain(SILENT, 72)]),
        Food::Kfi => special.push(plain(ERR_FILE, 73)),
        Food::Xml => {}
    }
    let bodies = special.iter().map(|order| order.body(line.shop)).collect();
    count += stage.place(line.shop, line.account, bodies).await?.len() as u64;
    Ok(count)
}

fn ids(told: &Value) -> anyhow::Result<u64> {
    Ok(told.get("ids").and_then(Value::as_array).context("the fake shop gave no ids")?.len() as u64)
}

/// Trouble that the fake ERP makes.
#[must_use]
pub fn trouble() -> Vec<Rule> {
    let refuse = Behaviour::Refuse { status: 422, message: ERP_WORDS.to_owned() };
    vec![
        Rule { key: REFUSED.to_owned(), times: None, behaviour: refuse },
        Rule { key: SILENT.to_owned(), times: None, behaviour: Behaviour::Silence },
    ]
}

/// An everyday order with a number of its own.
fn plain(number: &str, seed: u64) -> Plain {
    let mut order = orders::generate(seed, 1).remove(0);
    "Corner Café".clone_into(&mut order.buyer.company);
    order.items.truncate(1);
    order.number = Some(number.to_owned());
    order
}

/// Everything that breaks naive mappings, in one order.
fn awkward(number: &str) -> Plain {
    let mut order = plain(number, 70);
    "Müller & Søn <Ltd>".clone_into(&mut order.buyer.company);
    "12 High St\u{b}Unit 4".clone_into(&mut order.buyer.street);
    "Leave at the door 🚪, \"thanks\"; then press <F9>".clone_into(&mut order.note);
    "EUR".clone_into(&mut order.currency);
    order.shipping = 1250;
    let item = |sku: &str, name: &str, quantity, price, discount| Item {
        sku: sku.to_owned(),
        name: name.to_owned(),
        quantity,
        price,
        discount,
    };
    order.items = vec![
        item("MUG-RED", "Mug, red", 12, 1299, 0),
        item("ÄÖÜ-9", "Schraube M8 × 20 mm", 2500, 7, 100),
        item("0012", "Leading zeros", 1, 1, 0),
    ];
    order
}
