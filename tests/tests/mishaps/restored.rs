//! A database that went back in time (P13): nothing is sent until a person has accepted what was compared, and nothing is
//! sent twice after that.

use std::path::Path;

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, Rig},
    shop::{Actor, Event},
};
use serde_json::Value;
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

const LOOK_UP: &str = r#"
    plugin.settings.lookup_path = "orders?reference={order_number}"
    plugin.settings.lookup_list_path = "orders"
    plugin.settings.lookup_order_id_path = "orders[0].order_id"
"#;

fn database(rig: &Rig) -> std::path::PathBuf {
    rig.data().join("orderdock.db")
}

/// A backup as SQLite makes it.
async fn save(rig: &Rig) -> Vec<u8> {
    let path = rig.dir().join("backup.db");
    let mut db = SqliteConnectOptions::new().filename(database(rig)).connect().await.unwrap();
    let sql = format!("vacuum into '{}'", path.display());
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
    let saved = std::fs::read(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    saved
}

fn restore(rig: &Rig, saved: &[u8]) {
    assert!(rig.host.is_none());
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", database(rig).display()));
    }
    std::fs::write(database(rig), saved).unwrap();
}

async fn deliver(rig: &Rig, count: usize) -> Vec<u64> {
    let ids: Vec<u64> = (0..count).map(|_| rig.place()).collect();
    rig.sync().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
    }
    ids
}

fn row(compared: &Value, id: u64) -> Value {
    let rows = compared["orders"].as_array().unwrap();
    let id = id.to_string();
    rows.iter().find(|row| row["shop_order_id"] == id.as_str()).unwrap_or(&Value::Null).clone()
}

/// Whether the host says that it stands still.
async fn stands_still(rig: &Rig) {
    let (status, text) = rig.http("GET", "/readyz", None, "").await;
    assert_eq!(status, 503, "{text}");
    for words in ["restored from a backup", "orderdock reconcile", "commits are missing"] {
        assert!(text.contains(words), "missing: {words} in {text}");
    }
}

/// As if the host had died before it could tell the shop.
fn untold(rig: &Rig, id: u64) {
    rig.shop.world.record(Event::Stamp { key: rig.key(id), at_s: None, actor: Actor::staff() });
    rig.shop.set_status(&rig.key(id), "New Order", Actor::staff());
}

/// Where the ledger is, and how it is saved and brought back.
enum Kept {
    File(Vec<u8>),
    /// A copy that the server makes of the whole database, and the one that it is of.
    Database(String),
}

impl Kept {
    async fn save(rig: &Rig) -> Self {
        let Some(url) = rig.database.clone() else { return Self::File(save(rig).await) };
        let (server, name) = url.rsplit_once('/').unwrap();
        let copy = format!("{name}_saved");
        orderdock_postgres::sql(&format!("{server}/postgres"), &format!("create database {copy} template {name}"))
            .unwrap();
        Self::Database(copy)
    }

    fn restore(&self, rig: &Rig) {
        match self {
            Self::File(saved) => restore(rig, saved),
            Self::Database(copy) => {
                assert!(rig.host.is_none());
                let url = rig.database.clone().unwrap();
                let (server, name) = url.rsplit_once('/').unwrap();
                let sql = |text: String| orderdock_postgres::sql(&format!("{server}/postgres"), &text).unwrap();
                sql(format!("drop database {name} with (force)"));
                sql(format!("create database {name} template {copy}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_sends_nothing_until_it_is_reconciled_and_nothing_twice_after() {
    restored_and_reconciled(Rig::connected_with(LOOK_UP).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_postgres_sends_nothing_until_it_is_reconciled_and_nothing_twice_after() {
    let database = tokio::task::spawn_blocking(|| orderdock_postgres::database("", |_| Ok(()))).await.unwrap().unwrap();
    let rig = Rig::bare_on(Some(database.url())).await;
    rig.add_plugin().await;
    rig.connect(LOOK_UP).await;
    restored_and_reconciled(rig).await;
}

async fn restored_and_reconciled(mut rig: Rig) {
    rig.serve().await;
    let before = deliver(&rig, 4).await;
    // Known to the backup as waiting: the ERP had asked to come back later.
    let waiting = rig.place();
    rig.erp.rule(&format!("WEB-{waiting}"), Behaviour::Throttle { retry_after: "1".to_owned() });
    rig.sync().await;
    rig.until_state(waiting, "waiting").await;
    rig.stop().await;
    let saved = Kept::save(&rig).await;
    rig.erp.behave();
    rig.serve().await;
    let after = deliver(&rig, 12).await;
    rig.until_status(waiting, "In Progress").await;
    let lost = after[3];
    let documents = rig.ask(&["order", "show", &after[11].to_string()]).await["passes"][0]["document_number"].clone();
    rig.kill().await;
    saved.restore(&rig);
    untold(&rig, lost);
    untold(&rig, waiting);
    let sent = rig.erp.state().requests;

    rig.serve().await;
    stands_still(&rig).await;
    let new = rig.place();
    rig.ask(&["connection", "resume", CONNECTION]).await;
    rig.ask(&["sync", CONNECTION]).await;
    let checked = rig.run(&["check"]).await;
    assert!(checked.code == 1 && checked.out.contains("restored"), "{checked:?}");
    let why = rig.run(&["order", "why", &before[0].to_string()]).await;
    assert!(why.out.starts_with("Nothing is sent at the moment: the database"), "{why:?}");
    // Killed and started again, and stopped: it does not forget.
    rig.kill().await;
    rig.serve().await;
    stands_still(&rig).await;

    let compared = rig.ask(&["reconcile"]).await;
    assert!(compared["went_back"]["seen"].as_u64() > compared["went_back"]["sequence"].as_u64(), "{compared}");
    assert_eq!(compared["accepted"], Value::Null);
    let found = row(&compared, lost);
    assert_eq!((&found["ledger"], &found["shop"]), (&"not known".into(), &"New Order".into()), "{found}");
    assert!(found["erp"].as_str().unwrap().starts_with("has it as"), "{found}");
    let found = row(&compared, waiting);
    assert!(found["ledger"] == "waiting" && found["erp"].as_str().unwrap().starts_with("has it as"), "{found}");
    assert_eq!(row(&compared, after[0])["shop"], "In Progress", "newer than the backup: {compared}");
    assert!(row(&compared, new)["erp"].as_str().unwrap().contains("does not have it"), "{compared}");
    assert_eq!(row(&compared, before[0]), Value::Null, "what agrees is not shown");
    let table = rig.run(&["reconcile"]).await;
    assert!(table.code == 0 && table.out.contains("Nothing is sent yet"), "{table:?}");
    stands_still(&rig).await;
    let orders_there = rig.erp.state().orders.len();
    let looked_up = rig.erp.state().requests;
    assert_eq!((orders_there, rig.sent(new)), (17, 0), "{sent} requests before, {looked_up} now: look-ups only");

    let accepted = rig.ask(&["reconcile", "--accept"]).await;
    assert!(accepted["accepted"]["in_doubt"].as_u64().unwrap() >= 3, "{accepted}");
    rig.until_ready("is ready again", |ready| ready["ready"] == true).await;
    rig.until_status(new, "In Progress").await;
    rig.until_status(lost, "In Progress").await;
    rig.until_state(lost, "delivered").await;
    rig.until_state(waiting, "delivered").await;
    for id in before.iter().chain(&after).chain([&waiting, &new]) {
        assert_eq!(rig.accepted(*id), 1, "order {id} is in the ERP once");
    }
    let jumped = rig.ask(&["order", "show", &new.to_string()]).await["passes"][0]["document_number"].clone();
    assert!(jumped.as_u64() > documents.as_u64(), "{jumped} after {documents}");
    // And that was that.
    rig.kill().await;
    rig.serve().await;
    rig.until_ready("is ready", |ready| ready["ready"] == true).await;
    deliver(&rig, 1).await;
    let again = rig.ask(&["reconcile", "--accept"]).await;
    assert_eq!((&again["went_back"], &again["accepted"]), (&Value::Null, &Value::Null), "nothing to accept");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_that_the_erp_has_just_seen_is_enough_to_notice() {
    let mut rig = Rig::connected().await;
    for _ in 0..3 {
        rig.serve().await;
        deliver(&rig, 1).await;
        let saved = save(&rig).await;
        let id = rig.place();
        rig.erp.once(&format!("WEB-{id}"), Behaviour::Silence);
        rig.sync().await;
        rig.until("the ERP has it", |rig| rig.sent(id) == 1).await;
        rig.kill().await;
        restore(&rig, &saved);
        rig.serve().await;
        stands_still(&rig).await;
        rig.ask(&["reconcile", "--accept"]).await;
        rig.until_status(id, "On Hold").await;
        assert_eq!(rig.sent(id), 1);
        rig.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_erp_can_not_be_asked_a_person_decides() {
    let mut rig = Rig::connected().await;
    rig.serve().await;
    deliver(&rig, 1).await;
    rig.stop().await;
    let saved = save(&rig).await;
    rig.serve().await;
    let lost = deliver(&rig, 1).await[0];
    rig.stop().await;
    restore(&rig, &saved);
    untold(&rig, lost);
    rig.serve().await;
    stands_still(&rig).await;
    let compared = rig.ask(&["reconcile"]).await;
    assert!(row(&compared, lost)["follows"].as_str().unwrap().contains("left to a person"), "{compared}");
    rig.ask(&["reconcile", "--accept"]).await;
    rig.until_status(lost, "On Hold").await;
    rig.until_state(lost, "given_up").await;
    assert!(rig.why(lost).await.contains("restored from an older copy"), "{}", rig.why(lost).await);
    let new = rig.place();
    rig.sync().await;
    rig.until_status(new, "In Progress").await;
    assert_eq!((rig.accepted(lost), rig.sent(lost), rig.accepted(new)), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_can_not_be_looked_at_keeps_everything_as_it_is() {
    let mut rig = Rig::connected_with(LOOK_UP).await;
    rig.serve().await;
    rig.stop().await;
    let saved = save(&rig).await;
    rig.serve().await;
    let lost = deliver(&rig, 1).await[0];
    rig.stop().await;
    restore(&rig, &saved);
    untold(&rig, lost);
    rig.serve().await;
    rig.shop.fault(orderdock_tests::shop::Fault {
        times: 1_000,
        ..orderdock_tests::shop::Fault::next("/orders?", orderdock_tests::shop::Play::Status(500))
    });
    let said = rig.run(&["reconcile", "--accept"]).await;
    assert!(said.code == 1 && said.err.contains("could not be looked at, so nothing was accepted"), "{said:?}");
    stands_still(&rig).await;
    assert_eq!(rig.accepted(lost), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_and_the_command_line_raise_no_false_alarm() {
    let mut rig = Rig::connected().await;
    let ids: Vec<u64> = (0..24).map(|_| rig.place()).collect();
    for round in 0..6 {
        rig.serve().await;
        let told = rig.erp.state().orders.len();
        // One that was being sent when the host died may never come.
        let over = |rig: &Rig| ids.iter().all(|id| rig.order(*id).status() != "New Order");
        rig.until("orders come", |rig| rig.erp.state().orders.len() > told || over(rig)).await;
        // The command line commits beside the host.
        rig.ask(&["connection", "pause", CONNECTION]).await;
        rig.ask(&["connection", "resume", CONNECTION]).await;
        rig.kill().await;
        rig.ask(&["connection", "pause", CONNECTION]).await;
        rig.ask(&["connection", "resume", CONNECTION]).await;
        assert!(!rig.log().contains("restored from a backup"), "round {round}");
    }
    rig.serve().await;
    // One that was being sent when the host died is left to a person: that is no alarm either.
    rig.until("every order is told", |rig| ids.iter().all(|id| rig.order(*id).status() != "New Order")).await;
    let checked = rig.run(&["check"]).await;
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mark_that_can_not_be_kept_is_told() {
    let rig = Rig::connected().await;
    rig.write("orderdock.toml", &format!("mark_file = \"not/there/mark\"\n{}", rig.host_file()));
    let said = rig.run(&["serve"]).await;
    assert!(said.code == 1 && said.err.contains("not/there/mark") && said.err.contains("can't be written"), "{said:?}");
    assert!(!Path::new("not/there").exists());
}
