//! Whether a connection's settings, a release, its secrets, its shop and its destination fit together: asked before
//! anything is applied or activated.

use std::sync::Arc;

use super::{
    Failure,
    open::{self, Beside},
    output::{Output, plain},
};
use crate::{
    config::ConnectionSettings,
    destination::Destination,
    domain::problem::Problem,
    ledger::connections::{ConnectionRecord, ReleaseRecord, SealedSecret},
    pipeline::{
        lane::secret_purpose,
        open::{for_deliveries, of_room, pinned_destination, shop_settings},
        parts::Secrets,
        system::SystemClock,
        trial,
    },
    plugin::{Mapper as _, Runtime, settings_check},
    seal::Sealer,
    shop::ShopSettings,
};

/// Everything that does not fit together: settings and schema, needs and slots, shop and destination.
pub fn misfits(settings: &ConnectionSettings, release: &ReleaseRecord, secrets: &Secrets) -> Vec<Problem> {
    let mut problems = Vec::new();
    let description = &release.description;
    for problem in settings_check(&description.settings_schema, &settings.plugin.settings.to_json()) {
        problems.push(settings.plugin.settings.locate(problem));
    }
    let deliverable = for_deliveries(secrets);
    for need in description.secrets.iter().filter(|need| need.required && !deliverable.contains_key(&need.name)) {
        problems.push(Problem::new(
            format!("plugin.secrets.{}", need.name),
            format!("is missing; the plugin {} needs it: {}", description.name, need.help),
        ));
    }
    for need in description.tables.iter().filter(|need| need.required && !settings.tables.contains_key(&need.name)) {
        problems.push(Problem::new(
            format!("tables.{}", need.name),
            format!("is missing; the plugin {} needs it: {}", description.name, need.help),
        ));
    }
    let folders = &settings.destination.answer_folders;
    for need in description.folders.iter().filter(|need| need.required && !folders.contains_key(&need.name)) {
        problems.push(Problem::new(
            format!("destination.answer_folders.{}", need.name),
            format!("is missing; the plugin {} watches it: {}", description.name, need.help),
        ));
    }
    let shop = shop_settings(settings).and_then(|shop| match shop {
        // A push shop has nothing to open.
        ShopSettings::Push(_) => Ok(()),
        shop => shop.open(&of_room(secrets, "shop."), Arc::new(SystemClock)).map(drop),
    });
    if let Err(found) = shop {
        problems.extend(found.into_iter().map(|problem| within(&settings.shop.settings, problem, "shop.")));
    }
    match Destination::open(&pinned_destination(settings), &deliverable) {
        Ok(destination) if !description.deliveries.contains(&destination.kind()) => {
            let message = format!("the plugin {} does not deliver to this kind of destination", description.name);
            problems.push(Problem::new("destination.kind", message).hint("`orderdock plugin show` says what it makes"));
        }
        Ok(_) => {}
        Err(found) => {
            problems.extend(found.into_iter().map(|problem| within(&settings.destination.settings, problem, "")));
        }
    }
    problems
}

/// What a trial with made-up orders finds, where files are written: only then is the plugin asked for names.
pub async fn tried(
    settings: &ConnectionSettings,
    release: &ReleaseRecord,
    secrets: &Secrets,
    beside: &Beside,
    output: Output,
) -> Result<Vec<Problem>, Failure> {
    let destination = match Destination::open(&pinned_destination(settings), &for_deliveries(secrets)) {
        Ok(destination @ Destination::Folder(_)) => destination,
        _ => return Ok(Vec::new()),
    };
    let engine = match engine_with(release, beside).await? {
        Ok(engine) => engine,
        Err(problem) => return Ok(vec![problem]),
    };
    let plugin_settings = settings.plugin.settings.to_json().to_string();
    let tables = Arc::new(settings.tables.clone());
    let found = trial::file_names(&*engine, &release.digest, settings, &plugin_settings, &tables, &destination).await;
    Ok(told(found, settings, output))
}

/// What a trial with the connection's last delivered orders finds.
pub async fn tried_before(
    connection: &ConnectionRecord,
    settings: &ConnectionSettings,
    release: &ReleaseRecord,
    beside: &Beside,
    output: Output,
) -> Result<Vec<Problem>, Failure> {
    let engine = match engine_with(release, beside).await? {
        Ok(engine) => engine,
        Err(problem) => return Ok(vec![problem]),
    };
    let (ledger, release) = (beside.ledger.as_ref(), &release.digest);
    let found = trial::past_orders(ledger, &*engine, &connection.id, release, settings).await?;
    Ok(told(found, settings, output))
}

fn told(found: trial::Found, settings: &ConnectionSettings, output: Output) -> Vec<Problem> {
    for remark in found.remarks {
        output.remark(format!("warning: {}", plain(&remark)));
    }
    let place = |problem: Problem| match problem.place.is_empty() {
        true => problem,
        false => within(&settings.plugin.settings, problem, "plugin.settings"),
    };
    found.problems.into_iter().map(place).collect()
}

/// The engine with a release loaded, or why it can't be.
async fn engine_with(release: &ReleaseRecord, beside: &Beside) -> Result<Result<Arc<Runtime>, Problem>, Failure> {
    let engine = open::runtime(&beside.settings)?;
    if !engine.knows(&release.digest)
        && let Some(bytes) = beside.ledger.release_bytes(&release.digest).await?
        && let Err(error) = engine.admit(&bytes).await
    {
        return Ok(Err(Problem::new("plugin.release", error.to_string())));
    }
    Ok(Ok(engine))
}

/// A problem that a room found in its settings, with its place in the file.
fn within(settings: &crate::config::Opaque, problem: Problem, prefix: &str) -> Problem {
    let place = problem.place.strip_prefix(prefix).unwrap_or(&problem.place).to_owned();
    settings.locate(Problem { place, ..problem })
}

/// The secrets that the connection has already: slot → (value, as sealed).
pub async fn known_secrets(
    name: &str,
    beside: &Beside,
    sealer: &Sealer,
) -> Result<Vec<(SealedSecret, Vec<u8>)>, Failure> {
    let Some(record) = beside.ledger.connections(false).await?.into_iter().find(|record| record.name == name) else {
        return Ok(Vec::new());
    };
    let mut known = Vec::new();
    for secret in beside.ledger.secrets(&record.id).await? {
        let value = sealer
            .open(&secret_purpose(name, &secret.slot), &secret.sealed)
            .map_err(|error| Failure::failed(format!("the stored secret `{}`: {error}", secret.slot)))?;
        known.push((secret, value));
    }
    Ok(known)
}
