//! `orderdock reconcile`: after a restored backup, compares ledger, shops and ERPs, and lets work go on.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::{
    Failure,
    open::{self, Beside, person},
    output::{Output, cell, plain},
};
use crate::{
    ledger::standstill::Standstill,
    pipeline::reconcile::{self, ReconcileError},
};

/// Compare, or accept.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Let work go on: what may have been sent in the forgotten time is looked up in the ERP, or left to a person.
    #[arg(long)]
    accept: bool,
}

impl From<ReconcileError> for Failure {
    fn from(error: ReconcileError) -> Self {
        match error {
            ReconcileError::Ledger(error) => error.into(),
            other => Self::failed(other.to_string()),
        }
    }
}

/// Compares, prints the table, and accepts if told to.
///
/// # Errors
/// What can't be read, or why nothing was accepted.
pub async fn run(arguments: &Arguments, beside: Beside, output: Output) -> Result<(), Failure> {
    let back = match beside.ledger.standstill() {
        Some(Standstill::WentBack(back)) => Some(back),
        _ => None,
    };
    let parts = Arc::new(open::aside(&beside)?);
    let rows = reconcile::compare(&parts, back.as_ref()).await?;
    let accepted = match (&back, arguments.accept) {
        (Some(back), true) => Some(reconcile::accept(&parts, back, &person()).await?),
        _ => None,
    };
    let value = json!({ "went_back": back, "orders": rows, "accepted": accepted });
    output.either(&value, || {
        match &back {
            Some(back) => output.line(plain(&Standstill::WentBack(back.clone()).to_string())),
            None => output.line("The database is as this host has seen it last: nothing keeps orders from being sent."),
        }
        if rows.is_empty() {
            output.line("Ledger and shops agree on every order.");
        } else {
            let cells = rows
                .iter()
                .map(|row| {
                    vec![
                        cell(&row.order_number),
                        cell(&row.connection),
                        cell(&row.ledger),
                        cell(&row.shop),
                        cell(&row.erp),
                        cell(row.follows),
                    ]
                })
                .collect();
            output.table(&["order", "connection", "ledger", "shop", "ERP", "what follows"], cells);
        }
        match (&accepted, &back) {
            (Some(accepted), _) => output.line(format!(
                "Accepted: {} orders are in doubt and are settled one by one; a running host goes on within a second.",
                accepted.in_doubt
            )),
            (None, Some(_)) => output.line("Nothing is sent yet. When this is right: `orderdock reconcile --accept`."),
            (None, None) => {}
        }
    });
    Ok(())
}
