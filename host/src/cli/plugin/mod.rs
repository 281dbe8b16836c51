//! `orderdock plugin …`: releases, known by their digest, never changed.

mod activate;
mod author;
mod build;
pub mod canary;
mod capture;
mod dev;
mod display;
pub mod history;
mod new;
mod pull;
mod push;
mod remote;
mod rollback;
mod run;
mod shadow;
mod sign;
mod test;
mod workshop;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Failure,
    open::{self, Beside, person, runtime},
    output::{Output, cell, plain},
    trust,
};
use crate::{
    config::HostSettings,
    domain::{call::Description, signature::ReleaseSignature, time},
    ledger::connections::ReleaseRecord,
    plugin::Mapper as _,
    signature::Standing,
};

/// Keep plugins.
#[derive(Debug, Subcommand)]
pub enum Command {
    #[command(flatten)]
    Author(author::Command),
    /// Make a case of a real order, with personal data masked.
    Capture(capture::Arguments),
    /// Check a component and keep it as a release. Adding the same file again changes nothing.
    Add {
        /// The component, a `.wasm` file.
        file: PathBuf,
        /// A signature over it, as `plugin sign` or `cosign sign-blob` made it. May be repeated.
        #[arg(long)]
        signature: Vec<PathBuf>,
    },
    /// List releases, newest first.
    List,
    /// Show a release: what it says of itself, its settings, what it needs.
    Show {
        /// Digest (its first digits are enough), name, or name@version.
        release: String,
    },
    /// Let a connection map with a release from now on. Orders under way end on what they began with; every host follows
    /// within a second.
    Activate(activate::Arguments),
    /// Put in force what is tried with some new orders.
    Promote(canary::Promotion),
    /// Let a connection map again with what it mapped with before; while something is tried with some orders, end that.
    Rollback(rollback::Arguments),
    /// What a connection mapped with: since when, by whom, why.
    History(history::Arguments),
    /// Say what another release would have made of a connection's last orders, and of the ERP's answers. Nothing is sent.
    Shadow(shadow::Arguments),
    /// Look at a file without keeping it.
    Inspect {
        /// The component, a `.wasm` file.
        file: PathBuf,
    },
    /// Publish a release to an OCI registry, in the layout that wkg reads.
    Push(push::Arguments),
    /// Fetch a release from an OCI registry and keep it, as `add` does. Every byte is checked against its digest.
    Pull(pull::Arguments),
    /// Sign a component as its publisher.
    Sign(sign::Arguments),
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Command, settings: HostSettings, output: Output) -> Result<(), Failure> {
    match command {
        // Authors have no database.
        Command::Author(command) => author::run(command, settings, output).await,
        Command::Sign(arguments) => sign::run(&arguments, &settings, output),
        command => kept(command, open::beside(settings).await?, output).await,
    }
}

async fn kept(command: Command, beside: Beside, output: Output) -> Result<(), Failure> {
    match command {
        Command::Author(command) => author::run(command, beside.settings, output).await,
        Command::Capture(arguments) => capture::run(arguments, beside, output).await,
        Command::Add { file, signature } => {
            let bytes = read(&file, &beside.settings)?;
            let signatures = signature.iter().map(|file| sign::signature(file)).collect::<Result<Vec<_>, _>>()?;
            add(&bytes, &file.display().to_string(), &signatures, &json!({}), &beside, output).await
        }
        Command::Inspect { file } => {
            let bytes = read(&file, &beside.settings)?;
            let runtime = runtime(&beside.settings)?;
            let (digest, description) =
                runtime.admit(&bytes).await.map_err(|error| refused(&file.display().to_string(), &error))?;
            let result = json!({ "digest": digest, "size": bytes.len(), "description": description });
            output.either(&result, || describe(digest.as_str(), bytes.len() as u64, &description, output));
            Ok(())
        }
        Command::Activate(arguments) => activate::run(&arguments, &beside, output).await,
        Command::Promote(arguments) => canary::promote(&arguments, &beside, output).await,
        Command::Rollback(arguments) => rollback::run(&arguments, &beside, output).await,
        Command::Shadow(arguments) => shadow::run(&arguments, &beside, output).await,
        Command::History(arguments) => history::run(&arguments, &beside, output).await,
        Command::List => {
            let releases = beside.ledger.releases().await?;
            output.either(&releases, || list(&releases, output));
            Ok(())
        }
        Command::Show { release } => {
            let record = beside.release(&release).await?;
            output.either(&record, || describe(record.digest.as_str(), record.size, &record.description, output));
            Ok(())
        }
        Command::Push(arguments) => push::run(&arguments, &beside, output).await,
        Command::Pull(arguments) => pull::run(&arguments, &beside, output).await,
        Command::Sign(arguments) => sign::run(&arguments, &beside.settings, output),
    }
}

/// Checks a component and keeps it; `from` says where it comes from, `more` goes into the JSON.
async fn add(
    bytes: &[u8],
    from: &str,
    signatures: &[ReleaseSignature],
    more: &Value,
    beside: &Beside,
    output: Output,
) -> Result<(), Failure> {
    let runtime = runtime(&beside.settings)?;
    let (digest, description) = runtime.admit(bytes).await.map_err(|error| refused(from, &error))?;
    let standing = trust::judged(beside, &description.publisher, &digest, bytes, signatures).await?;
    let added = beside.ledger.add_release(&digest, bytes, &description, &person()).await?;
    beside.ledger.keep_signatures(&digest, signatures, &person()).await?;
    let key = match &standing {
        Standing::Signed { key_id } => Some(key_id.as_str()),
        Standing::Unsigned => None,
    };
    let mut result = json!({ "digest": digest, "added": added, "signed_by_key": key, "description": description });
    if let (Some(result), Some(more)) = (result.as_object_mut(), more.as_object()) {
        result.extend(more.clone());
    }
    output.either(&result, || {
        let name = format!("{}@{}", description.name, description.version);
        let word = if added { "Kept" } else { "Already kept:" };
        output.line(format!("{word} {} as {digest}", plain(&name)));
        if let Some(key) = key {
            output.line(format!("Signed by {} with key {key}", plain(&description.publisher)));
        }
    });
    Ok(())
}

fn list(releases: &[ReleaseRecord], output: Output) {
    if releases.is_empty() {
        output.line("No plugin was added yet.");
        return;
    }
    let rows = releases
        .iter()
        .map(|release| {
            vec![
                cell(&release.description.name),
                cell(&release.description.version),
                cell(&release.description.erp),
                cell(release.digest.as_str().get(..12).unwrap_or_default()),
                cell(time::rfc3339(release.added_ms)),
                cell(&release.by),
            ]
        })
        .collect();
    output.table(&["plugin", "version", "ERP", "digest", "added", "by"], rows);
}

fn describe(digest: &str, size: u64, description: &Description, output: Output) {
    output.line(format!(
        "{}@{} by {}",
        plain(&description.name),
        plain(&description.version),
        plain(&description.publisher)
    ));
    output.line(format!("For:     {}", plain(&description.erp)));
    output.line(format!("Digest:  {digest}"));
    output.line(format!("Size:    {size} bytes"));
    output.line(format!("\n{}", plain(&description.help)));
    for (title, needs) in
        [("Secrets", &description.secrets), ("Tables", &description.tables), ("Folders", &description.folders)]
    {
        if needs.is_empty() {
            continue;
        }
        output.line(format!("\n{title}"));
        for need in needs {
            let must = if need.required { "needed" } else { "optional" };
            output.line(format!("  {} ({must}): {}", plain(&need.name), plain(&need.help)));
        }
    }
    output.line("\nSettings");
    let properties = description.settings_schema.get("properties").and_then(|found| found.as_object());
    for (name, schema) in properties.into_iter().flatten() {
        let text = schema.get("description").and_then(|text| text.as_str()).unwrap_or_default();
        let default = schema.get("default").map_or_else(String::new, |value| format!(" [default: {value}]"));
        output.line(format!("  {}{default}", plain(name)));
        if !text.is_empty() {
            output.line(format!("      {}", plain(text).replace('\n', "\n      ")));
        }
    }
}

fn read(file: &Path, settings: &HostSettings) -> Result<Vec<u8>, Failure> {
    let place = file.display();
    let size =
        std::fs::metadata(file).map_err(|error| Failure::usage(format!("{place} can't be read: {error}")))?.len();
    let most = settings.plugins.release_bytes.0;
    if size > most {
        return Err(Failure::usage(format!(
            "{place} has {size} bytes; at most {most} are allowed (plugins.release_bytes)"
        )));
    }
    std::fs::read(file).map_err(|error| Failure::usage(format!("{place} can't be read: {error}")))
}

fn refused(from: &str, error: &crate::plugin::AdmissionError) -> Failure {
    Failure::usage(format!("{from} is not a plugin that can be used: {error}"))
}
