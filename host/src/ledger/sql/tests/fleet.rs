//! Hosts and turns.

use super::{contract, rig::*};
use crate::{
    domain::id::HostId,
    ledger::{
        LedgerError,
        connections::Intent,
        fleet::{HostRow, Sign},
    },
};

contract!(
    one_host_has_a_turn_until_it_gives_no_sign_of_life,
    hosts_are_known_by_their_signs_of_life,
    a_host_is_emptied_until_it_starts_again,
    a_name_that_several_hosts_have_is_refused,
    what_is_left_for_a_connection_goes_to_whoever_looks_at_its_shop,
);

fn sign(id: &str, name: &str, in_hand: u32, first: bool) -> Sign {
    Sign { host: id.into(), name: name.into(), version: "1".into(), in_hand, first }
}

async fn host(rig: &Rig, id: &str) -> HostRow {
    rig.ledger.hosts().await.unwrap().into_iter().find(|host| host.id.as_str() == id).unwrap()
}

async fn one_host_has_a_turn_until_it_gives_no_sign_of_life(rig: Rig) {
    let (a, b): (HostId, HostId) = ("a".into(), "b".into());
    let take = async |host: &HostId| rig.ledger.take_turn("sweep 1", host, LEASE).await.unwrap();
    assert!(take(&a).await);
    assert!(take(&a).await, "its own");
    assert!(!take(&b).await);
    rig.advance(20_000);
    let standing = rig.ledger.sign_of_life(&sign("a", "a", 0, false), LEASE).await.unwrap();
    assert_eq!(standing.turns, ["sweep 1"]);
    rig.advance(LEASE);
    assert!(!take(&b).await, "a sign of life keeps the turns");
    rig.advance(1);
    assert!(take(&b).await, "it is gone");
    let standing = rig.ledger.sign_of_life(&sign("a", "a", 0, false), LEASE).await.unwrap();
    assert!(standing.turns.is_empty(), "and comes back without it");
    rig.ledger.leave(&b).await.unwrap();
    assert!(take(&a).await, "whoever ends in good order keeps nobody waiting");
}

async fn hosts_are_known_by_their_signs_of_life(rig: Rig) {
    let start = rig.now();
    rig.ledger.sign_of_life(&sign("a", "north", 0, true), LEASE).await.unwrap();
    rig.advance(5_000);
    rig.ledger.sign_of_life(&sign("a", "north", 3, false), LEASE).await.unwrap();
    let known = host(&rig, "a").await;
    assert_eq!(
        (known.name.as_str(), known.in_hand, known.started_ms, known.seen_ms),
        ("north", 3, start, start + 5_000)
    );
    rig.ledger.leave(&"a".into()).await.unwrap();
    let known = host(&rig, "a").await;
    assert_eq!((known.ended_ms, known.in_hand), (Some(start + 5_000), 0));
    rig.ledger.sign_of_life(&sign("a", "north", 0, true), LEASE).await.unwrap();
    assert_eq!(host(&rig, "a").await.ended_ms, None, "back again");
}

async fn a_host_is_emptied_until_it_starts_again(rig: Rig) {
    rig.ledger.sign_of_life(&sign("a", "north", 2, true), LEASE).await.unwrap();
    let before = rig.ledger.change_number().await.unwrap();
    rig.ledger.drain("north", Some("upgrade".into())).await.unwrap();
    assert!(rig.ledger.change_number().await.unwrap() > before, "it is told");
    let standing = rig.ledger.sign_of_life(&sign("a", "north", 1, false), LEASE).await.unwrap();
    assert_eq!(standing.drain.as_deref(), Some("upgrade"));
    rig.ledger.drain("a", None).await.unwrap();
    assert_eq!(host(&rig, "a").await.drain, None);
    rig.ledger.drain("a", Some("again".into())).await.unwrap();
    let standing = rig.ledger.sign_of_life(&sign("a", "north", 0, true), LEASE).await.unwrap();
    assert_eq!(standing.drain, None, "a start fulfils the wish");
}

async fn a_name_that_several_hosts_have_is_refused(rig: Rig) {
    let unknown = rig.ledger.drain("north", None).await;
    assert!(matches!(unknown, Err(LedgerError::NotFound { .. })), "{unknown:?}");
    for id in ["a", "b"] {
        rig.ledger.sign_of_life(&sign(id, "north", 0, true), LEASE).await.unwrap();
    }
    let both = rig.ledger.drain("north", Some(String::new())).await;
    assert!(matches!(both, Err(LedgerError::Refused(_))), "{both:?}");
    assert_eq!(rig.ledger.drain("b", Some(String::new())).await.unwrap().id.as_str(), "b");
    rig.ledger.leave(&"b".into()).await.unwrap();
    assert_eq!(rig.ledger.drain("north", Some(String::new())).await.unwrap().id.as_str(), "a", "the one that lives");
}

async fn what_is_left_for_a_connection_goes_to_whoever_looks_at_its_shop(rig: Rig) {
    let (a, b): (HostId, HostId) = ("a".into(), "b".into());
    let leave = async || rig.ledger.leave_intent(&rig.connection, Intent::Sync, "me").await.unwrap();
    leave().await;
    assert_eq!(rig.ledger.take_intents(&b, LEASE).await.unwrap().len(), 1, "nobody looks: anybody's");
    assert!(rig.ledger.take_turn(&format!("sweep {}", rig.connection), &a, LEASE).await.unwrap());
    leave().await;
    assert!(rig.ledger.take_intents(&b, LEASE).await.unwrap().is_empty());
    assert_eq!(rig.ledger.take_intents(&a, LEASE).await.unwrap().len(), 1);
    leave().await;
    rig.advance(LEASE + 1);
    let taken = rig.ledger.take_intents(&b, LEASE).await.unwrap();
    assert_eq!(taken.len(), 3, "the one that looked is gone; and nobody has carried out the others");
}
