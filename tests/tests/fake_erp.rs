//! The fake ERP as a process: its control API, its look-ups, and what it remembers.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

struct Process {
    child: Child,
    address: String,
}

impl Process {
    fn start(dir: &Path) -> Self {
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_fake-erp")).arg("--dir").arg(dir).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { child, address: said["address"].as_str().unwrap().to_owned() }
    }

    async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let client = reqwest::Client::builder().build().unwrap();
        let answer = client.request(method, url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn rules_settings_and_the_ledger_are_there_over_http_and_over_a_kill() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = tempfile::tempdir().unwrap();
    let erp = Process::start(dir.path());
    let rules = json!([
        {"key": "BAD-*", "behaviour": {"kind": "refuse", "status": 422, "message": "no such article"}},
        {"key": "WEB-2", "times": 1, "behaviour": {"kind": "unavailable"}},
        {"key": "WEB-3", "behaviour": {"kind": "accept", "status": 200, "body": {"data": [{"no": "{id}", "ref": "{key}"}]}}},
    ]);
    assert_eq!(erp.ask("PUT", "/_control/rules", rules).await.0, 200);
    assert_eq!(erp.ask("PUT", "/_control/rules", json!([{"keys": "x"}])).await.0, 400);
    let order = |key: &str| json!({"order_number": key});
    assert_eq!(
        erp.ask("POST", "/api/orders", order("WEB-1")).await,
        (201, json!({"object": {"order_id": "SO-1"}, "message": "created"}))
    );
    assert_eq!(erp.ask("POST", "/api/orders", order("BAD-1")).await, (422, json!({"message": "no such article"})));
    assert_eq!(erp.ask("POST", "/api/orders", order("WEB-2")).await.0, 503);
    assert_eq!(erp.ask("POST", "/api/orders", order("WEB-2")).await.0, 201);
    assert_eq!(
        erp.ask("POST", "/api/orders", order("WEB-3")).await,
        (200, json!({"data": [{"no": "SO-3", "ref": "WEB-3"}]}))
    );
    let found = erp.ask("GET", "/api/orders?reference=WEB-2", Value::Null).await.1;
    assert_eq!(found, json!({"orders": [{"order_id": "SO-2", "reference": "WEB-2"}]}));
    assert_eq!(erp.ask("GET", "/api/orders/WEB-9", Value::Null).await.0, 404);
    let state = erp.ask("GET", "/_control/state", Value::Null).await.1;
    assert_eq!((&state["requests"], &state["look_ups"], &state["connections"]), (&json!(5), &json!(2), &json!(7)));
    assert_eq!(state["requests_by_key"]["WEB-2"], 2);
    drop(erp);
    let erp = Process::start(dir.path());
    assert_eq!(
        erp.ask("GET", "/_control/state", Value::Null).await.1["orders"].as_array().unwrap().len(),
        3,
        "what was accepted outlives a kill"
    );
    erp.ask("PUT", "/_control/settings", json!({"refuses_duplicates": true, "look_up": "blind"})).await;
    let (status, answer) = erp.ask("POST", "/api/orders", order("WEB-1")).await;
    assert_eq!((status, &answer["object"]["order_id"]), (409, &json!("SO-1")));
    let hidden = erp.ask("GET", "/api/orders?reference=WEB-1", Value::Null).await.1;
    assert_eq!(hidden, json!({"orders": []}));
}
