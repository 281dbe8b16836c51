//! `plugin activate --shadow`: in force only if the last orders come out the same, or somebody wants the differences: by a flag,
//! or when asked at a terminal.

use orderdock_tests::rig::{CONNECTION, Rig};

use super::{connect_variant, mapped_by};

async fn delivered(rig: &Rig, orders: usize) -> Vec<u64> {
    let ids: Vec<u64> = (0..orders).map(|_| rig.place()).collect();
    rig.sync().await;
    for id in &ids {
        rig.until_status(*id, "In Progress").await;
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_shown_and_not_activated_unless_it_is_accepted() {
    let mut rig = Rig::bare().await;
    let first = connect_variant(&rig, "").await;
    let second = rig.add_variant("second", "good").await;
    let activate = |release: &str, more: &[&str]| -> Vec<String> {
        let usual = ["plugin", "activate", CONNECTION, release, "--reason", "new codes"];
        usual.iter().chain(more).map(|it| (*it).to_owned()).collect()
    };
    let run = async |rig: &Rig, release: &str, more: &[&str]| {
        let arguments = activate(release, more);
        rig.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    let said = run(&rig, &second, &["--shadow"]).await;
    assert_eq!(said.code, 3, "no orders, nothing that could be shown: {said:?}");
    rig.serve().await;
    delivered(&rig, 3).await;

    // A table that the plugin does not ask: nothing differs, and it is activated.
    let tables = rig.write("tables.toml", "[shipping]\nexpress = \"EXP\"\n");
    let said = run(&rig, &first, &["--shadow", "--tables", tables.to_str().unwrap(), "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let told = said.json();
    assert_eq!((&told["shadow"]["orders"], &told["shadow"]["identical"]), (&3.into(), &3.into()), "{told}");
    assert_eq!(told["activation"]["why"], "new codes (shadow run: 3 of 3 orders the same)", "{told}");

    // Another one, which says its own name in every delivery.
    let number = async |rig: &Rig| rig.ask(&["plugin", "history", CONNECTION]).await;
    let before = number(&rig).await;
    let said = run(&rig, &second, &["--shadow=2"]).await;
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.out.contains("/release") && said.out.contains("0 identical, 2 different"), "{said:?}");
    assert!(said.err.contains("nothing was activated") && said.err.contains("--accept"), "{said:?}");
    let told = run(&rig, &second, &["--shadow", "--json"]).await;
    assert_eq!((told.code, &told.json()["activation"]), (5, &serde_json::Value::Null), "{told:?}");
    assert_eq!(number(&rig).await, before, "nothing was activated");
    assert_eq!(mapped_by(&rig, delivered(&rig, 1).await[0]), "first");

    let said = run(&rig, &second, &["--shadow", "--accept", "--json"]).await;
    assert_eq!(said.code, 0, "{said:?}");
    let why = said.json()["activation"]["why"].as_str().unwrap().to_owned();
    assert_eq!(why, "new codes (shadow run: 0 of 4 orders the same, accepted)");
    rig.until("the host took it up", |rig| rig.log().matches("took up a change").count() >= 2).await;
    assert_eq!(mapped_by(&rig, delivered(&rig, 1).await[0]), "second");
    assert_eq!(run(&rig, &first, &["--accept"]).await.code, 2, "there is nothing to accept without a shadow run");
}

/// What somebody at a terminal is asked.
const QUESTION: &str = "Activate it all the same? Write yes:";

#[tokio::test(flavor = "multi_thread")]
async fn somebody_at_a_terminal_is_asked_after_the_differences_and_only_yes_activates() {
    let mut rig = Rig::bare().await;
    let first = connect_variant(&rig, "").await;
    let second = rig.add_variant("second", "good").await;
    rig.serve().await;
    delivered(&rig, 2).await;
    let activate = |release: &str, more: &[&str]| -> Vec<String> {
        let usual = ["plugin", "activate", CONNECTION, release, "--reason", "it's new", "--shadow"];
        usual.iter().chain(more).map(|it| (*it).to_owned()).collect()
    };
    let at_terminal = |rig: &Rig, release: &str, more: &[&str], redirected: &str| {
        rig.at_terminal(&activate(release, more).iter().map(String::as_str).collect::<Vec<_>>(), redirected)
    };
    let history = async |rig: &Rig| rig.ask(&["plugin", "history", CONNECTION]).await;
    let before = history(&rig).await;

    // No; nothing at all; the end of all input; and what only begins like a yes.
    for answer in ["no\r", "\r", "\u{4}", "y\r"] {
        let mut terminal = at_terminal(&rig, &second, &[], "");
        let shown = terminal.until(QUESTION).await;
        let differences = shown.find("0 identical, 2 different").and_then(|at| shown[at..].find("/release"));
        assert!(differences.is_some(), "the differences come before the question: {shown}");
        terminal.types(answer).await;
        let said = terminal.ends().await;
        assert_eq!(said.code, 5, "{answer:?}: {said:?}");
        assert!(said.out.contains("nothing was activated") && said.out.contains("--accept"), "{answer:?}: {said:?}");
    }

    // Who can't see the question, or can't be believed to have read it, is not asked.
    let said = rig.run_with(&activate(&second, &[]).iter().map(String::as_str).collect::<Vec<_>>(), "yes\n").await;
    assert_eq!((said.code, said.all().contains(QUESTION)), (5, false), "no terminal: {said:?}");
    rig.write("yes.txt", "yes\n");
    let said = at_terminal(&rig, &second, &[], "< yes.txt").ends().await;
    assert_eq!((said.code, said.out.contains(QUESTION)), (5, false), "a file answers for nobody: {said:?}");
    let said = at_terminal(&rig, &second, &[], "> shown.txt").ends().await;
    let shown = std::fs::read_to_string(rig.dir().join("shown.txt")).unwrap();
    assert_eq!((said.code, shown.contains(QUESTION)), (5, false), "what it shows goes elsewhere: {shown}");
    let said = at_terminal(&rig, &second, &["--json"], "").ends().await;
    assert_eq!((said.code, said.out.contains(QUESTION)), (5, false), "a script wants JSON: {said:?}");
    assert_eq!(history(&rig).await, before, "nothing was activated");

    // Nothing differs (a table that the plugin does not ask): nothing to ask.
    let tables = rig.write("tables.toml", "[shipping]\nexpress = \"EXP\"\n");
    let said = at_terminal(&rig, &first, &["--tables", tables.to_str().unwrap()], "").ends().await;
    assert_eq!((said.code, said.out.contains(QUESTION)), (0, false), "{said:?}");
    // Said beforehand.
    let said = at_terminal(&rig, &second, &["--accept"], "").ends().await;
    assert_eq!((said.code, said.out.contains(QUESTION)), (0, false), "{said:?}");
    rig.ask(&["plugin", "rollback", CONNECTION, "--reason", "asked again"]).await;

    let mut terminal = at_terminal(&rig, &second, &[], "");
    terminal.until(QUESTION).await;
    terminal.types("Yes\r").await;
    let said = terminal.ends().await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("maps with variant@1.0.0-second"), "{said:?}");
    let kept = history(&rig).await.to_string();
    assert!(kept.contains("it's new (shadow run: 0 of 2 orders the same, accepted)"), "{kept}");
}
