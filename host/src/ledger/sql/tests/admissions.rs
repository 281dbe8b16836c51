//! Verdicts on releases, what people decided about them, and releases in quarantine.

use super::{contract, rig::*};
use crate::{
    domain::{
        admission::{Admission, Item, Judged},
        pass::PassState,
        verdict::FailureClass,
    },
    ledger::{
        LedgerError,
        admissions::NewQuarantine,
        passes::{Move, To},
    },
};

contract!(
    a_verdict_is_kept_with_its_release_and_replaced_by_a_later_one,
    a_failed_item_is_overridden_once_with_reason_name_and_time,
    only_what_failed_and_can_be_overridden_is,
    a_held_release_is_refused_until_each_item_is_overridden,
    a_release_that_is_in_use_stays_in_use_when_it_is_judged_again,
    a_quarantine_begins_with_its_move_and_only_then,
    a_quarantine_is_of_one_release_and_one_connection,
    a_lifted_quarantine_is_kept_and_the_next_is_another,
);

fn verdict(failed: &[Item]) -> Admission {
    let judged = |item: Item| match failed.contains(&item) {
        true => Judged::failed(item, vec![format!("{item} is bad")]),
        false => Judged::passed(item, Vec::new()),
    };
    Admission { items: Item::ALL.map(judged).to_vec(), cost: None, settings: None, judged_by: "0.1.0".into() }
}

async fn a_verdict_is_kept_with_its_release_and_replaced_by_a_later_one(rig: Rig) {
    assert!(rig.ledger.admissions(None).await.unwrap().is_empty());
    let before = rig.ledger.change_number().await.unwrap();
    rig.ledger.keep_admission(&release(2), &verdict(&[Item::Cases]), "Ann").await.unwrap();
    assert!(rig.ledger.change_number().await.unwrap() > before);
    rig.ledger.keep_admission(&release(3), &verdict(&[]), "Ann").await.unwrap();
    rig.advance(7);
    rig.ledger.keep_admission(&release(2), &verdict(&[]), "Bob").await.unwrap();
    let all = rig.ledger.admissions(None).await.unwrap();
    assert_eq!(all.iter().map(|(digest, _)| digest.clone()).collect::<Vec<_>>(), [release(2), release(3)]);
    let one = rig.ledger.admissions(Some(&release(2))).await.unwrap().remove(0).1;
    assert_eq!((one.admission, one.by.as_str(), one.at_ms), (verdict(&[]), "Bob", rig.now()));
    assert!(rig.ledger.admissions(Some(&release(4))).await.unwrap().is_empty());
}

async fn a_failed_item_is_overridden_once_with_reason_name_and_time(rig: Rig) {
    rig.ledger.keep_admission(&release(2), &verdict(&[Item::Cases, Item::SameBytes]), "Ann").await.unwrap();
    rig.advance(5);
    assert!(rig.ledger.override_item(&release(2), Item::Cases, "known", "Ann").await.unwrap());
    let at = rig.now();
    rig.advance(5);
    assert!(!rig.ledger.override_item(&release(2), Item::Cases, "other", "Bob").await.unwrap(), "the first one stands");
    let kept = rig.ledger.admissions(Some(&release(2))).await.unwrap().remove(0).1;
    let told: Vec<_> =
        kept.overrides.iter().map(|it| (it.item, it.reason.as_str(), it.by.as_str(), it.at_ms)).collect();
    assert_eq!(told, [(Item::Cases, "known", "Ann", at)]);
    assert_eq!(kept.standing(), [Item::SameBytes]);
}

async fn only_what_failed_and_can_be_overridden_is(rig: Rig) {
    rig.ledger.keep_admission(&release(2), &verdict(&[Item::World]), "Ann").await.unwrap();
    for item in [Item::World, Item::Cases] {
        let refused = rig.ledger.override_item(&release(2), item, "why", "Ann").await;
        assert!(matches!(refused, Err(LedgerError::Refused(_))), "{item}");
    }
    let unknown = rig.ledger.override_item(&release(9), Item::Cases, "why", "Ann").await;
    assert!(matches!(unknown, Err(LedgerError::NotFound { .. })));
}

async fn a_held_release_is_refused_until_each_item_is_overridden(rig: Rig) {
    let failed = [Item::Cases, Item::SameBytes];
    rig.ledger.keep_admission(&release(2), &verdict(&failed), "Ann").await.unwrap();
    rig.ledger.add_release(&release(2), &[1], &description(), "Ann").await.unwrap();
    let mut other = draft("one");
    other.release = release(2);
    for item in failed {
        let refused = rig.ledger.apply_connection(other.clone()).await.unwrap_err().to_string();
        assert!(refused.contains(item.as_str()) && refused.contains("plugin override"), "{refused}");
        let mut new = draft("new");
        new.release = release(2);
        assert!(rig.ledger.apply_connection(new).await.is_err());
        rig.ledger.override_item(&release(2), item, "why", "Ann").await.unwrap();
    }
    assert_eq!(rig.ledger.apply_connection(other).await.unwrap().changes, ["plugin release"]);
    assert_eq!(rig.ledger.connections(false).await.unwrap().len(), 1);
}

async fn a_release_that_is_in_use_stays_in_use_when_it_is_judged_again(rig: Rig) {
    let used = draft("one").release;
    rig.ledger.keep_admission(&used, &verdict(&[Item::AwkwardOrders]), "Ann").await.unwrap();
    let mut changed = draft("one");
    changed.plugin_settings = serde_json::json!({"path": "/v2"});
    assert_eq!(rig.ledger.apply_connection(changed).await.unwrap().changes, ["settings"]);
}

fn quarantine(of: &crate::domain::id::Digest) -> Option<NewQuarantine> {
    Some(NewQuarantine { release: of.clone(), faults: 5, because: "it trapped".into() })
}

fn failed() -> To {
    To::Failed { class: FailureClass::Plugin, because: "it trapped".into(), field: None, partial_id: None }
}

async fn fails(rig: &Rig, id: &str) {
    rig.offer(id).await;
    let claim = rig.claim_one().await;
    let quarantine = quarantine(&draft("one").release);
    rig.ledger.apply(Move { quarantine, ..by_lease(&claim, PassState::Claimed, failed()) }).await.unwrap();
}

async fn a_quarantine_begins_with_its_move_and_only_then(rig: Rig) {
    rig.offer("1").await;
    let claim = rig.claim_one().await;
    let record = async || rig.ledger.connections(false).await.unwrap().remove(0);
    let before = record().await;
    let used = before.activation.release.clone();
    rig.advance(LEASE + 1);
    let second = rig.claim_one().await;
    let late = Move { quarantine: quarantine(&used), ..by_lease(&claim, PassState::Claimed, failed()) };
    assert!(matches!(rig.ledger.apply(late).await, Err(LedgerError::Lost { .. })));
    assert_eq!(record().await, before, "a worker that lost its lease changes nothing");
    let change = Move { quarantine: quarantine(&used), ..by_lease(&second, PassState::Claimed, failed()) };
    rig.ledger.apply(change).await.unwrap();
    let after = record().await;
    let found = after.quarantine.unwrap();
    assert_eq!(
        (found.release, found.faults, found.because.as_str(), found.since_ms),
        (used, 5, "it trapped", rig.now())
    );
    assert!(after.revision > before.revision, "hosts take it up");
}

async fn a_quarantine_is_of_one_release_and_one_connection(rig: Rig) {
    fails(&rig, "1").await;
    rig.ledger.apply_connection(draft("two")).await.unwrap();
    let quarantined = async |name: &str| {
        let all = rig.ledger.connections(false).await.unwrap();
        all.into_iter().find(|record| record.name == name).unwrap().quarantine.is_some()
    };
    assert!(quarantined("one").await && !quarantined("two").await);
    rig.ledger.add_release(&release(2), &[1], &description(), "Ann").await.unwrap();
    let mut other = draft("one");
    other.release = release(2);
    rig.ledger.apply_connection(other).await.unwrap();
    assert!(!quarantined("one").await, "another release maps");
    rig.ledger.apply_connection(draft("one")).await.unwrap();
    assert!(quarantined("one").await, "the old one does not");
}

async fn a_lifted_quarantine_is_kept_and_the_next_is_another(rig: Rig) {
    let none = rig.ledger.lift_quarantine(&rig.connection, "why", "Ann").await;
    assert!(matches!(none, Err(LedgerError::NotFound { .. })));
    fails(&rig, "1").await;
    rig.advance(10);
    fails(&rig, "2").await;
    assert_eq!(rig.ledger.quarantines(&rig.connection).await.unwrap().len(), 1, "one at a time");
    rig.advance(10);
    let lifted = rig.ledger.lift_quarantine(&rig.connection, "mended", "Ann").await.unwrap();
    assert_eq!((lifted.lifted_ms, lifted.lifted_by.as_deref()), (Some(rig.now()), Some("Ann")));
    assert_eq!(lifted.lifted_why.as_deref(), Some("mended"));
    assert!(rig.ledger.connections(false).await.unwrap()[0].quarantine.is_none());
    rig.advance(10);
    fails(&rig, "3").await;
    let all = rig.ledger.quarantines(&rig.connection).await.unwrap();
    assert_eq!(all.iter().map(|it| it.lifted_ms.is_some()).collect::<Vec<_>>(), [false, true]);
}
