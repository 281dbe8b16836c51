//! The host's settings, checked.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

use secrecy::SecretString;

use super::{Bytes, Period};

/// Everything in `orderdock.toml`. Paths are absolute or relative to where the host was started, ready to be opened.
#[derive(Clone, Debug)]
pub struct HostSettings {
    /// Folder for all that Orderdock keeps.
    pub data_dir: PathBuf,
    /// Where the ledger lives.
    pub database: Database,
    /// Space that is kept free for a full disk, beside a SQLite database; 0 = none.
    pub reserve: Bytes,
    /// How far the ledger was when it was seen last: by it a restored backup is noticed.
    pub mark_file: PathBuf,
    /// Web page and API. A loopback address until the page knows who is asking.
    pub listen: SocketAddr,
    /// The master key.
    pub key: KeySource,
    /// How long a stop waits for what is being sent.
    pub stop_grace: Period,
    /// How much at once.
    pub limits: Limits,
    /// What plugins may use.
    pub plugins: PluginLimits,
    /// The mail server; without one failures are shown but not mailed.
    pub smtp: Option<SmtpSettings>,
    /// How long things are kept.
    pub retention: Retention,
    /// Logs.
    pub log: LogSettings,
    /// Signs of life to shops that want them.
    pub heartbeat: Heartbeat,
    /// This host among those that share a database.
    pub fleet: FleetSettings,
    /// OCI registries that need a log-in or an authority of their own, by name.
    pub registries: BTreeMap<String, RegistrySettings>,
}

/// How an OCI registry is spoken to.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    /// User and password or token.
    pub login: Option<(String, SecretString)>,
    /// Certificate of the authority that signed its own, as PEM file, beside those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Where the ledger lives.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A PostgreSQL server.
    Postgres(Box<PostgresSettings>),
}

/// A PostgreSQL server, and what only it needs.
#[derive(Clone, Debug)]
pub struct PostgresSettings {
    /// The address; it may hold a password.
    pub url: SecretString,
    /// The password, given apart.
    pub password: Option<SecretString>,
    /// Certificate of the authority that signed the server's, as PEM; else those that browsers trust.
    pub root_cert: Option<PathBuf>,
    /// A pooler in transaction mode stands in between. Where it refuses session settings, that is found out anyway.
    pub pooler: bool,
}

/// This host among those that share a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSettings {
    /// What people call it; none: the machine's name.
    pub name: Option<String>,
    /// After how long without a sign of life others take up what this host has in hand.
    pub lease: Period,
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A file, made when it is missing.
    File(PathBuf),
    /// `ORDERDOCK_KEY`, in base64.
    Given(SecretString),
}

/// How much at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Orders under way in the whole host.
    pub orders_at_once: usize,
    /// Orders under way in one connection, so that one slow ERP never takes all places.
    pub orders_at_once_per_connection: usize,
    /// Most bytes of a pushed order.
    pub order_bytes: Bytes,
}

/// What one plugin call may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginLimits {
    /// Folder for compiled code.
    pub cache_dir: PathBuf,
    /// Largest component.
    pub release_bytes: Bytes,
    /// All memories of a call together.
    pub memory: Bytes,
    /// Deterministic CPU units for every call.
    pub cpu_base: u64,
    /// The same, more for each order line.
    pub cpu_per_line: u64,
    /// The same, more for each byte handed to the plugin.
    pub cpu_per_byte: u64,
    /// Wall-clock backstop of a call.
    pub wall_limit: Period,
    /// Most bytes of a delivery.
    pub output_bytes: Bytes,
    /// Most bytes of log of a call.
    pub log_bytes: Bytes,
    /// Calls at once; each has its memory reserved.
    pub instances: u32,
    /// Releases that stay loaded; the least recently used makes room for the next.
    pub loaded: usize,
    /// Most compiled code that stays loaded, of all releases together: mapped from its files, not copied into memory.
    pub loaded_code: Bytes,
    /// Most memory that compiling a component may take.
    pub compile_memory: Bytes,
    /// Longest time that compiling a component may take.
    pub compile_time: Period,
    /// A release is put into quarantine at a connection when that many calls in a row failed by its own fault; 0 = never.
    pub quarantine_after: u32,
    /// Which releases must be signed by their publisher.
    pub signatures: Signatures,
}

/// Which releases must be signed by their publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatures {
    /// None.
    Off,
    /// Those of publishers whose key was added.
    Known,
    /// All.
    All,
}

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Plain first, then upgraded; refused if the server can't (RFC 3207). Port 587.
    StartTls,
    /// TLS from the first byte (RFC 8314). Port 465.
    Tls,
    /// None: only to this machine. Port 25.
    None,
}

impl SmtpSecurity {
    /// The usual port.
    #[must_use]
    pub fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// The mail server.
#[derive(Clone, Debug)]
pub struct SmtpSettings {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    pub security: SmtpSecurity,
    /// Log-in.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<SecretString>,
    /// Sender, where a connection names none.
    pub from: String,
    /// For the whole conversation of one mail.
    pub time_limit: Period,
    /// How long failures of a connection are gathered into one mail.
    pub gather: Period,
    /// A certificate authority of one's own, as PEM file, beside the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// How long things are kept. Ledger rows never expire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Requests, answers and snapshots, in days after their pass closed.
    pub bodies_days: u32,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For eyes.
    Human,
    /// A JSON object a line.
    Json,
}

/// Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Form.
    pub format: LogFormat,
    /// `tracing` filter directives.
    pub filter: String,
}

/// Signs of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// How often.
    pub every: Period,
}
