//! Publishers' signatures: by file, by registry, and where they are asked for.

use orderdock_tests::{
    registry::{Between, Fault, OciRegistry},
    rig::{Rig, component},
};
use serde_json::Value;

const PUBLISHER: &str = "Orderdock";

/// Makes a key in the rig's folder; its id.
async fn new_key(rig: &Rig, name: &str) -> String {
    rig.ask(&["publisher", "new-key", name]).await["key_id"].as_str().unwrap().to_owned()
}

async fn trust(rig: &Rig, publisher: &str, key: &str) {
    assert_eq!(rig.ask(&["publisher", "add", publisher, key]).await["added"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_publisher_signs_each_file() {
    let rig = Rig::bare().await;
    let file = component("json-post").display().to_string();
    let key = new_key(&rig, "own").await;
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(rig.dir().join("own")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(rig.run(&["publisher", "new-key", "own"]).await.code, 2, "a key is not written over");
    new_key(&rig, "stranger").await;
    trust(&rig, PUBLISHER, "own.pub").await;
    assert_eq!(rig.ask(&["publisher", "add", PUBLISHER, "own.pub"]).await["added"], false);
    assert_eq!(rig.run(&["publisher", "add", PUBLISHER, "own"]).await.code, 2, "a private key is not one to trust");

    let said = rig.run(&["plugin", "add", &file]).await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("`Orderdock` made it, and has no signature by that publisher's key"), "{}", said.err);
    rig.ask(&["plugin", "sign", &file, "--key", "stranger", "--out", "stranger.sig"]).await;
    assert_eq!(rig.run(&["plugin", "add", &file, "--signature", "stranger.sig"]).await.code, 4);
    let other = component("xml-drop").display().to_string();
    rig.ask(&["plugin", "sign", &other, "--key", "own", "--out", "other.sig"]).await;
    assert_eq!(rig.run(&["plugin", "add", &file, "--signature", "other.sig"]).await.code, 4, "of another component");
    let said = rig.run(&["plugin", "add", &file, "--signature", "own.pub"]).await;
    assert_eq!((said.code, said.err.contains("own.pub holds no signature")), (2, true), "{said:?}");
    assert_eq!(rig.ask(&["plugin", "list"]).await.as_array().map(Vec::len), Some(0));

    rig.ask(&["plugin", "sign", &file, "--key", "own", "--out", "own.sig"]).await;
    // As cosign would have put it into a bundle.
    let signature = std::fs::read_to_string(rig.dir().join("own.sig")).unwrap();
    rig.write("own.sig", &format!(r#"{{"messageSignature":{{"signature":"{}"}}}}"#, signature.trim()));
    let kept = rig.ask(&["plugin", "add", &file, "--signature", "stranger.sig", "--signature", "own.sig"]).await;
    assert_eq!((&kept["added"], kept["signed_by_key"].as_str()), (&Value::Bool(true), Some(key.as_str())));
    // What is kept with it is enough from now on.
    assert_eq!(rig.ask(&["plugin", "add", &file]).await["signed_by_key"], key);
    assert_eq!(rig.ask(&["publisher", "list"]).await[0]["key_id"], key);
    assert_eq!(rig.ask(&["publisher", "remove", PUBLISHER]).await["removed"], 1);
    assert_eq!(rig.run(&["publisher", "remove", PUBLISHER]).await.code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_is_judged_again_when_it_is_put_to_work() {
    let rig = Rig::bare().await;
    let file = component("json-post").display().to_string();
    new_key(&rig, "own").await;
    rig.add_plugin().await;
    trust(&rig, PUBLISHER, "own.pub").await;
    rig.write("json.toml", &rig.connection_file(""));
    let said = rig.run(&["connection", "apply", "json.toml"]).await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("has no signature"), "{}", said.err);
    rig.ask(&["plugin", "sign", &file, "--key", "own", "--out", "own.sig"]).await;
    rig.ask(&["plugin", "add", &file, "--signature", "own.sig"]).await;
    let said = rig.run(&["connection", "apply", "json.toml"]).await;
    assert_eq!(said.code, 0, "{said:?}");

    // A key that is taken away stops nothing that is at work, and lets nothing more be put to work.
    rig.ask(&["publisher", "remove", PUBLISHER]).await;
    let host = std::fs::read_to_string(rig.dir().join("orderdock.toml")).unwrap();
    rig.write("orderdock.toml", &host.replace("[plugins]", "[plugins]\nsignatures = \"all\""));
    assert_eq!(rig.run(&["connection", "apply", "json.toml"]).await.code, 0, "it is at work already");
    rig.write("second.toml", &rig.connection_file("").replace("name = \"json\"", "name = \"second\""));
    let said = rig.run(&["connection", "apply", "second.toml"]).await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("orderdock publisher add 'Orderdock'"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_travels_with_the_release() {
    let registry = OciRegistry::start(false).await;
    let rig = Rig::bare().await;
    let key = new_key(&rig, "own").await;
    let name = format!("{}/plugins/json-post", registry.address);
    let file = component("json-post").display().to_string();
    let pushed = rig.ask(&["plugin", "push", &file, &format!("{name}:1"), "--sign", "own"]).await;
    assert_eq!(pushed["signed_by_key"], key);
    rig.ask(&["plugin", "push", &file, &format!("{name}:1"), "--sign", "own"]).await;
    let other = component("xml-drop").display().to_string();
    let unsigned = rig.ask(&["plugin", "push", &other, &format!("{name}:unsigned")]).await;

    let customer = Rig::bare().await;
    customer.write("own.pub", &std::fs::read_to_string(rig.dir().join("own.pub")).unwrap());
    trust(&customer, PUBLISHER, "own.pub").await;
    let pulled = customer.ask(&["plugin", "pull", &format!("{name}:1")]).await;
    assert_eq!(pulled["signed_by_key"], key);
    let said = customer.run(&["plugin", "pull", &format!("{name}:unsigned")]).await;
    assert_eq!(said.code, 4, "{said:?}");

    // A registry that lets the good tag point to other bytes, all of whose digests are right.
    rig.ask(&["plugin", "push", &other, &format!("{name}:1")]).await;
    let said = customer.run(&["plugin", "pull", &format!("{name}:1")]).await;
    assert_eq!(said.code, 4, "{said:?}");
    // And puts the good signature beside them.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let address = |manifest: &Value| {
        let digest = manifest["manifest"].as_str().unwrap();
        format!("http://{}/v2/plugins/json-post/manifests/sha256-{digest}.sig", registry.address)
    };
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let good = client.get(address(&pushed)).header("accept", kind).send().await.unwrap();
    let good = good.error_for_status().unwrap().bytes().await.unwrap();
    let signatures: Value = serde_json::from_slice(&good).unwrap();
    assert_eq!(signatures["layers"].as_array().map(Vec::len), Some(2), "ECDSA signs anew each time");
    assert_eq!(signatures["layers"][0]["mediaType"], "application/vnd.dev.cosign.simplesigning.v1+json");
    let put = client.put(address(&unsigned)).header("content-type", kind).body(good).send().await.unwrap();
    assert!(put.status().is_success());
    let said = customer.run(&["plugin", "pull", &format!("{name}:1")]).await;
    assert_eq!(said.code, 4, "{said:?}");
    assert!(said.err.contains("it signs the manifest sha256:"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_text_that_was_changed_is_refused() {
    let registry = OciRegistry::start(false).await;
    let between = Between::start(&registry.address).await;
    let rig = Rig::bare().await;
    new_key(&rig, "own").await;
    trust(&rig, PUBLISHER, "own.pub").await;
    let file = component("json-post").display().to_string();
    rig.ask(&["plugin", "push", &file, &format!("{}/plugins/json-post:1", registry.address), "--sign", "own"]).await;
    between.set(Fault::SmallBlob);
    let said = rig.run(&["plugin", "pull", &format!("{}/plugins/json-post:1", between.address)]).await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("was changed on the way or in the registry"), "{}", said.err);
}
