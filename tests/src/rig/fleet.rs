//! More hosts on the rig's database: each a process with a folder, a name and a log of its own, and the master key of all.

use std::time::Duration;

use serde_json::Value;

use super::{Rig, Serving};

/// Signs of life, and so takeovers, in a test's time: the shortest lease that a host may have.
pub const LEASE: Duration = Duration::from_secs(15);

impl Rig {
    /// The usual stage with the usual connection on this database; nothing is at work yet. `host` is added to each host's
    /// file, `more` to the connection's.
    pub async fn fleet(database: &str, host: &str, more: &str) -> Self {
        let rig = Self::bare_on(Some(database.to_owned())).await;
        rig.write("orderdock.toml", &rig.fleet_file("first", host));
        rig.add_plugin().await;
        rig.connect(more).await;
        rig
    }

    /// The file of one host among several.
    #[must_use]
    pub fn fleet_file(&self, name: &str, more: &str) -> String {
        let (folder, lease) =
            (if name == "first" { "data".to_owned() } else { format!("data-{name}") }, LEASE.as_secs());
        let key = self.data().join("orderdock.key");
        let file = self.host_file().replace("data_dir = \"data\"", &format!("data_dir = \"{folder}\""));
        format!("key_file = \"{}\"\n{file}[fleet]\nname = \"{name}\"\nlease = \"{lease}s\"\n{more}", key.display())
    }

    /// Starts one more host and waits until it works.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn serve_beside(&self, name: &str, more: &str) -> Serving {
        let file = format!("{name}.toml");
        self.write(&file, &self.fleet_file(name, more));
        self.start(&file, &format!("serve-{name}.log")).await
    }

    /// All that another host logged.
    #[must_use]
    pub fn log_of(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir().join(format!("serve-{name}.log"))).unwrap_or_default()
    }

    /// What `/readyz` of a host says.
    pub async fn readyz(&self, listen: &str) -> Value {
        let answer = self.client.get(format!("http://{listen}/readyz")).send().await.expect("the API answers");
        answer.json().await.expect("readyz is JSON")
    }

    /// `host list`, by name.
    pub async fn hosts(&self) -> Vec<Value> {
        self.ask(&["host", "list"]).await["hosts"].as_array().cloned().unwrap_or_default()
    }
}
