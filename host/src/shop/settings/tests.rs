//! Settings: examples that are true, problems all at once, identity.

use super::*;
use crate::domain::clock::Millis;

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> Millis {
        0
    }
    fn since_boot(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

fn read(toml: &str) -> Result<ShopSettings, Vec<Problem>> {
    ShopSettings::read(toml.parse::<toml::Table>().unwrap())
}

fn keys(value: &Value, into: &mut Vec<String>) {
    if let Value::Object(fields) = value {
        for (name, inner) in fields {
            into.push(name.clone());
            keys(inner, into);
        }
    }
}

#[test]
fn the_examples_show_every_key_with_its_default() {
    for kind in ["evolutionx", "woocommerce", "push"] {
        let text = example(kind).unwrap();
        let whole: toml::Table = text.parse().unwrap();
        let mut read = ShopSettings::read(&whole["shop"]).unwrap();
        let plain = ShopSettings::read(serde_json::json!({"kind": kind})).unwrap();
        match &mut read {
            ShopSettings::Evolutionx(settings) => {
                settings.region = None;
                settings.http.requests_per_minute = None;
            }
            ShopSettings::Woocommerce(settings) => settings.base_address.clear(),
            ShopSettings::Push(_) => {}
        }
        assert_eq!(read, plain, "{kind}");
        let mut all = Vec::new();
        keys(&serde_json::to_value(&plain).unwrap(), &mut all);
        for key in all {
            assert!(text.contains(key.as_str()), "{kind}: the example does not show `{key}`");
        }
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let problems = read(
        "kind = \"evolutionx\"\nregion = \"mars\"\npage_sise = 5\npage_size = \"many\"\n[calls.add_note]\nmethod = \"POST\"\n[fields.line]\nskoo = \"x\"\n[http]\ntime_limit_s = -1\n",
    )
    .unwrap_err();
    let mut places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
    places.sort_unstable();
    assert_eq!(
        places,
        [
            "shop.calls.add_note.path",
            "shop.fields.line.skoo",
            "shop.http.time_limit_s",
            "shop.page_sise",
            "shop.page_size",
            "shop.region"
        ]
    );
    assert!(read("kind = \"shopify\"\n").unwrap_err()[0].to_string().contains("expected `evolutionx`"));
    assert!(read("region = \"eu\"\n").unwrap_err()[0].to_string().contains("shop.kind"));
}

#[test]
fn opening_tells_all_that_is_missing() {
    let open = |toml: &str| match read(toml).unwrap().open(&BTreeMap::new(), Arc::new(Still)) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|problem| problem.place).collect(),
    };
    assert_eq!(
        open("kind = \"woocommerce\"\npage_size = 500\n"),
        ["shop.secrets.consumer_key", "shop.secrets.consumer_secret", "shop.base_address", "shop.page_size"]
    );
    assert_eq!(
        open("kind = \"evolutionx\"\nbase_address = \"http://shop.example\"\n"),
        ["shop.secrets.token", "shop.base_address"]
    );
    assert_eq!(
        open("kind = \"evolutionx\"\nbase_address = \"https://a:b@shop.example\"\n"),
        ["shop.secrets.token", "shop.base_address"]
    );
    assert_eq!(
        open(
            "kind = \"evolutionx\"\nbase_address = \"http://127.0.0.1:1\"\n[calls.set_status]\nmethod = \"PUT\"\npath = \"/orders\"\nfield = \"status\"\n"
        ),
        ["shop.secrets.token", "shop.calls.set_status.path"]
    );
    assert_eq!(open("kind = \"push\"\n"), ["shop.secrets.token", "shop.kind"]);
}

#[test]
fn the_same_shop_is_recognised() {
    let identity = |toml: &str| read(toml).unwrap().identity("acme");
    assert_eq!(
        identity("kind = \"woocommerce\"\nbase_address = \"https://Shop.example/\"\n"),
        identity("kind = \"woocommerce\"\nbase_address = \"https://shop.example\"\n")
    );
    assert_eq!(
        identity("kind = \"evolutionx\"\nregion = \"eu\"\n"),
        identity("kind = \"evolutionx\"\nbase_address = \"https://eu.evoapi.io/\"\n")
    );
    assert_ne!(
        identity("kind = \"evolutionx\"\nregion = \"eu\"\n"),
        identity("kind = \"evolutionx\"\nregion = \"eu\"\naccount = \"two\"\n")
    );
    let pushed = |toml: &str, connection: &str| read(toml).unwrap().identity(connection);
    assert_ne!(pushed("kind = \"push\"\n", "acme"), pushed("kind = \"push\"\n", "other"));
    let named = "kind = \"push\"\naccount = \"web\"\n";
    assert_eq!(pushed(named, "acme"), pushed(named, "other"));
    assert_ne!(pushed("kind = \"push\"\n", "web"), pushed(named, "acme"), "a name is no account");
}

#[test]
fn what_is_stored_is_read_again() {
    for kind in ["evolutionx", "woocommerce", "push"] {
        let settings = ShopSettings::read(serde_json::json!({"kind": kind, "account": "two"})).unwrap();
        let stored = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<ShopSettings>(&stored).unwrap(), settings);
        assert_eq!(ShopSettings::read(&settings).unwrap(), settings);
    }
}
