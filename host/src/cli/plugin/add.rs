//! `orderdock plugin add`: judges a component and keeps it.
//!
//! What can't run is not kept. What failed an item that a person may override is kept and held: no connection can use it
//! until each of those items was overridden, here or later with `plugin override`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{judged, read, sign};
use crate::{
    cli::{
        Failure,
        open::{Beside, person},
        output::{Output, plain},
        trust,
    },
    domain::{
        admission::{Item, Kept},
        signature::ReleaseSignature,
    },
    plugin::Judgement,
    signature::Standing,
};

/// Keep a plugin.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The component, a `.wasm` file.
    file: PathBuf,
    /// A signature over it, as `plugin sign` or `cosign sign-blob` made it, or a bundle of cosign's. May be repeated.
    #[arg(long)]
    signature: Vec<PathBuf>,
    #[command(flatten)]
    keeping: Keeping,
}

/// How it is judged, and what is taken nevertheless.
#[derive(Clone, Debug, Args)]
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
    let signatures = arguments.signature.iter().map(|file| sign::signature(file)).collect::<Result<Vec<_>, _>>()?;
    let from = arguments.file.display().to_string();
    let with = arguments.keeping.with.with_cases_beside(&arguments.file);
    let keeping = Keeping { with, ..arguments.keeping.clone() };
    keep(&bytes, &from, &signatures, &json!({}), &keeping, beside, output).await
}

/// Judges a component and keeps it; `from` says where it comes from, `more` goes into the JSON.
///
/// # Errors
/// What can't run; `Refused` for what is kept and held.
pub async fn keep(
    bytes: &[u8],
    from: &str,
    signatures: &[ReleaseSignature],
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
    let standing = trust::judged(beside, &description.publisher, digest, bytes, signatures).await?;
    let (by, ledger) = (person(), &beside.ledger);
    // The verdict first: a release is never there without one. One that is there stays as it was judged.
    let before = ledger.admissions(Some(digest)).await?.into_iter().next().map(|(_, kept)| kept.admission);
    match &before {
        None => ledger.keep_admission(digest, admission, &by).await?,
        Some(before) => {
            if let Some(worse) = judged::worse(before, admission) {
                let short = digest.as_str().get(..12).unwrap_or_default();
                output.remark(format!(
                    "warning: it was judged before, and that verdict stands, although now it failed {worse}; \
                     `orderdock plugin check {short}`, with the same options, replaces it"
                ));
            }
        }
    }
    let stands = before.as_ref().unwrap_or(admission);
    for item in &keeping.overrides {
        if stands.failed().any(|judged| judged.item == *item) {
            ledger.override_item(digest, *item, reason, &by).await?;
        } else {
            output.remark(format!("warning: `{item}` did not fail: there is nothing to override"));
        }
    }
    let added = ledger.add_release(digest, bytes, description, &by).await?;
    ledger.keep_signatures(digest, signatures, &by).await?;
    let key = match &standing {
        Standing::Signed { key_id } => Some(key_id.as_str()),
        Standing::Unsigned => None,
    };
    let kept = ledger.admissions(Some(digest)).await?.into_iter().next().map(|(_, kept)| kept);
    let held = kept.as_ref().and_then(|kept| judged::held(kept, digest.as_str()));
    let mut result = json!({
        "digest": digest, "added": added, "held": held, "signed_by_key": key, "description": description, "verdict": kept,
    });
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
        if let Some(key) = key {
            output.line(format!("Signed by {} with key {key}", plain(&description.publisher)));
        }
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
