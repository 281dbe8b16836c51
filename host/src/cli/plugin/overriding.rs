//! `orderdock plugin override`: a person takes a release in spite of a failed item.

use clap::Args;
use serde_json::json;

use super::judged;
use crate::{
    cli::{
        Failure,
        open::{Beside, person},
        output::{Output, plain},
    },
    domain::admission::Item,
};

/// Take a release in spite of a failed item.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Digest (its first digits are enough), name, or name@version.
    release: String,
    /// The failed item, as `orderdock plugin show` names it.
    item: Item,
    /// Why; kept with the release, with your name and the time.
    #[arg(long, value_name = "WHY")]
    reason: String,
}

/// Keeps the decision.
///
/// # Errors
/// No such release; an item that did not fail or can't be overridden.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let reason = arguments.reason.trim();
    if reason.is_empty() {
        return Err(Failure::usage("give a reason that others understand"));
    }
    let record = beside.release(&arguments.release).await?;
    let added = beside.ledger.override_item(&record.digest, arguments.item, reason, &person()).await?;
    let kept = beside.ledger.admissions(Some(&record.digest)).await?.into_iter().next().map(|(_, kept)| kept);
    let held = kept.as_ref().and_then(|kept| judged::held(kept, record.digest.as_str()));
    let result = json!({ "digest": record.digest, "overridden": added, "held": held, "verdict": kept });
    output.either(&result, || {
        let name = format!("{}@{}", plain(&record.description.name), plain(&record.description.version));
        output.line(match added {
            true => format!("`{}` of {name} is overridden.", arguments.item),
            false => format!("`{}` of {name} was overridden before; that decision stands.", arguments.item),
        });
        match &held {
            None => output.line("The release may be used."),
            Some(why) => output.line(format!("Still, {why}.")),
        }
    });
    Ok(())
}
