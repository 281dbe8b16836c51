//! Releases travel: with a password, with a token, over TLS.

use orderdock_tests::{
    registry::{Between, Fault, OciRegistry, PASSWORD, USER},
    rig::{Rig, component},
    tls::{Authority, Front},
};
use serde_json::Value;

async fn manifest(address: &str, reference: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let request = client.get(format!("http://{address}/v2/plugins/json-post/manifests/{reference}"));
    let request =
        request.header("accept", "application/vnd.oci.image.manifest.v1+json").basic_auth(USER, Some(PASSWORD));
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_published_in_the_layout_of_wasm_artifacts_and_fetched_by_another_host() {
    let registry = OciRegistry::start(true).await;
    let rig = Rig::bare().await;
    let file = component("json-post").display().to_string();
    let kept = rig.ask(&["plugin", "add", &file]).await;
    let to = format!("{}/plugins/json-post:0.1.0", registry.address);

    // Nobody comes in without the password, and what to do is said.
    let said = rig.run(&["plugin", "push", "json-post", &to]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("--password-stdin") && said.err.contains("[registries."), "{}", said.err);
    let wrong = ["plugin", "push", "json-post", &to, "--user", USER, "--password-stdin"];
    assert_eq!(rig.run_with(&wrong, "wrong\n").await.code, 1);

    let said = rig.run_with(&[&wrong[..], &["--json"]].concat(), &format!("{PASSWORD}\n")).await;
    assert_eq!(said.code, 0, "{said:?}");
    let pushed = said.json();
    assert_eq!(pushed["release"], kept["digest"]);
    let there = manifest(&registry.address, "0.1.0").await;
    assert_eq!(there["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(there["layers"].as_array().unwrap().len(), 1);
    assert_eq!(there["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(there["layers"][0]["digest"], format!("sha256:{}", kept["digest"].as_str().unwrap()));
    assert_eq!(there["annotations"]["org.opencontainers.image.version"], "0.1.0");

    // Another host, which has the log-in in its file.
    let mut other = Rig::bare().await;
    other.environment.push(("REGISTRY_PASSWORD".to_owned(), PASSWORD.to_owned()));
    let host = std::fs::read_to_string(other.dir().join("orderdock.toml")).unwrap();
    let login = format!(
        "{host}\n[registries.\"{}\"]\nuser = \"{USER}\"\npassword = {{ env = \"REGISTRY_PASSWORD\" }}\n",
        registry.address
    );
    other.write("orderdock.toml", &login);
    let pulled = other.ask(&["plugin", "pull", &to]).await;
    assert_eq!((&pulled["digest"], &pulled["added"]), (&kept["digest"], &Value::Bool(true)));
    assert_eq!(pulled["reference"], pushed["reference"]);
    let exact = pulled["reference"].as_str().unwrap();
    assert_eq!(other.ask(&["plugin", "pull", exact]).await["added"], false, "it is there already");
    // The same release from there makes the same manifest, here without keeping the file first.
    let again = other.ask(&["plugin", "push", &file, &format!("{}/plugins/json-post:again", registry.address)]).await;
    assert_eq!(again["manifest"], pushed["manifest"]);

    let said = other.run(&["plugin", "pull", &format!("{}/plugins/json-post:9.9.9", registry.address)]).await;
    assert_eq!(said.code, 3, "{said:?}");
    let said = other.run(&["plugin", "pull", "json-post:1"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    for shown in [rig.log(), other.log(), said.all()] {
        assert!(!shown.contains(PASSWORD));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_fetched_where_the_registry_says() {
    let registry = OciRegistry::start(false).await;
    let between = Between::start(&registry.address).await;
    between.set(Fault::Token);
    let rig = Rig::bare().await;
    let file = component("json-post").display().to_string();
    let to = format!("{}/plugins/json-post:0.1.0", between.address);
    let said = rig.run(&["plugin", "push", &file, &to]).await;
    assert_eq!(said.code, 1, "the token server lets nobody in without a password: {said:?}");
    let with = ["plugin", "push", &file, &to, "--user", USER, "--password-stdin"];
    let said = rig.run_with(&with, PASSWORD).await;
    assert_eq!(said.code, 0, "{said:?}");
    let tokens = between.seen().iter().filter(|seen| seen.contains("/token?service=between&scope=")).count();
    assert_eq!(tokens, 2, "one for each command: {:?}", between.seen());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own_is_named_in_the_hosts_file() {
    let registry = OciRegistry::start(false).await;
    let authority = Authority::new();
    let front = Front::start(authority.server("localhost"), registry.address.parse().unwrap()).await;
    let rig = Rig::bare().await;
    let host = std::fs::read_to_string(rig.dir().join("orderdock.toml")).unwrap();
    rig.write("ca.pem", authority.pem());
    rig.write("other.pem", Authority::new().pem());
    let address = front.address().replace("https://127.0.0.1", "localhost");
    let from = format!("{address}/plugins/json-post:0.1.0");
    let asks = async |ca: &str| {
        rig.write("orderdock.toml", &format!("{host}\n[registries.\"{address}\"]\nca_file = \"{ca}\"\n"));
        rig.run(&["plugin", "pull", &from]).await
    };
    let said = asks("other.pem").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("an authority that is not known here"), "{}", said.err);
    let said = asks("ca.pem").await;
    assert_eq!(said.code, 3, "the registry answers that there is no such plugin: {said:?}");
    assert_eq!(asks("missing.pem").await.code, 2);
}
