//! The files that the host reads in a test: its own, and connections to each of the fakes.

use std::path::PathBuf;

use super::{ACCOUNT, CONNECTION, Rig, Said, component, programs};
use crate::variant::variant;

impl Rig {
    /// Uploads json-post.
    pub async fn add_plugin(&self) {
        self.add("json-post").await;
    }

    /// Uploads a plugin, or a test guest as `guests/<name>`.
    pub async fn add(&self, plugin: &str) {
        let added = self.run(&["plugin", "add", component(plugin).to_str().expect("a path of text")]).await;
        assert_eq!(added.code, 0, "{added:?}");
    }

    /// Uploads a release of the test guest `variant`, which names itself in each delivery; gives its digest.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn add_variant(&self, name: &str, behaviour: &str) -> String {
        let file = self.dir().join(format!("{name}-{behaviour}.wasm"));
        std::fs::write(&file, variant(name, behaviour)).expect("the test's folder can be written");
        let said = self.run(&["plugin", "add", file.to_str().expect("a path of text"), "--json"]).await;
        let digest = said.json()["digest"].as_str().expect("a digest").to_owned();
        if said.code != 0 {
            // One that traps is held until somebody says that it is wanted.
            let why = ["--reason", "how it fails is what is tested"];
            self.ask(&[&["plugin", "override", digest.as_str(), "awkward-orders"][..], &why].concat()).await;
        }
        digest
    }

    /// The folder that an ERP would take files from. Nobody makes it but the test.
    #[must_use]
    pub fn inbox(&self) -> PathBuf {
        self.dir().join("inbox")
    }

    /// Applies the usual connection with xml-drop and a folder in place of json-post and the ERP.
    pub async fn connect_folder(&self, more: &str) {
        self.add("xml-drop").await;
        let said = self.apply_folder(more).await;
        assert_eq!(said.code, 0, "{said:?}");
    }

    /// The same without a plugin being uploaded; what was said.
    pub async fn apply_folder(&self, more: &str) -> Said {
        let mut table: toml::Table = toml::from_str(&self.connection_file("")).expect("TOML");
        let plugin = toml::toml! { release = "xml-drop@0.1.0" };
        table.insert("plugin".to_owned(), plugin.into());
        let destination = toml::toml! { kind = "folder" };
        table.insert("destination".to_owned(), destination.into());
        let path = format!("destination.settings.path = \"{}\"\n", self.inbox().display());
        self.try_apply("folder", table, &format!("{path}{more}")).await
    }

    /// Applies the usual connection with attache-kfi, a folder, and the folders to which Attaché moves what it took.
    pub async fn connect_attache(&self, more: &str) {
        self.add("attache-kfi").await;
        let mut table: toml::Table = toml::from_str(&self.connection_file("")).expect("TOML");
        let plugin = toml::toml! {
            release = "attache-kfi@0.1.0"
            [settings]
            success_folder = true
            default_customer = "WEB"
            [settings.line_kind]
            shipping = { code = "FREIGHT" }
            discount = { code = "DISCOUNT" }
        };
        table.insert("plugin".to_owned(), plugin.into());
        let inbox = self.inbox().display().to_string();
        let folder = format!(
            "kind = \"folder\"\n[settings]\npath = \"{inbox}\"\nstable_s = 1\n\
             [answer_folders]\nsuccess = \"{inbox}/Success\"\nfailure = \"{inbox}/Failure\"\n"
        );
        let destination: toml::Table = toml::from_str(&folder).expect("TOML");
        table.insert("destination".to_owned(), destination.into());
        self.apply("attache", table, more).await;
    }

    /// Writes a file into the test's folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir().join(name);
        std::fs::write(&path, text).expect("the test's folder can be written");
        path
    }

    /// The usual host file. Compiled code is shared by all tests: only the first of them compiles.
    #[must_use]
    pub fn host_file(&self) -> String {
        let database = self.database.as_ref().map(|address| format!("database = \"{address}\"\n"));
        let database = database.unwrap_or_default();
        format!(
            "{database}data_dir = \"data\"\nlisten = \"127.0.0.1:0\"\n\
             [plugins]\ncache_dir = \"{}\"\ninstances = 8\n\
             [heartbeat]\nevery = \"1s\"\n\
             [log]\nfilter = \"info,orderdock=debug\"\n\
             [smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"Orderdock <orders@example.test>\"\ngather = \"0s\"\n",
            programs().join("../tmp/plugin-cache").display(),
            self.mail.address().port(),
        )
    }

    /// The usual connection's file: EvolutionX to json-post, quick repeats, lists that do not lag, and a schedule that does
    /// not get in between: the shop is looked at when the host begins and when a test asks for it. `more` may hold further
    /// keys as `table.key = value` lines, which win over the usual ones.
    #[must_use]
    pub fn connection_file(&self, more: &str) -> String {
        let usual = format!(
            r#"
            name = "{CONNECTION}"
            [shop]
            kind = "evolutionx"
            base_address = "{}"
            account = "{ACCOUNT}"
            [shop.settings]
            read_lag_s = 0
            http = {{ requests_per_minute = 0, default_wait_s = 1 }}
            [shop.secrets]
            token = {{ env = "EVO_TOKEN" }}
            [take]
            from = "2020-01-01"
            [plugin]
            release = "json-post@0.1.0"
            [plugin.settings]
            [schedule]
            cron = "0 0 1 1 *"
            [destination]
            kind = "http"
            [destination.settings]
            base_address = "{}"
            authentication = {{ kind = "header", name = "Authorization", secret = "token" }}
            [destination.secrets]
            token = {{ env = "ERP_TOKEN" }}
            [retry]
            first_wait = "1s"
            longest_wait = "1s"
            [unknown]
            lookup_for = "1s"
            settling = "1s"
            [notify]
            to = ["staff@example.test"]
            "#,
            self.shop.evo(),
            self.erp.base_address(),
        );
        let mut table: toml::Table = toml::from_str(&usual).expect("the usual file is TOML");
        overlay(&mut table, toml::from_str(more).unwrap_or_else(|error| panic!("not TOML: {more}: {error}")));
        toml::to_string(&table).expect("a table has a text")
    }

    /// Applies the usual connection with changes.
    pub async fn connect(&self, more: &str) {
        let file = self.write("connection.toml", &self.connection_file(more));
        let said = self.run(&["connection", "apply", file.to_str().expect("a path of text")]).await;
        assert_eq!(said.code, 0, "{said:?}");
    }

    async fn apply(&self, name: &str, usual: toml::Table, more: &str) {
        let said = self.try_apply(name, usual, more).await;
        assert_eq!(said.code, 0, "{said:?}");
    }

    async fn try_apply(&self, name: &str, usual: toml::Table, more: &str) -> Said {
        let mut table = usual;
        overlay(&mut table, toml::from_str(more).unwrap_or_else(|error| panic!("not TOML: {more}: {error}")));
        let file = self.write(&format!("{name}.toml"), &toml::to_string(&table).expect("a table has a text"));
        self.run(&["connection", "apply", file.to_str().expect("a path of text")]).await
    }

    /// Applies a connection `woo` to the WooCommerce face of the fake shop.
    pub async fn connect_woo(&self, more: &str) {
        let mut table: toml::Table = toml::from_str(&self.connection_file("")).expect("TOML");
        table.insert("name".to_owned(), "woo".into());
        let shop = toml::toml! {
            kind = "woocommerce"
            [settings]
            http = { requests_per_minute = 0 }
            [secrets]
            consumer_key = { env = "WOO_KEY" }
            consumer_secret = { env = "WOO_SECRET" }
        };
        table.insert("shop".to_owned(), shop.into());
        let address = format!("shop.base_address = \"{}\"\n", self.shop.woo());
        let status =
            "status.new = [\"processing\"]\nstatus.success = \"erp-delivered\"\nstatus.failure = \"erp-failed\"\n";
        self.apply("woo", table, &format!("{address}{status}{more}")).await;
    }

    /// Applies a connection `pushed` for any system that pushes.
    pub async fn connect_push(&self, more: &str) {
        let mut table: toml::Table = toml::from_str(&self.connection_file("")).expect("TOML");
        table.insert("name".to_owned(), "pushed".into());
        let shop = toml::toml! {
            kind = "push"
            [secrets]
            token = { env = "PUSH_TOKEN" }
        };
        table.insert("shop".to_owned(), shop.into());
        self.apply("pushed", table, more).await;
    }
}

/// What `more` says wins.
fn overlay(usual: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (usual.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(value)) => overlay(below, value),
            (_, value) => drop(usual.insert(key, value)),
        }
    }
}
