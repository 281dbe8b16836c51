//! Shops, ERPs and mail servers that answer nonsense, or not at all.

use std::time::Duration;

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, PATIENCE, Rig},
    shop::{Fault, Play},
};

/// Waits until it is said of an order that nobody knows what the last look at the shop was like.
async fn until_said(rig: &Rig, words: &[&str]) {
    let end = tokio::time::Instant::now() + PATIENCE;
    loop {
        let why = rig.why(999_999).await;
        if words.iter().all(|words| why.contains(words)) {
            return;
        }
        assert!(tokio::time::Instant::now() < end, "{words:?} is never said: {why}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_no_list_is_a_failed_look_and_loses_nothing() {
    let more = "shop.settings.http = { requests_per_minute = 0, default_wait_s = 1, time_limit_s = 4, answer_cap_bytes = 200000 }";
    let mut rig = Rig::connected_with(more).await;
    rig.serve().await;
    rig.until("the first look is over", |rig| rig.shop.requests("evo GET /orders") >= 1).await;
    for (play, words) in [
        (Play::Html, "did not answer properly"),
        (Play::Truncated, "did not answer properly"),
        (Play::Cut, "did not answer properly"),
        (Play::Body("[]".to_owned()), "did not answer properly"),
        (Play::Body(r#"{"data": [{"status": "New Order"}]}"#.to_owned()), "has no `id`"),
        (Play::Status(500), "did not answer properly"),
        (Play::Status(401), "refused our credentials"),
        (Play::Endless, "did not answer properly"),
        (Play::Drip, "did not answer properly"),
    ] {
        let told = format!("{play:?}");
        let id = rig.place();
        rig.shop.fault(Fault::next("/orders?", play));
        rig.sync().await;
        until_said(&rig, &["could not look at its shop", words]).await;
        assert_eq!(rig.sent(id), 0, "{told}");
        rig.sync().await;
        rig.until_status(id, "In Progress").await;
        assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1), "{told}");
        // The order may be delivered before the look that showed it is over.
        until_said(&rig, &["looked at its shop"]).await;
    }
    // An empty list that is a lie loses nothing either.
    let id = rig.place();
    rig.shop.fault(Fault::next("/orders?", Play::EmptyList));
    rig.sync().await;
    rig.sync().await;
    rig.until_status(id, "In Progress").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_did_without_saying_so_is_not_done_twice() {
    let mut rig = Rig::connected().await;
    let (noted, set) = (rig.place(), rig.place());
    let once = |method: &str, target: String, skip| Fault {
        method: Some(method.to_owned()),
        skip,
        ..Fault::next(&target, Play::ApplyThenCut)
    };
    rig.shop.fault(once("POST", format!("/orders/{noted}/timeline"), 0));
    rig.shop.fault(once("PUT", format!("/orders/{set}"), 2));
    rig.serve().await;
    for id in [noted, set] {
        rig.until_shown(id, "all effects are done", |shown| {
            shown["effects"]
                .as_array()
                .is_some_and(|all| !all.is_empty() && all.iter().all(|effect| effect["state"] == "done"))
        })
        .await;
        let order = rig.order(id);
        let history: Vec<&str> = order.history.iter().map(|change| change.status.as_str()).collect();
        assert_eq!((order.notes.len(), history), (1, vec!["New Order", "In Progress"]), "order {id}");
    }
    rig.sync().await;
    assert_eq!((rig.sent(noted), rig.sent(set)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_an_erp_that_never_end_or_make_no_sense_are_doubts() {
    let mut rig = Rig::connected_with("destination.settings.time_limit_s = 2").await;
    let behaviours = [
        Behaviour::Endless { declared: true },
        Behaviour::Endless { declared: false },
        Behaviour::Drip,
        Behaviour::Switch,
    ];
    let ids: Vec<u64> = behaviours.iter().map(|_| rig.place()).collect();
    for (id, behaviour) in ids.iter().zip(behaviours) {
        rig.erp.rule(&format!("WEB-{id}"), behaviour);
    }
    rig.serve().await;
    for id in &ids {
        rig.until_status(*id, "On Hold").await;
        assert!(
            rig.order(*id).notes[0].text.contains("may exist in the ERP"),
            "order {id}: {:?}",
            rig.order(*id).notes
        );
        assert_eq!((rig.accepted(*id), rig.sent(*id)), (1, 1), "order {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_waits_for_a_mail_server_that_is_down() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
    rig.mail.down().await;
    rig.serve().await;
    rig.until_status(id, "On Hold").await;
    rig.until("the mail was tried", |rig| rig.log().contains("the mail server did not take a mail")).await;
    let owed = rig.ask(&["order", "show", &id.to_string()]).await["effects"].to_string();
    assert!(owed.contains("owed"), "a mail that did not go out is shown: {owed}");
    rig.mail.up().unwrap();
    let mails = rig.mail.wait_for(1, PATIENCE).await;
    assert!(mails.len() == 1 && mails[0].raw.contains(&format!("WEB-{id}")), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_down_is_looked_at_again() {
    let mut rig = Rig::connected().await;
    // Nobody listens there.
    let file = rig.write("down.toml", &rig.connection_file("shop.base_address = \"http://127.0.0.1:1/evo\""));
    let applied = rig.run(&["connection", "apply", file.to_str().unwrap(), "--same-shop"]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    let checked = rig.run(&["check", "--json"]).await;
    assert_eq!(checked.code, 1, "{checked:?}");
    assert!(checked.json().to_string().contains("can't be reached"), "{checked:?}");
    rig.serve().await;
    rig.until("the look failed", |rig| rig.log().contains("could not be looked at completely")).await;
    let id = rig.place();
    let file = rig.write("up.toml", &rig.connection_file(""));
    let applied = rig.run(&["connection", "apply", file.to_str().unwrap(), "--same-shop"]).await;
    assert_eq!(applied.code, 0, "{applied:?}");
    rig.until("the change is in force", |rig| rig.log().contains("took up a change")).await;
    rig.ask(&["sync", CONNECTION]).await;
    rig.until_status(id, "In Progress").await;
}
