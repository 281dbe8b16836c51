//! Orders that are run again, through the real binary and on both databases: a replay is identical or says where not, a
//! shadow run groups what another release or other settings would change, and a missing code leads to its table. Nothing
//! is sent by any of it.
#![expect(clippy::unwrap_used, reason = "tests")]

use orderdock_tests::rig::{CONNECTION, ERP_TOKEN, Rig, Said};
use serde_json::{Value, json};

/// A database of one's own, and its address; without one: SQLite in the host's folder.
async fn postgres() -> orderdock_postgres::Database {
    tokio::task::spawn_blocking(|| orderdock_postgres::database("", |_| Ok(()))).await.unwrap().unwrap()
}

/// Stamps a story for each database.
macro_rules! on_both {
    ($($story:ident),* $(,)?) => {
        $(mod $story {
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                super::$story(super::Rig::bare().await).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                let database = super::postgres().await;
                super::$story(super::Rig::bare_on(Some(database.url())).await).await;
            }
        })*
    };
}

on_both!(
    a_delivered_order_is_replayed_bit_for_bit,
    a_refused_order_is_replayed_and_leads_to_the_table,
    a_shadow_run_groups_changes_and_changed_verdicts,
);

/// Delivers so many orders by json-post; the host has ended when it is done.
async fn deliver(rig: &mut Rig, orders: usize) -> Vec<u64> {
    rig.add_plugin().await;
    rig.connect("").await;
    let ids: Vec<u64> = (0..orders).map(|_| rig.place()).collect();
    rig.serve().await;
    for id in &ids {
        rig.until_state(*id, "delivered").await;
    }
    rig.stop().await;
    ids
}

fn fits_a_terminal(said: &Said) {
    for line in said.out.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}\n{}", said.out);
    }
}

async fn a_delivered_order_is_replayed_bit_for_bit(mut rig: Rig) {
    let id = deliver(&mut rig, 1).await[0];
    let number = format!("WEB-{id}");
    let asked = rig.erp.state().requests_by_key.clone();

    let shown = rig.ask(&["order", "show", &number]).await;
    let mapping = &shown["attempts"][0]["mapping"];
    for kept in ["release", "contract", "host", "settings_revision", "tables_revision", "usage", "look_ups", "log"] {
        assert!(!mapping[kept].is_null(), "{kept}: {mapping}");
    }
    assert_eq!(mapping["context"]["mapped_at"].as_str().map(str::len), Some("2026-01-01T00:00:00Z".len()), "{mapping}");
    assert_eq!(mapping["gave"]["delivery"].as_str().map(str::len), Some(64), "{mapping}");
    assert_eq!(shown["passes"][0]["mapping"]["gave"], "delivery");
    assert_eq!(shown["passes"][0]["mapping"]["cpu"], mapping["usage"]["cpu_used"]);
    assert!(!shown.to_string().contains(ERP_TOKEN), "a secret is in the evidence");

    let replayed = rig.ask(&["order", "replay", &number]).await;
    assert_eq!(replayed["identical"], true, "{replayed:#}");
    assert_eq!(replayed["mapping"]["cost_before"]["cpu_used"], replayed["mapping"]["cost_after"]["cpu_used"]);
    assert_eq!(
        (&replayed["answers"][0]["identical"], &replayed["answers"][0]["after"]),
        (&json!(true), &json!("accepted"))
    );
    let said = rig.run(&["order", "replay", &number]).await;
    assert!(said.code == 0 && said.out.ends_with("Identical.\n"), "{said:?}");
    fits_a_terminal(&said);

    // Another release gives other bytes: another exit code, and by path what differs.
    let other = rig.add_variant("other", "good").await;
    let said = rig.run(&["order", "replay", &number, "--release", &other, "--json"]).await;
    assert_eq!((said.code, &said.json()["identical"]), (5, &json!(false)), "{said:?}");
    assert!(!said.json()["mapping"]["changes"].as_array().unwrap().is_empty(), "{said:?}");
    let said = rig.run(&["order", "replay", &number, "--release", &other]).await;
    assert!(said.code == 5 && said.err.is_empty() && said.out.contains("\nmapping    different"), "{said:?}");
    fits_a_terminal(&said);

    assert_eq!(rig.run(&["order", "replay", &number, "--pass", "7"]).await.code, 3);
    assert_eq!(rig.erp.state().requests_by_key, asked, "nothing was sent");
    let after = rig.ask(&["order", "show", &number]).await;
    assert_eq!(after, shown, "nothing has changed");
}

async fn a_refused_order_is_replayed_and_leads_to_the_table(mut rig: Rig) {
    std::fs::create_dir_all(rig.inbox().join("Success")).unwrap();
    std::fs::create_dir_all(rig.inbox().join("Failure")).unwrap();
    rig.connect_attache("plugin.settings.skus = \"required\"\ntables.skus.NOTHING = \"N\"\n").await;
    let id = rig.place();
    rig.serve().await;
    rig.until_state(id, "failed").await;
    rig.stop().await;
    let number = format!("WEB-{id}");

    let why = rig.ask(&["order", "why", &number]).await;
    let missing = &why[0]["missing"][0];
    let file = rig.dir().join("attache.toml");
    assert_eq!(missing["table"], "skus", "{why:#}");
    assert_eq!(missing["file"].as_str(), file.to_str(), "{why:#}");
    let key = missing["key"].as_str().unwrap();
    for command in [["order", "why", &number], ["order", "show", &number]] {
        let said = rig.run(&command).await;
        let (head, line) = ("\n  [tables.skus]\n", format!("\n  \"{key}\" = \"…\"\n"));
        let apply = format!("\n  orderdock connection apply {}\n", file.display());
        for part in [head, &line, &apply] {
            assert!(said.out.contains(part), "{part:?} is not in {}", said.out);
        }
    }

    // Nothing was sent, and yet the order can be mapped again: refused as it was.
    let replayed = rig.ask(&["order", "replay", &number]).await;
    assert_eq!(replayed["identical"], true, "{replayed:#}");
    assert!(replayed["mapping"]["after"].as_str().unwrap().starts_with("refused: "), "{replayed:#}");
}

fn group<'a>(told: &'a Value, kind: &str) -> Vec<&'a Value> {
    told["changes"].as_array().unwrap().iter().filter(|group| group["kind"] == kind).collect()
}

async fn a_shadow_run_groups_changes_and_changed_verdicts(mut rig: Rig) {
    let ids = deliver(&mut rig, 4).await;
    let asked = rig.erp.state().requests_by_key.clone();
    let shadow = ["plugin", "shadow", CONNECTION, "--release", "json-post"];

    let same = rig.ask(&shadow).await;
    assert_eq!((&same["orders"], &same["identical"], &same["answers"]), (&json!(4), &json!(4), &json!(4)), "{same:#}");
    assert_eq!(same["cost_before"]["cpu"], same["cost_after"]["cpu"]);
    assert_eq!(same["outcomes"], json!([{ "before": "accepted", "after": "accepted", "orders": 4, "examples": [] }]));

    // Amounts as numbers: told by path, with the orders in which it is so.
    let settings = rig.write("numbers.toml", "amounts = \"number\"\n");
    let numbers = [&shadow[..], &["--settings", settings.to_str().unwrap()]].concat();
    let said = rig.run(&[&numbers[..], &["--json"]].concat()).await;
    let told = said.json();
    assert_eq!((said.code, &told["identical"]), (5, &json!(0)), "{told:#}");
    let types = group(&told, "type_changed");
    let price = types.iter().find(|group| group["place"].as_str().unwrap().starts_with("/lines/*/"));
    assert_eq!(price.unwrap()["orders"], 4, "{told:#}");
    assert!(price.unwrap()["examples"][0]["order"].as_str().unwrap().starts_with("WEB-"), "{told:#}");
    let said = rig.run(&numbers).await;
    assert!(said.code == 5 && said.out.contains("another type in 4 orders"), "{said:?}");
    fits_a_terminal(&said);
    let one = rig.run(&[&numbers[..], &["--orders", "1", "--json"]].concat()).await.json();
    assert_eq!(one["orders"], 1);
    assert_eq!(rig.ask(&[&shadow[..], &["--since", "1d"]].concat()).await["orders"], 4);

    // The same bytes, and another reading of the ERP's answers.
    let strict = rig.write("strict.toml", "success_path = \"message\"\nsuccess_values = [\"never said\"]\n");
    let said = rig.run(&[&shadow[..], &["--settings", strict.to_str().unwrap(), "--json"]].concat()).await;
    let turn = &said.json()["outcomes"][0];
    assert_eq!((said.code, &turn["before"], &turn["orders"]), (5, &json!("accepted"), &json!(4)), "{said:?}");
    assert_ne!(turn["after"], "accepted", "{said:?}");
    assert_eq!(turn["examples"].as_array().unwrap().len(), 3, "{said:?}");

    // A release that refuses everything.
    let refuses = rig.add_variant("new", "refuse").await;
    let said = rig.run(&["plugin", "shadow", CONNECTION, "--release", &refuses]).await;
    assert!(said.code == 5 && said.out.contains("accepted → refused"), "{said:?}");
    fits_a_terminal(&said);

    for (code, command) in [
        (2, vec!["plugin", "shadow", CONNECTION, "--release", "json-post", "--since", "soon"]),
        (3, vec!["plugin", "shadow", "nobody", "--release", "json-post"]),
        (3, vec!["plugin", "shadow", CONNECTION, "--release", "nothing"]),
    ] {
        assert_eq!(rig.run(&command).await.code, code, "{command:?}");
    }
    let wrong = rig.write("wrong.toml", "amonts = \"number\"\n");
    let said = rig.run(&[&shadow[..], &["--settings", wrong.to_str().unwrap()]].concat()).await;
    assert!(said.code == 2 && said.err.contains("amonts"), "{said:?}");
    assert_eq!(rig.erp.state().requests_by_key, asked, "nothing was sent");
    for id in ids {
        assert_eq!(rig.ask(&["order", "show", &id.to_string()]).await["order"]["state"], "delivered");
    }
}
