//! What an administrator decides.

use super::{contract, rig::*};
use crate::{
    domain::{clock::Millis, pass::PassState},
    ledger::{
        LedgerError,
        connections::{ConnectionState, Intent, SealedSecret, ShopChange},
        passes::To,
    },
};

contract!(
    the_same_draft_again_changes_nothing,
    each_change_is_named_and_activated,
    rolling_back_is_the_old_pair_again,
    a_changed_shop_must_be_explained,
    another_shop_is_refused_while_work_is_open,
    a_release_must_be_there,
    an_intent_is_given_once_and_there_until_it_was_carried_out,
    a_pause_of_the_whole_host_uses_up_no_time,
    a_pause_by_both_switches_is_given_back_once,
    pauses_are_seen_and_explained,
    a_connection_with_work_under_way_is_not_removed,
    logins_live_until_their_end,
    a_release_is_kept_once,
);

async fn the_same_draft_again_changes_nothing(rig: Rig) {
    let before = (rig.ledger.connections(true).await.unwrap(), rig.ledger.change_number().await.unwrap());
    let mut same = draft("one");
    same.secrets[0].sealed = vec![7, 7];
    let applied = rig.ledger.apply_connection(same).await.unwrap();
    assert_eq!((applied.created, applied.changes), (false, vec![]));
    let after = (rig.ledger.connections(true).await.unwrap(), rig.ledger.change_number().await.unwrap());
    assert_eq!(before, after);
}

async fn each_change_is_named_and_activated(rig: Rig) {
    let before = rig.ledger.change_number().await.unwrap();
    let mut changed = draft("one");
    changed.config["schedule"] = "* * * * *".into();
    changed.plugin_settings = serde_json::json!({"path": "/v2"});
    changed.tables.entry("tax".into()).or_default().insert("a".into(), "b".into());
    changed.secrets.push(SealedSecret { slot: "slot.key".into(), sealed: vec![3], fingerprint: "f2".into() });
    let applied = rig.ledger.apply_connection(changed.clone()).await.unwrap();
    assert_eq!(applied.changes, ["schedule", "settings", "tables", "secrets"]);
    assert!(rig.ledger.change_number().await.unwrap() > before);
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((record.activation.number, record.activation.settings_revision, record.revision), (2, 2, 2));
    assert_eq!(rig.ledger.plugin_settings(&record.id, 1).await.unwrap(), draft("one").plugin_settings);
    assert_eq!(rig.ledger.tables(&record.id, 2).await.unwrap(), changed.tables);
    assert_eq!(rig.ledger.secrets(&record.id).await.unwrap().len(), 2);
    assert!(rig.ledger.plugin_settings(&record.id, 9).await.is_err());
}

async fn rolling_back_is_the_old_pair_again(rig: Rig) {
    let mut changed = draft("one");
    changed.plugin_settings = serde_json::json!({"path": "/v2"});
    rig.ledger.apply_connection(changed).await.unwrap();
    let applied = rig.ledger.apply_connection(draft("one")).await.unwrap();
    assert_eq!(applied.changes, ["settings"]);
    let activations = rig.ledger.activations(&rig.connection).await.unwrap();
    let revisions: Vec<_> = activations.iter().map(|it| (it.number, it.settings_revision)).collect();
    assert_eq!(revisions, [(3, 1), (2, 2), (1, 1)]);
}

async fn a_changed_shop_must_be_explained(rig: Rig) {
    let mut moved = draft("one");
    moved.shop.base_address = "https://new.example".into();
    let refused = rig.ledger.apply_connection(moved.clone()).await.unwrap_err().to_string();
    assert!(refused.contains("--same-shop") && refused.contains("https://new.example"), "{refused}");
    moved.shop_change = Some(ShopChange::Same);
    assert_eq!(rig.ledger.apply_connection(moved.clone()).await.unwrap().changes, ["shop"]);
    assert_eq!(rig.ledger.connections(false).await.unwrap()[0].shop_id, rig.shop);
    let mut other = draft("one");
    other.shop_change = Some(ShopChange::Other);
    rig.ledger.apply_connection(other).await.unwrap();
    assert_ne!(rig.ledger.connections(false).await.unwrap()[0].shop_id, rig.shop);
    moved.shop_change = Some(ShopChange::Same);
    assert!(matches!(rig.ledger.apply_connection(moved).await, Err(LedgerError::Refused(_))), "it is known as another");
}

async fn another_shop_is_refused_while_work_is_open(rig: Rig) {
    rig.offer("1").await;
    let mut other = draft("one");
    other.shop.account = "b".into();
    other.shop_change = Some(ShopChange::Other);
    assert!(matches!(rig.ledger.apply_connection(other.clone()).await, Err(LedgerError::Refused(_))));
    let claim = rig.claim_one().await;
    let withdrawn = To::Withdrawn { because: "gone".into(), decision: None };
    rig.ledger.apply(by_lease(&claim, PassState::Claimed, withdrawn)).await.unwrap();
    rig.ledger.apply_connection(other).await.unwrap();
}

async fn a_release_must_be_there(rig: Rig) {
    let mut unknown = draft("three");
    unknown.release = release(9);
    assert!(matches!(rig.ledger.apply_connection(unknown).await, Err(LedgerError::Refused(_))));
    assert_eq!(rig.ledger.connections(true).await.unwrap().len(), 1);
}

async fn an_intent_is_given_once_and_there_until_it_was_carried_out(rig: Rig) {
    let before = rig.ledger.change_number().await.unwrap();
    rig.ledger.leave_intent(&rig.connection, Intent::Sync, "me").await.unwrap();
    let look = Intent::Look { shop_order_id: "7".into() };
    rig.ledger.leave_intent(&rig.connection, look.clone(), "me").await.unwrap();
    assert!(rig.ledger.change_number().await.unwrap() > before);
    let take = || rig.ledger.take_intents(&rig.host, LEASE);
    let (a, b) = tokio::join!(take(), take());
    let taken: Vec<_> = a.unwrap().into_iter().chain(b.unwrap()).collect();
    assert_eq!(taken.iter().map(|it| it.intent.clone()).collect::<Vec<_>>(), [Intent::Sync, look.clone()]);
    rig.ledger.end_intent(taken[0].number).await.unwrap();
    rig.advance(LEASE);
    assert!(take().await.unwrap().is_empty(), "somebody is at it");
    // Its host is gone: the next one gets what was not ended.
    rig.advance(1);
    assert_eq!(take().await.unwrap(), taken[1..]);
    rig.ledger.give_back_intent(taken[1].number).await.unwrap();
    assert_eq!(take().await.unwrap(), taken[1..]);
    rig.ledger.end_intent(taken[1].number).await.unwrap();
    rig.advance(LEASE + 1);
    assert!(take().await.unwrap().is_empty());
    // A host may still be putting the last one away: another with its number would be taken for that one.
    rig.ledger.leave_intent(&rig.connection, Intent::Sync, "me").await.unwrap();
    let next = take().await.unwrap()[0].number;
    assert!(taken.iter().all(|it| it.number < next), "{next} was the number of another");
    assert!(rig.ledger.leave_intent(&"none".into(), Intent::Sync, "me").await.is_err());
}

/// An order whose outcome is unknown, to be looked up until a moment; how long that is from now.
async fn doubted(rig: &Rig, id: &str) -> Millis {
    let claim = rig.sending(id, "a1").await;
    let deadline_ms = rig.now() + 1_000_000;
    let to = To::Unknown { because: "no answer".into(), next_look_ms: deadline_ms, deadline_ms };
    rig.ledger.apply(by_lease(&claim, PassState::Sending, to)).await.unwrap();
    1_000_000
}

async fn left(rig: &Rig, id: &str) -> Millis {
    rig.detail(id).await.passes[0].deadline_ms.unwrap() - rig.now()
}

async fn a_pause_of_the_whole_host_uses_up_no_time(rig: Rig) {
    let all = doubted(&rig, "1").await;
    rig.ledger.set_host_pause(true, "Ann", "").await.unwrap();
    rig.advance(5_000);
    rig.ledger.set_host_pause(true, "Bob", "said again").await.unwrap();
    rig.advance(5_000);
    rig.ledger.set_host_pause(false, "Ann", "").await.unwrap();
    assert_eq!(left(&rig, "1").await, all);
    rig.ledger.set_host_pause(false, "Ann", "").await.unwrap();
    rig.advance(7_000);
    assert_eq!(left(&rig, "1").await, all - 7_000, "only a pause is given back");
    assert_eq!(rig.ledger.host_paused_since_ms().await.unwrap(), None);
}

/// Both switches, in every order in which they can be set and taken back.
async fn a_pause_by_both_switches_is_given_back_once(rig: Rig) {
    let all = doubted(&rig, "1").await;
    let host = async |paused| rig.ledger.set_host_pause(paused, "Ann", "").await.unwrap();
    let own = async |state| rig.ledger.set_connection_state(&rig.connection, state, "Ann", "").await.unwrap();
    use ConnectionState::{Active, Paused};
    for order in ["hchc", "hcch", "chch", "chhc", "hh", "cc"] {
        let (mut host_paused, mut own_paused) = (false, false);
        for switch in order.chars() {
            rig.advance(1_000);
            if switch == 'h' {
                host_paused = !host_paused;
                host(host_paused).await;
            } else {
                own_paused = !own_paused;
                own(if own_paused { Paused } else { Active }).await;
            }
        }
        assert_eq!((host_paused, own_paused), (false, false));
    }
    // The first thousand of each round passed before anything was paused.
    assert_eq!(left(&rig, "1").await, all - 6_000);
}

async fn pauses_are_seen_and_explained(rig: Rig) {
    rig.ledger.set_host_pause(true, "Ann", "holiday").await.unwrap();
    assert_eq!(rig.ledger.host_pause().await.unwrap().as_deref(), Some("holiday (by Ann)"));
    rig.ledger.set_host_pause(false, "Ann", "").await.unwrap();
    assert_eq!(rig.ledger.host_pause().await.unwrap(), None);
    rig.ledger.set_connection_state(&rig.connection, ConnectionState::Paused, "Ann", "stock").await.unwrap();
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((record.state, record.state_why.as_str()), (ConnectionState::Paused, "stock (by Ann)"));
    rig.ledger.set_connection_state(&rig.connection, ConnectionState::Removed, "Ann", "").await.unwrap();
    assert!(rig.ledger.connections(false).await.unwrap().is_empty());
    let again = rig.ledger.set_connection_state(&rig.connection, ConnectionState::Active, "Ann", "").await;
    assert!(matches!(again, Err(LedgerError::NotFound { .. })));
    assert!(rig.ledger.apply_connection(draft("one")).await.unwrap().created, "the name is free again");
}

async fn a_connection_with_work_under_way_is_not_removed(rig: Rig) {
    rig.sending("1", "a1").await;
    let result = rig.ledger.set_connection_state(&rig.connection, ConnectionState::Removed, "Ann", "").await;
    assert!(matches!(result, Err(LedgerError::Refused(_))));
}

async fn logins_live_until_their_end(rig: Rig) {
    let secret = |mark: &str| SealedSecret { slot: "session".into(), sealed: vec![1], fingerprint: mark.into() };
    rig.ledger.remember_login(&rig.connection, secret("a"), rig.now() + 10).await.unwrap();
    rig.ledger.remember_login(&rig.connection, secret("b"), rig.now() + 20).await.unwrap();
    assert_eq!(rig.ledger.logins(&rig.connection).await.unwrap(), [secret("b")]);
    rig.advance(20);
    assert!(rig.ledger.logins(&rig.connection).await.unwrap().is_empty());
    rig.ledger.remember_login(&rig.connection, secret("c"), rig.now() + 20).await.unwrap();
    rig.ledger.forget_login(&rig.connection, "session").await.unwrap();
    assert!(rig.ledger.logins(&rig.connection).await.unwrap().is_empty());
}

async fn a_release_is_kept_once(rig: Rig) {
    let add = async |digest| rig.ledger.add_release(&digest, &[1, 2, 3], &description(), "me").await.unwrap();
    assert!(add(release(2)).await);
    assert!(!add(release(2)).await);
    assert_eq!(rig.ledger.release_bytes(&release(2)).await.unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(rig.ledger.release_bytes(&release(3)).await.unwrap(), None);
    let all = rig.ledger.releases().await.unwrap();
    assert_eq!(all.len(), 2);
    for known in &all {
        assert_eq!(rig.ledger.release_record(&known.digest).await.unwrap().as_ref(), Some(known));
    }
    assert_eq!(rig.ledger.release_record(&release(3)).await.unwrap(), None);
}
