//! `orderdock plugin history`: what a connection mapped with.

use clap::Args;
use serde_json::{Value, json};

use super::{
    super::{
        Failure,
        open::Beside,
        output::{Output, cell},
    },
    canary,
};
use crate::{
    domain::{id::Digest, time},
    ledger::{
        activations::{Activation, ActivationKind},
        connections::ReleaseRecord,
    },
};

/// Of which connection.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The connection's name.
    connection: String,
}

/// Lists activations, newest first.
///
/// # Errors
/// The ledger's.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(&arguments.connection).await?;
    let activations = beside.ledger.activations(&record.id).await?;
    let releases = beside.ledger.releases().await?;
    let in_force = record.activation.number;
    let canaries = beside.ledger.canaries(&record.id).await?;
    let value: Vec<Value> = activations
        .iter()
        .map(|activation| {
            let name = name_of(&activation.release, &releases);
            let canary = canaries.iter().find(|it| it.activation.number == activation.number);
            json!({
                "activation": activation, "name": name, "in_force": activation.number == in_force, "canary": canary,
            })
        })
        .collect();
    output.either(&value, || {
        table(&activations, in_force, &releases, output);
        if !canaries.is_empty() {
            output.line("");
        }
        canary::lines(&canaries, output);
    });
    Ok(())
}

/// The table.
pub fn table(activations: &[Activation], in_force: u32, releases: &[ReleaseRecord], output: Output) {
    let rows = activations
        .iter()
        .map(|it| {
            let mark = if it.number == in_force { ", in force" } else { "" };
            vec![
                cell(format!("{}{mark}", it.number)),
                cell(time::rfc3339(it.at_ms)),
                cell(name_of(&it.release, releases)),
                cell(it.release.as_str().get(..8).unwrap_or_default()),
                cell(it.settings_revision.to_string()),
                cell(it.tables_revision.to_string()),
                cell(how(it)),
                cell(&it.by),
                cell(&it.why),
            ]
        })
        .collect();
    let head = ["number", "since", "release", "digest", "settings", "tables", "made by", "who", "why"];
    output.table(&head, rows);
}

/// A release as people call it; the beginning of its digest where it is not kept any more.
pub fn name_of(release: &Digest, releases: &[ReleaseRecord]) -> String {
    match releases.iter().find(|known| known.digest == *release) {
        Some(known) => format!("{}@{}", known.description.name, known.description.version),
        None => release.as_str().get(..12).unwrap_or_default().to_owned(),
    }
}

fn how(activation: &Activation) -> String {
    let word = match activation.kind {
        ActivationKind::Applied => "file",
        ActivationKind::Activated => "activate",
        ActivationKind::RolledBack => "rollback",
        ActivationKind::Canary => "canary",
        ActivationKind::Promoted => "promote",
    };
    activation.repeats.map_or_else(|| word.to_owned(), |older| format!("{word} to {older}"))
}
