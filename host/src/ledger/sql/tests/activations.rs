//! What a connection maps with, and with what it did before.

use serde_json::{Value, json};

use super::{contract, rig::*};
use crate::ledger::{
    LedgerError,
    activations::{ActivationKind, NewActivation},
    connections::ConnectionState,
};

contract!(
    an_activation_is_put_in_force_and_kept,
    an_activation_decided_upon_another_is_refused,
    the_same_again_is_refused,
    only_what_is_there_is_activated,
    going_back_takes_up_the_old_revisions,
    a_file_applied_after_it_makes_the_next_one,
);

fn wish(rig: &Rig, instead_of: u32, settings: Value) -> NewActivation {
    let mut config = draft("one").config;
    config["plugin"] = json!({ "settings": settings });
    NewActivation {
        connection: rig.connection.clone(),
        instead_of,
        kind: ActivationKind::Activated,
        repeats: None,
        release: release(1),
        plugin_settings: settings,
        tables: draft("one").tables,
        config,
        by: "Ann".into(),
        why: "new prices".into(),
    }
}

async fn an_activation_is_put_in_force_and_kept(rig: Rig) {
    rig.ledger.add_release(&release(2), b"other", &description(), "me").await.unwrap();
    let change = rig.ledger.change_number().await.unwrap();
    let first = rig.ledger.connections(false).await.unwrap().remove(0);
    let wanted = NewActivation { release: release(2), ..wish(&rig, 1, json!({ "path": "/v2" })) };
    rig.advance(7);
    let new = rig.ledger.activate(wanted.clone()).await.unwrap();
    assert_eq!((new.number, new.settings_revision, new.tables_revision), (2, 2, 1));
    assert_eq!((&new.release, new.at_ms, new.kind), (&release(2), rig.now(), ActivationKind::Activated));
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((&record.activation, &record.config, record.revision), (&new, &wanted.config, first.revision + 1));
    assert_eq!(rig.ledger.plugin_settings(&rig.connection, 2).await.unwrap(), json!({ "path": "/v2" }));
    assert_eq!(rig.ledger.activations(&rig.connection).await.unwrap(), [new, first.activation]);
    assert!(rig.ledger.change_number().await.unwrap() > change, "hosts notice it");
}

async fn an_activation_decided_upon_another_is_refused(rig: Rig) {
    let (a, b) = tokio::join!(
        rig.ledger.activate(wish(&rig, 1, json!({ "path": "/a" }))),
        rig.ledger.activate(wish(&rig, 1, json!({ "path": "/b" })))
    );
    let refused = [a, b].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(refused.len(), 1, "one of two that were decided upon the same");
    assert!(refused[0].to_string().contains("activation 2 by Ann came in between (new prices)"), "{}", refused[0]);
    assert_eq!(rig.ledger.activations(&rig.connection).await.unwrap().len(), 2);
    assert!(rig.ledger.plugin_settings(&rig.connection, 3).await.is_err(), "nothing of it is kept");
}

async fn the_same_again_is_refused(rig: Rig) {
    let same = NewActivation { plugin_settings: draft("one").plugin_settings, ..wish(&rig, 1, json!({})) };
    let refused = rig.ledger.activate(same).await.unwrap_err().to_string();
    assert!(refused.contains("in force already, by activation 1"), "{refused}");
}

async fn only_what_is_there_is_activated(rig: Rig) {
    let unknown = NewActivation { release: release(9), ..wish(&rig, 1, json!({})) };
    assert!(matches!(rig.ledger.activate(unknown).await, Err(LedgerError::Refused(_))));
    let nobody = NewActivation { connection: "none".into(), ..wish(&rig, 1, json!({})) };
    assert!(matches!(rig.ledger.activate(nobody).await, Err(LedgerError::NotFound { .. })));
    rig.ledger.set_connection_state(&rig.connection, ConnectionState::Removed, "Ann", "").await.unwrap();
    let removed = rig.ledger.activate(wish(&rig, 1, json!({ "path": "/v2" }))).await;
    assert!(matches!(removed, Err(LedgerError::NotFound { .. })));
}

async fn going_back_takes_up_the_old_revisions(rig: Rig) {
    rig.ledger.activate(wish(&rig, 1, json!({ "path": "/v2" }))).await.unwrap();
    let back = NewActivation {
        kind: ActivationKind::RolledBack,
        repeats: Some(1),
        ..wish(&rig, 2, draft("one").plugin_settings)
    };
    let back = rig.ledger.activate(back).await.unwrap();
    assert_eq!((back.number, back.settings_revision, back.repeats), (3, 1, Some(1)));
    let kept = rig.ledger.activations(&rig.connection).await.unwrap().remove(0);
    assert_eq!((kept.kind, kept.repeats), (ActivationKind::RolledBack, Some(1)));
}

async fn a_file_applied_after_it_makes_the_next_one(rig: Rig) {
    rig.ledger.activate(wish(&rig, 1, json!({ "path": "/v2" }))).await.unwrap();
    let applied = rig.ledger.apply_connection(draft("one")).await.unwrap();
    assert_eq!(applied.changes, ["plugin", "settings"]);
    let record = rig.ledger.connections(false).await.unwrap().remove(0);
    assert_eq!((record.activation.number, record.activation.kind), (3, ActivationKind::Applied));
}
