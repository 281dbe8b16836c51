//! `orderdock plugin add`: judges a component and keeps it.
//!
//! What can't run is not kept. What failed an item that a person may override is kept and held: no connection can use it
//! until each of those items was overridden, here or later with `plugin override`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{judged, read};
use crate::{
    cli::{
        Failure,
        open::{Beside, person},
        output::{Output, plain},
    },
    domain::admission::{Item, Kept},
    plugin::Judgement,
};

/// Keep a plugin.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The component, a `.wasm` file.
    file: PathBuf,
    #[command(flatten)]
    keeping: Keeping,
}

/// How it is judged, and what is taken nevertheless.
#[derive(Debug, Args)]
pub struct Keeping {
    #[command(flatten)]
    with: judged::With,
    /// Take it in spite of this item, if it fails. May be given several times.
    #[arg(long = "override", value_name = "ITEM", requires = "reason")]
    overrides: Vec<Item>,
    /// Why; kept with the release.
    #[arg(long, value_name = "WHY")]
    reason: Option<String>,
}

/// Judges and keeps a file.
///
/// # Errors
/// As [`keep`].
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let bytes = read(&arguments.file, &beside.settings)?;
    keep(&bytes, &arguments.file.display().to_string(), &json!({}), &arguments.keeping, beside, output).await
}

/// Judges a component and keeps it; `from` says where it comes from, `more` goes into the JSON.
///
/// # Errors
/// What can't run; `Refused` for what is kept and held.
pub async fn keep(
    bytes: &[u8],
    from: &str,
    more: &Value,
    keeping: &Keeping,
    beside: &Beside,
    output: Output,
) -> Result<(), Failure> {
    let reason = keeping.reason.as_deref().map(str::trim).unwrap_or_default();
    if reason.is_empty() && !keeping.overrides.is_empty() {
        return Err(Failure::usage("`--override` needs a reason that others understand: `--reason WHY`"));
    }
    if let Some(item) = keeping.overrides.iter().find(|item| !item.can_be_overridden()) {
        return Err(Failure::usage(format!("`{item}` can't be overridden: without it the release can't run")));
    }
    let judgement = keeping.with.judge(bytes, true, &beside.settings).await?;
    let Judgement { digest, description, admission } = &judgement;
    let Some(description) = description else {
        return Err(not_usable(&judgement, from));
    };
    let (by, ledger) = (person(), &beside.ledger);
    // The verdict first: a release is never there without one. One that is there stays as it was judged.
    if ledger.admissions(Some(digest)).await?.is_empty() {
        ledger.keep_admission(digest, admission, &by).await?;
    }
    for item in &keeping.overrides {
        if admission.failed().any(|judged| judged.item == *item) {
            ledger.override_item(digest, *item, reason, &by).await?;
        } else {
            output.remark(format!("warning: `{item}` did not fail: there is nothing to override"));
        }
    }
    let added = ledger.add_release(digest, bytes, description, &by).await?;
    let kept = ledger.admissions(Some(digest)).await?.into_iter().next().map(|(_, kept)| kept);
    let held = kept.as_ref().and_then(|kept| judged::held(kept, digest.as_str()));
    let mut result =
        json!({ "digest": digest, "added": added, "held": held, "description": description, "verdict": kept });
    if let (Some(result), Some(more)) = (result.as_object_mut(), more.as_object()) {
        result.extend(more.clone());
    }
    output.either(&result, || {
        if let Some(kept) = kept.as_ref().filter(|kept| tells_more(kept)) {
            judged::show(&kept.admission, &kept.overrides, output);
            output.line("");
        }
        let name = format!("{}@{}", description.name, description.version);
        let word = match (added, &held) {
            (_, Some(_)) => "Kept, but held:",
            (true, None) => "Kept",
            (false, None) => "Already kept:",
        };
        output.line(format!("{word} {} as {digest}", plain(&name)));
    });
    match held {
        None => Ok(()),
        Some(_) if output.json => Err(Failure::refused(String::new())),
        Some(why) => Err(Failure::refused(why)),
    }
}

/// Whether there is more to say than that all is well.
fn tells_more(kept: &Kept) -> bool {
    kept.admission.failed().next().is_some()
}

fn not_usable(judgement: &Judgement, from: &str) -> Failure {
    let found: Vec<_> = judgement.admission.broken().flat_map(|judged| judged.found.clone()).collect();
    Failure::usage(format!("{from} is not a plugin that can be used: {}", found.join("; ")))
}
