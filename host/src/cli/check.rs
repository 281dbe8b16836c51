//! `orderdock check`: looks at everything and lists every problem.

use std::{path::Path, sync::Arc};

use clap::Args;
use serde_json::json;

use super::{
    Failure,
    open::{self, Beside},
    output::{Output, cell, plain},
};
use crate::{
    config::{Database, HostSettings},
    destination::Destination,
    domain::problem::Problem,
    ledger::connections::{ConnectionRecord, ConnectionState},
    pipeline::{
        lane::{Lane, LaneError},
        parts::Parts,
        trial,
    },
};

/// Look at everything.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only these connections; none means all.
    connections: Vec<String>,
}

/// One thing that was looked at.
struct Looked {
    what: String,
    problems: Vec<Problem>,
}

/// Looks; fails when there is a problem.
///
/// # Errors
/// Every problem.
pub async fn run(arguments: &Arguments, settings: HostSettings, output: Output) -> Result<(), Failure> {
    let mut looked = vec![Looked { what: "host's file".to_owned(), problems: Vec::new() }];
    let one = |what: &str, result: Result<(), Failure>| Looked {
        what: what.to_owned(),
        problems: result.err().map(problems_of).unwrap_or_default(),
    };
    looked.push(one("master key", open::sealer(&settings).map(|_| ())));
    looked.push(Looked { what: "mail server".to_owned(), problems: mail(&settings).await });
    let engine = open::runtime(&settings);
    looked.push(Looked {
        what: "plugin engine".to_owned(),
        problems: engine
            .as_ref()
            .err()
            .map(|failure| vec![Problem::new("plugins", &failure.message)])
            .unwrap_or_default(),
    });
    match open::beside(settings).await {
        Ok(beside) => {
            let still = beside.ledger.standstill().map(|why| Problem::new("database", why.to_string()));
            let what = format!("database {}", beside.database);
            let problems = still.into_iter().chain(only_read(&beside.settings.database)).collect();
            looked.push(Looked { what, problems });
            if let Ok(engine) = engine {
                connections(arguments, &beside, engine, &mut looked, output).await?;
            }
        }
        Err(failure) => looked.push(Looked { what: "database".to_owned(), problems: problems_of(failure) }),
    }
    report(&looked, output)
}

/// Says hello to the mail server and logs in: a wrong certificate or password shows here, and not with the first failure.
async fn mail(settings: &HostSettings) -> Vec<Problem> {
    match open::mailer(settings) {
        Err(failure) => problems_of(failure),
        Ok(None) => Vec::new(),
        Ok(Some(mailer)) => {
            mailer.check().await.err().map(|error| vec![Problem::new("smtp", error.to_string())]).unwrap_or_default()
        }
    }
}

/// A database that can only be read opens well, as long as nothing is written. Asked of the system and not tried, because a
/// host may be at work on it.
fn only_read(database: &Database) -> Vec<Problem> {
    let Database::Sqlite(file) = database else { return Vec::new() };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = |path: &Path| {
        let error = rustix::fs::access(path, rustix::fs::Access::WRITE_OK).err()?;
        let message = format!("{} can only be read: {}", path.display(), std::io::Error::from(error));
        Some(Problem::new("database", message).hint("the user that runs Orderdock must be able to write to it"))
    };
    [file.as_path(), folder].into_iter().filter_map(refused).collect()
}

async fn connections(
    arguments: &Arguments,
    beside: &Beside,
    engine: Arc<crate::plugin::Runtime>,
    looked: &mut Vec<Looked>,
    output: Output,
) -> Result<(), Failure> {
    let parts = open::aside_with(beside, engine)?;
    let mut chosen = Vec::new();
    for name in &arguments.connections {
        chosen.push(beside.connection(name).await?);
    }
    if arguments.connections.is_empty() {
        chosen = beside.ledger.connections(false).await?;
    }
    for record in chosen.into_iter().filter(|record| record.state != ConnectionState::Removed) {
        let name = record.name.clone();
        let problems = connection(&parts, record, output).await;
        looked.push(Looked { what: format!("connection {name}"), problems });
    }
    Ok(())
}

async fn connection(parts: &Parts, record: ConnectionRecord, output: Output) -> Vec<Problem> {
    let mut problems = Vec::new();
    let release = record.activation.release.clone();
    if let Some(shut) = &record.shut {
        let problem = Problem::new("destination", format!("nothing is sent there: {}", shut.sentence()));
        problems.push(
            problem
                .hint("orders wait and are sent by themselves when it works; `orderdock connection resume` sends now"),
        );
    }
    match parts.ledger.release_bytes(&release).await {
        Ok(Some(bytes)) => {
            if let Err(error) = parts.mapper.admit(&bytes).await {
                problems.push(Problem::new("plugin.release", error.to_string()));
            }
        }
        Ok(None) => problems.push(Problem::new("plugin.release", format!("release {release} is not in the ledger"))),
        Err(error) => problems.push(Problem::new("plugin.release", error.to_string())),
    }
    match Lane::open(parts, record).await {
        Ok(lane) => {
            let map = lane.status();
            let mut statuses = map.new.clone();
            statuses.extend(map.success.clone());
            statuses.extend(map.failure.clone());
            problems.extend(lane.shop.check(&statuses).await);
            match lane.destination.as_ref() {
                Destination::Folder(folder) => problems.extend(folder.check().await),
                Destination::Http(http) => problems.extend(http.check().await),
            }
            let names = trial::file_names(
                parts.mapper.as_ref(),
                &release,
                &lane.settings,
                &lane.in_force.plugin_settings,
                &lane.in_force.tables,
                &lane.destination,
            );
            let found = names.await;
            for remark in found.remarks {
                output.remark(format!("warning: connection {}: {}", lane.record.name, plain(&remark)));
            }
            problems.extend(found.problems);
        }
        Err(LaneError::Problems { problems: found, .. }) => problems.extend(found),
        Err(error) => problems.push(Problem::new("", error.to_string())),
    }
    problems
}

fn problems_of(failure: Failure) -> Vec<Problem> {
    if failure.problems.is_empty() { vec![Problem::new("", failure.message)] } else { failure.problems }
}

fn report(looked: &[Looked], output: Output) -> Result<(), Failure> {
    let count: usize = looked.iter().map(|one| one.problems.len()).sum();
    let value: Vec<_> = looked.iter().map(|one| json!({ "what": one.what, "problems": one.problems })).collect();
    output.either(&json!({ "ok": count == 0, "looked_at": value }), || {
        let rows = looked
            .iter()
            .map(|one| {
                let words = if one.problems.is_empty() {
                    "good".to_owned()
                } else {
                    crate::domain::problem::list(&one.problems)
                };
                vec![cell(&one.what), cell(words)]
            })
            .collect();
        output.table(&["looked at", "found"], rows);
    });
    match count {
        0 => Ok(()),
        // The report is the one JSON document; a second one would make both unreadable.
        _ if output.json => Err(Failure::told()),
        _ => Err(Failure::failed(format!("{count} problems were found"))),
    }
}
