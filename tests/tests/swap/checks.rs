//! What a connection wants to be true of every delivery (`[checks]`), whatever release made it.

use orderdock_tests::rig::{CONNECTION, Rig};

use super::connect_variant;

const CHECKS: &str =
    "[checks]\nlines = \"/lines/*\"\nline_key = \"sku\"\nline_quantity = \"quantity\"\ntotal = \"/total\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_lacks_a_line_is_refused_and_nothing_is_sent() {
    let mut rig = Rig::bare().await;
    connect_variant(&rig, CHECKS).await;
    rig.serve().await;
    let good = rig.place();
    rig.sync().await;
    rig.until_status(good, "In Progress").await;
    assert_eq!(rig.accepted(good), 1, "what holds all that it must is sent");

    let short = rig.add_variant("short", "short").await;
    rig.ask(&["plugin", "activate", CONNECTION, &short, "--untried", "--reason", "try"]).await;
    rig.until("the host took it up", |rig| rig.log().contains("took up a change")).await;
    // Nothing but products, so that the line that is left out is one.
    let id = rig.place_with(|body| {
        let rest = ["shipping_method", "shipping_method_name", "shipping_amount", "shipping_tax", "discount"];
        body.as_object_mut().unwrap().retain(|key, _| !rest.contains(&key.as_str()));
    });
    rig.sync().await;
    rig.until_status(id, "On Hold").await;
    assert_eq!((rig.sent(id), rig.accepted(id)), (0, 0), "not a byte of it reached the ERP");
    let why = rig.why(id).await;
    for words in ["breaks the connection's checks, so it was not sent", "`checks.line_key`, line ", ": expected "] {
        assert!(why.contains(words), "{words}: {why}");
    }
    let shown = rig.ask(&["order", "show", &id.to_string()]).await;
    assert!(shown["timeline"].to_string().contains("`checks.line_key`"), "{shown}");

    // A release that is right again, and the order set back to new: it goes.
    rig.ask(&["plugin", "rollback", CONNECTION, "--reason", "lines were missing"]).await;
    rig.until("the host took it up", |rig| rig.log().matches("took up a change").count() >= 2).await;
    rig.ask(&["order", "resend", &id.to_string(), "--why", "mended"]).await;
    rig.until_status(id, "In Progress").await;
    assert_eq!(rig.accepted(id), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_that_make_no_sense_are_told_with_their_place() {
    let rig = Rig::bare().await;
    rig.add_variant("first", "good").await;
    let more = "[checks]\nline_key = \"sku\"\ntolerance = \"much\"\nline_nam = \"id\"\n";
    let file = rig.write("wrong.toml", &rig.connection_file(more));
    let said = rig.run(&["connection", "apply", file.to_str().unwrap()]).await;
    assert_eq!(said.code, 2, "{said:?}");
    for words in
        ["checks.line_key: needs `lines`", "checks.tolerance: `much` is not an amount", "checks.line_nam: there is no"]
    {
        assert!(said.err.contains(words), "{words}: {said:?}");
    }
}
