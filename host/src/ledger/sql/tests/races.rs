//! Many at once: groups, failures inside groups, and racing workers.

use std::{collections::BTreeSet, sync::Arc};

use super::{contract, rig::*};
use crate::{
    domain::pass::PassState,
    ledger::{
        LedgerError,
        passes::{ClaimKind, Guard, Move},
    },
};

contract!(racing_workers_take_each_pass_once, a_failing_operation_in_a_group_harms_nobody);

async fn racing_workers_take_each_pass_once(rig: Rig) {
    let ids: Vec<String> = (0..60).map(|n| format!("{n:03}")).collect();
    rig.see(ids.iter().map(|id| sight(id, "New Order")).collect(), false).await;
    let rig = Arc::new(rig);
    let workers: Vec<_> = (0..12)
        .map(|worker| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                let host = format!("host-{worker}").as_str().into();
                let mut done = Vec::new();
                loop {
                    let claims = rig.ledger.claim(&rig.connection, &host, ClaimKind::Work, 2, LEASE).await.unwrap();
                    if claims.is_empty() {
                        return done;
                    }
                    for claim in claims {
                        let id = claim.pass.key.order.shop_order_id.clone();
                        rig.send(&claim, &format!("a-{id}")).await.unwrap();
                        let change = Move {
                            end: Some(end(&format!("a-{id}"), "accepted")),
                            effects: vec![note("delivered")],
                            ..by_lease(&claim, PassState::Sending, delivered(&id))
                        };
                        rig.ledger.apply(change).await.unwrap();
                        done.push(id);
                    }
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for worker in workers {
        taken.extend(worker.await.unwrap());
    }
    assert_eq!(taken.len(), 60);
    assert_eq!(taken.iter().cloned().collect::<BTreeSet<_>>(), ids.iter().cloned().collect());
    let counts = rig.ledger.counts(&rig.connection).await.unwrap();
    assert_eq!((counts.by_state["delivered"], counts.effects_owed), (60, 60));
    let mut documents = BTreeSet::new();
    for id in &ids {
        documents.insert(rig.detail(id).await.passes[0].document_number);
    }
    assert_eq!(documents, (1..=60).collect());
}

/// Lost leases among moves that hold. (Failing after a change is proved by `file`, below the contract.)
async fn a_failing_operation_in_a_group_harms_nobody(rig: Rig) {
    let ids: Vec<String> = (0..30).map(|n| format!("{n:03}")).collect();
    rig.see(ids.iter().map(|id| sight(id, "New Order")).collect(), false).await;
    let mut claims = Vec::new();
    for _ in 0..3 {
        claims.extend(rig.claim().await);
    }
    let rig = Arc::new(rig);
    let tasks: Vec<_> = claims
        .into_iter()
        .enumerate()
        .map(|(n, claim)| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move {
                let mut change = to_sending(&claim, "a1");
                if n % 3 == 1 {
                    change.guard = Guard::Lease("wrong".into());
                }
                (n % 3, claim.pass.key.order.shop_order_id.clone(), rig.ledger.apply(change).await)
            })
        })
        .collect();
    for task in tasks {
        let (kind, id, result) = task.await.unwrap();
        match kind {
            1 => assert!(matches!(result, Err(LedgerError::Lost { .. })), "{id}: {result:?}"),
            _ => assert!(result.is_ok(), "{id}: {result:?}"),
        }
        let expected = if kind == 1 { PassState::Claimed } else { PassState::Sending };
        assert_eq!(rig.state(&id).await, expected, "{id}");
    }
}
