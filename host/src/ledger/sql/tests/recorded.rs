//! What is on record of passes, and the files of connections.

use std::sync::Arc;

use super::{contract, rig::*};
use crate::{
    domain::{id::PassKey, pass::PassState},
    ledger::passes::{MappedInVain, Mapping, Move, To},
};

contract!(
    mapped_passes_come_newest_first_and_only_while_their_bodies_are_kept,
    a_recording_holds_the_order_the_mapping_and_every_answer,
    a_connection_remembers_the_file_it_was_applied_from,
);

fn cost() -> Option<Mapping> {
    Some(Mapping { release: "aa".into(), gave: "delivery".into(), cpu: 7, memory: 65_536, us: 40, in_vain: None })
}

/// Offers, maps and delivers an order.
async fn deliver(rig: &Rig, id: &str) {
    rig.offer(id).await;
    let claim = rig.claim_one().await;
    rig.ledger.apply(Move { mapping: cost(), ..to_sending(&claim, id) }).await.unwrap();
    let end = Some(end(id, "accepted"));
    rig.ledger.apply(Move { end, ..by_lease(&claim, PassState::Sending, delivered(id)) }).await.unwrap();
    rig.advance(10);
}

/// Offers an order, maps it, and refuses it.
async fn refuse(rig: &Rig, id: &str) {
    rig.offer(id).await;
    let claim = rig.claim_one().await;
    let in_vain = MappedInVain { order: Arc::new("{\"order\":2}".into()), evidence: "{\"gave\":\"rejection\"}".into() };
    let mapping = cost().map(|cost| Mapping { in_vain: Some(in_vain), ..cost });
    let to = To::Withdrawn { because: "not for us".into(), decision: None };
    rig.ledger.apply(Move { mapping, ..by_lease(&claim, PassState::Claimed, to) }).await.unwrap();
    rig.advance(10);
}

fn ids(passes: &[PassKey]) -> Vec<&str> {
    passes.iter().map(|pass| pass.order.shop_order_id.as_str()).collect()
}

async fn mapped_passes_come_newest_first_and_only_while_their_bodies_are_kept(rig: Rig) {
    for id in ["1", "2"] {
        deliver(&rig, id).await;
    }
    let later = rig.now();
    refuse(&rig, "3").await;
    rig.failed("4", vec![]).await;
    rig.sending("5", "a5").await;
    let passes = async |since, limit| rig.ledger.mapped_passes(&rig.connection, since, limit).await.unwrap();
    let all = passes(0, 10).await;
    assert_eq!(ids(&all), ["3", "2", "1"], "4 was never mapped, 5 is under way");
    assert_eq!(ids(&passes(0, 2).await), ["3", "2"]);
    assert_eq!(ids(&passes(later, 10).await), ["3"]);
    assert_eq!(rig.ledger.expire_bodies(later, 10).await.unwrap(), 2);
    assert_eq!(ids(&passes(0, 10).await), ["3"]);
    assert_eq!(rig.ledger.recordings(&all).await.unwrap().len(), 1);
}

async fn a_recording_holds_the_order_the_mapping_and_every_answer(rig: Rig) {
    deliver(&rig, "1").await;
    refuse(&rig, "2").await;
    let both = [rig.pass("1", 1), rig.pass("2", 1), rig.pass("3", 1)];
    let mut found = rig.ledger.recordings(&both).await.unwrap();
    found.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(found.len(), 2, "{found:?}");
    let (sent, refused) = (&found[0], &found[1]);
    assert_eq!((sent.order.as_str(), sent.evidence.as_deref()), ("{\"order\":1}", None));
    assert_eq!((sent.state, sent.order_number.as_str(), sent.step), (PassState::Delivered, "W-1", 0));
    assert_eq!(sent.delivery.as_deref(), Some("{\"path\":\"/orders\"}"));
    let tried: Vec<_> =
        sent.tries.iter().map(|it| (it.number, it.step, it.mapping.as_deref(), it.answer.as_deref())).collect();
    assert_eq!(tried, [(1, 0, Some("{\"log\":[]}"), Some("{\"status\":200}"))]);
    assert_eq!(
        (refused.order.as_str(), refused.evidence.as_deref()),
        ("{\"order\":2}", Some("{\"gave\":\"rejection\"}"))
    );
    assert_eq!((refused.delivery.as_deref(), refused.tries.len()), (None, 0));
}

async fn a_connection_remembers_the_file_it_was_applied_from(rig: Rig) {
    assert_eq!(rig.ledger.file_of(&rig.connection).await.unwrap(), None);
    for file in ["one.toml", "other.toml"] {
        rig.ledger.note_file(&rig.connection, file).await.unwrap();
        assert_eq!(rig.ledger.file_of(&rig.connection).await.unwrap().as_deref(), Some(file));
    }
}
