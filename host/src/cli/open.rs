//! What every command opens: settings, ledger, sealer, engine.

use std::{io::IsTerminal as _, path::Path, sync::Arc};

use tracing_subscriber::EnvFilter;

use super::{Failure, output::Output};
use crate::{
    config::{Database, Environment, HostSettings, KeySource, LogFormat, SmtpSecurity, load_host},
    domain::{
        clock::Clock,
        id::{Digest, HostId},
        random::Random,
    },
    failpoint,
    ledger::{
        Ledger,
        connections::{ConnectionRecord, ReleaseRecord},
        sql::{Address, Me, Role, SqlLedger},
    },
    metrics::Metrics,
    notify::{Mailer, Security, SmtpMailer, SmtpServer},
    pipeline::{
        metered::Metered,
        open::{LedgerReleases, RealOpener},
        parts::{Pace, Parts},
        system::{SteadyClock, SystemClock, SystemRandom},
    },
    plugin::{self, Mapper as _, Runtime},
    seal::{MasterKey, OsRandom, Sealer},
};

/// The database, opened beside a host that may be at work.
pub struct Beside {
    /// The host's settings.
    pub settings: HostSettings,
    /// All state.
    pub ledger: Arc<dyn Ledger>,
    /// Which database, without its password.
    pub database: String,
    /// Its time.
    pub clock: Arc<dyn Clock>,
}

/// Everything that works.
pub struct Working {
    /// For the pipeline.
    pub parts: Arc<Parts>,
    /// Which database, without its password.
    pub database: String,
}

impl Beside {
    /// A connection by its name.
    ///
    /// # Errors
    /// No such connection, or the ledger.
    pub async fn connection(&self, name: &str) -> Result<ConnectionRecord, Failure> {
        let all = self.ledger.connections(true).await?;
        let names: Vec<&str> = all.iter().map(|record| record.name.as_str()).collect();
        let missing = if names.is_empty() {
            format!("there is no connection `{name}`; none was applied yet")
        } else {
            format!("there is no connection `{name}`; there are: {}", names.join(", "))
        };
        // A name may have been used before by a connection that was removed: the live one counts.
        all.into_iter()
            .filter(|record| record.name == name)
            .min_by_key(|record| record.state == crate::ledger::connections::ConnectionState::Removed)
            .ok_or_else(|| Failure::not_found(missing))
    }

    /// A release by digest (or its first digits), name, or name@version. The newest of a name counts.
    ///
    /// # Errors
    /// None or several fit, or the ledger.
    pub async fn release(&self, wanted: &str) -> Result<ReleaseRecord, Failure> {
        let all = self.ledger.releases().await?;
        let (name, version) = wanted.split_once('@').map_or((wanted, None), |(name, version)| (name, Some(version)));
        let named = |release: &&ReleaseRecord| {
            release.description.name == name && version.is_none_or(|version| release.description.version == version)
        };
        if let Some(release) = all.iter().find(named) {
            return Ok(release.clone());
        }
        let fits: Vec<_> = all
            .iter()
            .filter(|release| wanted.len() >= 8 && release.digest.as_str().starts_with(&wanted.to_ascii_lowercase()))
            .collect();
        match fits.as_slice() {
            [one] => Ok((*one).clone()),
            [] => Err(Failure::not_found(format!(
                "there is no release `{wanted}`; `orderdock plugin list` shows what there is, `orderdock plugin add FILE` adds one"
            ))),
            _ => Err(Failure::usage(format!("`{wanted}` fits several releases: give more digits of the digest"))),
        }
    }
}

/// Reads the host's file.
///
/// # Errors
/// Every problem of it.
pub fn settings(path: Option<&Path>, output: Output) -> Result<HostSettings, Failure> {
    let file = load_host(path, &Environment::Process)
        .map_err(|problems| Failure::problems("the host's file has problems", problems))?;
    for warning in &file.warnings {
        output.remark(format!("warning: {warning}"));
    }
    Ok(file.settings)
}

/// Opens the database beside whoever works.
///
/// # Errors
/// The ledger's.
pub async fn beside(settings: HostSettings) -> Result<Beside, Failure> {
    let ledger = ledger(&settings, None).await?;
    let (database, clock) = (ledger.describe(), ledger.clock());
    Ok(Beside { ledger: Arc::new(ledger), settings, database, clock })
}

/// Opens the ledger: to work as a host, or beside whoever works.
async fn ledger(settings: &HostSettings, host: Option<&HostId>) -> Result<SqlLedger, Failure> {
    folder(&settings.data_dir)?;
    let (clock, random): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let (ledger, reserve) = match &settings.database {
        Database::Sqlite(path) => {
            let role = if host.is_some() { Role::Working } else { Role::Beside };
            let clock = if host.is_some() { Arc::new(SteadyClock::new(clock)) } else { clock };
            (SqlLedger::open(path, clock, random, role).await?, Some((path.as_path(), settings.reserve.0)))
        }
        Database::Postgres(server) => {
            let name = super::identity::name(settings.fleet.name.as_deref());
            let address = Address {
                url: server.url.clone(),
                password: server.password.clone(),
                root_cert: server.root_cert.clone(),
                pooler: server.pooler,
                application: format!("orderdock {name}"),
            };
            let me = host.map(|id| Me { id, folder: &settings.data_dir });
            (SqlLedger::open_postgres(&address, clock, random, me).await?, None)
        }
    };
    match host {
        Some(_) => ledger.watch(&settings.mark_file, reserve).await?,
        None => ledger.glance(&settings.mark_file).await?,
    }
    Ok(ledger)
}

/// Only a build for tests has any.
///
/// # Errors
/// A text that can't be read.
pub fn arm_failpoints() -> Result<(), Failure> {
    match failpoint::VARIABLE.and_then(|name| Environment::Process.get(name)) {
        Some(text) => failpoint::arm(&text).map_err(|why| Failure::usage(why.to_string())),
        None => Ok(()),
    }
}

fn folder(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt as _;
    // Only the user that Orderdock runs as may look into it: orders are personal data.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Failure::failed(format!("the folder {} can't be made: {error}", path.display())))
}

/// What seals secrets.
///
/// # Errors
/// A key that can't be read.
pub fn sealer(settings: &HostSettings) -> Result<Sealer, Failure> {
    folder(&settings.data_dir)?;
    let key = match &settings.key {
        KeySource::File(path) => MasterKey::from_file(path, &OsRandom),
        KeySource::Given(text) => MasterKey::from_base64(text),
    };
    let key = key.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(Sealer::new(&key, Arc::new(OsRandom)))
}

/// The plugin engine.
///
/// # Errors
/// When the machine can't run it, or its cache can't be used.
pub fn runtime(settings: &HostSettings) -> Result<Arc<Runtime>, Failure> {
    folder(&settings.data_dir)?;
    engine(settings)
}

/// The same for somebody who has no data folder.
///
/// # Errors
/// When the machine can't run it, or its cache can't be used.
pub fn engine(settings: &HostSettings) -> Result<Arc<Runtime>, Failure> {
    let limits = &settings.plugins;
    let engine = plugin::Settings {
        component_bytes: limits.release_bytes.0,
        memory_bytes: limits.memory.0,
        cpu_base: limits.cpu_base,
        cpu_per_line: limits.cpu_per_line,
        cpu_per_byte: limits.cpu_per_byte,
        wall_limit: limits.wall_limit.duration(),
        output_bytes: limits.output_bytes.0,
        log_bytes: usize::try_from(limits.log_bytes.0).unwrap_or(usize::MAX),
        concurrent: limits.instances,
        loaded_releases: limits.loaded,
        loaded_bytes: limits.loaded_code.0,
        compile: plugin::Compile::Apart(plugin::Apart {
            // This very program, even if its file was replaced meanwhile.
            program: "/proc/self/exe".into(),
            memory_bytes: limits.compile_memory.0,
            time: limits.compile_time.duration(),
        }),
        ..plugin::Settings::default()
    };
    Runtime::new(engine, &limits.cache_dir, Arc::new(SystemClock)).map_err(|error| Failure::failed(error.to_string()))
}

/// The engine without what is old in its cache.
async fn swept(engine: Arc<Runtime>, ledger: &dyn Ledger) -> Result<Arc<Runtime>, Failure> {
    let known: Vec<_> = ledger.releases().await?.into_iter().map(|release| release.digest).collect();
    match engine.sweep_cache(&known) {
        Ok(0) => {}
        Ok(files) => tracing::info!(files, "old compiled code was removed"),
        Err(error) => tracing::warn!(%error, "old compiled code could not be looked for"),
    }
    Ok(engine)
}

/// The mail server, if one is configured.
///
/// # Errors
/// Settings that can't work.
pub fn mailer(settings: &HostSettings) -> Result<Option<Arc<SmtpMailer>>, Failure> {
    let Some(smtp) = &settings.smtp else { return Ok(None) };
    let ca_pem = match &smtp.ca_file {
        None => None,
        Some(path) => Some(
            std::fs::read(path)
                .map_err(|error| Failure::usage(format!("smtp.ca_file: {} can't be read: {error}", path.display())))?,
        ),
    };
    let server = SmtpServer {
        host: smtp.host.clone(),
        port: smtp.port,
        security: match smtp.security {
            SmtpSecurity::StartTls => Security::StartTls,
            SmtpSecurity::Tls => Security::Tls,
            SmtpSecurity::None => Security::None,
        },
        login: smtp.user.clone().zip(smtp.password.clone()),
        time_limit: smtp.time_limit.duration(),
        ca_pem,
    };
    let mailer = SmtpMailer::new(&server, Arc::new(SystemClock))
        .map_err(|problem| Failure::problems("the mail server can't be used", vec![problem]))?;
    Ok(Some(Arc::new(mailer)))
}

/// Opens everything for work.
///
/// # Errors
/// What is missing.
pub async fn working(settings: &HostSettings) -> Result<Working, Failure> {
    let sealer = sealer(settings)?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    folder(&settings.data_dir)?;
    let host = super::identity::id(&settings.data_dir, random.as_ref())?;
    let ledger = ledger(settings, Some(&host)).await?;
    let database = ledger.describe();
    // All hosts of a database go by its clock.
    let clock = ledger.clock();
    let calendar: Arc<dyn Clock> = match &settings.database {
        Database::Sqlite(_) => Arc::new(SystemClock),
        Database::Postgres(_) => Arc::clone(&clock),
    };
    let ledger: Arc<dyn Ledger> = Arc::new(ledger);
    let lease = settings.fleet.lease.duration();
    let pace = Pace {
        total: settings.limits.orders_at_once,
        per_connection: settings.limits.orders_at_once_per_connection,
        heartbeat_every: settings.heartbeat.every.duration(),
        quarantine_after: settings.plugins.quarantine_after,
        keep_bodies: std::time::Duration::from_secs(u64::from(settings.retention.bodies_days) * 86_400),
        gather_mails: settings.smtp.as_ref().map_or(Pace::default().gather_mails, |smtp| smtp.gather.duration()),
        lease,
        renew_every: lease / 3,
        ..Pace::default()
    };
    let pace = match failpoint::lease() {
        Some(lease) => Pace { lease, renew_every: lease / 3, lease_margin: lease / 6, ..pace },
        None => pace,
    };
    let engine = swept(runtime(settings)?, ledger.as_ref()).await?;
    engine.fetch_from(Arc::new(LedgerReleases(Arc::clone(&ledger))));
    let metrics = metrics()?;
    let mapper = Arc::new(Metered::new(engine, Arc::clone(&ledger), Arc::clone(&metrics)));
    let parts = Parts {
        host,
        host_name: super::identity::name(settings.fleet.name.as_deref()),
        opener: Arc::new(RealOpener { clock: Arc::clone(&clock), ledger: Arc::clone(&ledger) }),
        clock,
        calendar,
        random,
        ledger,
        mapper,
        mailer: mailer(settings)?.map(|mailer| mailer as Arc<dyn Mailer>),
        mail_from: settings.smtp.as_ref().map(|smtp| smtp.from.clone()).unwrap_or_default(),
        destinations: Arc::default(),
        sealer: Arc::new(sealer),
        metrics,
        pace,
    };
    Ok(Working { parts: Arc::new(parts), database })
}

/// What this process counts.
fn metrics() -> Result<Arc<Metrics>, Failure> {
    Metrics::new().map(Arc::new).map_err(|error| Failure::failed(error.to_string()))
}

/// What looks at shops and destinations beside a host that may be at work, and sends no mail.
///
/// # Errors
/// What is missing.
pub fn aside(beside: &Beside) -> Result<Parts, Failure> {
    aside_with(beside, runtime(&beside.settings)?)
}

/// The same with an engine that is there already.
///
/// # Errors
/// A master key that can't be read.
pub fn aside_with(beside: &Beside, engine: Arc<Runtime>) -> Result<Parts, Failure> {
    let clock = Arc::clone(&beside.clock);
    Ok(Parts {
        host: "command-line".into(),
        host_name: String::new(),
        opener: Arc::new(RealOpener { clock: Arc::clone(&clock), ledger: Arc::clone(&beside.ledger) }),
        calendar: Arc::clone(&clock),
        clock,
        random: Arc::new(SystemRandom),
        ledger: Arc::clone(&beside.ledger),
        mapper: engine,
        mailer: None,
        mail_from: String::new(),
        destinations: Arc::default(),
        sealer: Arc::new(sealer(&beside.settings)?),
        metrics: metrics()?,
        pace: Pace::default(),
    })
}

/// The engine with these releases in it, made ready where they are not.
///
/// # Errors
/// When the engine can't start, or a release can't be had.
pub async fn engine_with(beside: &Beside, releases: &[&Digest]) -> Result<Arc<Runtime>, Failure> {
    let engine = runtime(&beside.settings)?;
    for release in releases {
        if engine.knows(release) {
            continue;
        }
        let missing = || Failure::not_found(format!("there is no release {release} in the ledger any more"));
        let bytes = beside.ledger.release_bytes(release).await?.ok_or_else(missing)?;
        engine.admit(&bytes).await.map_err(|error| Failure::failed(format!("release {release}: {error}")))?;
    }
    Ok(engine)
}

/// Logs to standard error, for people or as JSON.
pub fn logging(settings: &HostSettings) {
    let filter = EnvFilter::try_new(&settings.log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // Set once per process; a second subscriber would be a mistake of ours that only costs logs.
    let _set = match settings.log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Human => builder.try_init(),
    };
}

/// Who is at the keyboard, for the records.
pub fn person() -> String {
    Environment::Process.get("USER").filter(|name| !name.is_empty()).unwrap_or_else(|| "command line".to_owned())
}
