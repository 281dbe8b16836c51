//! `orderdock sync`: look at a shop now.

use clap::Args;
use serde_json::json;

use super::{
    Failure,
    open::{Beside, person},
    output::Output,
};
use crate::ledger::connections::Intent;

/// Which connections.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Connections; none means all that are active.
    connections: Vec<String>,
}

/// Leaves the intents; the running host notices within a second.
///
/// # Errors
/// An unknown connection, or the ledger.
pub async fn run(arguments: &Arguments, beside: Beside, output: Output) -> Result<(), Failure> {
    let mut chosen = Vec::new();
    if arguments.connections.is_empty() {
        chosen = beside.ledger.connections(false).await?;
    }
    for name in &arguments.connections {
        chosen.push(beside.connection(name).await?);
    }
    for record in &chosen {
        beside.ledger.leave_intent(&record.id, Intent::Sync, &person()).await?;
    }
    let names: Vec<&str> = chosen.iter().map(|record| record.name.as_str()).collect();
    output.either(&json!({ "asked": names }), || {
        if names.is_empty() {
            output.line("There is no connection yet.");
        } else {
            output.line(format!("Asked for: {}. A running host looks within a second.", names.join(", ")));
        }
    });
    Ok(())
}
