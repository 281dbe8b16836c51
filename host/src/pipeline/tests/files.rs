//! Sets of files of which a part is in place: the rest is finished, and what is visible is never written again (lifecycle
//! section 6).

use std::{os::unix::fs::MetadataExt as _, sync::Arc};

use serde_json::json;

use super::{played::files, stage::Stage};
use crate::{
    domain::{call::Purpose, pass::PassState},
    ledger::{LedgerError, passes::ClaimKind},
    pipeline::journey::Stopped,
};

fn names(stage: &Stage) -> Vec<String> {
    let entries = std::fs::read_dir(stage.inbox()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn inode(stage: &Stage, name: &str) -> u64 {
    std::fs::metadata(stage.inbox().join(name)).unwrap().ino()
}

/// Data and a trigger that is the same for every order. When the data is about to be renamed, another order's trigger
/// comes: the data is in place, its trigger is not.
async fn half_placed() -> Stage {
    let stage = Stage::folder(json!({ "constant_trigger": "GO.TRG" })).await;
    stage.plugin.maps(|_, _| Ok(files(&[("order_1.xml", "<order/>")], Some("GO.TRG"))));
    let trigger = stage.inbox().join("GO.TRG");
    stage.ledger.meet("set_phase", 1, move || {
        let trigger = trigger.clone();
        async move { std::fs::write(trigger, "another order's").map_err(|error| LedgerError::Refused(error.to_string())) }
    });
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(
        (stage.state("1").await, names(&stage)),
        (PassState::Sending, vec!["GO.TRG".into(), "order_1.xml".into()])
    );
    stage
}

#[tokio::test]
async fn of_a_set_of_which_a_part_is_visible_only_the_rest_is_written() {
    let stage = half_placed().await;
    let data = inode(&stage, "order_1.xml");
    // Again and again, for as long as the other order's trigger is there.
    for _ in 0..3 {
        stage.leases_run_out();
        stage.work().await;
        assert_eq!((stage.state("1").await, inode(&stage, "order_1.xml")), (PassState::Sending, data));
        assert_eq!(names(&stage), ["GO.TRG", "order_1.xml"]);
    }
    std::fs::remove_file(stage.inbox().join("GO.TRG")).unwrap();
    stage.leases_run_out();
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(names(&stage), ["GO.TRG", "order_1.xml"]);
    assert_eq!(inode(&stage, "order_1.xml"), data, "it is the file that was placed first");
    assert_eq!(std::fs::read(stage.inbox().join("GO.TRG")).unwrap(), b"", "and this trigger is ours");
    assert_eq!(stage.plugin.mapped(Purpose::Create), 1);
    assert!(stage.timeline("1").await.contains("Going on where the writing was interrupted: GO.TRG"));
}

#[tokio::test]
async fn a_part_that_the_erp_took_meanwhile_is_not_written_again() {
    let stage = half_placed().await;
    for name in names(&stage) {
        std::fs::remove_file(stage.inbox().join(name)).unwrap();
    }
    stage.leases_run_out();
    stage.work().await;
    assert_eq!((stage.state("1").await, names(&stage)), (PassState::Delivered, Vec::new()));
}

#[tokio::test]
async fn the_rest_is_finished_after_its_own_writing_was_lost() {
    let stage = half_placed().await;
    let data = inode(&stage, "order_1.xml");
    std::fs::remove_file(stage.inbox().join("GO.TRG")).unwrap();
    // The host dies when the rest's temporaries are written and its renaming is not committed.
    stage.ledger.meet("set_phase", 1, || async { Err(super::interposed::gone()) });
    stage.leases_run_out();
    let died = stage.claim(ClaimKind::Work).await.go().await;
    assert!(died.is_err() && stage.state("1").await == PassState::Sending, "{died:?}");
    stage.leases_run_out();
    stage.work().await;
    assert_eq!((stage.state("1").await, inode(&stage, "order_1.xml")), (PassState::Delivered, data));
    assert_eq!(names(&stage), ["GO.TRG", "order_1.xml"]);
}

#[tokio::test]
async fn a_part_beside_a_name_that_is_taken_is_in_doubt_and_stays() {
    let stage = Stage::folder(json!({})).await;
    stage.plugin.maps(|_, _| Ok(files(&[("order_1.xml", "<order/>"), ("lines_1.xml", "<lines/>")], None)));
    let foreign = Arc::new(stage.inbox().join("lines_1.xml"));
    let theirs = Arc::clone(&foreign);
    stage.ledger.meet("set_phase", 1, move || {
        let foreign = Arc::clone(&theirs);
        async move { std::fs::write(&*foreign, "theirs").map_err(|error| LedgerError::Refused(error.to_string())) }
    });
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Unknown, "{}", stage.because("1").await);
    assert_eq!(names(&stage), ["lines_1.xml", "order_1.xml"]);
    assert_eq!(std::fs::read_to_string(&*foreign).unwrap(), "theirs");
    assert_eq!(stage.plugin.mapped(Purpose::Create), 1);
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_while_it_wrote_leaves_nothing_behind() {
    let stage = Stage::folder(json!({})).await;
    stage.plugin.maps(|_, _| Ok(files(&[("order_1.xml", "<order/>"), ("lines_1.xml", "<lines/>")], None)));
    stage.offer("1").await;
    // The lease still counts for the write-ahead row, and is nearly over afterwards.
    let clock = Arc::clone(&stage.clock);
    stage.ledger.meet("apply:sending", 1, move || {
        clock.advance(26_000);
        async { Ok(()) }
    });
    let stepped_back = stage.claim(ClaimKind::Work).await.go().await;
    assert!(matches!(stepped_back, Err(Stopped::Ledger(LedgerError::Lost { .. }))), "{stepped_back:?}");
    assert_eq!((stage.state("1").await, names(&stage)), (PassState::Sending, Vec::new()));
    // Another has looked, and found nothing, before the temporaries were written: the ledger refuses the phase.
    stage.leases_run_out();
    stage.work().await;
    let lost = || async { Err(LedgerError::Lost { what: "order 1".into() }) };
    stage.ledger.meet("set_phase", 1, lost);
    let stepped_back = stage.claim(ClaimKind::Work).await.go().await;
    assert!(matches!(stepped_back, Err(Stopped::Ledger(LedgerError::Lost { .. }))), "{stepped_back:?}");
    assert_eq!((stage.state("1").await, names(&stage)), (PassState::Sending, Vec::new()));
    for _ in 0..2 {
        stage.leases_run_out();
        stage.work().await;
    }
    assert_eq!(stage.state("1").await, PassState::Delivered);
    assert_eq!(names(&stage), ["lines_1.xml", "order_1.xml"]);
}
