//! What is tried with some orders: begun once, judged by its figures, ended once.

use serde_json::json;

use super::{contract, rig::*};
use crate::{
    domain::{
        canary::{Figures, Limits, Part, Rules},
        id::PassKey,
        pass::PassState,
        verdict::FailureClass,
    },
    ledger::{
        LedgerError,
        activations::{ActivationKind, NewActivation},
        canaries::{CanaryCall, CanaryEnd, CanaryState},
        effects::EffectBody,
        passes::{Move, To},
    },
};

contract!(
    a_canary_is_begun_and_not_in_force,
    one_at_a_time,
    its_figures_are_those_of_its_orders,
    it_is_ended_once_and_a_mail_is_owed_with_that,
    it_asks_before_it_is_promoted,
    another_activation_takes_its_place,
    what_was_before_is_counted_with_medians,
);

const RULES: Rules = Rules {
    part: Part::Share(1_000),
    enough: 50,
    ask: false,
    limits: Limits { refused: 500, faults: 0, cpu_percent: 300, time_percent: 500 },
};

fn wish(rig: &Rig, instead_of: u32) -> NewActivation {
    NewActivation {
        connection: rig.connection.clone(),
        instead_of,
        kind: ActivationKind::Activated,
        repeats: None,
        release: release(1),
        plugin_settings: json!({ "path": "/v2" }),
        tables: draft("one").tables,
        config: draft("one").config,
        by: "Ann".into(),
        why: "careful".into(),
    }
}

fn pass(rig: &Rig, id: &str) -> PassKey {
    PassKey { order: rig.order(id), pass: 1 }
}

fn call(rig: &Rig, id: &str, activation: u32, cpu: u64) -> CanaryCall {
    CanaryCall { pass: pass(rig, id), activation, cpu: Some(cpu), us: Some(10), refused: false, fault: false }
}

fn ended(rig: &Rig, state: CanaryState) -> CanaryEnd {
    CanaryEnd {
        connection: rig.connection.clone(),
        number: 2,
        state,
        why: "because".into(),
        figures: Some((Figures::default(), Figures { mapped: 3, ..Figures::default() })),
        activation: None,
        mail: None,
    }
}

async fn a_canary_is_begun_and_not_in_force(rig: Rig) {
    rig.offer("1").await;
    let change = rig.ledger.change_number().await.unwrap();
    let begun = rig.ledger.begin_canary(wish(&rig, 1), RULES, Figures::default()).await.unwrap();
    assert_eq!((begun.activation.number, begun.activation.kind, begun.old), (2, ActivationKind::Canary, 1));
    assert_eq!((begun.after_document, begun.activation.settings_revision), (1, 2));
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((record.activation.number, record.canary), (1, Some(begun.clone())));
    assert_eq!(rig.ledger.canaries(&rig.connection).await.unwrap(), [begun]);
    assert_eq!(rig.ledger.activations(&rig.connection).await.unwrap().len(), 2);
    assert!(rig.ledger.change_number().await.unwrap() > change, "hosts notice it");
}

async fn one_at_a_time(rig: Rig) {
    rig.ledger.begin_canary(wish(&rig, 1), RULES, Figures::default()).await.unwrap();
    let other = NewActivation { plugin_settings: json!({ "path": "/v3" }), ..wish(&rig, 1) };
    let refused = rig.ledger.begin_canary(other, RULES, Figures::default()).await.unwrap_err().to_string();
    assert!(refused.contains("activation 2 is being tried already"), "{refused}");
    let same = NewActivation { plugin_settings: draft("one").plugin_settings, ..wish(&rig, 1) };
    rig.ledger.end_canary(ended(&rig, CanaryState::Stopped)).await.unwrap();
    let again = rig.ledger.begin_canary(same, RULES, Figures::default()).await;
    assert!(matches!(again, Err(LedgerError::Refused(_))), "what is in force is not tried");
    assert_eq!(rig.ledger.activations(&rig.connection).await.unwrap().len(), 2, "nothing of what was refused is kept");
}

async fn its_figures_are_those_of_its_orders(rig: Rig) {
    rig.ledger.begin_canary(wish(&rig, 1), RULES, Figures::default()).await.unwrap();
    let plugin = To::Failed { class: FailureClass::Plugin, because: "x".into(), field: None, partial_id: None };
    rig.failed("1", Vec::new()).await;
    rig.offer("2").await;
    let claim = rig.claim_one().await;
    rig.ledger.apply(by_lease(&claim, PassState::Claimed, plugin)).await.unwrap();
    for id in ["3", "4"] {
        let claim = rig.sending(id, id).await;
        let end = Some(end(id, "accepted"));
        rig.ledger.apply(Move { end, ..by_lease(&claim, PassState::Sending, delivered(id)) }).await.unwrap();
    }
    rig.offer("5").await;
    for (id, activation, cpu) in [("1", 2, 10), ("2", 2, 30), ("3", 2, 20), ("4", 1, 7), ("5", 1, 9)] {
        rig.advance(1);
        rig.ledger.note_canary_call(2, call(&rig, id, activation, cpu)).await.unwrap();
    }
    // Mapped anew, after a worker was lost; later the plugin fails at its answer.
    rig.ledger.note_canary_call(2, call(&rig, "4", 1, 8)).await.unwrap();
    let (old, new, worst) = rig.ledger.canary_figures(&rig.connection, 2).await.unwrap();
    let figures = |settled, mapped, refused, faults, cpu| Figures {
        settled,
        mapped,
        refused,
        faults,
        cpu: Some(cpu),
        us: Some(10),
    };
    assert_eq!(old, figures(1, 2, 0, 0, 9));
    assert_eq!(new, figures(3, 3, 1, 1, 20));
    assert_eq!(worst, Some((pass(&rig, "2"), "W-2".to_owned())), "the newest at which something went wrong");
    let fault = CanaryCall { cpu: None, us: None, fault: true, ..call(&rig, "3", 2, 0) };
    rig.ledger.note_canary_call(2, fault).await.unwrap();
    let (_, new, _) = rig.ledger.canary_figures(&rig.connection, 2).await.unwrap();
    assert_eq!(new, figures(3, 3, 1, 2, 20));
}

async fn it_is_ended_once_and_a_mail_is_owed_with_that(rig: Rig) {
    rig.ledger.begin_canary(wish(&rig, 1), RULES, Figures::default()).await.unwrap();
    rig.failed("1", Vec::new()).await;
    let revision = rig.ledger.connections(false).await.unwrap()[0].revision;
    let mail = Some((pass(&rig, "1"), EffectBody::Mail { failed: json!({ "what": "it went back" }) }));
    let end = CanaryEnd { mail, ..ended(&rig, CanaryState::WentBack) };
    let (a, b) = tokio::join!(rig.ledger.end_canary(end.clone()), rig.ledger.end_canary(end.clone()));
    assert_eq!([a.unwrap(), b.unwrap()].iter().filter(|ended| **ended).count(), 1, "every host may find it out");
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert!(record.canary.is_none() && record.activation.number == 1 && record.revision > revision);
    let kept = rig.ledger.canaries(&rig.connection).await.unwrap().remove(0);
    assert_eq!((kept.state, kept.why.as_str(), kept.figures), (CanaryState::WentBack, "because", end.figures));
    assert_eq!(kept.ended_ms, Some(rig.now()));
    let mails = rig.ledger.claim_mails(&rig.host, 0, LEASE).await.unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].members.len(), 1, "one mail");
}

async fn it_asks_before_it_is_promoted(rig: Rig) {
    rig.ledger.begin_canary(wish(&rig, 1), Rules { ask: true, ..RULES }, Figures::default()).await.unwrap();
    assert!(rig.ledger.end_canary(ended(&rig, CanaryState::Asking)).await.unwrap());
    assert!(!rig.ledger.end_canary(ended(&rig, CanaryState::Asking)).await.unwrap(), "it asks once");
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!(record.canary.map(|canary| (canary.state, canary.ended_ms)), Some((CanaryState::Asking, None)));
    let activation = NewActivation { kind: ActivationKind::Promoted, repeats: Some(2), ..wish(&rig, 1) };
    let end = CanaryEnd { activation: Some(activation), ..ended(&rig, CanaryState::Promoted) };
    assert!(rig.ledger.end_canary(end).await.unwrap());
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((record.activation.number, record.activation.kind), (3, ActivationKind::Promoted));
    assert_eq!((record.activation.settings_revision, record.canary), (2, None));
    assert_eq!(rig.ledger.canaries(&rig.connection).await.unwrap()[0].state, CanaryState::Promoted);
}

async fn another_activation_takes_its_place(rig: Rig) {
    rig.ledger.begin_canary(wish(&rig, 1), RULES, Figures::default()).await.unwrap();
    let other = NewActivation { plugin_settings: json!({ "path": "/v3" }), ..wish(&rig, 1) };
    assert_eq!(rig.ledger.activate(other).await.unwrap().number, 3);
    let kept = rig.ledger.canaries(&rig.connection).await.unwrap().remove(0);
    assert_eq!((kept.state, kept.why.as_str()), (CanaryState::Stopped, "activation 3 took its place"));
    rig.ledger.begin_canary(wish(&rig, 3), RULES, Figures::default()).await.unwrap();
    rig.ledger.apply_connection(draft("one")).await.unwrap();
    let kept = rig.ledger.canaries(&rig.connection).await.unwrap().remove(0);
    assert_eq!((kept.activation.number, kept.why.as_str()), (4, "activation 5 took its place"));
}

async fn what_was_before_is_counted_with_medians(rig: Rig) {
    rig.failed("1", Vec::new()).await;
    rig.failed("2", Vec::new()).await;
    let claim = rig.sending("3", "a").await;
    let to = delivered("SO-1");
    rig.ledger
        .apply(Move { end: Some(end("a", "accepted")), ..by_lease(&claim, PassState::Sending, to) })
        .await
        .unwrap();
    rig.offer("4").await;
    let before = rig.ledger.figures_before(&rig.connection, 10).await.unwrap();
    assert_eq!((before.mapped, before.settled, before.refused, before.faults), (3, 3, 2, 0));
    assert_eq!(before.cpu, Some(40), "what the mapping of the one that was sent cost");
    assert_eq!(rig.ledger.figures_before(&rig.connection, 1).await.unwrap().mapped, 1);
}
