//! `orderdock plugin activate --share … | --orders …`, `plugin promote`: another release for some new orders first.

use clap::Args;
use serde_json::json;

use super::{
    super::{
        Failure,
        open::{Beside, person},
        output::{Output, plain},
    },
    activate::{Chosen, tell},
};
use crate::{
    domain::{
        canary::{Limits, Part, Rules, WHOLE},
        time,
    },
    ledger::{
        activations::{ActivationKind, NewActivation},
        canaries::{Canary, CanaryEnd, CanaryState},
        connections::ConnectionRecord,
    },
};

/// The figures from before are those of at most that many orders.
const BEFORE: u32 = 500;
/// A share is tried with that many orders if nothing else is said.
const ENOUGH: u32 = 50;

/// Which orders, how many, how much worse it may be.
#[derive(Debug, Args)]
pub struct Trial {
    /// For this share of new orders, such as 10%.
    #[arg(long, value_name = "PERCENT", conflicts_with = "orders")]
    share: Option<String>,
    /// For so many new orders.
    #[arg(long, value_name = "COUNT")]
    orders: Option<u32>,
    /// It has stood the test after so many orders (50, or those of --orders).
    #[arg(long, value_name = "COUNT")]
    enough: Option<u32>,
    /// Ask then instead of putting it in force: `plugin promote` or `plugin rollback`.
    #[arg(long)]
    ask: bool,
    /// Refused orders that it may have besides the share that there was before.
    #[arg(long, value_name = "PERCENT", default_value = "5%")]
    refusals: String,
    /// Orders at which the plugin may fail besides the share that there was before.
    #[arg(long, value_name = "PERCENT", default_value = "0%")]
    faults: String,
    /// CPU units for an order, of those before.
    #[arg(long, value_name = "PERCENT", default_value = "300%")]
    cpu: String,
    /// Time for an order, of that before.
    #[arg(long, value_name = "PERCENT", default_value = "500%")]
    time: String,
}

impl Trial {
    /// The rules; none where the release is put in force for all orders.
    ///
    /// # Errors
    /// A percentage that is none.
    pub fn rules(&self) -> Result<Option<Rules>, Failure> {
        let part = match (&self.share, self.orders) {
            (Some(share), _) => Part::Share(share_of(share, "--share", WHOLE)?),
            (None, Some(count)) => Part::Next(count),
            (None, None) => return Ok(None),
        };
        if matches!(part, Part::Share(0) | Part::Next(0)) {
            return Err(Failure::usage("a canary needs at least one order: `--share 10%` or `--orders 50`"));
        }
        let limits = Limits {
            refused: share_of(&self.refusals, "--refusals", WHOLE)?,
            faults: share_of(&self.faults, "--faults", WHOLE)?,
            cpu_percent: share_of(&self.cpu, "--cpu", u32::MAX)? / 100,
            time_percent: share_of(&self.time, "--time", u32::MAX)? / 100,
        };
        let enough = self.enough.or(self.orders).unwrap_or(ENOUGH);
        Ok(Some(Rules { part, enough, ask: self.ask, limits }))
    }
}

/// `10%` or `0.5%` as hundredths of a percent.
fn share_of(text: &str, flag: &str, most: u32) -> Result<u32, Failure> {
    let wrong = || Failure::usage(format!("{flag}: `{text}` is not a percentage; write for example 10% or 0.5%"));
    let digits = text.trim().strip_suffix('%').unwrap_or(text.trim());
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let good = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || part.len() > 2 || !good(whole) || !good(part) {
        return Err(wrong());
    }
    let hundredths = |text: String| text.parse::<u32>().map_err(|_| wrong());
    let share = hundredths(format!("{whole}{part:0<2}"))?;
    if share > most { Err(wrong()) } else { Ok(share) }
}

/// Begins.
///
/// # Errors
/// The ledger's.
pub async fn begin(
    wish: NewActivation,
    rules: Rules,
    chosen: &Chosen,
    beside: &Beside,
    output: Output,
) -> Result<(), Failure> {
    let before = beside.ledger.figures_before(&chosen.record.id, BEFORE).await?;
    let canary = beside.ledger.begin_canary(wish, rules, before).await?;
    output.either(&json!({ "connection": chosen.record.name, "canary": canary }), || {
        let (plugin, version) = (plain(&chosen.release.description.name), plain(&chosen.release.description.version));
        output.line(format!(
            "Connection {} tries {plugin}@{version} with {}: activation {}.",
            chosen.record.name,
            orders(rules.part),
            canary.activation.number
        ));
        output.line(format!("Before: {}.", before.words()));
        let then = if rules.ask { "it asks" } else { "it is put in force" };
        output.line(format!("It goes back by itself if it is worse; after {} good orders {then}.", rules.enough));
    });
    Ok(())
}

/// Which is put in force.
#[derive(Debug, Args)]
pub struct Promotion {
    /// The connection's name.
    connection: String,
    /// Why; it is kept with the activation.
    #[arg(long)]
    reason: String,
}

/// Puts what is tried in force.
///
/// # Errors
/// Nothing is tried, or the ledger's.
pub async fn promote(arguments: &Promotion, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(&arguments.connection).await?;
    let Some(canary) = record.canary.clone() else {
        return Err(Failure::refused(format!("connection {} tries nothing at the moment", record.name)));
    };
    let number = canary.activation.number;
    let chosen = Chosen::again(record, &canary.activation, beside).await?;
    let wish = chosen.wish(ActivationKind::Promoted, Some(number), &arguments.reason)?;
    end(&chosen.record, &canary, CanaryState::Promoted, &arguments.reason, Some(wish), beside).await?;
    let record = beside.connection(&arguments.connection).await?;
    tell(&record.activation.clone(), &Chosen { record, ..chosen }, output);
    Ok(())
}

/// Ends what is tried; what is in force stays.
///
/// # Errors
/// The ledger's.
pub async fn stop(
    record: &ConnectionRecord,
    canary: &Canary,
    why: &str,
    beside: &Beside,
    output: Output,
) -> Result<(), Failure> {
    end(record, canary, CanaryState::Stopped, why, None, beside).await?;
    output.either(&json!({ "connection": record.name, "stopped": canary.activation.number }), || {
        output.line(format!(
            "Connection {} tries activation {} no more; activation {} maps all new orders.",
            record.name, canary.activation.number, canary.old
        ));
    });
    Ok(())
}

async fn end(
    record: &ConnectionRecord,
    canary: &Canary,
    state: CanaryState,
    why: &str,
    activation: Option<NewActivation>,
    beside: &Beside,
) -> Result<(), Failure> {
    let number = canary.activation.number;
    let (beside_it, own, _) = beside.ledger.canary_figures(&record.id, number).await?;
    let end = CanaryEnd {
        connection: record.id.clone(),
        number,
        state,
        why: format!("{why} (by {})", person()),
        figures: Some((beside_it, own)),
        activation,
        mail: None,
    };
    match beside.ledger.end_canary(end).await? {
        true => Ok(()),
        false => Err(Failure::refused(format!("activation {number} has ended in between; look at the history"))),
    }
}

fn orders(part: Part) -> String {
    match part {
        Part::Next(count) => format!("the next {count} orders"),
        Part::Share(share) if share % 100 == 0 => format!("{} % of new orders", share / 100),
        Part::Share(share) => format!("{}.{:02} % of new orders", share / 100, share % 100),
    }
}

/// What became of each, a few lines for each.
pub fn lines(canaries: &[Canary], output: Output) {
    for canary in canaries {
        let state = match canary.state {
            CanaryState::Running => "is tried",
            CanaryState::Asking => "waits for `plugin promote` or `plugin rollback`",
            CanaryState::Promoted => "was put in force",
            CanaryState::WentBack => "went back by itself",
            CanaryState::Stopped => "was ended",
        };
        let when = canary.ended_ms.map_or_else(String::new, |at_ms| format!(" {}", time::rfc3339(at_ms)));
        let why = if canary.why.is_empty() { String::new() } else { format!(": {}", plain(&canary.why)) };
        let (number, part) = (canary.activation.number, orders(canary.rules.part));
        output.line(format!("Activation {number}, with {part}, {state}{when}{why}"));
        let (old, own) = canary.figures.map_or((canary.before, None), |(old, own)| (old, Some(own)));
        output.line(format!("    activation {}: {}", canary.old, old.words()));
        if let Some(own) = own {
            output.line(format!("    activation {number}: {}", own.words()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_read() {
        for (text, share) in [("10%", 1_000), ("0.5%", 50), ("100", 10_000), ("0.05%", 5), ("0%", 0)] {
            assert_eq!(share_of(text, "--share", WHOLE).unwrap(), share, "{text}");
        }
        for text in ["", "%", "101%", "1.234%", "-1%", "ten", "1.5.2%"] {
            assert!(share_of(text, "--share", WHOLE).is_err(), "{text}");
        }
    }
}
