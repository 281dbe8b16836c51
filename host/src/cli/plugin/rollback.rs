//! `orderdock plugin rollback`: back to what a connection mapped with before, as a new activation.

use clap::Args;

use super::{
    super::{Failure, open::Beside, output::Output},
    activate::{Chosen, tell},
    canary, trust,
};
use crate::ledger::activations::{Activation, ActivationKind, before};

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
    if let (Some(canary), None) = (&record.canary, arguments.to) {
        // What is in force was never left: only the trial ends.
        return canary::stop(&record, canary, &arguments.reason, beside, output).await;
    }
    let all = beside.ledger.activations(&record.id).await?;
    let target = target(&all, &record.activation, arguments)?.clone();
    let chosen = Chosen::again(record, &target, beside).await?;
    trust::put_to_work(beside, &chosen.release, Some(&chosen.record.activation.release)).await?;
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
