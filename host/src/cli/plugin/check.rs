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
    config::HostSettings,
    domain::{
        admission::{Item, Kept, Override},
        figures,
    },
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

impl Arguments {
    /// Whether a file is meant: that needs no database.
    pub fn is_file(&self) -> bool {
        let file = Path::new(&self.what);
        file.is_file() || file.extension().is_some_and(|end| end == "wasm")
    }
}

/// Judges a file.
///
/// # Errors
/// What can't be read; `Failure::failed` when an item failed.
pub async fn file(arguments: &Arguments, settings: &HostSettings, output: Output) -> Result<(), Failure> {
    let component = Path::new(&arguments.what);
    let bytes = read(component, settings)?;
    let judgement = arguments.with.with_cases_beside(component).judge(&bytes, false, settings).await?;
    tell(&bytes, judgement, Vec::new(), true, output)
}

/// Judges a release that is kept, and replaces its verdict.
///
/// # Errors
/// No such release; `Failure::failed` when an item failed that nobody has overridden.
pub async fn release(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let digest = beside.release(&arguments.what).await?.digest;
    let missing = || Failure::failed(format!("the bytes of release {digest} are not in the ledger"));
    let bytes = beside.ledger.release_bytes(&digest).await?.ok_or_else(missing)?;
    let mut judgement = arguments.with.judge(&bytes, false, &beside.settings).await?;
    let known = beside.ledger.admissions(Some(&digest)).await?.into_iter().next().map(|(_, kept)| kept);
    if let Some(known) = &known {
        // The ledger has no cases: what they showed of these very bytes is not forgotten because nobody has them at hand.
        judgement.admission.remember_cases(&known.admission);
    }
    beside.ledger.keep_admission(&digest, &judgement.admission, &person()).await?;
    tell(&bytes, judgement, known.map(|kept| kept.overrides).unwrap_or_default(), false, output)
}

fn tell(
    bytes: &[u8],
    judgement: Judgement,
    overrides: Vec<Override>,
    is_file: bool,
    output: Output,
) -> Result<(), Failure> {
    let Judgement { digest, description, admission } = judgement;
    let kept = Kept { admission, by: person(), at_ms: 0, overrides };
    let standing = kept.standing();
    let result = json!({
        "ok": standing.is_empty(), "digest": digest, "size": bytes.len(), "description": description,
        "verdict": { "admission": kept.admission, "overrides": kept.overrides },
    });
    output.either(&result, || {
        if let Some(description) = &description {
            output.line(format!("{}@{}", plain(&description.name), plain(&description.version)));
        }
        output.line(format!("{digest}, {}\n", figures::bytes(bytes.len() as u64)));
        judged::show(&kept.admission, &kept.overrides, output);
    });
    match judged::held(&kept, digest.as_str()) {
        None => Ok(()),
        Some(_) if output.json => Err(Failure::told()),
        // Nothing is kept yet that could be overridden.
        Some(_) if is_file && standing.iter().copied().all(Item::can_be_overridden) => {
            let names = standing.iter().map(|item| item.as_str()).collect::<Vec<_>>().join(", ");
            Err(Failure::failed(format!(
                "it failed {names}: `orderdock plugin add` would keep it, but held, so that no connection can use it"
            )))
        }
        Some(why) => Err(Failure::failed(why)),
    }
}
