//! The server that all tests share, and the databases on it.

use std::{
    fs::{File, OpenOptions},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::OnceLock,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};

use crate::server::{make, psql, watch};

/// Looks of the watchman, five seconds apart, before he ends a server that nobody uses.
const GRACE: u32 = 6;

/// A database of one's own, dropped with this value.
#[derive(Debug)]
pub struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Runs SQL in it; one row a line, columns divided by `|`.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, sql: &str) -> anyhow::Result<String> {
        psql(&self.url(), sql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // If it can't be dropped, it goes with the server.
        let sql = format!("drop database if exists {} with (force)", self.name);
        let _dropped = psql(&format!("{}/postgres", self.server), &sql);
    }
}

/// What this process holds while it uses the server.
struct Use {
    server: String,
    folder: PathBuf,
    _alive: Option<File>,
}

static USE: OnceLock<Result<Use, String>> = OnceLock::new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A new database with the tables that `make` put into its template. `version` names what `make` makes (the text of the
/// migrations, say): each is made once for a server. Blocks for some 50 ms.
///
/// # Errors
/// PostgreSQL is not installed or does not start, or `make` fails.
pub fn database(version: &str, make: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<Database> {
    let using = USE.get_or_init(|| join().map_err(|error| format!("{error:#}")));
    let using = using.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
    let template = template(using, version, make)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("t{}_{number}", std::process::id());
    let admin = format!("{}/postgres", using.server);
    psql(&admin, &format!("drop database if exists {name} with (force)"))?;
    psql(&admin, &format!("create database {name} template {template}"))?;
    Ok(Database { server: using.server.clone(), name })
}

/// The template's name, made if it is not there.
fn template(using: &Use, version: &str, make: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<String> {
    let digest = hex::encode(Sha256::digest(version.as_bytes()));
    let name = format!("template_{}", digest.get(..16).unwrap_or("x"));
    // A mark of its own, because a template that was half made would be taken for a whole one.
    let mark = using.folder.join(&name);
    if mark.exists() {
        return Ok(name);
    }
    let lock = lock(&using.folder.join("templates.lock"), FlockOperation::LockExclusive)?;
    if !mark.exists() {
        let admin = format!("{}/postgres", using.server);
        psql(&admin, &format!("drop database if exists {name} with (force)"))?;
        psql(&admin, &format!("create database {name}"))?;
        make(&format!("{}/{name}", using.server))?;
        File::create(&mark)?;
    }
    drop(lock);
    Ok(name)
}

/// Finds the server or starts it, and keeps it alive.
#[expect(clippy::disallowed_methods, reason = "a test's own variable; the host's names have their place in its config")]
fn join() -> anyhow::Result<Use> {
    if let Ok(server) = std::env::var("ORDERDOCK_TEST_POSTGRES") {
        let folder = std::env::temp_dir().join(format!("orderdock-postgres-given-{}", name_of(&server)));
        std::fs::create_dir_all(&folder)?;
        return Ok(Use { server: server.trim_end_matches('/').to_owned(), folder, _alive: None });
    }
    let base = base()?;
    let _one = lock(&base.with_extension("lock"), FlockOperation::LockExclusive)?;
    let alive = base.join("alive");
    if let Ok(file) = File::open(&alive) {
        // Ours before we ask whether it works: the watchman may be about to end it.
        flock(&file, FlockOperation::LockShared).context("the server's lock")?;
        if let Some(port) = working(&base) {
            return Ok(Use { server: address(port), folder: base, _alive: Some(file) });
        }
    }
    if base.exists() {
        let _stopped = crate::server::stop(&base, crate::server::Stop::Immediate);
        std::fs::remove_dir_all(&base).with_context(|| format!("{} can't be removed", base.display()))?;
    }
    std::fs::DirBuilder::new().mode(0o755).create(&base)?;
    let file = File::create(&alive)?;
    flock(&file, FlockOperation::LockShared).context("the server's lock")?;
    let settings = ["fsync=off", "full_page_writes=off", "synchronous_commit=off"].map(ToOwned::to_owned);
    let port = make(&base, &settings, None)?.number();
    std::fs::write(base.join("port"), port.to_string())?;
    watch(&base, GRACE)?;
    Ok(Use { server: address(port), folder: base, _alive: Some(file) })
}

fn address(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}")
}

/// The port of a server that answers and has its watchman.
fn working(base: &Path) -> Option<u16> {
    let port: u16 = std::fs::read_to_string(base.join("port")).ok()?.parse().ok()?;
    psql(&format!("{}/postgres", address(port)), "select 1").ok()?;
    let watchman = std::fs::read_to_string(base.join("watchman")).ok()?;
    if !Path::new("/proc").join(watchman.trim()).exists() {
        watch(base, GRACE).ok()?;
    }
    Some(port)
}

/// A folder of this workspace and user; in /tmp, because the server's user must reach it and its socket's name must be short.
fn base() -> anyhow::Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize()?;
    let user = rustix::process::geteuid().as_raw();
    let name = name_of(&format!("{user} {}", workspace.display()));
    Ok(Path::new("/tmp").join(format!("orderdock-postgres-{name}")))
}

fn name_of(text: &str) -> String {
    let digest = hex::encode(Sha256::digest(text.as_bytes()));
    digest.get(..12).unwrap_or(&digest).to_owned()
}

fn lock(path: &Path, how: FlockOperation) -> anyhow::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} can't be opened", path.display()))?;
    flock(&file, how).with_context(|| format!("{} can't be locked", path.display()))?;
    Ok(file)
}
