//! Reads `orderdock.toml`.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use secrecy::SecretString;

use super::{
    Bytes, Database, Environment, FleetSettings, Heartbeat, HostSettings, KeySource, Limits, LogFormat, LogSettings,
    Period, PluginLimits, PostgresSettings, Retention, Signatures, SmtpSecurity, SmtpSettings,
    reader::{Document, Section},
    registries, secret,
};
use crate::domain::problem::Problem;

/// What was read.
#[derive(Clone, Debug)]
pub struct HostFile {
    /// The settings.
    pub settings: HostSettings,
    /// What works but should be looked at.
    pub warnings: Vec<Problem>,
}

/// Reads the file, or takes the defaults when there is none at the usual place.
///
/// `given` is the path that a person named (`--config`); else `ORDERDOCK_CONFIG`, else `orderdock.toml` in the current
/// folder, which may be missing.
///
/// # Errors
/// Every problem at once.
pub fn load_host(given: Option<&Path>, environment: &Environment) -> Result<HostFile, Vec<Problem>> {
    let named = given.map(Path::to_owned).or_else(|| environment.get("ORDERDOCK_CONFIG").map(Into::into));
    let path = named.clone().unwrap_or_else(|| "orderdock.toml".into());
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => String::new(),
        Err(error) => {
            return Err(vec![
                Problem::new(path.display().to_string(), format!("the configuration can't be read: {error}"))
                    .hint("`orderdock config example` prints one to start from"),
            ]);
        }
    };
    read_host(&path, &text, environment)
}

/// Reads the text of a host file; `path` names it in problems, and its folder is where relative paths begin.
///
/// # Errors
/// Every problem at once.
pub fn read_host(path: &Path, text: &str, environment: &Environment) -> Result<HostFile, Vec<Problem>> {
    let document = Document::new(path, text);
    let table = document.root();
    let root = Section::root(&document, &table);
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut warnings = Vec::new();

    let data_dir = folder.join(root.text("data_dir").unwrap_or_else(|| "orderdock-data".into()));
    let key = match environment.secret("ORDERDOCK_KEY") {
        Some(key) => {
            root.text("key_file");
            KeySource::Given(key)
        }
        None => KeySource::File(data_dir.join(root.text("key_file").unwrap_or_else(|| "orderdock.key".into()))),
    };
    let database = database(&root, folder, &data_dir, environment, &mut warnings);
    let settings = HostSettings {
        reserve: root.bytes("reserve").unwrap_or(Bytes(16 << 20)),
        mark_file: mark_file(&root, folder, &database, &data_dir),
        database,
        listen: listen(&root, environment),
        key,
        stop_grace: root.period("stop_grace").unwrap_or(Period(30)),
        limits: limits(&root),
        plugins: plugins(&root, &data_dir),
        smtp: smtp(&root, folder, environment, &mut warnings),
        retention: retention(&root),
        log: log(&root, environment),
        heartbeat: heartbeat(&root),
        fleet: fleet(&root),
        registries: registries::read(&root, folder, environment, &mut warnings),
        data_dir,
    };
    root.close();
    let problems = document.into_problems();
    if problems.is_empty() { Ok(HostFile { settings, warnings }) } else { Err(problems) }
}

fn database(
    root: &Section<'_, '_>,
    folder: &Path,
    data_dir: &Path,
    environment: &Environment,
    warnings: &mut Vec<Problem>,
) -> Database {
    let text = root.text("database").unwrap_or_else(|| "orderdock.db".into());
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Database::Postgres(Box::new(postgres(root, text, folder, environment, warnings)));
    }
    if root.section("postgres").is_given() {
        root.note(
            "postgres",
            "is given, but the database is a file",
            Some("write `database = \"postgres://…\"`, or leave the section out".into()),
        );
    }
    let file = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")).unwrap_or(&text);
    if file.contains("://") {
        root.note(
            "database",
            "is neither a file nor an address that Orderdock knows",
            Some("write a file name, sqlite://path or postgres://user@host/database".into()),
        );
    } else if file.is_empty() || file.contains(['?', '\0']) {
        root.note("database", "names no file", Some("options after `?` are not taken; write only the path".into()));
    }
    Database::Sqlite(data_dir.join(file))
}

/// What `[postgres]` adds to the address.
fn postgres(
    root: &Section<'_, '_>,
    url: String,
    folder: &Path,
    environment: &Environment,
    warnings: &mut Vec<Problem>,
) -> PostgresSettings {
    let table = root.section("postgres");
    let password = table
        .find("password")
        .and_then(|found| secret::read(&table, &found, "postgres.password", folder, environment, warnings))
        .and_then(|(_, given)| {
            if given.value.is_none() {
                let hint = Some("use { env = … } or { file = … }".into());
                table.note("password", "nothing is stored for the host", hint);
            }
            given.value
        });
    let settings = PostgresSettings {
        url: SecretString::from(url),
        password,
        root_cert: table.text("root_cert").map(|file| folder.join(file)),
        pooler: table.flag("pooler").unwrap_or(false),
    };
    table.close();
    settings
}

/// How this host takes part in the fleet.
fn fleet(root: &Section<'_, '_>) -> FleetSettings {
    let table = root.section("fleet");
    let lease = table.period("lease").unwrap_or(Period(30));
    if !(15..=60).contains(&lease.0) {
        let hint = Some("between 15s and 60s: a request may begin while more than 5 s of it are left".into());
        table.note("lease", "is out of range", hint);
    }
    let name = table.text("name").filter(|name| !name.is_empty());
    table.close();
    FleetSettings { name, lease }
}

/// Beside the database unless it is set; then as it is written, below the folder of the host's file.
fn mark_file(root: &Section<'_, '_>, folder: &Path, database: &Database, data_dir: &Path) -> PathBuf {
    match (root.text("mark_file"), database) {
        (Some(file), _) => folder.join(file),
        (None, Database::Sqlite(file)) => {
            let mut name = file.clone().into_os_string();
            name.push(".mark");
            PathBuf::from(name)
        }
        (None, Database::Postgres(_)) => data_dir.join("ledger.mark"),
    }
}

fn listen(root: &Section<'_, '_>, environment: &Environment) -> SocketAddr {
    const HINT: &str = "write an address and a port, such as 127.0.0.1:8190";
    let usual = SocketAddr::from(([127, 0, 0, 1], 8190));
    let written = root.text("listen");
    let (origin, text) = match environment.get("ORDERDOCK_LISTEN") {
        Some(text) => ("ORDERDOCK_LISTEN: ", text),
        None => match written {
            Some(text) => ("", text),
            None => return usual,
        },
    };
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => address,
        Ok(address) => {
            root.note(
                "listen",
                &format!(
                    "{origin}{address} can be reached from other machines, and the page does not ask who is there"
                ),
                Some(
                    "listen on 127.0.0.1 or [::1] and let a reverse proxy that asks for a password stand before it"
                        .into(),
                ),
            );
            usual
        }
        Err(_) => {
            root.note("listen", &format!("{origin}`{text}` is not an address with a port"), Some(HINT.into()));
            usual
        }
    }
}

fn limits(root: &Section<'_, '_>) -> Limits {
    let table = root.section("limits");
    let count = |key, usual: usize| {
        table.number(key, 1..=4_096).and_then(|number| usize::try_from(number).ok()).unwrap_or(usual)
    };
    let limits = Limits {
        orders_at_once: count("orders_at_once", 32),
        orders_at_once_per_connection: count("orders_at_once_per_connection", 4),
        order_bytes: table.bytes("order_bytes").unwrap_or(Bytes(16 << 20)),
    };
    table.close();
    limits
}

/// What `plugins.signatures` can be.
const SIGNATURES: &[(&str, Signatures)] =
    &[("off", Signatures::Off), ("known", Signatures::Known), ("all", Signatures::All)];

fn plugins(root: &Section<'_, '_>, data_dir: &Path) -> PluginLimits {
    let table = root.section("plugins");
    let plugins = PluginLimits {
        cache_dir: data_dir.join(table.text("cache_dir").unwrap_or_else(|| "plugin-cache".into())),
        release_bytes: table.bytes("release_bytes").unwrap_or(Bytes(64 << 20)),
        memory: table.bytes("memory").unwrap_or(Bytes(128 << 20)),
        cpu_base: table.number("cpu_base", 100_000..=1_000_000_000_000).unwrap_or(200_000_000),
        cpu_per_line: table.number("cpu_per_line", 0..=1_000_000_000).unwrap_or(5_000_000),
        cpu_per_byte: table.number("cpu_per_byte", 0..=1_000_000).unwrap_or(3_000),
        wall_limit: table.limit("wall_limit").unwrap_or(Period(15)),
        output_bytes: table.bytes("output_bytes").unwrap_or(Bytes(16 << 20)),
        log_bytes: table.bytes("log_bytes").unwrap_or(Bytes(64 << 10)),
        instances: table.number("instances", 1..=1_000).and_then(|n| u32::try_from(n).ok()).unwrap_or(64),
        loaded: table.number("loaded", 1..=10_000).and_then(|n| usize::try_from(n).ok()).unwrap_or(2_000),
        loaded_code: table.bytes("loaded_code").unwrap_or(Bytes(4 << 30)),
        compile_memory: table.bytes("compile_memory").unwrap_or(Bytes(2 << 30)),
        compile_time: table.limit("compile_time").unwrap_or(Period(300)),
        quarantine_after: table.number("quarantine_after", 0..=1_000).and_then(|n| u32::try_from(n).ok()).unwrap_or(5),
        signatures: table.choice("signatures", SIGNATURES).unwrap_or(Signatures::Known),
    };
    if plugins.compile_memory < Bytes(128 << 20) {
        table.note("compile_memory", "is less than 128MiB, in which nothing can be compiled", None);
    }
    if plugins.memory < Bytes(1 << 20) {
        table.note("memory", "is less than 1MiB, in which no plugin can run", None);
    }
    table.close();
    plugins
}

fn smtp(
    root: &Section<'_, '_>,
    folder: &Path,
    environment: &Environment,
    warnings: &mut Vec<Problem>,
) -> Option<SmtpSettings> {
    const WORDS: &[(&str, SmtpSecurity)] =
        &[("starttls", SmtpSecurity::StartTls), ("tls", SmtpSecurity::Tls), ("none", SmtpSecurity::None)];
    let table = root.section("smtp");
    if !table.is_given() {
        return None;
    }
    let host = table.required("host", "\"mail.example.com\"");
    let security = table.choice("security", WORDS).unwrap_or(SmtpSecurity::StartTls);
    let port = table.number("port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let user = table.text("user");
    let password = table
        .find("password")
        .and_then(|found| secret::read(&table, &found, "smtp.password", folder, environment, warnings))
        .and_then(|(_, given)| {
            if given.value.is_none() {
                table.note(
                    "password",
                    "nothing is stored for the host",
                    Some("use { env = … } or { file = … }".into()),
                );
            }
            given.value
        });
    if user.is_some() && table.find("password").is_none() {
        table.note("user", "has no password beside it", Some("add `password = { env = \"NAME\" }`".into()));
    }
    if user.is_none() && table.find("password").is_some() {
        table.note("password", "has no user beside it", Some("add `user = \"…\"`".into()));
    }
    if security == SmtpSecurity::None && !host.is_empty() && !is_this_machine(&host) {
        table.note(
            "security",
            &format!("mail to {host} would travel readable for everybody"),
            Some("write starttls or tls; none is only for a mail server on this machine".into()),
        );
    }
    let from = table.required("from", "\"Orderdock <orders@example.com>\"");
    if !from.is_empty() && !is_mailbox(&from) {
        table.note("from", &format!("`{from}` is not a mail address"), Some(MAILBOX_HINT.into()));
    }
    let settings = SmtpSettings {
        port: port.unwrap_or(security.port()),
        host,
        security,
        user,
        password,
        from,
        time_limit: table.limit("time_limit").unwrap_or(Period(30)),
        gather: table.period("gather").unwrap_or(Period(10)),
        ca_file: table.text("ca_file").map(|file| folder.join(file)),
    };
    table.close();
    Some(settings)
}

/// How a mail address is written.
pub(super) const MAILBOX_HINT: &str = "write name@example.com or Name <name@example.com>";

/// A coarse look, so that a slip is seen when the file is read; the mail room parses addresses for real.
pub(super) fn is_mailbox(text: &str) -> bool {
    let address = match text.split_once('<') {
        Some((_, rest)) => match rest.strip_suffix('>') {
            Some(address) => address,
            None => return false,
        },
        None => text,
    };
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';'))
    };
    !text.contains(['\r', '\n'])
        && address.rsplit_once('@').is_some_and(|(local, domain)| plain(local) && plain(domain) && !local.contains('@'))
}

/// Whether the name surely means this machine.
fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn retention(root: &Section<'_, '_>) -> Retention {
    let table = root.section("retention");
    let days = table.number("bodies_days", 1..=3_650).and_then(|days| u32::try_from(days).ok());
    table.close();
    Retention { bodies_days: days.unwrap_or(15) }
}

fn log(root: &Section<'_, '_>, environment: &Environment) -> LogSettings {
    let table = root.section("log");
    let format = table.choice("format", &[("human", LogFormat::Human), ("json", LogFormat::Json)]);
    let written = table.text("filter");
    let filter = environment.get("ORDERDOCK_LOG").or(written).unwrap_or_else(|| "info".into());
    if let Err(error) = filter.parse::<tracing_subscriber::filter::Targets>() {
        table.note(
            "filter",
            &format!("`{filter}` is not a log filter: {error}"),
            Some("write for example info,orderdock=debug".into()),
        );
    }
    table.close();
    LogSettings { format: format.unwrap_or(LogFormat::Human), filter }
}

fn heartbeat(root: &Section<'_, '_>) -> Heartbeat {
    let table = root.section("heartbeat");
    let every = table.limit("every");
    table.close();
    Heartbeat { every: every.unwrap_or(Period(60)) }
}
