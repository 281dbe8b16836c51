//! `plugin activate --shadow`: in force only if the last orders come out the same, or somebody wants the differences.

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
