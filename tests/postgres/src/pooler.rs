//! PgBouncer in transaction mode in front of a server.

use std::{
    path::PathBuf,
    process::{Child, Stdio},
    time::Duration,
};

use anyhow::Context as _;
use orderdock_port::Port;

use crate::programs::{give, program};

/// A running PgBouncer, ended with this value.
#[derive(Debug)]
pub struct Pooler {
    child: Child,
    folder: PathBuf,
    /// Where it listens on 127.0.0.1.
    pub port: Port,
}

impl Pooler {
    /// Starts one in front of the server that listens on `server`; `size` server connections for each database.
    ///
    /// # Errors
    /// PgBouncer is not installed, or does not start.
    pub fn start(server: u16, size: u32) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("orderdock-pgbouncer-").tempdir_in("/tmp")?.keep();
        let port = Port::free().context("no free port")?;
        let file = folder.join("pgbouncer.ini");
        std::fs::write(
            &file,
            format!(
                "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
                 listen_port = {1}\nauth_type = any\npool_mode = transaction\nunix_socket_dir =\n\
                 default_pool_size = {size}\nlogfile = {0}/log\npidfile = {0}/pid\n",
                folder.display(),
                port.number(),
            ),
        )?;
        give(&folder)?;
        let mut command = program("pgbouncer")?;
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("pgbouncer")?;
        let pooler = Self { child, folder, port };
        for _ in 0..200 {
            if std::net::TcpStream::connect(pooler.port.address()).is_ok() {
                return Ok(pooler);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        anyhow::bail!(
            "PgBouncer did not start: {}",
            std::fs::read_to_string(pooler.folder.join("log")).unwrap_or_default()
        )
    }

    /// The address of a database through it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port.number())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // `runuser` passes the signal on to the program; the pid file names it otherwise.
        if let Ok(pid) = std::fs::read_to_string(self.folder.join("pid"))
            && let Some(pid) = pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw)
        {
            let _ended = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let _killed = self.child.kill();
        let _waited = self.child.wait();
        let _removed = std::fs::remove_dir_all(&self.folder);
    }
}
