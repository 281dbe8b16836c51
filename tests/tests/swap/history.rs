//! What an administrator does: activate, look at the history, go back; and what is refused.

use std::time::Duration;

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, Rig},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{mapped_by, with_variant};

/// "Within a second", with room for a machine that runs all tests at once.
const SOON: Duration = Duration::from_secs(30);

async fn activate(rig: &Rig, release: &str, more: &[&str]) -> Value {
    let usual = ["plugin", "activate", CONNECTION, release, "--reason", "because"];
    rig.ask(&[&usual[..], more].concat()).await
}

async fn delivered(rig: &Rig) -> u64 {
    let id = rig.place();
    rig.sync().await;
    rig.until("the order is in the ERP", |rig| rig.accepted(id) == 1).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_activated_shown_and_gone_back_from_while_the_host_works() {
    let (mut rig, first) = with_variant("").await;
    let second = rig.add_variant("second", "good").await;
    rig.serve().await;
    let one = delivered(&rig).await;
    rig.write("settings.toml", "warehouse = \"north\"\n");
    let told = activate(&rig, &second, &["--settings", "settings.toml"]).await;
    assert_eq!((&told["activation"]["number"], &told["activation"]["settings_revision"]), (&json!(2), &json!(2)));
    let begun = Instant::now();
    rig.until("the host took it up", |rig| rig.log().contains("took up a change")).await;
    assert!(begun.elapsed() < SOON);
    let two = delivered(&rig).await;
    let said = rig.run(&["plugin", "rollback", CONNECTION, "--reason", "prices are wrong"]).await;
    assert!(said.code == 0 && said.out.contains("activation 3"), "{said:?}");
    rig.until("the host took it up", |rig| rig.log().matches("took up a change").count() == 2).await;
    let three = delivered(&rig).await;
    assert_eq!([one, two, three].map(|id| mapped_by(&rig, id)), ["first", "second", "first"]);

    let history = rig.ask(&["plugin", "history", CONNECTION]).await;
    let seen: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let activation = &it["activation"];
            (
                activation["number"].as_u64().unwrap(),
                activation["release"].as_str().unwrap().to_owned(),
                &it["in_force"],
            )
        })
        .collect();
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(seen, [(3, first.clone(), &yes), (2, second, &no), (1, first.clone(), &no)]);
    assert_eq!(history[0]["activation"]["repeats"], 1);
    assert_eq!(
        (&history[0]["activation"]["by"], &history[0]["activation"]["why"]),
        (&json!("tester"), &json!("prices are wrong"))
    );
    let words = rig.run(&["plugin", "history", CONNECTION]).await.out;
    assert!(
        words.contains("rollback to 1") && words.contains("in force") && words.contains("variant@1.0.0-second"),
        "{words}"
    );
    assert!(words.lines().all(|line| line.chars().count() <= 140), "{words}");
    // What is exported is what is in force, and applying it changes nothing.
    let exported = rig.run(&["connection", "export", CONNECTION]).await.out;
    assert!(exported.contains(&first) && !exported.contains("north"), "{exported}");
    let file = rig.write("exported.toml", &exported);
    let applied = rig.ask(&["connection", "apply", file.to_str().unwrap()]).await;
    assert_eq!(applied["changes"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_under_way_ends_on_what_it_began_with() {
    let (mut rig, _) = with_variant("").await;
    let second = rig.add_variant("second", "good").await;
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 3_000 });
    rig.serve().await;
    let id = rig.place();
    rig.sync().await;
    rig.until("it is being sent", |rig| rig.sent(id) == 1).await;
    activate(&rig, &second, &[]).await;
    rig.until("the host took it up", |rig| rig.log().contains("took up a change")).await;
    let shown = rig.until_state(id, "delivered").await;
    assert_eq!(mapped_by(&rig, id), "first");
    // The second release would have trapped on the first one's state.
    let timeline = shown["timeline"].to_string();
    assert!(timeline.contains("read by first"), "{timeline}");
    assert_eq!(shown["passes"][0]["activation"], 1, "{}", shown["passes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_map_is_refused_with_the_reason() {
    let (mut rig, _) = with_variant("").await;
    let (bad, refusing) = (rig.add_variant("bad", "trap").await, rig.add_variant("stern", "refuse").await);
    rig.serve().await;
    let id = delivered(&rig).await;
    rig.until_state(id, "delivered").await;
    for (release, words) in [(&bad, "gave up without a word"), (&refusing, "refuses every order")] {
        let said = rig.run(&["plugin", "activate", CONNECTION, release, "--reason", "try"]).await;
        assert_eq!(said.code, 2, "{said:?}");
        assert!(said.err.contains(&format!("WEB-{id}")) && said.err.contains(words), "{said:?}");
    }
    rig.write("settings.toml", "warehouse = 7\ncolour = \"red\"\n");
    let wrong = ["plugin", "activate", CONNECTION, &refusing, "--settings", "settings.toml", "--reason", "try"];
    let said = rig.run(&wrong).await;
    assert!(said.code == 2 && said.err.contains("settings.toml:1:13: warehouse"), "{said:?}");
    assert_eq!(rig.ask(&["plugin", "history", CONNECTION]).await.as_array().unwrap().len(), 1, "nothing was activated");
    activate(&rig, &refusing, &["--untried"]).await;
    let said = rig.run(&["plugin", "rollback", CONNECTION, "--to", "9", "--reason", "try"]).await;
    assert_eq!(said.code, 3, "{said:?}");
    rig.ask(&["plugin", "rollback", CONNECTION, "--reason", "try"]).await;
    let said = rig.run(&["plugin", "rollback", CONNECTION, "--reason", "try"]).await;
    assert!(said.code == 4 && said.err.contains("nothing else before"), "{said:?}");
}
