//! Answers in files: the deadline is judged by a good look that began after it (lifecycle section 6).

use std::path::PathBuf;

use serde_json::json;

use super::{
    played::{files, plainly},
    stage::Stage,
};
use crate::domain::{
    pass::PassState,
    verdict::{AnswerCheck, Awaiting, FailureClass, FileCheck, FileMeaning, Refusal, Response, Verdict},
};

const DEADLINE_MS: i64 = 60_000;

/// An order that was written and awaits a file in `failure`; the plugin has no opinion when the deadline has passed.
async fn written() -> (Stage, PathBuf, tempfile::TempDir) {
    let answers = tempfile::tempdir().unwrap();
    let failure = answers.path().join("failure");
    std::fs::create_dir(&failure).unwrap();
    let stage = Stage::folder(json!({ "answer_folders": { "failure": failure } })).await;
    stage.plugin.maps(|_, _| Ok(files(&[("order_1.xml", "<order/>")], None)));
    stage.plugin.reads(|call, default| {
        Ok(match &call.read {
            Some(Response::FilesWritten { .. }) => Verdict::AwaitingAnswer(Awaiting {
                ticket: "order_1".to_owned(),
                deadline_s: 60,
                state: b"waiting".to_vec(),
                check: AnswerCheck::Files(vec![FileCheck {
                    folder: "failure".to_owned(),
                    pattern: "*.err".to_owned(),
                    meaning: FileMeaning::Failure,
                }]),
            }),
            Some(Response::AnswerFile { bytes, .. }) => {
                assert_eq!(call.state, b"waiting");
                Verdict::Rejected(Refusal {
                    message: String::from_utf8_lossy(bytes).into_owned(),
                    class: FailureClass::Erp,
                    field: None,
                    partial_id: None,
                })
            }
            _ => plainly(call, default),
        })
    });
    stage.offer("1").await;
    stage.work().await;
    assert_eq!(stage.state("1").await, PassState::Awaiting);
    (stage, failure, answers)
}

fn deadline_was_told(stage: &Stage) -> bool {
    stage.plugin.calls().iter().any(|call| matches!(call.read, Some(Response::DeadlinePassed { .. })))
}

#[tokio::test]
async fn a_deadline_is_judged_by_a_good_look_begun_after_it_and_leaves_a_doubt() {
    let (stage, failure, _folder) = written().await;
    stage.advance(DEADLINE_MS - 1);
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Awaiting, "that look began before the deadline");
    // The network folder is gone when the deadline passes: no look is no evidence.
    let away = failure.with_file_name("away");
    std::fs::rename(&failure, &away).unwrap();
    for _ in 0..3 {
        stage.advance(DEADLINE_MS);
        stage.look().await;
        assert_eq!((stage.state("1").await, deadline_was_told(&stage)), (PassState::Awaiting, false));
    }
    std::fs::rename(&away, &failure).unwrap();
    stage.until_due("1").await;
    stage.look().await;
    assert_eq!((stage.state("1").await, deadline_was_told(&stage)), (PassState::Unknown, true));
}

#[tokio::test]
async fn an_answer_that_lies_there_wins_over_the_deadline() {
    let (stage, failure, _folder) = written().await;
    std::fs::write(failure.join("order_1.err"), "Line 3: product not found").unwrap();
    stage.advance(DEADLINE_MS * 10);
    stage.look().await;
    assert_eq!((stage.state("1").await, deadline_was_told(&stage)), (PassState::Failed, false));
    assert!(stage.because("1").await.contains("Line 3: product not found"));
}

#[tokio::test]
async fn what_the_plugin_makes_of_a_passed_deadline_counts_if_it_is_a_verdict() {
    let (stage, _failure, _folder) = written().await;
    stage.plugin.reads(|_, _| Err(super::played::trap()));
    stage.advance(DEADLINE_MS);
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Unknown, "a trap is no verdict");

    let (stage, _failure, _folder) = written().await;
    stage.plugin.reads(|_, _| Ok(Verdict::Accepted(crate::domain::verdict::Acceptance::default())));
    stage.advance(DEADLINE_MS);
    stage.look().await;
    assert_eq!(stage.state("1").await, PassState::Delivered, "this ERP says nothing when all is well");
}
