//! Databases that can't be used.

use std::time::Duration;

use orderdock_tests::rig::{CONNECTION, Rig};
use sqlx::{ConnectOptions as _, sqlite::SqliteConnectOptions};

async fn told(rig: &Rig, command: &[&str], words: &[&str]) {
    let said = rig.run(command).await;
    assert_eq!(said.code, 1, "{command:?}: {said:?}");
    // A table breaks its lines where it likes.
    let all = said.all().split_whitespace().collect::<Vec<_>>().join(" ");
    for words in words {
        assert!(all.contains(words), "{command:?}: {words} is not in {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_database_has_one_working_host() {
    let mut rig = Rig::connected().await;
    rig.serve().await;
    told(&rig, &["serve"], &["orderdock.db", "works on it already", "one working host"]).await;
    // The command line works beside it, and the first host goes on.
    let id = rig.place();
    rig.sync().await;
    rig.until_status(id, "In Progress").await;
    rig.kill().await;
    rig.serve().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_is_left_alone() {
    let rig = Rig::bare().await;
    std::fs::create_dir(rig.data()).unwrap();
    let text = "this is somebody's diary, not a database. ".repeat(100);
    std::fs::write(rig.data().join("orderdock.db"), &text).unwrap();
    for command in [vec!["serve"], vec!["check"], vec!["order", "list"]] {
        told(&rig, &command, &["orderdock.db", "not an SQLite database", "move this one away"]).await;
    }
    assert_eq!(std::fs::read_to_string(rig.data().join("orderdock.db")).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_folder_and_one_that_takes_no_files_are_named() {
    let rig = Rig::bare().await;
    let host_file = rig.host_file();
    rig.write("orderdock.toml", &format!("database = \"not/there/orderdock.db\"\n{host_file}"));
    told(&rig, &["serve"], &["not/there", "does not exist", "create it, or name another"]).await;
    // Nobody can make a file there, not even root.
    rig.write("orderdock.toml", &format!("database = \"/proc/self/orderdock.db\"\n{host_file}"));
    told(&rig, &["serve"], &["/proc/self/orderdock.db", "can't be opened"]).await;
    let data = host_file.replace("data_dir = \"data\"", "data_dir = \"/proc/self/data\"");
    rig.write("orderdock.toml", &data);
    told(&rig, &["serve"], &["/proc/self/data", "can't be made"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database_is_told_and_waited_out_by_the_host() {
    let mut rig = Rig::connected().await;
    rig.serve().await;
    let first = rig.place();
    rig.sync().await;
    rig.until_status(first, "In Progress").await;
    let options =
        SqliteConnectOptions::new().filename(rig.data().join("orderdock.db")).busy_timeout(Duration::from_secs(5));
    let mut lock = options.connect().await.unwrap();
    sqlx::query("begin immediate").execute(&mut lock).await.unwrap();
    told(&rig, &["connection", "pause", CONNECTION], &["orderdock.db", "another process keeps it locked", "stop it"])
        .await;
    // Reading goes on meanwhile.
    assert_eq!(rig.ask(&["order", "list"]).await.as_array().unwrap().len(), 1);
    sqlx::query("rollback").execute(&mut lock).await.unwrap();
    let second = rig.place();
    rig.sync().await;
    rig.until_status(second, "In Progress").await;
    assert_eq!((rig.sent(first), rig.sent(second)), (1, 1));
}
