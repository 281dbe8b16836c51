//! What is known at one moment: what Orderdock says of its orders, beside what the fakes' ledgers say.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::connections::Line;
use crate::{
    erp::Accepted,
    mail::Caught,
    stage::{Stage, books::ShopBook},
};

/// One order as `orderdock order list --json` tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Row {
    /// Connection.
    pub connection_name: String,
    /// The shop's key.
    pub shop_order_id: String,
    /// The number that people use.
    pub order_number: String,
    /// Number of its last pass.
    pub pass: Option<u32>,
    /// State of its last pass.
    pub state: Option<String>,
    /// Why.
    pub because: String,
    /// The ERP's id.
    pub erp_order_id: Option<String>,
}

impl Row {
    /// State of the last pass; `skipped` where there is none.
    #[must_use]
    pub fn state(&self) -> &str {
        self.state.as_deref().unwrap_or("skipped")
    }

    /// Nothing more happens by itself.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state(), "delivered" | "failed" | "given_up" | "withdrawn" | "skipped")
    }
}

/// Everything at one moment.
pub struct Facts {
    /// Orderdock's orders.
    pub rows: Vec<Row>,
    /// The shop's ledger.
    pub shop: ShopBook,
    /// The ERP's ledger.
    pub erp: Vec<Accepted>,
    /// How often each order came to the ERP.
    pub erp_requests: BTreeMap<String, u64>,
    /// Mails.
    pub mails: Vec<Caught>,
}

impl Facts {
    /// Gathers them.
    ///
    /// # Errors
    /// When something of the stage can't be asked.
    pub async fn gather(stage: &Stage) -> anyhow::Result<Self> {
        let mut shop = stage.shop_book();
        shop.read()?;
        Ok(Self {
            rows: rows(stage).await?,
            shop,
            erp: stage.erp_book()?,
            erp_requests: stage.erp_state().await?.requests_by_key,
            mails: stage.mails()?,
        })
    }

    /// The orders of a connection.
    pub fn of<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(|row| row.connection_name == line.name)
    }

    /// One order of a connection.
    #[must_use]
    pub fn order(&self, line: &Line, number: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.connection_name == line.name && row.order_number == number)
    }
}

/// Orderdock's orders.
///
/// # Errors
/// When it can't be asked.
pub async fn rows(stage: &Stage) -> anyhow::Result<Vec<Row>> {
    let told = stage.orderdock_json(&["order", "list", "--limit", "100000"]).await?;
    Ok(serde_json::from_value(told)?)
}
