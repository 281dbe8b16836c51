//! Deliveries into a folder: every step, a crash after each of them, two writers, and folders that are not as they
//! should be. Each crash case runs with renaming and with link and unlink.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use orderdock::{
    destination::{
        folder::{
            FileDrop as _, FilePlan, FileState, FolderDestination, FolderError, FolderSettings, Listing, Prepared,
            Recovery,
        },
        render::Secrets,
    },
    domain::{
        delivery::{FileDelivery, FileOut, SecretEncoding, Segment},
        transport::Phase,
        verdict::{FileCheck, FileMeaning},
    },
};
use orderdock_tests::erp::attache::{Attache, Fate};

fn file(name: &str, content: &str) -> FileOut {
    FileOut { name: name.into(), content: vec![Segment::Bytes(content.as_bytes().to_vec())] }
}

fn delivery(files: &[(&str, &str)], trigger: Option<(&str, &str)>) -> FileDelivery {
    FileDelivery {
        files: files.iter().map(|(name, content)| file(name, content)).collect(),
        trigger: trigger.map(|(name, content)| file(name, content)),
    }
}

fn open(path: &Path, change: impl FnOnce(&mut FolderSettings)) -> FolderDestination {
    let mut settings = FolderSettings::new(path);
    change(&mut settings);
    FolderDestination::open(&settings).unwrap()
}

/// A folder for each way of placing files.
fn both_ways() -> Vec<(tempfile::TempDir, FolderDestination)> {
    [false, true]
        .into_iter()
        .map(|link| {
            let dir = tempfile::tempdir().unwrap();
            let drop = open(dir.path(), |settings| settings.link_and_unlink = link);
            (dir, drop)
        })
        .collect()
}

fn prepared(drop: &FolderDestination, token: &str) -> Prepared {
    let delivery = delivery(&[("order_1.xml", "<order/>"), ("lines_1.xml", "<lines/>")], Some(("order_1.trg", "")));
    drop.plan(&delivery, &Secrets::new(), token).unwrap()
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn visible(dir: &Path) -> Vec<String> {
    names(dir).into_iter().filter(|name| !name.starts_with('.')).collect()
}

/// Renames only the first `count` files, as a worker does that is killed in between.
async fn rename_some(drop: &FolderDestination, plan: &FilePlan, count: usize) {
    let mut part = plan.clone();
    part.files.truncate(count);
    drop.rename_all(&part).await.unwrap();
}

#[tokio::test]
async fn files_appear_whole_and_in_order_with_nothing_left_behind() {
    for (dir, drop) in both_ways() {
        let Prepared { plan, contents, redacted } = prepared(&drop, "t1");
        drop.write_temporaries(&plan, contents).await.unwrap();
        assert!(visible(dir.path()).is_empty(), "nothing may be seen before the phase is committed");
        assert_eq!(names(dir.path())[0], ".orderdock-t1-0.tmp");
        let placed = drop.rename_all(&plan).await.unwrap();
        assert_eq!(
            placed.iter().map(|placed| placed.name.as_str()).collect::<Vec<_>>(),
            ["order_1.xml", "lines_1.xml", "order_1.trg"]
        );
        assert_eq!(names(dir.path()), ["lines_1.xml", "order_1.trg", "order_1.xml"]);
        assert_eq!(fs::read(dir.path().join("order_1.xml")).unwrap(), b"<order/>");
        assert_eq!(redacted[0].body.sha256, plan.files[0].sha256);
    }
}

#[tokio::test]
async fn a_crash_while_writing_leaves_nothing_and_all_is_written_anew() {
    for (dir, drop) in both_ways() {
        for written in 0..=3 {
            let token = format!("t{written}");
            let Prepared { plan, contents, .. } = prepared(&drop, &token);
            drop.write_temporaries(&plan, contents).await.unwrap();
            for index in written..3 {
                fs::remove_file(dir.path().join(format!(".orderdock-{token}-{index}.tmp"))).unwrap();
            }
            let recovered = drop.recover(&plan, Phase::Writing).await.unwrap();
            assert_eq!(recovered.outcome, Recovery::WriteAnew);
            drop.forget(&plan).await.unwrap();
            assert!(names(dir.path()).is_empty());
        }
    }
}

#[tokio::test]
async fn a_crash_while_renaming_is_finished_with_a_new_token() {
    for (dir, drop) in both_ways() {
        for renamed in 1..3 {
            let Prepared { plan, contents, .. } = prepared(&drop, "old");
            drop.write_temporaries(&plan, contents.clone()).await.unwrap();
            rename_some(&drop, &plan, renamed).await;
            let recovered = drop.recover(&plan, Phase::Renaming).await.unwrap();
            let rest: Vec<String> = plan.files[renamed..].iter().map(|file| file.name.clone()).collect();
            if drop.settings().link_and_unlink {
                // The first that was left may have been linked and taken: nobody can tell.
                assert_eq!(recovered.outcome, Recovery::Doubtful { names: vec![rest[0].clone()] });
            } else {
                assert_eq!(recovered.outcome, Recovery::FinishRest { rest: rest.clone() });
            }
            drop.forget(&plan).await.unwrap();
            let next = plan.rest(&rest, "new");
            let left: Vec<_> = contents.into_iter().filter(|content| rest.contains(&content.name)).collect();
            drop.write_temporaries(&next, left).await.unwrap();
            drop.rename_all(&next).await.unwrap();
            assert_eq!(
                drop.recover(&next, Phase::Renamed).await.unwrap().outcome,
                Recovery::AllPlaced { gone: vec![] }
            );
            assert_eq!(names(dir.path()), ["lines_1.xml", "order_1.trg", "order_1.xml"]);
            for name in names(dir.path()) {
                fs::remove_file(dir.path().join(name)).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_crash_before_the_first_rename_and_after_the_last() {
    for (dir, drop) in both_ways() {
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        drop.write_temporaries(&plan, contents).await.unwrap();
        let before = drop.recover(&plan, Phase::Renaming).await.unwrap().outcome;
        if drop.settings().link_and_unlink {
            assert_eq!(before, Recovery::Doubtful { names: vec!["order_1.xml".into()] });
        } else {
            assert_eq!(before, Recovery::WriteAnew);
        }
        drop.forget(&plan).await.unwrap();
        let Prepared { plan, contents, .. } = prepared(&drop, "t2");
        drop.write_temporaries(&plan, contents).await.unwrap();
        drop.rename_all(&plan).await.unwrap();
        let after = drop.recover(&plan, Phase::Renaming).await.unwrap();
        assert_eq!(after.outcome, Recovery::AllPlaced { gone: vec![] });
        // The ERP takes them, one after the other.
        fs::remove_file(dir.path().join("order_1.trg")).unwrap();
        fs::write(dir.path().join("order_1.xml"), "somebody else's").unwrap();
        let after = drop.recover(&plan, Phase::Renaming).await.unwrap();
        assert_eq!(after.outcome, Recovery::AllPlaced { gone: vec!["order_1.xml".into(), "order_1.trg".into()] });
    }
}

#[tokio::test]
async fn what_the_erp_took_before_the_rest_was_there_is_told() {
    for (dir, drop) in both_ways() {
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        drop.write_temporaries(&plan, contents).await.unwrap();
        rename_some(&drop, &plan, 1).await;
        fs::remove_file(dir.path().join("order_1.xml")).unwrap();
        let recovered = drop.recover(&plan, Phase::Renaming).await.unwrap();
        assert_eq!(recovered.files[0], ("order_1.xml".into(), FileState::Gone));
        if !drop.settings().link_and_unlink {
            assert_eq!(
                recovered.outcome,
                Recovery::TakenEarly {
                    gone: vec!["order_1.xml".into()],
                    rest: vec!["lines_1.xml".into(), "order_1.trg".into()],
                }
            );
        }
        assert!(visible(dir.path()).is_empty(), "the rest may not follow");
    }
}

#[tokio::test]
async fn a_crash_of_the_recovery_does_not_change_the_story() {
    for (dir, drop) in both_ways() {
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        drop.write_temporaries(&plan, contents).await.unwrap();
        let first = drop.recover(&plan, Phase::Renaming).await.unwrap();
        // Killed before the outcome was committed: an order that never arrived must not become one that was taken.
        let again = drop.recover(&plan, Phase::Renaming).await.unwrap();
        assert_eq!(first, again);
        drop.forget(&plan).await.unwrap();
        assert!(names(dir.path()).is_empty());
    }
}

#[tokio::test]
async fn a_link_that_was_made_but_not_finished_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let drop = open(dir.path(), |settings| settings.link_and_unlink = true);
    for (moved, expected) in [(false, FileState::InPlace), (true, FileState::Gone)] {
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        drop.write_temporaries(&plan, contents).await.unwrap();
        let target = dir.path().join("order_1.xml");
        fs::hard_link(dir.path().join(".orderdock-t1-0.tmp"), &target).unwrap();
        if moved {
            fs::create_dir_all(dir.path().join("Success")).unwrap();
            fs::rename(&target, dir.path().join("Success/order_1.xml")).unwrap();
        }
        let recovered = drop.recover(&plan, Phase::Renaming).await.unwrap();
        assert_eq!(recovered.files[0].1, expected, "{recovered:?}");
        drop.forget(&plan).await.unwrap();
        let _ = fs::remove_file(target);
    }
}

/// A network folder may do a rename as a copy, and a crash leaves both names; or the ERP has taken the copy by then. Nobody can
/// tell that from a rename that never was: it is a doubt, and never a second file.
#[tokio::test]
async fn a_rename_that_a_network_folder_did_by_half_is_a_doubt_and_no_second_file() {
    for taken in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let drop = open(dir.path(), |settings| settings.network = true);
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        drop.write_temporaries(&plan, contents).await.unwrap();
        let target = dir.path().join("order_1.xml");
        fs::copy(dir.path().join(".orderdock-t1-0.tmp"), &target).unwrap();
        if taken {
            fs::remove_file(&target).unwrap();
        }
        for _ in 0..2 {
            let recovered = drop.recover(&plan, Phase::Renaming).await.unwrap();
            match taken {
                true => assert_eq!(recovered.outcome, Recovery::Doubtful { names: vec!["order_1.xml".into()] }),
                false => assert_eq!(
                    recovered.outcome,
                    Recovery::FinishRest { rest: vec!["lines_1.xml".into(), "order_1.trg".into()] }
                ),
            }
        }
        let expected: &[&str] = if taken { &[] } else { &["order_1.xml"] };
        assert_eq!(visible(dir.path()), expected);
    }
    // On this machine's own disk a rename is done or it is not.
    let dir = tempfile::tempdir().unwrap();
    let drop = open(dir.path(), |_| {});
    let Prepared { plan, contents, .. } = prepared(&drop, "t1");
    drop.write_temporaries(&plan, contents).await.unwrap();
    assert_eq!(drop.recover(&plan, Phase::Renaming).await.unwrap().outcome, Recovery::WriteAnew);
}

#[tokio::test]
async fn a_paused_former_owner_can_rename_nothing() {
    for (dir, drop) in both_ways() {
        let Prepared { plan, contents, .. } = prepared(&drop, "old");
        drop.write_temporaries(&plan, contents).await.unwrap();
        drop.recover(&plan, Phase::Renaming).await.unwrap();
        let stopped = drop.rename_all(&plan).await.unwrap_err();
        assert_eq!(stopped.error, FolderError::Superseded { name: "order_1.xml".into() });
        assert!(stopped.placed.is_empty() && visible(dir.path()).is_empty());
    }
}

#[tokio::test]
async fn a_name_with_other_bytes_is_taken_and_with_the_same_bytes_is_ours() {
    for (dir, drop) in both_ways() {
        fs::write(dir.path().join("lines_1.xml"), "other").unwrap();
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        let error = drop.write_temporaries(&plan, contents).await.unwrap_err();
        assert!(matches!(&error, FolderError::NameTaken { path } if path.ends_with("lines_1.xml")), "{error}");
        assert!(!error.may_pass());
        assert_eq!(names(dir.path()), ["lines_1.xml"], "nothing of ours may be left");
        fs::write(dir.path().join("lines_1.xml"), "<lines/>").unwrap();
        let Prepared { plan, contents, .. } = prepared(&drop, "t2");
        drop.write_temporaries(&plan, contents).await.unwrap();
        let placed = drop.rename_all(&plan).await.unwrap();
        assert_eq!(placed.iter().map(|placed| placed.already_there).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(names(dir.path()).len(), 3);
    }
}

#[tokio::test]
async fn of_two_writers_of_one_name_exactly_one_wins() {
    for (dir, drop) in both_ways() {
        for round in 0..20 {
            let name = format!("order_{round}.xml");
            let mut plans = Vec::new();
            for writer in ["a", "b"] {
                let content = format!("{writer}{round}");
                let delivery = delivery(&[(&name, &content)], None);
                let prepared = drop.plan(&delivery, &Secrets::new(), &format!("{writer}-{round}")).unwrap();
                drop.write_temporaries(&prepared.plan, prepared.contents).await.unwrap();
                plans.push((prepared.plan, content));
            }
            let (a, b) = tokio::join!(drop.rename_all(&plans[0].0), drop.rename_all(&plans[1].0));
            assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
            let (winner, loser) = if a.is_ok() { (0, b) } else { (1, a) };
            assert_eq!(fs::read_to_string(dir.path().join(&name)).unwrap(), plans[winner].1);
            assert!(matches!(loser.unwrap_err().error, FolderError::NameTaken { .. }));
        }
    }
}

#[tokio::test]
async fn a_constant_trigger_waits_and_is_written_again_while_its_data_is_there() {
    for link in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let drop = open(dir.path(), |settings| {
            settings.constant_trigger = Some("GO.TRG".into());
            settings.link_and_unlink = link;
        });
        let delivery = delivery(&[("order_1.xml", "<order/>")], Some(("GO.TRG", "")));
        let plan = |token: &str| drop.plan(&delivery, &Secrets::new(), token).unwrap();
        fs::write(dir.path().join("GO.TRG"), "").unwrap();
        let Prepared { plan: waiting, contents, .. } = plan("t1");
        let error = drop.write_temporaries(&waiting, contents.clone()).await.unwrap_err();
        assert!(matches!(error, FolderError::TriggerPresent { .. }) && error.may_pass(), "{error}");
        fs::remove_file(dir.path().join("GO.TRG")).unwrap();
        // Crashed before the trigger: the data is there, the trigger is written again.
        drop.write_temporaries(&waiting, contents.clone()).await.unwrap();
        rename_some(&drop, &waiting, 1).await;
        let recovered = drop.recover(&waiting, Phase::Renaming).await.unwrap();
        assert_eq!(recovered.outcome, Recovery::FinishRest { rest: vec!["GO.TRG".into()] });
        // The ERP took the data meanwhile, by another order's trigger: nothing is left to announce.
        fs::remove_file(dir.path().join("order_1.xml")).unwrap();
        let recovered = drop.recover(&waiting, Phase::Renaming).await.unwrap();
        assert_eq!(recovered.outcome, Recovery::AllPlaced { gone: vec!["order_1.xml".into()] });
        drop.forget(&waiting).await.unwrap();
        // Another order's trigger comes between our data and our trigger: it is not ours, whatever its bytes.
        let Prepared { plan, contents, .. } = plan("t2");
        drop.write_temporaries(&plan, contents).await.unwrap();
        fs::write(dir.path().join("GO.TRG"), "").unwrap();
        let stopped = drop.rename_all(&plan).await.unwrap_err();
        assert!(matches!(stopped.error, FolderError::TriggerPresent { .. }), "{stopped}");
        let recovered = drop.recover(&plan, Phase::Renaming).await.unwrap();
        assert_eq!(recovered.outcome, Recovery::FinishRest { rest: vec!["GO.TRG".into()] });
    }
}

#[tokio::test]
async fn nothing_leaves_the_folder() {
    let dir = tempfile::tempdir().unwrap();
    let inbox = dir.path().join("inbox");
    fs::create_dir(&inbox).unwrap();
    let drop = open(&inbox, |_| {});
    for name in ["../evil", "/etc/evil", "a/b", "..", ".hidden", "a\0b", ".orderdock-t-0.tmp", ""] {
        let delivery = delivery(&[(name, "x")], None);
        let problems = drop.plan(&delivery, &Secrets::new(), "t").err().unwrap();
        assert_eq!(problems[0].place, "delivery.files[0].name", "{name:?}");
        // And once more where files are written, for a plan that came from elsewhere.
        let mut plan = prepared(&drop, "t").plan;
        plan.files[0].name = name.into();
        assert!(matches!(drop.rename_all(&plan).await.unwrap_err().error, FolderError::InvalidName { .. }));
        assert!(matches!(drop.recover(&plan, Phase::Renaming).await, Err(FolderError::InvalidName { .. })));
    }
    let mut plan = prepared(&drop, "t").plan;
    plan.token = "../t".into();
    assert!(matches!(drop.recover(&plan, Phase::Writing).await, Err(FolderError::InvalidName { .. })));
    // A link under the target's name or a temporary's is neither followed nor replaced.
    let outside = dir.path().join("outside");
    fs::write(&outside, "<order/>").unwrap();
    symlink(&outside, inbox.join("order_1.xml")).unwrap();
    let Prepared { plan, contents, .. } = prepared(&drop, "t1");
    let error = drop.write_temporaries(&plan, contents).await.unwrap_err();
    assert!(matches!(error, FolderError::NameTaken { .. }), "the same bytes behind a link are not our file: {error}");
    fs::remove_file(inbox.join("order_1.xml")).unwrap();
    symlink(&outside, inbox.join(".orderdock-t2-0.tmp")).unwrap();
    let Prepared { plan, contents, .. } = prepared(&drop, "t2");
    assert!(drop.write_temporaries(&plan, contents).await.is_err());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "<order/>");
    assert_eq!(names(dir.path()), ["inbox", "outside"]);
}

#[tokio::test]
async fn a_delivery_is_judged_with_every_problem() {
    let dir = tempfile::tempdir().unwrap();
    let drop = open(dir.path(), |_| {});
    let mut wrong = delivery(&[("a/b", "x"), ("same.xml", "x"), ("SAME.xml", "x")], None);
    wrong.files.push(FileOut {
        name: "ok.xml".into(),
        content: vec![Segment::Secret { slot: "company".into(), encode: SecretEncoding::Xml }],
    });
    let problems = drop.plan(&wrong, &Secrets::new(), "t").err().unwrap();
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(problems[2].to_string().contains("`company`"));
    assert!(drop.plan(&delivery(&[], None), &Secrets::new(), "t").is_err());
}

fn check(folder: &str, pattern: &str, meaning: FileMeaning) -> FileCheck {
    FileCheck { folder: folder.into(), pattern: pattern.into(), meaning }
}

#[expect(clippy::disallowed_methods, reason = "compared with the file system's own clock")]
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

#[tokio::test]
async fn an_unattended_run_is_followed_to_its_answer() {
    let dir = tempfile::tempdir().unwrap();
    let judge = |_: &str, bytes: &[u8]| match bytes {
        b"bad" => Fate::Failure("Line 3: product not found".into()),
        _ => Fate::Success,
    };
    let attache = Attache::new(dir.path(), Box::new(judge)).unwrap();
    fs::write(dir.path().join("Failure/order_2.err"), "an old answer").unwrap();
    let drop = open(dir.path(), |settings| {
        settings.answers.insert("success".into(), "Success".into());
        settings.answers.insert("failure".into(), dir.path().join("Failure"));
    });
    assert_eq!(drop.check().await, []);
    let since = drop.listing().await.unwrap();
    let delivery = delivery(&[("order_1.kfi", "good"), ("order_2.kfi", "bad")], None);
    let Prepared { plan, contents, .. } = drop.plan(&delivery, &Secrets::new(), "t1").unwrap();
    drop.write_temporaries(&plan, contents).await.unwrap();
    assert_eq!(attache.run().unwrap(), [], "temporaries are not for the ERP");
    drop.rename_all(&plan).await.unwrap();
    let checks = [
        check("success", "order_1.kfi", FileMeaning::Success),
        check("failure", "order_*.err", FileMeaning::Failure),
        check("out", "order_1.kfi", FileMeaning::Gone),
    ];
    let before = drop.look(&since, &checks, now_ms()).await.unwrap();
    assert!(before.seen.is_empty() && before.gone.is_empty(), "an old answer must not count: {before:?}");
    assert_eq!(attache.run().unwrap().len(), 2);
    let fresh = drop.look(&since, &checks, now_ms()).await.unwrap();
    assert_eq!(
        fresh.seen.iter().map(|seen| (seen.name.as_str(), seen.stable)).collect::<Vec<_>>(),
        [("order_2.err", false), ("order_1.kfi", false)]
    );
    let later = drop.look(&since, &checks, now_ms() + 11_000).await.unwrap();
    assert!(later.seen.iter().all(|seen| seen.stable), "{later:?}");
    assert_eq!(later.gone, [2]);
    assert_eq!(drop.read("failure", "order_2.err").await.unwrap().unwrap(), b"Line 3: product not found");
    assert_eq!(drop.present(10).await.unwrap(), ["failure/order_2.err", "failure/order_2.kfi", "success/order_1.kfi"]);
}

#[tokio::test]
async fn answers_are_plain_small_files_of_known_folders() {
    let dir = tempfile::tempdir().unwrap();
    let drop = open(dir.path(), |settings| settings.answer_cap = 5);
    let all = [check("out", "*", FileMeaning::Any)];
    let secret = dir.path().join("secret");
    fs::write(&secret, "12345").unwrap();
    let since = drop.listing().await.unwrap();
    symlink(&secret, dir.path().join("link.err")).unwrap();
    fs::create_dir(dir.path().join("folder.err")).unwrap();
    assert!(drop.look(&since, &all, now_ms()).await.unwrap().seen.is_empty());
    assert_eq!(drop.read("out", "link.err").await.unwrap(), None);
    assert_eq!(drop.read("out", "folder.err").await.unwrap(), None);
    assert_eq!(drop.read("out", "nothing.err").await.unwrap(), None);
    assert_eq!(drop.read("out", "secret").await.unwrap().unwrap(), b"12345");
    fs::write(&secret, "123456").unwrap();
    assert_eq!(drop.look(&since, &all, now_ms()).await.unwrap().seen.len(), 1, "written again is new");
    assert!(matches!(drop.read("out", "secret").await, Err(FolderError::TooLarge { .. })));
    assert!(matches!(drop.read("out", "../secret").await, Err(FolderError::InvalidName { .. })));
    let unknown = [check("nowhere", "*", FileMeaning::Any)];
    assert!(matches!(drop.look(&since, &unknown, 0).await, Err(FolderError::UnknownSlot { .. })));
}

#[tokio::test]
async fn a_folder_of_years_is_not_copied_into_every_order() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..5_001 {
        fs::write(dir.path().join(format!("{number}.old")), "").unwrap();
    }
    let drop = open(dir.path(), |_| {});
    let since = drop.listing().await.unwrap();
    let stored = serde_json::to_string(&since).unwrap();
    assert!(stored.len() < 200, "{} bytes", stored.len());
    assert_eq!(serde_json::from_str::<Listing>(&stored).unwrap(), since);
    let all = [check("out", "*", FileMeaning::Any)];
    assert!(drop.look(&since, &all, now_ms()).await.unwrap().seen.is_empty());
    // The file system's clock ticks every few milliseconds; until it has, a new file can't be told from the newest old.
    let seen = loop {
        fs::write(dir.path().join("new.err"), "").unwrap();
        let seen = drop.look(&since, &all, now_ms()).await.unwrap().seen;
        if !seen.is_empty() {
            break seen;
        }
    };
    assert_eq!(seen.iter().map(|seen| seen.name.as_str()).collect::<Vec<_>>(), ["new.err"]);
}

#[tokio::test]
async fn folders_that_are_not_as_they_should_be_are_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let occupied = dir.path().join("file");
    fs::write(&occupied, "").unwrap();
    for (path, expected) in [(dir.path().join("missing"), "does not exist"), (occupied, "is not a folder")] {
        let drop = open(&path, |settings| {
            settings.answers.insert("failure".into(), "Failure".into());
        });
        let problems = drop.check().await;
        assert_eq!(problems.len(), 2, "the folder and its answer folder: {problems:?}");
        assert!(problems[0].message.contains(expected), "{problems:?}");
        let Prepared { plan, contents, .. } = prepared(&drop, "t1");
        let error = drop.write_temporaries(&plan, contents).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(drop.listing().await.is_err() && drop.recover(&plan, Phase::Writing).await.is_err());
    }
    let mut settings = FolderSettings::new("relative");
    settings.answers.insert("out".into(), PathBuf::new());
    settings.erp_watches = vec!["*".into()];
    settings.constant_trigger = Some("a/b".into());
    settings.answer_cap = 0;
    assert_eq!(FolderDestination::open(&settings).err().unwrap().len(), 6);
}

/// A small file system of its own; none without the right to mount.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn new(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir.path())
            .stderr(std::process::Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(dir))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_folder_is_told_and_left_clean() {
    let Some(mounted) = Mounted::new("size=64k") else {
        eprintln!(
            "NOT TRIED with a real file system, which needs the right to mount; /dev/full is tried in the unit test"
        );
        return;
    };
    let drop = open(mounted.0.path(), |_| {});
    let large = "x".repeat(200_000);
    let delivery = delivery(&[("a.xml", "small"), ("b.xml", &large)], None);
    let Prepared { plan, contents, .. } = drop.plan(&delivery, &Secrets::new(), "t1").unwrap();
    let error = drop.write_temporaries(&plan, contents).await.unwrap_err();
    assert!(matches!(error, FolderError::Full { .. }) && error.may_pass(), "{error}");
    assert!(names(mounted.0.path()).is_empty(), "{:?}", names(mounted.0.path()));
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_told() {
    let mounted = Mounted::new("ro");
    let dir = tempfile::tempdir().unwrap();
    // Without the right to mount we are not root either, and permissions hold.
    let path = mounted.as_ref().map_or(dir.path(), |mounted| mounted.0.path());
    if mounted.is_none() {
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    }
    let drop = open(path, |_| {});
    let problems = drop.check().await;
    assert!(problems.len() == 1 && problems[0].message.contains("can't be written"), "{problems:?}");
    let Prepared { plan, contents, .. } = prepared(&drop, "t1");
    let error = drop.write_temporaries(&plan, contents).await.unwrap_err();
    assert!(matches!(error, FolderError::NotWritable { .. }) && error.may_pass(), "{error}");
}
