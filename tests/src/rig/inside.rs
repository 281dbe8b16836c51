//! A host that works inside the test: for what no real shop, ERP or signal can bring about from outside, above all our own
//! bugs. Everything is real but what the test puts in the place of a shop.

use std::sync::Arc;

use async_trait::async_trait;
use orderdock::{
    config::{ConnectionSettings, Database, Environment, KeySource, load_host},
    destination::Destination,
    domain::{
        clock::Clock,
        id::HostId,
        problem::Problem,
        random::Random,
        sight::{ListScope, Page, Sight},
    },
    ledger::{
        Ledger,
        connections::ConnectionRecord,
        sql::{Role, SqlLedger},
    },
    pipeline::{
        host::{Host, LedgerEnded},
        open::{LedgerReleases, RealOpener},
        parts::{Opener, Pace, Parts, Secrets},
        system::{SystemClock, SystemRandom},
    },
    plugin::{self, Runtime},
    seal::{MasterKey, OsRandom, Sealer},
    shop::{Abilities, Shop, ShopError},
};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::Rig;

/// Called before each call of a shop, with the verb and the order (empty where there is none). It may panic.
pub type Before = Arc<dyn Fn(&'static str, &str) + Send + Sync>;

/// Called before a connection's shop is opened; a sentence is a problem of its settings.
pub type OnOpen = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A host at work inside the test.
pub struct Inside {
    /// The host.
    pub host: Arc<Host>,
    /// What it works with.
    pub parts: Arc<Parts>,
    work: JoinHandle<Result<(), LedgerEnded>>,
}

impl Inside {
    /// How the host ended.
    pub async fn ended(self) -> Result<(), LedgerEnded> {
        tokio::time::timeout(super::PATIENCE, self.work).await.expect("the host ends").expect("it does not panic")
    }

    /// Stops it in good order.
    pub async fn stop(self) {
        self.host.stop();
        self.ended().await.expect("a host that is stopped ends well");
    }
}

impl Rig {
    /// Starts a host inside the test, with the usual files.
    pub async fn inside(&self, pace: Pace, before: Before, on_open: OnOpen) -> Inside {
        let file = load_host(Some(&self.dir().join("orderdock.toml")), &Environment::Process);
        let settings = file.expect("the rig's own file is good").settings;
        let Database::Sqlite(path) = &settings.database else { panic!("the rig's file names no database") };
        let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
        let ledger = SqlLedger::open(path, Arc::clone(&clock), Arc::clone(&random), Role::Working).await;
        let ledger: Arc<dyn Ledger> = Arc::new(ledger.expect("the ledger opens"));
        let KeySource::File(key) = &settings.key else { panic!("the rig's file gives no key") };
        let key = MasterKey::from_file(key, &OsRandom).expect("the command line made a key");
        let engine = plugin::Settings { concurrent: 4, ..plugin::Settings::default() };
        let mapper = Runtime::new(engine, &settings.plugins.cache_dir, Arc::new(SystemClock)).expect("an engine");
        mapper.fetch_from(Arc::new(LedgerReleases(Arc::clone(&ledger))));
        let real = RealOpener { clock: Arc::clone(&clock), ledger: Arc::clone(&ledger) };
        let parts = Arc::new(Parts {
            host: HostId("inside".to_owned()),
            host_name: "inside".to_owned(),
            opener: Arc::new(Meddling { real, before, on_open }),
            calendar: Arc::clone(&clock),
            clock,
            random,
            ledger,
            mapper,
            mailer: None,
            mail_from: String::new(),
            destinations: Arc::default(),
            sealer: Arc::new(Sealer::new(&key, Arc::new(OsRandom))),
            metrics: Arc::new(orderdock::metrics::Metrics::new().expect("metrics that fit each other")),
            pace,
        });
        let host = Host::new(Arc::clone(&parts));
        let work = tokio::spawn({
            let host = Arc::clone(&host);
            async move { host.run().await }
        });
        Inside { host, parts, work }
    }
}

struct Meddling {
    real: RealOpener,
    before: Before,
    on_open: OnOpen,
}

impl Opener for Meddling {
    fn shop(
        &self,
        record: &ConnectionRecord,
        settings: &ConnectionSettings,
        secrets: &Secrets,
    ) -> Result<Arc<dyn Shop>, Vec<Problem>> {
        if let Some(problem) = (self.on_open)(&record.name) {
            return Err(vec![Problem::new("shop", problem)]);
        }
        let shop = self.real.shop(record, settings, secrets)?;
        Ok(Arc::new(Meddled { shop, before: Arc::clone(&self.before) }))
    }

    fn destination(&self, pinned: &Value, secrets: &Secrets) -> Result<Arc<Destination>, Vec<Problem>> {
        self.real.destination(pinned, secrets)
    }
}

struct Meddled {
    shop: Arc<dyn Shop>,
    before: Before,
}

#[async_trait]
impl Shop for Meddled {
    fn abilities(&self) -> Abilities {
        self.shop.abilities()
    }

    async fn list(&self, scope: &ListScope, cursor: Option<&str>) -> Result<Page, ShopError> {
        (self.before)("list", "");
        self.shop.list(scope, cursor).await
    }

    async fn get(&self, shop_order_id: &str) -> Result<Sight, ShopError> {
        (self.before)("get", shop_order_id);
        self.shop.get(shop_order_id).await
    }

    async fn set_status(&self, shop_order_id: &str, status: &str) -> Result<(), ShopError> {
        (self.before)("set_status", shop_order_id);
        self.shop.set_status(shop_order_id, status).await
    }

    async fn mark_processed(&self, shop_order_id: &str) -> Result<(), ShopError> {
        (self.before)("mark_processed", shop_order_id);
        self.shop.mark_processed(shop_order_id).await
    }

    async fn add_note(&self, shop_order_id: &str, text: &str, marker: &str) -> Result<(), ShopError> {
        (self.before)("add_note", shop_order_id);
        self.shop.add_note(shop_order_id, text, marker).await
    }

    async fn has_note(&self, shop_order_id: &str, marker: &str) -> Result<bool, ShopError> {
        (self.before)("has_note", shop_order_id);
        self.shop.has_note(shop_order_id, marker).await
    }

    async fn set_erp_order_id(&self, shop_order_id: &str, erp_order_id: &str) -> Result<(), ShopError> {
        (self.before)("set_erp_order_id", shop_order_id);
        self.shop.set_erp_order_id(shop_order_id, erp_order_id).await
    }

    async fn heartbeat(&self) -> Result<(), ShopError> {
        (self.before)("heartbeat", "");
        self.shop.heartbeat().await
    }

    async fn check(&self, statuses: &[String]) -> Vec<Problem> {
        self.shop.check(statuses).await
    }
}
