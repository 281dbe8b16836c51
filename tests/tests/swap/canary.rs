//! Another release for some new orders first: back by itself when it is worse, in force when it is not.

use orderdock_tests::{
    rig::{CONNECTION, Rig},
    shop::world::Actor,
};
use serde_json::Value;

use super::{connect_variant, mapped_by};

/// A connection at work with some delivered orders behind it.
async fn working(delivered: usize) -> (Rig, String) {
    let mut rig = Rig::bare().await;
    let first = connect_variant(&rig, "").await;
    rig.serve().await;
    let ids: Vec<u64> = (0..delivered).map(|_| rig.place()).collect();
    rig.sync().await;
    for id in ids {
        rig.until_status(id, "In Progress").await;
    }
    (rig, first)
}

async fn begin(rig: &Rig, release: &str, more: &[&str]) -> Value {
    let usual = ["plugin", "activate", CONNECTION, release, "--untried", "--reason", "careful"];
    let changes = |rig: &Rig| rig.log().matches("took up a change").count();
    let before = changes(rig);
    let told = rig.ask(&[&usual[..], more].concat()).await;
    rig.until("the host took it up", |rig| changes(rig) > before).await;
    told
}

async fn canary(rig: &Rig) -> Value {
    rig.ask(&["connection", "show", CONNECTION]).await["canaries"][0].clone()
}

async fn until_canary(rig: &Rig, state: &str) -> Value {
    let end = tokio::time::Instant::now() + orderdock_tests::rig::PATIENCE;
    loop {
        let canary = canary(rig).await;
        if canary["state"] == state {
            return canary;
        }
        assert!(
            tokio::time::Instant::now() < end,
            "waited in vain until the canary is {state}: {canary}\n{}",
            rig.log()
        );
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Places orders one after the other until the canary has ended; their ids.
async fn place_until(rig: &Rig, state: &str, most: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    while canary(rig).await["state"] == "running" && ids.len() < most {
        let id = rig.place();
        ids.push(id);
        rig.sync().await;
        rig.until("it has come to its end in the shop", |rig| {
            matches!(rig.order(id).status(), "In Progress" | "On Hold")
        })
        .await;
    }
    until_canary(rig, state).await;
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_fails_goes_back_by_itself_with_one_mail() {
    let (rig, _) = working(6).await;
    let bad = rig.add_variant("bad", "trap").await;
    begin(&rig, &bad, &["--share", "50%"]).await;
    let ids = place_until(&rig, "went_back", 40).await;
    let failed: Vec<u64> = ids.iter().copied().filter(|id| rig.order(*id).status() == "On Hold").collect();
    assert!((1..=3).contains(&failed.len()), "the first order that it met, and at most what came before that was seen");
    let record = canary(&rig).await;
    assert!(record["why"].as_str().unwrap().contains("the plugin failed at"), "{record}");
    assert!(record["figures"][1]["faults"].as_u64().unwrap() > 0 && record["figures"][0]["faults"] == 0, "{record}");
    // The order that it failed at is set back, and goes with what is in force: the choice is made anew.
    rig.shop.set_status(&rig.key(failed[0]), "New Order", Actor::staff());
    rig.sync().await;
    rig.until_status(failed[0], "In Progress").await;
    assert_eq!(mapped_by(&rig, failed[0]), "first");
    let mails = || rig.mail.mails().into_iter().filter(|mail| mail.text().contains("went back by itself")).count();
    rig.until("the mail is there", |_| mails() > 0).await;
    assert_eq!(mails(), 1);
    let shown = rig.run(&["plugin", "history", CONNECTION]).await.out;
    assert!(shown.contains("went back by itself") && shown.contains("50 % of new orders"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_and_slowness_count_against_what_was_before() {
    let (rig, _) = working(6).await;
    for (name, behaviour, words) in [("stern", "refuse", "were refused:"), ("lame", "slow", "CPU units, before")] {
        let release = rig.add_variant(name, behaviour).await;
        begin(&rig, &release, &["--orders", "30"]).await;
        place_until(&rig, "went_back", 30).await;
        let record = canary(&rig).await;
        assert!(record["why"].as_str().unwrap().contains(words), "{record}");
    }
    assert_eq!(rig.ask(&["plugin", "history", CONNECTION]).await[2]["in_force"], true, "the first one still is");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_orders_meet_it_and_then_it_is_in_force() {
    let (rig, _) = working(3).await;
    let second = rig.add_variant("second", "good").await;
    begin(&rig, &second, &["--orders", "4"]).await;
    let ids: Vec<u64> = (0..6).map(|_| rig.place()).collect();
    rig.sync().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
    }
    until_canary(&rig, "promoted").await;
    assert!(ids.iter().filter(|id| mapped_by(&rig, **id) == "second").count() >= 4);
    let history = rig.ask(&["plugin", "history", CONNECTION]).await;
    assert_eq!((&history[0]["activation"]["kind"], &history[0]["in_force"]), (&"promoted".into(), &true.into()));
    assert_eq!(history[0]["activation"]["repeats"], 2);
    let back = rig.ask(&["plugin", "rollback", CONNECTION, "--reason", "after all"]).await;
    assert_eq!(back["activation"]["repeats"], 1, "back to what was in force before it: {back}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_if_it_is_told_to_and_a_person_ends_it() {
    let (rig, _) = working(3).await;
    let second = rig.add_variant("second", "good").await;
    begin(&rig, &second, &["--share", "100%", "--enough", "2", "--ask"]).await;
    let ids: Vec<u64> = (0..2).map(|_| rig.place()).collect();
    rig.sync().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
        assert_eq!(mapped_by(&rig, *id), "second");
    }
    until_canary(&rig, "asking").await;
    rig.ask(&["plugin", "rollback", CONNECTION, "--reason", "not now"]).await;
    assert_eq!(canary(&rig).await["state"], "stopped");
    let refused = rig.run(&["plugin", "promote", CONNECTION, "--reason", "too late"]).await;
    assert_eq!(refused.code, 4, "{refused:?}");
    begin(&rig, &second, &["--share", "100%"]).await;
    let told = rig.ask(&["plugin", "promote", CONNECTION, "--reason", "sure"]).await;
    assert_eq!((&told["activation"]["kind"], &told["activation"]["number"]), (&"promoted".into(), &4.into()), "{told}");
}
