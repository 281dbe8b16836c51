//! A server: made, started, stopped in each of the ways in which servers stop, and removed.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::Context as _;
use orderdock_port::Port;
use rustix::fs::{FlockOperation, flock};

use crate::programs::{done, give, program};

/// What a server is started with.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Flushes as a real one does: for crash tests. Without it a crash may lose commits.
    pub fsync: bool,
    /// Certificate and key as PEM: connections may use TLS, and those over TCP from others than `postgres` must.
    pub tls: Option<(String, String)>,
    /// More settings, as `name=value`.
    pub settings: Vec<String>,
}

/// How a server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, everything is written: an upgrade.
    Fast,
    /// As if it crashed; the next start recovers from the log.
    Immediate,
}

/// A server of one's own. It ends with this value, and also when this process dies.
#[derive(Debug)]
pub struct Server {
    /// Its files.
    folder: PathBuf,
    /// Where it listens on 127.0.0.1.
    pub port: Port,
    settings: Vec<String>,
    _alive: File,
}

impl Server {
    /// Makes and starts one.
    ///
    /// # Errors
    /// PostgreSQL is not installed, or does not start.
    pub fn start(options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("orderdock-postgres-").tempdir_in("/tmp")?.keep();
        let alive = File::create(folder.join("alive"))?;
        flock(&alive, FlockOperation::LockShared).context("a lock in /tmp")?;
        let mut settings = options.settings.clone();
        if !options.fsync {
            settings.extend(["fsync=off", "full_page_writes=off", "synchronous_commit=off"].map(ToOwned::to_owned));
        }
        let port = make(&folder, &settings, options.tls.as_ref())?;
        watch(&folder, 0)?;
        Ok(Self { folder, port, settings, _alive: alive })
    }

    /// The address of a database as the server's owner.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port.number())
    }

    /// Runs SQL in a database; what it gives, one row a line, columns divided by `|`.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn sql(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        psql(&self.url(database), sql)
    }

    /// Makes a database.
    ///
    /// # Errors
    /// What `psql` says.
    pub fn create(&self, database: &str) -> anyhow::Result<String> {
        self.sql("postgres", &format!("create database {database}"))?;
        Ok(self.url(database))
    }

    /// Stops it.
    ///
    /// # Errors
    /// It does not stop.
    pub fn stop(&self, how: Stop) -> anyhow::Result<()> {
        stop(&self.folder, how)
    }

    /// Starts it again, on the same port.
    ///
    /// # Errors
    /// It does not start.
    pub fn again(&self) -> anyhow::Result<()> {
        start(&self.folder, &self.port, &self.settings)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be stopped already; whatever is left, the watchman removes.
        let _stopped = self.stop(Stop::Immediate);
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}

/// Makes a server's files in `folder` and starts it; its port.
pub fn make(folder: &Path, settings: &[String], tls: Option<&(String, String)>) -> anyhow::Result<Port> {
    give(folder)?;
    let data = folder.join("data");
    done(
        program("initdb")?.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]),
        "initdb",
    )?;
    let mut settings = settings.to_vec();
    if let Some((certificate, key)) = tls {
        for (name, text) in [("server.crt", certificate), ("server.key", key)] {
            let path = data.join(name);
            std::fs::write(&path, text)?;
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            give(&path)?;
        }
        settings.push("ssl=on".to_owned());
        let rules =
            "hostnossl all postgres 127.0.0.1/32 trust\nhostssl all all 127.0.0.1/32 trust\nlocal all all trust\n";
        std::fs::write(data.join("pg_hba.conf"), rules)?;
        give(&data.join("pg_hba.conf"))?;
    }
    let port = Port::free().context("no free port")?;
    start(folder, &port, &settings)?;
    Ok(port)
}

fn start(folder: &Path, port: &Port, settings: &[String]) -> anyhow::Result<()> {
    let mut options =
        format!("-p {} -c listen_addresses=127.0.0.1 -k {} -c max_connections=300", port.number(), folder.display());
    for setting in settings {
        options.push_str(" -c ");
        options.push_str(setting);
    }
    let log = folder.join("data/server.log");
    let mut command = program("pg_ctl")?;
    command.arg("-D").arg(folder.join("data")).arg("-l").arg(&log).args(["-w", "-o", &options, "start"]);
    // The server keeps what it inherits: a pipe of ours would never end.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    anyhow::ensure!(status.success(), "PostgreSQL did not start: {}", said());
    Ok(())
}

/// Stops the server of a folder.
pub fn stop(folder: &Path, how: Stop) -> anyhow::Result<()> {
    let mode = if how == Stop::Fast { "fast" } else { "immediate" };
    done(program("pg_ctl")?.arg("-D").arg(folder.join("data")).args(["-w", "-m", mode, "stop"]), "pg_ctl stop")?;
    Ok(())
}

/// Runs SQL over an address.
pub fn psql(url: &str, sql: &str) -> anyhow::Result<String> {
    let output =
        done(program("psql")?.args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", sql, url]), "psql")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Leaves a watchman who ends the server and removes its files when nobody has locked `alive` for `grace` looks, five
/// seconds apart. He outlives us.
pub fn watch(folder: &Path, grace: u32) -> anyhow::Result<()> {
    let mut stop = program("pg_ctl")?;
    stop.arg("-D").arg(folder.join("data"));
    let words: Vec<String> = std::iter::once(stop.get_program())
        .chain(stop.get_args())
        .map(|it| it.to_string_lossy().into_owned())
        .collect();
    let script = format!(
        "exec 9<'{folder}/alive'; free=0
         while [ -d '{folder}' ]; do
             if flock -n -x 9; then free=$((free + 1)); [ $free -gt {grace} ] && break; flock -u 9; else free=0; fi
             sleep 5
         done
         {} -m immediate stop; rm -rf '{folder}'",
        words.join(" "),
        folder = folder.display(),
    );
    let mut watchman = std::process::Command::new("setsid");
    watchman.args(["sh", "-c", &script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = watchman.current_dir("/").spawn().context("no watchman for the server")?;
    std::fs::write(folder.join("watchman"), child.id().to_string())?;
    Ok(())
}
