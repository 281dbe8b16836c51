//! `orderdock connection …`: connect shops to destinations, declaratively.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    Failure, fit,
    open::{Beside, person, sealer},
    output::{Output, cell, plain},
    plugin::judged,
    trust,
};
use crate::{
    config::{ConnectionFile, ConnectionSettings, Environment, export, read_connection},
    domain::{call::Tables, problem::Problem, time},
    ledger::connections::{ConnectionDraft, ConnectionRecord, ConnectionState, SealedSecret, ShopChange, ShopIdentity},
    pipeline::{lane::secret_purpose, open::shop_settings, parts::Secrets},
    seal::Sealer,
    shop::ShopSettings,
};

/// Connect shops to destinations.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a connection what a file says. Applying the same file again changes nothing; a running host follows within a
    /// second.
    Apply {
        /// The file, TOML; `orderdock config example connection` prints one.
        file: PathBuf,
        /// The shop's address or account changed, and it is the same shop: its orders stay known.
        #[arg(long, conflicts_with = "other_shop")]
        same_shop: bool,
        /// The shop's address or account changed, and it is another shop: its orders are new.
        #[arg(long)]
        other_shop: bool,
        /// Why; it is kept with the activation.
        #[arg(long, default_value = "applied on the command line")]
        why: String,
    },
    /// List connections.
    List,
    /// Show one connection: what it takes, who maps, where orders go, how it is.
    Show {
        /// Its name.
        name: String,
    },
    /// Print a connection as a file that can be applied again. Secrets are left where they are.
    Export {
        /// Its name.
        name: String,
    },
    /// Take no new orders; what is under way ends.
    Pause {
        /// Its name; `--all` for the whole host.
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// The whole host.
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// Why; staff read it.
        #[arg(long, default_value = "paused on the command line")]
        why: String,
    },
    /// Take orders again, and send again to an ERP that was left alone because it was in trouble.
    Resume {
        /// Its name; `--all` for the whole host.
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// The whole host.
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// Why; it is kept.
        #[arg(long, default_value = "")]
        why: String,
    },
    /// Remove a connection. What became of its orders stays known.
    Remove {
        /// Its name.
        name: String,
        /// Why.
        #[arg(long, default_value = "removed on the command line")]
        why: String,
    },
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Command, beside: Beside, output: Output) -> Result<(), Failure> {
    match command {
        Command::Apply { file, same_shop, other_shop, why } => {
            let change = match (same_shop, other_shop) {
                (true, _) => Some(ShopChange::Same),
                (_, true) => Some(ShopChange::Other),
                _ => None,
            };
            apply(&file, change, why, &beside, output).await
        }
        Command::List => list(&beside, output).await,
        Command::Show { name } => show(&name, &beside, output).await,
        Command::Export { name } => {
            let record = beside.connection(&name).await?;
            let settings = stored(&record)?;
            let text = export(&settings).map_err(Failure::failed)?;
            output.either(&settings, || output.line(text.trim_end()));
            Ok(())
        }
        Command::Pause { name: Some(name), why, .. } => {
            set(&name, ConnectionState::Paused, &why, &beside, output).await
        }
        Command::Pause { name: None, why, .. } => {
            beside.ledger.set_host_pause(true, &person(), &why).await?;
            output.either(&json!({ "paused": true }), || output.line("The whole host takes no new orders now."));
            Ok(())
        }
        Command::Resume { name: Some(name), why, .. } => resume(&name, &why, &beside, output).await,
        Command::Resume { name: None, why, .. } => {
            beside.ledger.set_host_pause(false, &person(), &why).await?;
            output.either(&json!({ "paused": false }), || output.line("The host takes orders again."));
            Ok(())
        }
        Command::Remove { name, why } => set(&name, ConnectionState::Removed, &why, &beside, output).await,
    }
}

async fn apply(
    file: &Path,
    shop_change: Option<ShopChange>,
    why: String,
    beside: &Beside,
    output: Output,
) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("{} can't be read: {error}", file.display())))?;
    let heading = format!("{} has problems; nothing was changed", file.display());
    let read = read_connection(file, &text, &Environment::Process)
        .map_err(|problems| Failure::problems(&heading, problems))?;
    for warning in &read.warnings {
        output.remark(format!("warning: {warning}"));
    }
    let release = beside.release(&read.settings.plugin.release).await?;
    let live = beside.ledger.connections(false).await?;
    let at_work = live.iter().find(|record| record.name == read.settings.name).map(|record| &record.activation.release);
    trust::put_to_work(beside, &release, at_work).await?;
    judged::put_to_work(beside, &release, at_work).await?;
    let sealer = sealer(&beside.settings)?;
    let known = fit::known_secrets(&read.settings.name, beside, &sealer).await?;
    let (secrets, sealed, mut problems) = seal_all(&read, &known, &sealer)?;
    problems.extend(fit::misfits(&read.settings, &release, &secrets));
    if problems.is_empty() {
        problems = fit::tried(&read.settings, &release, &secrets, beside, output).await?;
    }
    if !problems.is_empty() {
        return Err(Failure::problems(&heading, problems));
    }
    let shop = shop_settings(&read.settings).map_err(|problems| Failure::problems(&heading, problems))?;
    // One that was removed too: what was sent for it must still be known when it comes back.
    let ever = beside.ledger.connections(true).await?;
    let before = ever.iter().filter(|record| record.name == read.settings.name);
    let before = before
        .max_by_key(|record| (record.state != ConnectionState::Removed, record.state_since_ms))
        .map(|it| &it.shop);
    let shop = shop_identity(&shop, &read.settings.name, before);
    let take_from_ms = read.settings.take.from.as_deref().and_then(time::millis_of);
    let config = serde_json::to_value(&read.settings).map_err(|error| Failure::failed(error.to_string()))?;
    let tables: Tables = read.settings.tables.clone();
    let plugin_settings = read.settings.plugin.settings.to_json();
    let draft = ConnectionDraft {
        name: read.settings.name.clone(),
        shop,
        shop_change,
        config,
        release: release.digest.clone(),
        plugin_settings,
        tables,
        secrets: sealed,
        take_from_ms,
        by: person(),
        why,
    };
    let applied = beside.ledger.apply_connection(draft).await?;
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    beside.ledger.note_file(&applied.connection, &whole.display().to_string()).await?;
    output.either(&applied, || {
        let name = &read.settings.name;
        if applied.created {
            output.line(format!("Connection {name} is made; a running host takes it up within a second."));
        } else if applied.changes.is_empty() {
            output.line(format!("Connection {name}: no change."));
        } else {
            let changes: BTreeSet<&str> = applied.changes.iter().map(String::as_str).collect();
            let changes: Vec<&str> = changes.into_iter().collect();
            output.line(format!("Connection {name} changed: {}.", changes.join(", ")));
        }
    });
    Ok(())
}

/// Which shop the settings mean. One that was pushed to before connections without an account were told apart stays what it
/// was: its orders are known under that name.
fn shop_identity(settings: &ShopSettings, connection: &str, before: Option<&ShopIdentity>) -> ShopIdentity {
    let identity = settings.identity(connection);
    let nameless = matches!(settings, ShopSettings::Push(push) if push.account.is_empty());
    match before {
        Some(before) if nameless && before.kind == identity.kind && before.account.is_empty() => before.clone(),
        _ => ShopIdentity { kind: identity.kind, base_address: identity.address, account: identity.account },
    }
}

type AllSecrets = (Secrets, Vec<SealedSecret>, Vec<Problem>);

/// Seals what was given. The same value keeps its sealed form, so that applying it again is no change.
fn seal_all(read: &ConnectionFile, known: &[(SealedSecret, Vec<u8>)], sealer: &Sealer) -> Result<AllSecrets, Failure> {
    let (mut secrets, mut sealed, mut problems) = (Secrets::new(), Vec::new(), Vec::new());
    for given in &read.secrets {
        let before = known.iter().find(|(secret, _)| secret.slot == given.slot);
        let value = match (&given.value, before) {
            (Some(value), _) => value.clone(),
            (None, Some((_, bytes))) => String::from_utf8_lossy(bytes).into_owned().into(),
            (None, None) => {
                let hint = "give it as { env = \"NAME\" } or { file = \"path\" } once";
                problems.push(Problem::new(&given.place, "nothing is stored for it yet").hint(hint));
                continue;
            }
        };
        secrets.insert(given.slot.clone(), value.clone());
        match before {
            Some((secret, bytes)) if bytes.as_slice() == value.expose_secret().as_bytes() => {
                sealed.push(secret.clone())
            }
            _ => {
                let purpose = secret_purpose(&read.settings.name, &given.slot);
                let bytes = sealer
                    .seal(&purpose, value.expose_secret().as_bytes())
                    .map_err(|error| Failure::failed(error.to_string()))?;
                let fingerprint = hex::encode(Sha256::digest(&bytes));
                sealed.push(SealedSecret { slot: given.slot.clone(), sealed: bytes, fingerprint });
            }
        }
    }
    Ok((secrets, sealed, problems))
}

async fn list(beside: &Beside, output: Output) -> Result<(), Failure> {
    let all = beside.ledger.connections(false).await?;
    let releases = beside.ledger.releases().await?;
    let mut rows = Vec::new();
    for record in &all {
        let counts = beside.ledger.counts(&record.id).await?;
        let of = |state: &str| counts.by_state.get(state).copied().unwrap_or(0);
        let failed = of("failed") + of("given_up");
        let delivered = of("delivered");
        let under_way = counts.by_state.values().sum::<u64>() - failed - delivered - of("withdrawn");
        rows.push((record, delivered, under_way, failed, counts.skipped));
    }
    let value: Vec<_> = rows
        .iter()
        .map(|(record, delivered, under_way, failed, skipped)| {
            json!({
                "connection": record, "delivered": delivered, "under_way": under_way,
                "failed": failed, "skipped": skipped,
            })
        })
        .collect();
    output.either(&value, || {
        if rows.is_empty() {
            output
                .line("There is no connection yet: `orderdock config example connection` prints a file to begin with.");
            return;
        }
        let rows = rows
            .iter()
            .map(|(record, delivered, under_way, failed, skipped)| {
                vec![
                    cell(&record.name),
                    cell(if record.shut.is_some() { "ERP in trouble" } else { state_words(record.state) }),
                    cell(&record.shop.kind),
                    cell(super::plugin::history::name_of(&record.activation.release, &releases)),
                    cell(delivered.to_string()),
                    cell(under_way.to_string()),
                    cell(failed.to_string()),
                    cell(skipped.to_string()),
                ]
            })
            .collect();
        output.table(&["connection", "state", "shop", "release", "delivered", "under way", "failed", "skipped"], rows);
    });
    Ok(())
}

async fn show(name: &str, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(name).await?;
    let counts = beside.ledger.counts(&record.id).await?;
    let sweeps = beside.ledger.sweeps(&record.id, &record.shop_id, 5).await?;
    let activations = beside.ledger.activations(&record.id).await?;
    let releases = beside.ledger.releases().await?;
    let canaries = beside.ledger.canaries(&record.id).await?;
    let value = json!({
        "connection": record, "counts": counts, "sweeps": sweeps, "activations": activations, "canaries": canaries,
    });
    output.either(&value, || {
        let why = if record.state_why.is_empty() { String::new() } else { format!(" ({})", plain(&record.state_why)) };
        output.line(format!("Connection {name}: {}{why}", state_words(record.state)));
        if let Some(shut) = &record.shut {
            output.line(format!("Nothing is sent: {}.", plain(&shut.sentence())));
            output.line("Orders wait and are sent by themselves; `orderdock connection resume` sends them now.");
        }
        let shop = [record.shop.kind.as_str(), &record.shop.base_address, &record.shop.account];
        let shop: Vec<&str> = shop.into_iter().filter(|word| !word.is_empty()).collect();
        output.line(format!("Shop:      {}", shop.join(" ")));
        output.line(format!("Takes from {}", time::rfc3339(record.take_from_ms)));
        let release = super::plugin::history::name_of(&record.activation.release, &releases);
        output.line(format!("Release:   {} ({})", plain(&release), record.activation.release));
        output.line("\nOrders by state");
        for (state, count) in &counts.by_state {
            output.line(format!("  {:<12} {count}", state.replace('_', " ")));
        }
        output.line(format!("  {:<12} {}", "skipped", counts.skipped));
        output.line(format!("  {:<12} {}", "questions", counts.questions));
        output.line(format!("Owed to the shop: {} (stuck: {})", counts.effects_owed, counts.effects_stuck));
        output.line("\nLast looks at the shop");
        for sweep in &sweeps {
            let how = sweep.error.as_deref().map_or_else(|| "complete".to_owned(), |error| format!("failed: {error}"));
            let what = if sweep.kind == crate::ledger::orders::SweepKind::Slow { "daily comparison, " } else { "" };
            output.line(format!(
                "  {}  {what}{} orders, {} taken, {}",
                time::rfc3339(sweep.started_ms),
                sweep.seen,
                sweep.opened,
                plain(&how)
            ));
        }
        output.line("\nActivations, newest first");
        super::plugin::history::table(&activations, record.activation.number, &releases, output);
        super::plugin::canary::lines(&canaries, output);
    });
    Ok(())
}

async fn set(name: &str, state: ConnectionState, why: &str, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(name).await?;
    beside.ledger.set_connection_state(&record.id, state, &person(), why).await?;
    output.either(&json!({ "connection": name, "state": state }), || {
        output.line(format!("Connection {name} is {} now.", state_words(state)));
    });
    Ok(())
}

/// A connection that is paused takes orders again; one whose ERP is left alone sends again, at once.
async fn resume(name: &str, why: &str, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.connection(name).await?;
    if record.state != ConnectionState::Active {
        beside.ledger.set_connection_state(&record.id, ConnectionState::Active, &person(), why).await?;
    }
    let opened = beside.ledger.open_destination(&record.id, &person(), why).await?;
    output.either(&json!({ "connection": name, "state": ConnectionState::Active, "opened": opened }), || {
        output.line(format!("Connection {name} is active now."));
        if let Some(opened) = &opened {
            output.line(format!("Orders are sent to its ERP again, although {}.", plain(&opened.what())));
        }
    });
    Ok(())
}

fn state_words(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Active => "active",
        ConnectionState::Paused => "paused",
        ConnectionState::Removed => "removed",
    }
}

/// A connection's settings as the ledger has them.
///
/// # Errors
/// When they were written by another version that this one can't read.
pub fn stored(record: &ConnectionRecord) -> Result<ConnectionSettings, Failure> {
    serde_json::from_value(record.config.clone())
        .map_err(|error| Failure::failed(format!("the settings of {} can't be read: {error}", record.name)))
}
