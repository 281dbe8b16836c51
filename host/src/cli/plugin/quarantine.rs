//! `orderdock plugin quarantines` and `plugin unquarantine`: releases that failed too often at a connection.

use clap::Args;
use serde_json::json;

use super::history;
use crate::{
    cli::{
        Failure,
        open::{Beside, person},
        output::{Output, cell, plain},
    },
    domain::time,
    ledger::connections::ConnectionState,
};

/// Let a connection's orders be mapped again.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The connection.
    connection: String,
    /// Why; kept with your name and the time.
    #[arg(long, value_name = "WHY")]
    reason: String,
}

/// Lists quarantines, those in force and those that were lifted.
///
/// # Errors
/// No such connection, or the ledger.
pub async fn list(connection: Option<&str>, beside: &Beside, output: Output) -> Result<(), Failure> {
    let chosen = match connection {
        Some(name) => vec![beside.connection(name).await?],
        None => beside.ledger.connections(false).await?,
    };
    let releases = beside.ledger.releases().await?;
    let (mut result, mut rows) = (Vec::new(), Vec::new());
    for record in chosen.iter().filter(|record| record.state != ConnectionState::Removed) {
        for found in beside.ledger.quarantines(&record.id).await? {
            let in_force = found.lifted_ms.is_none();
            let state = match (&found.lifted_by, &found.lifted_why, found.lifted_ms) {
                (Some(by), Some(why), Some(at)) => format!("lifted by {by} at {}: {why}", time::rfc3339(at)),
                _ if found.release == record.activation.release => "in force: orders wait".to_owned(),
                _ => "would be in force again with that release".to_owned(),
            };
            rows.push(vec![
                cell(&record.name),
                cell(history::name_of(&found.release, &releases)),
                cell(time::rfc3339(found.since_ms)),
                cell(state),
                cell(format!("{} times in a row, at last: {}", found.faults, found.because)),
            ]);
            result.push(json!({ "connection": record.name, "in_force": in_force, "quarantine": found }));
        }
    }
    output.either(&result, || {
        if rows.is_empty() {
            output.line("No plugin is or was in quarantine.");
            return;
        }
        output.table(&["connection", "release", "since", "state", "it failed"], rows);
    });
    Ok(())
}

/// Lifts the one in force.
///
/// # Errors
/// No such connection, or none in force.
pub async fn lift(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let reason = arguments.reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("give a reason that others understand"));
    }
    let record = beside.connection(&arguments.connection).await?;
    if record.quarantine.is_none() {
        return Err(Failure::not_found(format!("the plugin of connection `{}` is not in quarantine", record.name)));
    }
    let lifted = beside.ledger.lift_quarantine(&record.id, reason, &person()).await?;
    output.either(&lifted, || {
        let release = lifted.release.as_str().get(..12).unwrap_or_default();
        output.line(format!("Release {release} maps the orders of {} again.", plain(&record.name)));
    });
    Ok(())
}
