//! A plugin that fails again and again stops mapping at its connection: orders wait, one mail says so, nobody else notices,
//! and a person lets it go on. And a release that was judged bad is not used before a person has taken that on.

use std::path::{Path, PathBuf};

use orderdock_tests::rig::{CONNECTION, PUSH_TOKEN, Rig, component};
use serde_json::{Value, json};

/// A shop whose orders the hostile guest maps as its settings say.
async fn hostile(what: &str) -> Rig {
    let rig = Rig::bare().await;
    rig.add("guests/hostile").await;
    rig.connect(&does(what)).await;
    rig
}

fn does(what: &str) -> String {
    format!("plugin.release = \"hostile@0.1.0\"\nplugin.settings.do = \"{what}\"\n")
}

async fn quarantines(rig: &Rig) -> Vec<Value> {
    rig.ask(&["plugin", "quarantines"]).await.as_array().unwrap().clone()
}

fn mails_about_it(rig: &Rig) -> usize {
    rig.mail.mails().iter().filter(|mail| mail.raw.contains("in quarantine")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_keeps_trapping_stops_its_own_connection_and_a_person_lets_it_go() {
    let mut rig = hostile("panic").await;
    // A second connection to the same shop type with a good plugin: its queue is its own.
    rig.add_plugin().await;
    rig.connect_push("").await;
    let first: Vec<u64> = (0..5).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in &first {
        rig.until_state(*id, "failed").await;
    }
    let all = quarantines(&rig).await;
    assert_eq!(all.len(), 1, "{all:?}");
    assert_eq!((&all[0]["connection"], &all[0]["quarantine"]["faults"]), (&CONNECTION.into(), &5.into()));
    // Whatever comes now is seen, and waits.
    let waiting: Vec<u64> = (0..3).map(|_| rig.place()).collect();
    rig.sync().await;
    for id in &waiting {
        rig.until_state(*id, "waiting").await;
        let why = rig.why(*id).await;
        assert!(why.contains("is in quarantine") && why.contains("plugin unquarantine"), "{why}");
    }
    rig.until("one mail tells of it", |rig| mails_about_it(rig) == 1).await;
    // The other connection maps all the time.
    let pushed = json!({
        "shop_order_id": "9", "order_number": "P-9", "placed_at": "2026-11-20T10:00:00Z", "currency": "EUR",
        "totals": {"gross": "12.90"}, "lines": [{"id": "1", "sku": "MUG", "quantity": "1", "unit_price_net": "10.84"}],
    });
    let place = "/api/v1/connections/pushed/orders/9";
    let (status, said) = rig.http("PUT", place, Some(PUSH_TOKEN), &pushed.to_string()).await;
    assert_eq!(status, 201, "{said}");
    rig.until("the other order arrived", |rig| rig.erp.state().requests_by_key.get("P-9") == Some(&1)).await;
    // A person without a mended plugin lets it go on: five more, and it is in quarantine again.
    let refused = rig.run(&["plugin", "unquarantine", "pushed", "--reason", "why not"]).await;
    assert_eq!(refused.code, 3, "{refused:?}");
    rig.connect(&does("good")).await;
    rig.sync().await;
    rig.until_state(waiting[0], "waiting").await;
    rig.ask(&["plugin", "unquarantine", CONNECTION, "--reason", "the settings were wrong"]).await;
    for id in &waiting {
        rig.until_state(*id, "delivered").await;
    }
    let all = quarantines(&rig).await;
    assert_eq!(all[0]["quarantine"]["lifted_why"], "the settings were wrong");
    assert_eq!(all[0]["quarantine"]["lifted_by"], "tester");
    assert_eq!(mails_about_it(&rig), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_release_ends_a_quarantine_and_a_restart_does_not() {
    let mut rig = hostile("trap").await;
    for _ in 0..5 {
        let _failed = rig.place();
    }
    rig.serve().await;
    rig.until("one mail tells of it", |rig| mails_about_it(rig) == 1).await;
    rig.stop().await;
    let id = rig.place();
    rig.serve().await;
    rig.until_state(id, "waiting").await;
    rig.add_plugin().await;
    rig.connect("").await;
    rig.until_state(id, "delivered").await;
    assert_eq!(mails_about_it(&rig), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_successes_are_no_reason_for_a_quarantine() {
    let mut rig = hostile("reject").await;
    let ids: Vec<u64> = (0..7).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in ids {
        rig.until_state(id, "failed").await;
    }
    assert!(quarantines(&rig).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_with_every_answer_is_stopped_too() {
    let mut rig = hostile("bad verdict").await;
    let ids: Vec<u64> = (0..5).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in ids {
        rig.until_shown(id, "its answer can't be read", |shown| {
            matches!(shown["order"]["state"].as_str(), Some("unknown" | "given_up"))
        })
        .await;
    }
    rig.until("one mail tells of it", |rig| mails_about_it(rig) == 1).await;
    assert_eq!(quarantines(&rig).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_fails_an_item_is_held_until_a_person_takes_it_on() {
    let rig = Rig::bare().await;
    let file = component("guests/hostile");
    let file = file.to_str().unwrap();
    let settings = rig.write("bad.json", r#"{"do": "one name for all"}"#);
    let settings = settings.to_str().unwrap();
    let checked = rig.run(&["plugin", "check", file, "--settings", settings, "--json"]).await;
    assert_eq!((checked.code, &checked.json()["ok"]), (1, &false.into()), "{checked:?}");
    assert!(rig.ask(&["plugin", "list"]).await.as_array().unwrap().is_empty(), "check keeps nothing");

    let held = rig.run(&["plugin", "add", file, "--settings", settings]).await;
    assert_eq!(held.code, 4, "{held:?}");
    assert!(held.all().contains("file-names") && held.all().contains("plugin override"), "{held:?}");
    let listed = rig.ask(&["plugin", "list"]).await;
    assert_eq!(listed[0]["verdict"], "held: file-names");
    let connection = rig.write("connection.toml", &rig.connection_file(&does("good")));
    let refused = rig.run(&["connection", "apply", connection.to_str().unwrap()]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    assert!(refused.all().contains("it failed file-names"), "{refused:?}");

    let wrong = rig.run(&["plugin", "override", "hostile", "same-bytes", "--reason", "x"]).await;
    assert_eq!(wrong.code, 4, "nothing to override: {wrong:?}");
    assert_eq!(rig.run(&["plugin", "override", "hostile", "world", "--reason", "x"]).await.code, 4);
    assert_eq!(rig.run(&["plugin", "override", "hostile", "colour", "--reason", "x"]).await.code, 2);
    let taken = rig.ask(&["plugin", "override", "hostile", "file-names", "--reason", "the ERP wants it so"]).await;
    assert_eq!((&taken["overridden"], &taken["held"]), (&true.into(), &Value::Null));
    let shown = rig.run(&["plugin", "show", "hostile"]).await.out;
    assert!(shown.contains("overridden by tester") && shown.contains("the ERP wants it so"), "{shown}");
    rig.connect(&does("good")).await;

    // The same in one go.
    let rig = Rig::bare().await;
    let no_reason = rig.run(&["plugin", "add", file, "--settings", settings, "--override", "file-names"]).await;
    assert_eq!(no_reason.code, 2, "{no_reason:?}");
    let override_it = ["--override", "file-names", "--reason", "known"];
    let added = rig.run(&[&["plugin", "add", file, "--settings", settings][..], &override_it].concat()).await;
    assert_eq!(added.code, 0, "{added:?}");
    assert_eq!(rig.ask(&["plugin", "list"]).await[0]["verdict"], "overridden: file-names");
}

/// A case of json-post's own.
fn own_case() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/json-post/cases/eight-lines")
}

/// The same in `cases` in the rig's folder.
fn case_beside(rig: &Rig) -> PathBuf {
    let (own, case) = (own_case(), rig.dir().join("cases/eight-lines"));
    for folder in ["", "expected", "responses"] {
        std::fs::create_dir_all(case.join(folder)).unwrap();
        for file in std::fs::read_dir(own.join(folder)).unwrap().map(Result::unwrap) {
            if file.path().is_file() {
                std::fs::copy(file.path(), case.join(folder).join(file.file_name())).unwrap();
            }
        }
    }
    case
}

/// Expects something that the plugin does not do.
fn spoil(case: &Path) {
    let body = std::fs::read_to_string(case.join("expected/body.json")).unwrap();
    std::fs::write(case.join("expected/body.json"), body.replace("POT-12", "POT-21")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_added_with_the_cases_that_lie_beside_it_and_held_if_one_fails() {
    let rig = Rig::bare().await;
    let file = rig.dir().join("json-post.wasm");
    std::fs::copy(component("json-post"), &file).unwrap();
    let file = file.to_str().unwrap();
    let case = case_beside(&rig);
    spoil(&case);
    let held = rig.run(&["plugin", "add", file]).await;
    assert_eq!(held.code, 4, "{held:?}");
    assert!(held.out.contains("case eight-lines: ") && held.all().contains("it failed cases"), "{held:?}");
    let verdict = async || rig.ask(&["plugin", "list"]).await[0]["verdict"].clone();
    assert_eq!(verdict().await, "held: cases");
    // The ledger has no cases to run: what they showed stands, until they are given.
    let again = rig.run(&["plugin", "check", "json-post"]).await;
    assert_eq!(again.code, 1, "{again:?}");
    assert_eq!(verdict().await, "held: cases");
    let own = own_case();
    let cases = own.parent().unwrap().to_str().unwrap();
    assert_eq!(rig.run(&["plugin", "check", "json-post", "--cases", cases]).await.code, 0);
    assert_eq!(verdict().await, "passed");
    assert_eq!(rig.run(&["plugin", "check", "json-post"]).await.code, 0);
    assert_eq!(verdict().await, "passed", "nor are they open again");

    // One that is kept stays as it was judged, and whoever adds it again is told when that is not how it is now.
    let added = rig.run(&["plugin", "add", file]).await;
    assert_eq!(added.code, 0, "{added:?}");
    assert!(added.err.contains("that verdict stands, although now it failed cases"), "{added:?}");
    assert_eq!(verdict().await, "passed");

    let rig = Rig::bare().await;
    let taken = rig.run(&["plugin", "add", file, "--override", "cases", "--reason", "they are of another ERP"]).await;
    assert_eq!(taken.code, 0, "{taken:?}");
    assert_eq!(rig.ask(&["plugin", "list"]).await[0]["verdict"], "overridden: cases");
    let rig = Rig::bare().await;
    let named = rig.run(&["plugin", "add", file, "--cases", cases]).await;
    assert_eq!(named.code, 0, "others are taken where they are named: {named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_runs_the_cases_that_lie_beside_the_component() {
    let rig = Rig::bare().await;
    let file = rig.dir().join("json-post.wasm");
    std::fs::copy(component("json-post"), &file).unwrap();
    let item = async |more: &[&str]| {
        let said = rig.run(&[&["plugin", "check", file.to_str().unwrap(), "--json"][..], more].concat()).await;
        let verdict = said.json();
        let items = verdict["verdict"]["admission"]["items"].as_array().unwrap();
        (said.code, items.iter().find(|item| item["item"] == "cases").cloned().unwrap_or_default())
    };
    let (code, none) = item(&[]).await;
    assert_eq!((code, &none["outcome"]), (0, &"not-judged".into()), "{none}");

    let own = own_case();
    let case = case_beside(&rig);
    let (code, passed) = item(&[]).await;
    assert_eq!((code, &passed["outcome"]), (0, &"passed".into()), "{passed}");
    assert!(passed.to_string().contains("1 cases passed"), "{passed}");

    spoil(&case);
    let (code, failed) = item(&[]).await;
    assert_eq!((code, &failed["outcome"]), (1, &"failed".into()), "{failed}");
    assert!(failed.to_string().contains("case eight-lines: "), "{failed}");
    // Others are taken where they are named.
    let (code, named) = item(&["--cases", own.parent().unwrap().to_str().unwrap()]).await;
    assert_eq!((code, &named["outcome"]), (0, &"passed".into()), "{named}");
}
