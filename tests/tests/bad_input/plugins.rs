//! Files that are no plugin.

use orderdock_tests::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused_with_what_it_is_instead() {
    let rig = Rig::bare().await;
    let large = std::fs::File::create(rig.dir().join("large.wasm")).unwrap();
    large.set_len(100 << 20).unwrap();
    std::fs::write(rig.dir().join("module.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    std::fs::write(rig.dir().join("world.wasm"), wat::parse_str("(component)").unwrap()).unwrap();
    let import = r#"(component (import "acme:net/socket@1.0.0" (instance)))"#;
    std::fs::write(rig.dir().join("import.wasm"), wat::parse_str(import).unwrap()).unwrap();
    rig.write("text.wasm", "#!/bin/sh\n");
    rig.write("empty.wasm", "");
    for (file, words) in [
        ("text.wasm", &["is not a plugin that can be used"][..]),
        ("empty.wasm", &["is not a plugin that can be used"]),
        ("module.wasm", &["component"]),
        ("world.wasm", &["orderdock:plugin/mapper@0.1.0", "exports nothing"]),
        ("import.wasm", &["acme:net/socket@1.0.0"]),
        ("large.wasm", &["104857600 bytes", "plugins.release_bytes"]),
        ("missing.wasm", &["can't be read", "No such file"]),
    ] {
        for verb in ["add", "inspect"] {
            let said = rig.run(&["plugin", verb, file]).await;
            assert_eq!(said.code, 2, "{file}: {said:?}");
            assert!(said.err.contains(file), "it names the file: {said:?}");
            for words in words {
                assert!(said.err.contains(words), "{file}: {words} is not in {said:?}");
            }
        }
    }
    assert_eq!(rig.ask(&["plugin", "list"]).await, serde_json::json!([]));
}
