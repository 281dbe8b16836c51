//! Orders that become files: once, whole, and without leaving anything else behind.

use orderdock_tests::rig::Rig;

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
    // Each round dies when the folder shows that more files came: wherever that is in the protocol.
    for _ in 0..3 {
        let before = names(&rig).len();
        rig.serve().await;
        rig.until("files come", |rig| names(rig).len() > before).await;
        rig.kill().await;
    }
    rig.serve().await;
    rig.until("every order is told to the shop", |rig| ids.iter().all(|id| rig.order(*id).status() == "In Progress"))
        .await;
    let all = names(&rig);
    assert_eq!(all.len(), ids.len(), "one file for each order and no temporary one: {all:?}");
    assert!(ids.iter().all(|id| all.iter().any(|name| name.contains(&format!("WEB-{id}")))), "{all:?}");
}
