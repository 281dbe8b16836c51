//! `orderdock plugin check`: the verdict, without keeping anything but the verdict on a release that is kept already.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{judged, read};
use crate::{
    cli::{
        Failure,
        open::{Beside, person},
        output::{Output, plain},
    },
    domain::admission::Kept,
    plugin::Judgement,
};

/// Judge a component.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The component, a `.wasm` file; or a release by its digest, name, or name@version: its verdict is replaced.
    what: String,
    #[command(flatten)]
    with: judged::With,
}

/// Judges.
///
/// # Errors
/// What can't be read; `Failure::failed` when an item failed.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let file = Path::new(&arguments.what);
    let (bytes, release) = if file.is_file() || file.extension().is_some_and(|end| end == "wasm") {
        (read(file, beside)?, None)
    } else {
        let record = beside.release(&arguments.what).await?;
        let missing = || Failure::failed(format!("the bytes of release {} are not in the ledger", record.digest));
        (beside.ledger.release_bytes(&record.digest).await?.ok_or_else(missing)?, Some(record.digest))
    };
    let Judgement { digest, description, admission } = arguments.with.judge(&bytes, false, beside).await?;
    if let Some(release) = &release {
        beside.ledger.keep_admission(release, &admission, &person()).await?;
    }
    let known = beside.ledger.admissions(Some(&digest)).await?.into_iter().next().map(|(_, kept)| kept);
    let overrides = known.map(|kept| kept.overrides).unwrap_or_default();
    let kept = Kept { admission, by: person(), at_ms: beside.clock.now_ms(), overrides };
    let standing = kept.standing();
    let result = json!({
        "ok": standing.is_empty(), "digest": digest, "size": bytes.len(), "description": description, "verdict": kept,
    });
    output.either(&result, || {
        if let Some(description) = &description {
            output.line(format!("{}@{}", plain(&description.name), plain(&description.version)));
        }
        output.line(format!("{digest}, {} bytes\n", bytes.len()));
        judged::show(&kept.admission, &kept.overrides, output);
    });
    match judged::held(&kept, digest.as_str()) {
        None => Ok(()),
        Some(_) if output.json => Err(Failure::told()),
        Some(why) => Err(Failure::failed(why)),
    }
}
