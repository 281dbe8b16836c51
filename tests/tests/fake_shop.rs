//! The fake shop as a process: its control API, and its ledger after a kill.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

struct Process {
    child: Child,
    control: String,
}

impl Process {
    fn start(dir: &Path) -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_fake-shop")).arg("--dir").arg(dir).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Self { child, control: told["control"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // On unix this is kill -9.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn ask(method: reqwest::Method, url: String, body: Option<Value>) -> Value {
    rustls::crypto::ring::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}: {}", answer.status(), answer.text().await.unwrap());
    serde_json::from_str(&answer.text().await.unwrap()).unwrap_or(Value::Null)
}

#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    use reqwest::Method;
    let dir = tempfile::tempdir().unwrap();
    let shop = Process::start(dir.path());
    let control = shop.control.clone();
    let ids = ask(
        Method::POST,
        format!("{control}/generate"),
        Some(json!({"shop": "evo", "account": "acme", "count": 5, "seed": 9})),
    )
    .await;
    assert_eq!(ids["ids"].as_array().unwrap().len(), 5);
    let captured =
        ask(Method::POST, format!("{control}/fixtures"), Some(json!({"shop": "woo", "account": "acme"}))).await;
    assert_eq!(captured["ids"], json!([11, 12, 13]));
    let order = format!("{control}/orders/evo/acme/1001");
    ask(Method::POST, format!("{order}/status"), Some(json!({"status": "On Hold", "actor": "api"}))).await;
    ask(Method::POST, format!("{order}/stamp"), Some(json!({"at_s": 5}))).await;
    ask(Method::POST, format!("{order}/edit"), Some(json!({"patch": {"note": "changed"}}))).await;
    ask(Method::POST, format!("{control}/orders/evo/acme/1002/cancel"), None).await;
    let before = ask(Method::GET, format!("{control}/orders"), None).await;
    drop(shop);
    let shop = Process::start(dir.path());
    let after = ask(Method::GET, format!("{}/orders", shop.control), None).await;
    assert_eq!(before, after);
    let order = format!("{}/orders/evo/acme/1001", shop.control);
    let one = ask(Method::POST, format!("{order}/reset"), None).await;
    assert_eq!((&one["stamp_s"], &one["body"]["note"]), (&Value::Null, &json!("changed")));
    assert_eq!(one["history"].as_array().unwrap().len(), 3);
    ask(Method::POST, format!("{}/settings", shop.control), Some(json!({"rate_limit": 7}))).await;
    ask(
        Method::POST,
        format!("{}/faults", shop.control),
        Some(json!({"target": "/orders", "times": 2, "play": {"status": 500}})),
    )
    .await;
    ask(Method::POST, format!("{}/faults", shop.control), Some(json!({"shop": "woo", "play": "html"}))).await;
    let faults = ask(Method::GET, format!("{}/faults", shop.control), None).await;
    assert_eq!(faults["faults"].as_array().unwrap().len(), 2);
    let counts = ask(Method::GET, format!("{}/counts", shop.control), None).await;
    assert_eq!(counts["orders"], 8);
}
