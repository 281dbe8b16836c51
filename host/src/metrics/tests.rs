//! What a scrape says, and that the operators' page tells every metric.

use super::*;

fn call(outcome: &'static str, limit: Option<&'static str>) -> Call {
    Call { call: "map", outcome, limit, cpu: 250_000, memory: 1_100_000, us: 700 }
}

fn standing() -> Standing {
    let orders = vec![OrdersIn { state: "waiting".into(), orders: 3, oldest_s: 70 }];
    let one = ConnectionStanding { name: "acme".into(), orders, alive: Some(true), ..ConnectionStanding::default() };
    Standing { version: "1.2.3", ready: true, in_hand: 2, connections: Some(vec![one]) }
}

#[test]
fn a_scrape_says_what_was_counted_and_how_things_are() {
    let metrics = Metrics::new().unwrap();
    metrics.called("json-post@1.0.0", "0123456789abcdef", call("delivery", None));
    metrics.called("json-post@1.0.0", "0123456789abcdef", call("limit", Some("cpu")));
    metrics.closed("acme", "delivered");
    metrics.attempted("acme", "accepted");
    let text = metrics.text(&standing()).unwrap();
    let of = r#"digest="0123456789ab",release="json-post@1.0.0""#;
    for line in [
        r#"orderdock_plugin_calls_total{call="map",digest="0123456789ab",outcome="delivery",release="json-post@1.0.0"} 1"#.to_owned(),
        r#"orderdock_plugin_limits_total{digest="0123456789ab",limit="cpu",release="json-post@1.0.0"} 1"#.to_owned(),
        format!(r#"orderdock_plugin_call_seconds_bucket{{call="map",{of},le="0.001"}} 2"#),
        format!(r#"orderdock_plugin_call_cpu_units_bucket{{call="map",{of},le="100000"}} 0"#),
        format!(r#"orderdock_plugin_call_memory_bytes_sum{{call="map",{of}}} 2200000"#),
        r#"orderdock_passes_closed_total{connection="acme",state="delivered"} 1"#.to_owned(),
        r#"orderdock_attempts_total{connection="acme",outcome="accepted"} 1"#.to_owned(),
        r#"orderdock_orders{connection="acme",state="waiting"} 3"#.to_owned(),
        r#"orderdock_orders_oldest_seconds{connection="acme",state="waiting"} 70"#.to_owned(),
        r#"orderdock_connection_alive{connection="acme"} 1"#.to_owned(),
        "orderdock_ready 1".to_owned(),
        "orderdock_ledger_up 1".to_owned(),
        "orderdock_passes_in_hand 2".to_owned(),
        r#"orderdock_build_info{version="1.2.3"} 1"#.to_owned(),
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\nis not in\n{text}");
    }
    for family in FAMILIES {
        let told = format!("# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name, family.kind.as_str());
        assert!(text.contains(&told), "{told}\nis not in\n{text}");
    }
    let unread = Standing { connections: None, ..standing() };
    assert!(metrics.text(&unread).unwrap().contains("\norderdock_ledger_up 0\n"));
}

#[test]
fn nobody_can_make_the_number_of_series_grow() {
    let metrics = Metrics::new().unwrap();
    for n in 0..MOST_RELEASES + 50 {
        metrics.called(&format!("p@{n}"), &format!("{n:0>12}"), call("trap", None));
    }
    let connections =
        |n: usize| ConnectionStanding { name: format!("c{n}"), paused: true, ..ConnectionStanding::default() };
    let all = (0..MOST_CONNECTIONS + 50).map(connections).collect();
    let text = metrics.text(&Standing { connections: Some(all), ..standing() }).unwrap();
    let series = |of: &str| text.lines().filter(|line| line.starts_with(of)).count();
    assert_eq!(series("orderdock_plugin_calls_total{"), MOST_RELEASES + 1);
    assert!(text.contains(r#"digest="other",outcome="trap",release="other"} 50"#), "{text}");
    assert_eq!(series("orderdock_connection_paused{"), MOST_CONNECTIONS + 1);
    assert!(text.contains("orderdock_connection_paused{connection=\"other\"} 50"));
    // One that was idle for long makes room for one that is not, and its series end.
    for _ in 0..10_001 {
        metrics.called("p@1", "000000000001", call("trap", None));
    }
    metrics.called("new@1", "new", call("trap", None));
    let text = metrics.text(&standing()).unwrap();
    assert!(text.contains("release=\"new@1\"") && !text.contains("release=\"p@0\""), "{text}");
}

#[test]
fn the_page_for_operators_tells_every_metric_and_no_other() {
    let page = include_str!("../../../docs/metrics.md");
    let told: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `orderdock_")?.split('`').next()).collect();
    for family in FAMILIES {
        let name = family.name.trim_start_matches("orderdock_");
        let Some(line) = page.lines().find(|line| line.starts_with(&format!("| `{}`", family.name))) else {
            panic!("docs/metrics.md does not tell `{}`", family.name);
        };
        assert!(told.contains(&name) && line.contains(family.kind.as_str()), "{line}");
        for label in family.labels {
            assert!(line.contains(&format!("`{label}`")), "`{label}` is missing in: {line}");
        }
    }
    assert_eq!(told.len(), FAMILIES.len(), "docs/metrics.md tells what there is not: {told:?}");
}

#[test]
fn names_follow_the_conventions() {
    for Family { name, kind, help, labels, buckets } in FAMILIES {
        assert!(name.starts_with("orderdock_") && !help.ends_with('.'), "{name}: {help}");
        assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
        assert_eq!(!buckets.is_empty(), *kind == Kind::Histogram, "{name}");
        assert!(buckets.is_sorted() && !labels.contains(&"le"), "{name}");
    }
}
