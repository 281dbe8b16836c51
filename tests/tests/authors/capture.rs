//! A real order that failed becomes a case that fails in the same way, without the buyer's data.

use orderdock_tests::{erp::Behaviour, rig::Rig};
use serde_json::{Value, json};

use crate::workshop::{Workshop, is_skipped};

fn read(rig: &Rig, file: &str) -> String {
    std::fs::read_to_string(rig.dir().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_the_erp_refused_becomes_a_case() {
    let mut rig = Rig::connected().await;
    let id = rig.place();
    rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "Customer is on stop".to_owned() });
    rig.serve().await;
    rig.until_status(id, "On Hold").await;
    let number = format!("WEB-{id}");
    let buyer = json!(rig.order(id).body).to_string();
    let captured = rig.ask(&["plugin", "capture", &number, "--connection", "json", "--out", "cases"]).await;
    assert_eq!(captured["same_result"], true, "{captured}");
    assert!(captured["result"].as_str().unwrap().contains("then the verdict rejected"), "{captured}");
    let folder = format!("cases/order-web-{id}");
    let order: Value = serde_json::from_str(&read(&rig, &format!("{folder}/order.json"))).unwrap();
    assert_eq!(order["order_number"], number);
    for field in ["first_name", "last_name", "email"] {
        let text = order["buyer"][field].as_str().unwrap();
        assert!(text.chars().count() < 3 || !buyer.contains(text), "{field} {text:?} is the buyer's own");
    }
    assert!(read(&rig, &format!("{folder}/responses/1-answer.json")).contains("Customer is on stop"));
    // The case passes with the release that the order failed with.
    let component = orderdock_tests::rig::component("json-post");
    let tested = rig.run(&["plugin", "test", component.to_str().unwrap(), "--cases", "cases"]).await;
    assert_eq!(tested.code, 0, "{}", tested.all());
    // Asked for by name, the buyer stays in it.
    let open = rig.run(&["plugin", "capture", &number, "--connection", "json", "--unmasked", "--name", "open"]).await;
    assert!(open.code == 0 && open.out.contains("Nothing was masked"), "{}", open.all());
    let open: Value = serde_json::from_str(&read(&rig, "cases/open/order.json")).unwrap();
    assert_ne!(open["buyer"]["email"], order["buyer"]["email"]);
    // An unknown order, and a second time.
    assert_eq!(rig.run(&["plugin", "capture", "nothing", "--connection", "json"]).await.code, 3);
    assert_eq!(rig.run(&["plugin", "capture", &number, "--connection", "json"]).await.code, 2);
}

/// A plugin that stumbles over a character that XML can't hold, in a company's name.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_on_which_the_plugin_trapped_still_traps_when_it_is_masked() {
    if is_skipped("c") {
        return;
    }
    let shop = Workshop::new();
    shop.begin("acme", "c");
    let picky = "bool plugin_map";
    let check = "static __attribute__((noinline)) void write_company(od_text text) {\n  for (size_t at = 0; at < text.len; at++)\n    \
                 if (text.ptr[at] == 8) __builtin_trap();\n}\n\nbool plugin_map";
    shop.edit("acme/plugin.c", picky, check);
    shop.edit(
        "acme/plugin.c",
        "od_buffer body = {0};",
        "od_buffer body = {0};\n  write_company(order->buyer.company);",
    );
    shop.ask("acme", &["build"]);
    let mut rig = Rig::bare().await;
    let added = rig.run(&["plugin", "add", shop.at("acme/acme.wasm").to_str().unwrap()]).await;
    assert_eq!(added.code, 0, "{}", added.all());
    rig.connect("plugin.release = \"acme@0.1.0\"").await;
    let id = rig.place_with(|body| body["customer"]["company"] = json!("Straßenbau\u{8} Meyer"));
    rig.serve().await;
    rig.until_status(id, "On Hold").await;
    let number = format!("WEB-{id}");
    let said = rig.run(&["plugin", "capture", &number, "--connection", "json"]).await;
    assert_eq!(said.code, 0, "{}", said.all());
    for words in ["a trap while mapping the order", "write_company", "same kind of result", "buyer.company"] {
        assert!(said.out.contains(words), "no {words:?} in {}", said.out);
    }
    let order: Value = serde_json::from_str(&read(&rig, &format!("cases/order-web-{id}/order.json"))).unwrap();
    let company = order["buyer"]["company"].as_str().unwrap();
    assert!(company.contains('\u{8}') && company.contains('ß') && !company.contains("Meyer"), "{company:?}");
    let wide: Vec<&str> = said.out.lines().filter(|line| line.chars().count() > 100).collect();
    assert!(wide.is_empty(), "{wide:?}");
}
