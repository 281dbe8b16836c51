//! Configuration files with mistakes: all of them at once, each with file and line, and nothing changed.

use orderdock_tests::rig::{Rig, Said};

fn all_told(said: &Said, expected: &[&str]) {
    assert_eq!(said.code, 2, "wrong input: {said:?}");
    for words in expected {
        assert!(said.err.contains(words), "missing: {words}\nin:\n{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_file_with_several_mistakes_names_each_with_its_line() {
    let rig = Rig::bare().await;
    rig.write(
        "orderdock.toml",
        "data_dir = 7\nlisten = \"0.0.0.0:1\"\nlissten = \"x\"\n[limits]\norders_at_once = 0\n[log]\nformat = \"xml\"\n",
    );
    let expected = [
        "orderdock.toml:1:12: data_dir: must be text",
        "orderdock.toml:2:10: listen: 0.0.0.0:1 can be reached from other machines",
        "orderdock.toml:3:1: lissten: there is no such setting (did you mean `listen`?)",
        "orderdock.toml:5:18: limits.orders_at_once",
        "orderdock.toml:7:10: log.format: `xml` is not known",
    ];
    for command in [vec!["check"], vec!["serve"], vec!["order", "list"]] {
        all_told(&rig.run(&command).await, &expected);
    }
    let json = rig.run(&["order", "list", "--json"]).await;
    assert_eq!((json.code, json.json()["problems"].as_array().unwrap().len()), (2, 5));
    rig.write("orderdock.toml", "data_dir = \n[");
    all_told(&rig.run(&["check"]).await, &["orderdock.toml:1:"]);
    std::fs::remove_file(rig.dir().join("orderdock.toml")).unwrap();
    all_told(&rig.run(&["check"]).await, &["orderdock.toml: the configuration can't be read", "config example"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_file_with_several_mistakes_changes_nothing() {
    let rig = Rig::connected().await;
    let before = rig.ask(&["connection", "list"]).await;
    rig.write(
        "wrong.toml",
        "name = \"json\"\ncolour = \"blue\"\n[shop]\nkind = \"evolutionx\"\nbase_address = \"ftp://x\"\n\
         [shop.secrets]\ntoken = { env = \"NOT_SET_ANYWHERE\" }\n[plugin]\nrelease = \"json-post@0.1.0\"\n\
         [destination]\nkind = \"pigeon\"\n[schedule]\ncron = \"every day\"\n[retry]\nfirst_wait = \"soon\"\n",
    );
    let said = rig.run(&["connection", "apply", "wrong.toml"]).await;
    all_told(
        &said,
        &[
            "nothing was changed",
            "wrong.toml:2:1: colour: there is no such setting",
            "wrong.toml:7:9: shop.secrets.token",
            "NOT_SET_ANYWHERE",
            "wrong.toml:11:8: destination.kind: `pigeon` is not known",
            "wrong.toml:13:8: schedule.cron",
            "wrong.toml:15:14: retry.first_wait",
        ],
    );
    assert_eq!(rig.ask(&["connection", "list"]).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_against_the_plugins_schema_and_rooms_are_told_at_once_with_their_lines() {
    let rig = Rig::connected().await;
    let more = r#"
        plugin.settings.method = "DELETE"
        plugin.settings.idempotency_seconds = 0
        plugin.settings.colour = "blue"
        destination.settings.wheels = 4
        destination.settings.doors = 5
        destination.settings.time_limit_s = "soon"
        destination.settings.answer_cap = 0
        shop.settings.page_size = "many"
        shop.settings.region = "mars"
    "#;
    let file = rig.write("wrong.toml", &rig.connection_file(more));
    let said = rig.run(&["connection", "apply", file.to_str().unwrap()]).await;
    let places = ["plugin.settings.method", "idempotency_seconds", "colour", "page_size", "region", "wrong.toml:"];
    all_told(&said, &places);
    all_told(&said, &["settings.wheels", "settings.doors", "settings.time_limit_s", "settings.answer_cap"]);
    assert!(said.err.lines().filter(|line| line.contains("wrong.toml:")).count() >= 9, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_moved_is_asked_about() {
    let rig = Rig::connected().await;
    let file = rig.write("moved.toml", &rig.connection_file("shop.account = \"other\""));
    let file = file.to_str().unwrap();
    let said = rig.run(&["connection", "apply", file]).await;
    assert!(said.code == 4 && said.err.contains("--same-shop") && said.err.contains("--other-shop"), "{said:?}");
    assert_eq!(rig.run(&["connection", "apply", file, "--same-shop"]).await.code, 0);
}
