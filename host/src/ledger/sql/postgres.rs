//! Connecting to PostgreSQL: the session that Orderdock needs, what is wrong if it can't have it, and the database's clock.

use std::{
    path::PathBuf,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    ConnectOptions as _, Executor as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions, PgSslMode},
};

use super::{
    Role, STATEMENTS,
    errors::{explain, silent, state, unavailable},
    held::{Held, Speech},
    row::Row,
};
use crate::{
    domain::clock::{Clock, Millis},
    ledger::Result,
};

/// The oldest server that Orderdock is tried with.
const OLDEST: i64 = 140_000;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a reader is waited for. While nobody listens at the address the pool goes on trying until then.
const ACQUIRE: Duration = Duration::from_secs(3);
/// How long an answer is waited for: a host must not stand still with a server that went silent, and a person may ask the
/// command line for a lot. The server gives a statement up a little earlier, where it still can.
const PATIENCE: Duration = Duration::from_secs(15);
const PATIENCE_BESIDE: Duration = Duration::from_secs(60);
const EARLIER: Duration = Duration::from_secs(3);
/// Readers at once.
const READERS: u32 = 8;
/// A reader that idled for this long is asked whether it lives before it is used.
const MAYBE_DEAD: Duration = Duration::from_secs(2);

/// What a session is given: it ends by itself when its host stands still inside a transaction (a paused process must not
/// keep rows from the others), it gives up a lock rather than wait for a deadlock to be found, and it notices a peer that is
/// gone. Behind a pooler the first two are set in each transaction, and so is how long a statement may take.
const SESSION: [(&str, &str); 5] = [
    ("idle_in_transaction_session_timeout", "10000"),
    ("lock_timeout", "700"),
    ("tcp_keepalives_idle", "20"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

/// What a session that writes is given too: each of its statements is planned once, for planning for each row's values took
/// longer than the work. All of them name rows by their keys, so they go by indexes: a plan that was made while a table was
/// small must not read all of it when it has grown. Where there is no way but a whole table, that is not worth compiling.
const WRITES: [(&str, &str); 5] = [
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("jit", "off"),
];

/// Where the database is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Address {
    /// `postgres://ROLE@HOST:PORT/DATABASE?sslmode=…&sslrootcert=…`; may hold the password.
    pub url: SecretString,
    /// The password, where it is given apart.
    pub password: Option<SecretString>,
    /// Certificate of the authority that signed the server's.
    pub root_cert: Option<PathBuf>,
    /// A pooler in transaction mode is in between. Found out by itself where the pooler refuses session settings.
    pub pooler: bool,
    /// What the server's list of sessions shows.
    pub application: String,
}

/// A server, and how to get a connection.
#[derive(Debug)]
pub struct Server {
    options: PgConnectOptions,
    /// Which database, without its password.
    pub place: Arc<str>,
    /// How it is spoken to.
    pub speech: Speech,
    version: String,
}

impl Server {
    /// Finds the server, and checks that it can hold a ledger.
    ///
    /// # Errors
    /// `Unavailable`: what is wrong with the address, the server, the role or the database.
    pub async fn find(address: &Address, role: Role) -> Result<Self> {
        let mut options = PgConnectOptions::from_str(address.url.expose_secret())
            .map_err(|error| unavailable("postgres", format!("its address can't be read: {error}")))?;
        if let Some(password) = &address.password {
            options = options.password(password.expose_secret());
        }
        if let Some(file) = &address.root_cert {
            options = options.ssl_root_cert(file);
        }
        let place: Arc<str> = format!(
            "postgres://{}@{}:{}/{}",
            options.get_username(),
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_else(|| options.get_username()),
        )
        .into();
        let options = options.application_name(&address.application).disable_statement_logging();
        let patience = if role == Role::Working { PATIENCE } else { PATIENCE_BESIDE };
        let (near, far) = (Speech { pooled: false, patience }, Speech { pooled: true, patience });
        let limit = [("statement_timeout", near.statement_ms().to_string())];
        let direct = options.clone().statement_cache_capacity(STATEMENTS).options(SESSION).options(limit);
        let pooled = options.statement_cache_capacity(0).extra_float_digits(None);
        let mut server = if address.pooler {
            Self { options: pooled.clone(), place, speech: far, version: String::new() }
        } else {
            Self { options: direct, place, speech: near, version: String::new() }
        };
        let mut connection = match server.session(&server.options).await {
            Err(error) if !address.pooler && refuses_settings(&error) => {
                server = Self { options: pooled, speech: far, ..server };
                server.session(&server.options).await
            }
            done => done,
        }
        .map_err(|error| explain(&error, &server.place))?;
        let checking = check(&mut connection, &server.place);
        server.version = tokio::time::timeout(patience, checking).await.map_err(|_| silent(&server.place))??;
        Ok(server)
    }

    async fn session(&self, options: &PgConnectOptions) -> std::result::Result<PgConnection, sqlx::Error> {
        match tokio::time::timeout(CONNECT, options.connect()).await {
            Ok(done) => done,
            Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
        }
    }

    /// For people: where it is, what it is, how it is reached.
    pub fn describe(&self) -> String {
        let pooler = if self.speech.pooled { ", through a pooler" } else { "" };
        let safe = match self.options.get_ssl_mode() {
            PgSslMode::VerifyFull => ", TLS checked",
            PgSslMode::VerifyCa | PgSslMode::Require => ", TLS",
            _ => "",
        };
        format!("{} (PostgreSQL {}{safe}{pooler})", self.place, self.version)
    }

    /// A connection that writes.
    ///
    /// # Errors
    /// What the server says.
    pub async fn connect(&self) -> Result<Held> {
        // A pooler takes no settings, and keeps no plans.
        let connection = match self.speech.pooled {
            true => self.session(&self.options).await,
            false => self.session(&self.options.clone().options(WRITES)).await,
        };
        let connection = connection.map_err(|error| explain(&error, &self.place))?;
        Ok(Held::Postgres(connection, self.speech, Box::default()))
    }

    /// A connection for the schema's steps.
    ///
    /// # Errors
    /// What the server says.
    pub async fn bare(&self) -> Result<PgConnection> {
        self.session(&self.options).await.map_err(|error| explain(&error, &self.place))
    }

    /// A connection that listens, made again when it is lost.
    pub fn one(&self) -> PgPool {
        PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT).connect_lazy_with(self.options.clone())
    }

    /// Connections that read.
    pub fn readers(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(ACQUIRE)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    use sqlx::Connection as _;
                    if meta.idle_for < MAYBE_DEAD {
                        return Ok(true);
                    }
                    Ok(tokio::time::timeout(CONNECT, connection.ping()).await.is_ok_and(|done| done.is_ok()))
                })
            })
            .connect_lazy_with(self.options.clone())
    }
}

impl Speech {
    /// How long the server works at a statement, in milliseconds.
    pub fn statement_ms(self) -> u128 {
        self.patience.saturating_sub(EARLIER).as_millis()
    }
}

/// The beginning of a transaction that reads. A session behind a pooler keeps no settings.
pub fn begin_to_read(isolation: &str, speech: Speech) -> String {
    let limit = match speech.pooled {
        true => format!("; set local statement_timeout = {}", speech.statement_ms()),
        false => String::new(),
    };
    format!("begin isolation level {isolation} read only{limit}")
}

/// A pooler that would have to keep the settings of a session refuses them; a server takes them.
fn refuses_settings(error: &sqlx::Error) -> bool {
    state(error).as_deref() == Some("08P01") && error.to_string().contains("unsupported startup parameter")
}

/// Whether the server can hold a ledger; its version.
async fn check(connection: &mut PgConnection, place: &str) -> Result<String> {
    // As one message: behind a pooler a prepared statement could be asked of another session.
    let sql = "select cast(current_setting('server_version_num') as bigint) as version,
        current_setting('server_version') as name, current_setting('server_encoding') as encoding,
        current_setting('standard_conforming_strings') as strings";
    let row = connection.fetch_one(sqlx::raw_sql(sql)).await.map_err(|error| explain(&error, place))?;
    let row = Row::Postgres(row);
    let (version, name) = (row.int("version")?, row.text("name")?);
    let (encoding, strings) = (row.text("encoding")?, row.text("strings")?);
    let wrong = if version < OLDEST {
        format!("its server is PostgreSQL {name}; Orderdock needs version {} or later", OLDEST / 10_000)
    } else if encoding != "UTF8" {
        format!("it was created with encoding {encoding}; create it again with encoding UTF8")
    } else if strings != "on" {
        "standard_conforming_strings is off; turn it on for this database or role".to_owned()
    } else {
        return Ok(name.split(' ').next().unwrap_or(&name).to_owned());
    };
    Err(unavailable(place, wrong))
}

/// The database's clock, between two looks at it: it goes on by the machine's clock that never jumps. All hosts of a
/// database so have the same time, whatever the clocks of their machines say.
pub struct DatabaseClock {
    machine: Arc<dyn Clock>,
    /// The database's time minus the machine's time since boot.
    ahead_ms: AtomicI64,
}

/// An answer that is later than this against what we had means that the database's clock was set, not that the answer was
/// slow.
const SLOW: Millis = 250;

impl DatabaseClock {
    /// A clock that knows nothing yet: the machine's own time.
    pub fn new(machine: Arc<dyn Clock>) -> Self {
        let ahead_ms = AtomicI64::new(machine.now_ms().saturating_sub(since_boot_ms(&*machine)));
        Self { machine, ahead_ms }
    }

    /// The database said that it is `now_ms`, a moment ago.
    pub fn set(&self, now_ms: Millis) {
        let seen = now_ms.saturating_sub(since_boot_ms(&*self.machine));
        let known = self.ahead_ms.load(Ordering::Relaxed);
        // The way of the answer makes it look early: the latest is the best, unless the clock itself went back.
        if seen > known || known.saturating_sub(seen) > SLOW {
            self.ahead_ms.store(seen, Ordering::Relaxed);
        }
    }
}

impl Clock for DatabaseClock {
    fn now_ms(&self) -> Millis {
        since_boot_ms(&*self.machine).saturating_add(self.ahead_ms.load(Ordering::Relaxed))
    }

    fn since_boot(&self) -> Duration {
        self.machine.since_boot()
    }
}

fn since_boot_ms(machine: &dyn Clock) -> Millis {
    Millis::try_from(machine.since_boot().as_millis()).unwrap_or(Millis::MAX)
}
