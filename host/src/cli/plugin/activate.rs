//! `orderdock plugin activate`: another release for a connection, or other settings or tables of it, while orders flow.

use std::{io::IsTerminal as _, path::PathBuf};

use clap::Args;
use serde_json::json;

use super::{
    super::{
        Failure,
        connection::stored,
        fit,
        open::{Beside, person, sealer},
        output::{Output, plain},
    },
    canary, judged,
    shadow::{self, Compared, May},
    trust,
};
use crate::{
    config::{ConnectionSettings, Opaque, read_plugin_settings, read_tables},
    ledger::{
        activations::{Activation, ActivationKind, NewActivation},
        connections::{ConnectionRecord, ReleaseRecord},
    },
    pipeline::parts::Secrets,
};

/// What is activated.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The connection's name.
    pub connection: String,
    /// Digest (its first digits are enough), name, or name@version.
    pub release: String,
    /// Plugin settings from this TOML file; else they stay as they are.
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Look-up tables from this TOML file; else they stay as they are.
    #[arg(long, value_name = "FILE")]
    pub tables: Option<PathBuf>,
    /// Why; it is kept with the activation.
    #[arg(long)]
    pub reason: String,
    /// Do not try it with the last delivered orders first.
    #[arg(long)]
    pub untried: bool,
    /// Run the last orders (500, or so many) with both first, and activate only if nothing differs; else show what does.
    #[arg(long, value_name = "ORDERS", num_args = 0..=1, require_equals = true, default_missing_value = "500")]
    pub shadow: Option<u32>,
    /// Activate although the shadow run differs: the differences are what is wanted.
    #[arg(long, requires = "shadow")]
    pub accept: bool,
    /// Begin with some new orders only, and go back by itself if that is worse.
    #[command(flatten)]
    pub canary: canary::Trial,
}

/// A connection with what it shall map with.
pub struct Chosen {
    /// As the ledger has it.
    pub record: ConnectionRecord,
    /// The release.
    pub release: ReleaseRecord,
    /// The connection's settings with all of it.
    pub settings: ConnectionSettings,
}

impl Chosen {
    /// What an earlier activation said.
    ///
    /// # Errors
    /// The ledger's.
    pub async fn again(record: ConnectionRecord, earlier: &Activation, beside: &Beside) -> Result<Self, Failure> {
        let settings = beside.ledger.plugin_settings(&record.id, earlier.settings_revision).await?;
        let tables = beside.ledger.tables(&record.id, earlier.tables_revision).await?;
        let settings = Opaque::from_value(settings.as_object().cloned().unwrap_or_default());
        let release = beside.release(earlier.release.as_str()).await?;
        let settings = stored(&record)?.mapping_with(earlier.release.as_str(), settings, tables);
        Ok(Self { record, release, settings })
    }

    /// What the ledger is asked for.
    ///
    /// # Errors
    /// When the settings have no JSON form.
    pub fn wish(&self, kind: ActivationKind, repeats: Option<u32>, why: &str) -> Result<NewActivation, Failure> {
        let config = serde_json::to_value(&self.settings).map_err(|error| Failure::failed(error.to_string()))?;
        Ok(NewActivation {
            connection: self.record.id.clone(),
            instead_of: self.record.activation.number,
            kind,
            repeats,
            release: self.release.digest.clone(),
            plugin_settings: self.settings.plugin.settings.to_json(),
            tables: self.settings.tables.clone(),
            config,
            by: person(),
            why: why.to_owned(),
        })
    }
}

/// Activates.
///
/// # Errors
/// Everything that does not fit, and every order that could not be mapped any more.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let chosen = choose(arguments, beside).await?;
    let at_work = &chosen.record.activation.release;
    trust::put_to_work(beside, &chosen.release, Some(at_work)).await?;
    judged::put_to_work(beside, &chosen.release, Some(at_work)).await?;
    check(arguments, &chosen, beside, output).await?;
    let (compared, why) = shadowed(arguments, &chosen, beside, output).await?;
    if let Some(rules) = arguments.canary.rules()? {
        let wish = chosen.wish(ActivationKind::Canary, None, &why)?;
        return canary::begin(wish, rules, &chosen, beside, output).await;
    }
    let wish = chosen.wish(ActivationKind::Activated, None, &why)?;
    let activation = beside.ledger.activate(wish).await?;
    tell_with(&activation, &chosen, compared.as_ref(), output);
    Ok(())
}

/// The shadow run that was asked for, and the reason that is kept with the activation.
async fn shadowed(
    arguments: &Arguments,
    chosen: &Chosen,
    beside: &Beside,
    output: Output,
) -> Result<(Option<Compared>, String), Failure> {
    let why = &arguments.reason;
    let Some(orders) = arguments.shadow else { return Ok((None, why.clone())) };
    let may = May {
        release: &chosen.release,
        settings: arguments.settings.as_ref().map(|_| chosen.settings.plugin.settings.to_json()),
        tables: arguments.tables.as_ref().map(|_| chosen.settings.tables.clone()),
    };
    let compared = shadow::compare(&chosen.record, may, (0, orders.max(1)), beside, output).await?;
    if !compared.differs() {
        let why = format!("{why} ({})", compared.words());
        return Ok((Some(compared), why));
    }
    if !output.json {
        shadow::tell(&compared, output);
    }
    if !arguments.accept && !agreed(output) {
        if output.json {
            output.value(&json!({ "connection": chosen.record.name, "activation": null, "shadow": compared }));
            return Err(Failure::different());
        }
        let why = "nothing was activated: the shadow run differs; `--accept` activates all the same";
        return Err(Failure::different_because(why));
    }
    let why = format!("{why} ({}, accepted)", compared.words());
    Ok((Some(compared), why))
}

/// A person at a terminal is asked; nobody else is.
fn agreed(output: Output) -> bool {
    if output.json || !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return false;
    }
    output.line("\nActivate it all the same? Write yes:");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
}

async fn choose(arguments: &Arguments, beside: &Beside) -> Result<Chosen, Failure> {
    let record = beside.connection(&arguments.connection).await?;
    let release = beside.release(&arguments.release).await?;
    let old = stored(&record)?;
    let mut problems = Vec::new();
    let settings = match &arguments.settings {
        None => old.plugin.settings.clone(),
        Some(path) => read_plugin_settings(path, &text(path)?)
            .map_err(|mut found| problems.append(&mut found))
            .unwrap_or_default(),
    };
    let tables = match &arguments.tables {
        None => old.tables.clone(),
        Some(path) => {
            read_tables(path, &text(path)?).map_err(|mut found| problems.append(&mut found)).unwrap_or_default()
        }
    };
    if !problems.is_empty() {
        return Err(Failure::problems("nothing was activated; the files have problems", problems));
    }
    let settings = old.mapping_with(release.digest.as_str(), settings, tables);
    Ok(Chosen { record, release, settings })
}

fn text(path: &std::path::Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{} can't be read: {error}", path.display())))
}

async fn check(arguments: &Arguments, chosen: &Chosen, beside: &Beside, output: Output) -> Result<(), Failure> {
    let Chosen { record, release, settings } = chosen;
    let secrets = secrets_of(record, beside).await?;
    let mut problems = fit::misfits(settings, release, &secrets);
    if problems.is_empty() {
        problems = fit::tried(settings, release, &secrets, beside, output).await?;
    }
    if problems.is_empty() && !arguments.untried {
        problems = fit::tried_before(record, settings, release, beside, output).await?;
    }
    if problems.is_empty() {
        return Ok(());
    }
    let name = format!("{}@{}", plain(&release.description.name), plain(&release.description.version));
    Err(Failure::problems(format!("{name} can't map for {}; nothing was activated", record.name), problems))
}

/// The values of a connection's secrets, by slot.
async fn secrets_of(record: &ConnectionRecord, beside: &Beside) -> Result<Secrets, Failure> {
    let known = fit::known_secrets(&record.name, beside, &sealer(&beside.settings)?).await?;
    let open = |(secret, bytes): (crate::ledger::connections::SealedSecret, Vec<u8>)| {
        (secret.slot, String::from_utf8_lossy(&bytes).into_owned().into())
    };
    Ok(known.into_iter().map(open).collect())
}

/// Says what is in force now.
pub fn tell(activation: &Activation, chosen: &Chosen, output: Output) {
    tell_with(activation, chosen, None, output);
}

fn tell_with(activation: &Activation, chosen: &Chosen, compared: Option<&Compared>, output: Output) {
    let Chosen { record, release, .. } = chosen;
    let name = &record.name;
    let mut result = json!({ "connection": name, "activation": activation, "release": release.description.name });
    if let (Some(compared), Some(result)) = (compared, result.as_object_mut()) {
        result.insert("shadow".to_owned(), json!(compared));
    }
    output.either(&result, || {
        let (plugin, version) = (plain(&release.description.name), plain(&release.description.version));
        output.line(format!(
            "Connection {name} maps with {plugin}@{version} ({}) from now on: activation {}.",
            release.digest.as_str().get(..12).unwrap_or_default(),
            activation.number
        ));
        // Going back again would go back further.
        let back = match activation.kind {
            ActivationKind::RolledBack => format!("rollback {name} --to {} --reason WHY", record.activation.number),
            _ => format!("rollback {name} --reason WHY"),
        };
        output.line("Orders under way end on what they began with.");
        output.line(format!("The way back: `orderdock plugin {back}`"));
    });
}
