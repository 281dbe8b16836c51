//! The command line: help, JSON for scripts, examples that are good, exit codes as documented.
#![expect(clippy::unwrap_used, reason = "tests")]

use orderdock_tests::rig::{CONNECTION, Rig};
use serde_json::{Value, json};

/// The subcommands that a help text names.
fn subcommands(help: &str) -> Vec<String> {
    let Some((_, list)) = help.split_once("\nCommands:\n") else { return Vec::new() };
    let names = list.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself() {
    let rig = Rig::bare().await;
    let mut found = Vec::new();
    let mut open = vec![Vec::<String>::new()];
    while let Some(command) = open.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let said = rig.run(&arguments).await;
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        assert!(said.out.contains("Usage: orderdock"), "{arguments:?}: {}", said.out);
        for name in subcommands(&said.out) {
            open.push([command.clone(), vec![name]].concat());
        }
        found.push(command.join(" "));
    }
    for known in ["serve", "check", "sync", "log", "config example", "connection apply", "plugin inspect", "order why"]
    {
        assert!(found.iter().any(|command| command == known), "{known} is not in {found:?}");
    }
    assert!(found.len() >= 22, "{found:?}");
    assert!(!rig.data().exists(), "asking for help leaves nothing behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_command_has_json() {
    let mut rig = Rig::connected().await;
    let commands = |order: &'static str| {
        vec![
            vec!["order", "list"],
            vec!["order", "list", "--state", "failed", "--limit", "1"],
            vec!["order", "why", order],
            vec!["connection", "list"],
            vec!["connection", "show", CONNECTION],
            vec!["connection", "export", CONNECTION],
            vec!["plugin", "list"],
            vec!["plugin", "show", "json-post"],
            vec!["log"],
            vec!["check"],
        ]
    };
    // Before anything happened, and after.
    for command in commands("1001") {
        rig.ask(&command).await;
    }
    let id = rig.place();
    assert_eq!(id, 1001);
    rig.serve().await;
    rig.until_status(id, "In Progress").await;
    for command in commands("1001").into_iter().chain([vec!["order", "show", "1001"], vec!["sync"]]) {
        rig.ask(&command).await;
    }
    let log = rig.ask(&["log", "--connection", CONNECTION]).await;
    assert_eq!((log[0]["order_number"].as_str(), log[0]["outcome"].as_str()), (Some("WEB-1001"), Some("accepted")));
    // By any of its three numbers.
    for number in ["1001", "WEB-1001", "SO-1"] {
        assert_eq!(rig.ask(&["order", "show", number]).await["order"]["shop_order_id"], "1001");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_are_good_as_they_are() {
    let mut rig = Rig::bare().await;
    rig.environment.push(("SHOP_KEY".to_owned(), "ck_1".to_owned()));
    rig.environment.push(("SHOP_SECRET".to_owned(), "cs_1".to_owned()));
    let example = rig.run(&["config", "example"]).await;
    assert_eq!(example.code, 0);
    rig.write("orderdock.toml", &example.out);
    let checked = rig.ask(&["check"]).await;
    assert_eq!(checked["ok"], json!(true), "{checked}");
    rig.add_plugin().await;
    rig.write("erp-token", "not-a-real-one\n");
    let connection = rig.run(&["config", "example", "connection"]).await;
    let file = rig.write("example.toml", &connection.out);
    let applied = rig.run(&["connection", "apply", file.to_str().unwrap()]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(rig.ask(&["connection", "list"]).await[0]["connection"]["name"], "my-shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exported_connection_applied_again_is_no_change() {
    let rig = Rig::connected().await;
    let exported = rig.run(&["connection", "export", CONNECTION]).await;
    assert_eq!(exported.code, 0, "{exported:?}");
    let file = rig.write("exported.toml", &exported.out);
    let applied = rig.ask(&["connection", "apply", file.to_str().unwrap()]).await;
    assert_eq!(applied["changes"], json!([]), "{}", exported.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn exit_codes_are_the_documented_ones() {
    let mut rig = Rig::connected().await;
    let id = rig.place().to_string();
    rig.serve().await;
    rig.until("the order is in the ERP", |rig| rig.erp.state().orders.len() == 1).await;
    rig.until_state(id.parse().unwrap(), "delivered").await;
    for (code, command) in [
        (0, vec!["order", "list"]),
        (0, vec!["order", "why", "999"]),
        (1, vec!["serve"]),
        (2, vec!["nonsense"]),
        (2, vec!["order", "list", "--state", "purple"]),
        (2, vec!["connection", "apply", "missing.toml"]),
        (2, vec!["plugin", "add", "orderdock.toml"]),
        (3, vec!["order", "show", "999"]),
        (3, vec!["order", "resend", "999"]),
        (3, vec!["connection", "show", "nobody"]),
        (3, vec!["connection", "pause", "nobody"]),
        (3, vec!["sync", "nobody"]),
        (3, vec!["plugin", "show", "nothing@9"]),
        (4, vec!["order", "resend", &id]),
        (4, vec!["order", "reset", &id]),
    ] {
        let said = rig.run(&command).await;
        assert_eq!(said.code, code, "{command:?}: {said:?}");
        assert_eq!(code == 0, said.err.is_empty(), "a failure has a sentence on standard error: {command:?}: {said:?}");
        if code > 2 || code == 1 {
            let told = rig.run(&[&command[..], &["--json"]].concat()).await;
            assert!(told.code == code && told.json()["error"].is_string(), "{command:?}: {told:?}");
        }
    }
    let refused = rig.run(&["--help"]).await.out;
    assert!(refused.contains("Exit codes: 0 done, 1 tried and failed, 2 wrong input"), "{refused}");
    let listed: Value = rig.ask(&["connection", "remove", CONNECTION]).await;
    assert!(listed.is_object(), "{listed}");
    rig.ask(&["order", "show", &id]).await;
}
