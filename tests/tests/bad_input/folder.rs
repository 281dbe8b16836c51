//! Destination folders that are not there, or hold something else already.

use orderdock_tests::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_folder_is_told_by_check_and_waited_for() {
    let mut rig = Rig::bare().await;
    rig.connect_folder("").await;
    let checked = rig.run(&["check"]).await;
    let inbox = rig.inbox().display().to_string();
    assert!(checked.code == 1 && checked.out.replace(['\n', ' ', '│', '┆'], "").contains("inbox"), "{checked:?}");
    let id = rig.place();
    rig.serve().await;
    let shown = rig
        .until_shown(id, "it was tried", |shown| shown["order"]["because"].as_str().is_some_and(|why| !why.is_empty()))
        .await;
    let why = shown["order"]["because"].as_str().unwrap();
    assert!(why.contains(&inbox), "{why}");
    assert_eq!(shown["order"]["state"], "waiting", "nothing was written: {shown}");
    std::fs::create_dir(rig.inbox()).unwrap();
    rig.until_status(id, "In Progress").await;
    assert_eq!(std::fs::read_dir(rig.inbox()).unwrap().count(), 1);
    assert!(rig.mail.mails().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_by_something_else_is_never_overwritten() {
    let mut rig = Rig::bare().await;
    std::fs::create_dir(rig.inbox()).unwrap();
    rig.connect_folder("plugin.settings.file_name = \"{order_number}.xml\"").await;
    let id = rig.place();
    let name = format!("WEB-{id}.xml");
    std::fs::write(rig.inbox().join(&name), "somebody else's").unwrap();
    rig.serve().await;
    rig.until_status(id, "On Hold").await;
    rig.until_state(id, "failed").await;
    assert!(rig.why(id).await.contains(&name), "{}", rig.why(id).await);
    assert_eq!(std::fs::read_to_string(rig.inbox().join(&name)).unwrap(), "somebody else's");
    assert_eq!(std::fs::read_dir(rig.inbox()).unwrap().count(), 1, "no temporary file is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_all_orders_would_share_are_refused_before_any_order() {
    let rig = Rig::bare().await;
    std::fs::create_dir(rig.inbox()).unwrap();
    rig.add("guests/hostile").await;
    let hostile = "plugin.release = \"hostile@0.1.0\"\nplugin.settings.do = \"one name for all\"\n";
    let said = rig.apply_folder(hostile).await;
    assert_eq!(said.code, 2, "{said:?}");
    for words in ["folder.toml", "`orders.xml`", "`orders-2.xml`", "the same name for every order", "order number"] {
        assert!(said.err.contains(words), "missing: {words} in {said:?}");
    }
    assert_eq!(rig.ask(&["connection", "list"]).await, serde_json::json!([]), "nothing was applied");
    // A trigger may be constant, if the folder is told of it: the host then waits while it is there.
    rig.add("xml-drop").await;
    let trigger = "plugin.settings.trigger = \"go.trg\"\n";
    let said = rig.apply_folder(trigger).await;
    assert!(said.code == 2 && said.err.contains("constant_trigger = \"go.trg\""), "{said:?}");
    let declared = format!("{trigger}destination.settings.constant_trigger = \"go.trg\"\n");
    assert_eq!(rig.apply_folder(&declared).await.code, 0);
    let checked = rig.run(&["check"]).await;
    assert_eq!(checked.code, 0, "{checked:?}");
    // What a made-up order can't try is said, and refuses nothing.
    let said = rig.apply_folder("plugin.release = \"hostile@0.1.0\"\nplugin.settings.do = \"trap\"\n").await;
    assert!(said.code == 0 && said.err.contains("could not be tried with a made-up order"), "{said:?}");
    assert_eq!(std::fs::read_dir(rig.inbox()).unwrap().count(), 0, "nothing was written");
}
