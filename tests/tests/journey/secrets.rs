//! No secret is ever at rest in readable form, printed, logged or mailed: canaries are looked for everywhere.

use orderdock_tests::{
    erp::Behaviour,
    rig::{CONNECTION, ERP_TOKEN, Rig},
};

/// All files below a folder, with their bytes.
fn files(folder: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_readable_in_the_ledger_the_logs_or_any_output() {
    const SHOP_CANARY: &str = "evo-canary0c0ffee";
    let mut rig = Rig::bare().await;
    rig.add_plugin().await;
    rig.environment.retain(|(name, _)| name != "EVO_TOKEN");
    rig.environment.push(("EVO_TOKEN".to_owned(), SHOP_CANARY.to_owned()));
    rig.connect("").await;
    let account = "canary0c0ffee";
    let place = |rig: &Rig| rig.shop.place(orderdock_tests::shop::ShopKind::Evo, account, rig.ordinary(1));
    let (good, echoed) = (place(&rig), place(&rig));
    // An ERP that throws our own token back at us.
    rig.erp.rule(
        &format!("WEB-{echoed}"),
        Behaviour::Say {
            status: 403,
            content_type: "application/json".to_owned(),
            body: format!("{{\"message\":\"bad token {ERP_TOKEN}\"}}"),
        },
    );
    rig.serve().await;
    let status =
        |rig: &Rig, id| rig.shop.order(orderdock_tests::shop::ShopKind::Evo, account, id).unwrap().status().to_owned();
    rig.until("both are settled", |rig| status(rig, good) == "In Progress" && status(rig, echoed) == "On Hold").await;
    rig.mail.wait_for(1, std::time::Duration::from_secs(15)).await;

    let mut outputs = String::new();
    for arguments in [
        vec!["order", "list"],
        vec!["order", "show", &good.to_string()],
        vec!["order", "show", &echoed.to_string()],
        vec!["order", "why", &echoed.to_string()],
        vec!["connection", "list"],
        vec!["connection", "show", CONNECTION],
        vec!["connection", "export", CONNECTION],
        vec!["log"],
        vec!["check"],
        vec!["plugin", "list"],
    ] {
        for json in [&[][..], &["--json"]] {
            let said = rig.run(&[&arguments, json].concat()).await;
            outputs.push_str(&said.all());
        }
    }
    rig.stop().await;
    let mut looked = files(&rig.data());
    looked.push(("outputs".into(), outputs.into_bytes()));
    looked.push(("serve.log".into(), rig.log().into_bytes()));
    looked.extend(files(&rig.dir().join("mail")));
    assert!(
        looked.len() >= 4,
        "database, key, log, mail: {:?}",
        looked.iter().map(|(path, _)| path).collect::<Vec<_>>()
    );
    let notes = rig.shop.order(orderdock_tests::shop::ShopKind::Evo, account, echoed).unwrap().notes;
    looked.push(("notes in the shop".into(), format!("{notes:?}").into_bytes()));
    for canary in [ERP_TOKEN, SHOP_CANARY] {
        let leaks: Vec<_> = looked.iter().filter(|(_, bytes)| holds(bytes, canary)).map(|(path, _)| path).collect();
        assert!(leaks.is_empty(), "{canary} is readable in {leaks:?}");
    }
    // The test itself can find what is there.
    assert!(looked.iter().any(|(_, bytes)| holds(bytes, &format!("WEB-{good}"))));
}
