//! `orderdock plugin rollback`: back to what a connection mapped with before, as a new activation.

use clap::Args;

use super::{
    super::{Failure, connection::stored, open::Beside, output::Output},
    activate::{Chosen, tell},
};
use crate::{
    config::Opaque,
    ledger::activations::{Activation, ActivationKind, before},
};

/// Where to.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The connection's name.
    connection: String,
    /// The number of the activation to repeat, as `plugin history` lists it; else the one before what is in force.
    #[arg(long, value_name = "NUMBER")]
    to: Option<u32>,
    /// Why; it is kept with the activation.
    #[arg(long)]
    reason: String,
}

/// Goes back.
///
/// # Errors
/// Nothing to go back to, or the ledger's.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(&arguments.connection).await?;
    let all = beside.ledger.activations(&record.id).await?;
    let target = target(&all, &record.activation, arguments)?.clone();
    let settings = beside.ledger.plugin_settings(&record.id, target.settings_revision).await?;
    let tables = beside.ledger.tables(&record.id, target.tables_revision).await?;
    let settings = match settings {
        serde_json::Value::Object(settings) => Opaque::from_value(settings),
        _ => Opaque::default(),
    };
    let release = beside.release(target.release.as_str()).await?;
    let settings = stored(&record)?.mapping_with(target.release.as_str(), settings, tables);
    let chosen = Chosen { record, release, settings };
    let wish = chosen.wish(ActivationKind::RolledBack, Some(target.number), &arguments.reason)?;
    let activation = beside.ledger.activate(wish).await?;
    tell(&activation, &chosen, output);
    Ok(())
}

fn target<'a>(all: &'a [Activation], in_force: &Activation, arguments: &Arguments) -> Result<&'a Activation, Failure> {
    match arguments.to {
        Some(number) => all.iter().find(|it| it.number == number).ok_or_else(|| {
            Failure::not_found(format!("connection {} has no activation {number}", arguments.connection))
        }),
        None => before(all, in_force).ok_or_else(|| {
            Failure::refused(format!(
                "connection {} mapped with nothing else before; say `--to NUMBER` (`orderdock plugin history` lists them)",
                arguments.connection
            ))
        }),
    }
}
