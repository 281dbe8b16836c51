//! `orderdock log`: every attempt, newest first.

use clap::Args;

use super::{
    Failure,
    open::Beside,
    output::{Output, cell},
};
use crate::domain::time;

/// Which attempts.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only this connection.
    #[arg(long)]
    connection: Option<String>,
    /// Only from that many hours ago on.
    #[arg(long, default_value_t = 24)]
    hours: u32,
    /// At most that many.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

/// Prints the log.
///
/// # Errors
/// An unknown connection, or the ledger.
pub async fn run(arguments: &Arguments, beside: Beside, output: Output) -> Result<(), Failure> {
    let connection = match &arguments.connection {
        Some(name) => Some(beside.connection(name).await?.id),
        None => None,
    };
    let since = beside.ledger.now_ms().await?.saturating_sub(i64::from(arguments.hours).saturating_mul(3_600_000));
    let attempts = beside.ledger.attempts(connection.as_ref(), since, arguments.limit).await?;
    output.either(&attempts, || {
        if attempts.is_empty() {
            output.line("Nothing was sent in that time.");
            return;
        }
        let rows = attempts
            .iter()
            .map(|attempt| {
                vec![
                    cell(time::rfc3339(attempt.recorded_ms)),
                    cell(&attempt.order_number),
                    cell(format!("{}.{}", attempt.pass, attempt.number)),
                    cell(&attempt.purpose),
                    cell(&attempt.phase),
                    cell(&attempt.outcome),
                ]
            })
            .collect();
        output.table(&["at", "order", "try", "purpose", "phase", "outcome"], rows);
    });
    Ok(())
}
