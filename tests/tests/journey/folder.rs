//! Orders that become files: once, whole, and without leaving anything else behind.

use orderdock_tests::rig::Rig;
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

fn names(rig: &Rig) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(rig.inbox())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_is_one_file_and_a_resend_is_another() {
    let mut rig = Rig::bare().await;
    std::fs::create_dir(rig.inbox()).unwrap();
    rig.connect_folder("").await;
    let ids: Vec<u64> = (0..6).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        rig.until_state(*id, "delivered").await;
    }
    let first = names(&rig);
    assert_eq!(first.len(), 6, "{first:?}");
    for id in &ids {
        assert_eq!(first.iter().filter(|name| name.contains(&format!("WEB-{id}"))).count(), 1, "{id}: {first:?}");
    }
    rig.sync().await;
    assert_eq!(names(&rig), first, "a second look writes nothing");
    rig.ask(&["order", "resend", &ids[0].to_string(), "--checked"]).await;
    rig.until("the resend is a file of its own", |rig| names(rig).len() == 7).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_started_again_and_again_each_order_is_one_file() {
    let mut rig = Rig::bare().await;
    std::fs::create_dir(rig.inbox()).unwrap();
    rig.connect_folder("").await;
    let ids: Vec<u64> = (0..24).map(|_| rig.place()).collect();
    // Each round dies when the folder shows that more files came: wherever that is in the protocol. A fast host may be through
    // with all of them by then.
    let told = |rig: &Rig| ids.iter().all(|id| rig.order(*id).status() == "In Progress");
    for _ in 0..3 {
        let before = names(&rig).len();
        rig.serve().await;
        rig.until("files come", |rig| names(rig).len() > before || told(rig)).await;
        rig.kill().await;
    }
    rig.serve().await;
    rig.until("every order is told to the shop", told).await;
    // What a kill left is removed after the outcome was committed, and so perhaps after the shop knew.
    rig.until("no temporary file is left", |rig| !names(rig).iter().any(|name| name.starts_with('.'))).await;
    let all = names(&rig);
    assert_eq!(all.len(), ids.len(), "one file for each order and no temporary one: {all:?}");
    assert!(ids.iter().all(|id| all.iter().any(|name| name.contains(&format!("WEB-{id}")))), "{all:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_is_removed_once_its_order_is_closed() {
    let mut rig = Rig::bare().await;
    std::fs::create_dir(rig.inbox()).unwrap();
    rig.connect_folder("").await;
    let closed = rig.place();
    rig.serve().await;
    rig.until_state(closed, "delivered").await;
    rig.stop().await;
    let before = names(&rig);
    // As a host leaves them that ends between the commit of an outcome and its tidying.
    let mut db = SqliteConnectOptions::new().filename(rig.data().join("orderdock.db")).connect().await.unwrap();
    let token: String = sqlx::query_scalar("select token from attempts").fetch_one(&mut db).await.unwrap();
    let unknown = "0123456789abcdef0123456789abcdef";
    for token in [token.as_str(), unknown] {
        for name in [format!("{token}-0.old"), format!("{token}-1.tmp"), format!("probe-{token}-a.tmp")] {
            std::fs::write(rig.inbox().join(format!(".orderdock-{name}")), "x").unwrap();
        }
    }
    rig.serve().await;
    rig.until("they are removed", |rig| !names(rig).iter().any(|name| name.contains(&token))).await;
    let mut left = names(&rig);
    left.retain(|name| !name.contains(unknown));
    assert_eq!(left, before, "files of orders stay");
    assert_eq!(names(&rig).len(), before.len() + 3, "what another ledger may know stays");
    // An open pass's files are evidence.
    sqlx::query("update passes set closed_ms = null").execute(&mut db).await.unwrap();
    std::fs::write(rig.inbox().join(format!(".orderdock-{token}-0.old")), "x").unwrap();
    rig.kill().await;
    rig.serve().await;
    rig.sync().await;
    assert!(names(&rig).iter().any(|name| name.contains(&token)), "{:?}", names(&rig));
}
