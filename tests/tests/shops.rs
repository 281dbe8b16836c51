//! The shop adapters against the fake shop: a real server, real connections, and its ledger as the judge.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use orderdock::{
    domain::{
        clock::{Clock, Millis},
        sight::{Actor as Who, ListScope, Sight},
    },
    shop::{Shop, ShopError, ShopSettings, evolutionx, http::HttpSettings},
};
use orderdock_tests::{
    orders,
    shop::{Actor, FakeShop, Fault, Key, Play, ShopKind, world::now_ms},
};
use serde_json::json;

struct MachineClock;

impl Clock for MachineClock {
    fn now_ms(&self) -> Millis {
        now_ms()
    }
    fn since_boot(&self) -> Duration {
        Duration::from_millis(u64::try_from(now_ms()).unwrap_or(0))
    }
}

fn evo_with(shop: &FakeShop, change: impl FnOnce(&mut evolutionx::Settings)) -> evolutionx::EvolutionX {
    let mut settings = evolutionx::Settings { base_address: shop.evo(), page_size: 10, ..Default::default() };
    settings.http = HttpSettings { requests_per_minute: Some(100_000), time_limit_s: 2, ..HttpSettings::default() };
    change(&mut settings);
    evolutionx::EvolutionX::open(settings, &"evo-acme".to_owned().into(), Arc::new(MachineClock)).unwrap()
}

fn evo(shop: &FakeShop) -> evolutionx::EvolutionX {
    evo_with(shop, |_| {})
}

async fn sweep(shop: &dyn Shop, scope: &ListScope) -> Result<Vec<Sight>, ShopError> {
    let (mut sights, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = shop.list(scope, cursor.as_deref()).await?;
        sights.extend(page.sights);
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(sights),
        }
    }
}

fn new_orders() -> ListScope {
    ListScope::InStatus(vec!["New Order".to_owned()])
}

fn place_many(shop: &FakeShop, kind: ShopKind, count: usize) -> Vec<u64> {
    orders::generate(1, count).iter().map(|order| shop.place(kind, "acme", order.body(kind))).collect()
}

#[tokio::test]
async fn evolutionx_lists_reads_and_writes_an_order() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let ids = place_many(&shop, ShopKind::Evo, 35);
    let evo = evo(&shop);
    let sights = sweep(&evo, &new_orders()).await.unwrap();
    assert_eq!(
        sights.iter().map(|sight| sight.shop_order_id.clone()).collect::<Vec<_>>(),
        ids.iter().map(u64::to_string).collect::<Vec<_>>()
    );
    for (sight, plain) in sights.iter().zip(orders::generate(1, 35)) {
        let order = sight.order.as_ref().unwrap();
        assert_eq!(order.totals.gross.as_str(), orders::money(plain.total_evo()));
        assert_eq!(order.buyer.company, plain.buyer.company);
        assert_eq!(order.buyer_note, plain.note);
        assert_eq!(sight.creator, Some(Who::Buyer));
        assert_eq!(sight.processed_stamp, Some(false));
    }
    let id = sights[0].shop_order_id.clone();
    evo.set_status(&id, "In Progress").await.unwrap();
    evo.mark_processed(&id).await.unwrap();
    evo.set_erp_order_id(&id, "SO-1").await.unwrap();
    assert!(!evo.has_note(&id, "m1").await.unwrap());
    evo.add_note(&id, "delivered as SO-1", "m1").await.unwrap();
    assert!(evo.has_note(&id, "m1").await.unwrap());
    evo.heartbeat().await.unwrap();
    let again = evo.get(&id).await.unwrap();
    assert_eq!(
        (again.status.as_str(), again.processed_stamp, again.status_actor),
        ("In Progress", Some(true), Some(Who::ApiUser))
    );
    let order = shop.order(ShopKind::Evo, "acme", ids[0]).unwrap();
    assert_eq!(order.references["seller_reference"], "SO-1");
    assert_eq!(order.notes.len(), 1);
    assert_eq!(shop.world.lock().counts.heartbeats["acme"], 1);
    assert!(matches!(evo.get("999999").await, Err(ShopError::NotFound(_))));
    assert!(matches!(evo.set_status(&id, "Nonsense").await, Err(ShopError::Refused { status: 422, .. })));
    let problems = evo.check(&["New Order".to_owned(), "Nonsense".to_owned()]).await;
    assert_eq!(problems.len(), 1);
    assert!(problems[0].to_string().contains("Nonsense"), "{}", problems[0]);
}

#[tokio::test]
async fn evolutionx_pages_hold_still_while_statuses_change() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let ids = place_many(&shop, ShopKind::Evo, 60);
    let evo = evo(&shop);
    let (mut seen, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = evo.list(&new_orders(), cursor.as_deref()).await.unwrap();
        for sight in &page.sights {
            evo.set_status(&sight.shop_order_id, "In Progress").await.unwrap();
            seen.push(sight.shop_order_id.parse::<u64>().unwrap());
        }
        let Some(next) = page.next else { break };
        cursor = Some(next);
    }
    assert_eq!(seen, ids);
}

#[tokio::test]
async fn bad_answers_are_told_apart_and_never_look_like_an_empty_list() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    place_many(&shop, ShopKind::Evo, 3);
    let evo = evo_with(&shop, |settings| {
        settings.http.time_limit_s = 1;
        settings.http.answer_cap_bytes = 1 << 20;
    });
    for (play, sentence) in [
        (Play::Html, "not JSON"),
        (Play::Truncated, "not JSON"),
        (Play::Cut, "did not answer properly"),
        (Play::ApplyThenCut, "did not answer properly"),
        (Play::Status(500), "500"),
        (Play::Slow(1500), "time limit"),
        (Play::Endless, "larger than"),
        (Play::Drip, "time limit"),
        (Play::Body("{}".to_owned()), "no list `data`"),
        (Play::Body("[]".to_owned()), "not an object"),
        (Play::Body(r#"{"data":{}}"#.to_owned()), "no list `data`"),
    ] {
        shop.fault(Fault::next("/orders", play.clone()));
        match sweep(&evo, &new_orders()).await {
            Err(error @ ShopError::Unclear(_)) => assert!(error.to_string().contains(sentence), "{play:?}: {error}"),
            other => panic!("{play:?}: {:?}", other.map(|sights| sights.len())),
        }
    }
    shop.fault(Fault::next("/orders", Play::Status(401)));
    assert!(matches!(sweep(&evo, &new_orders()).await, Err(ShopError::Unauthorised { status: 401, .. })));
    shop.fault(Fault::next("/orders", Play::TooMany("1".to_owned())));
    assert!(matches!(sweep(&evo, &new_orders()).await, Err(ShopError::Throttled { after_ms: 1000 })));
    assert_eq!(sweep(&evo, &new_orders()).await.unwrap().len(), 3, "after the wait it goes on by itself");
}

#[tokio::test]
async fn a_write_that_was_applied_but_not_answered_is_unclear_and_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let id = place_many(&shop, ShopKind::Evo, 1)[0].to_string();
    let evo = evo(&shop);
    shop.fault(Fault::next("/timeline", Play::ApplyThenCut));
    assert!(matches!(evo.add_note(&id, "once", "m1").await, Err(ShopError::Unclear(_))));
    assert!(evo.has_note(&id, "m1").await.unwrap());
    assert_eq!(shop.requests("evo POST /orders/{id}/timeline"), 1);
    shop.fault(Fault::next("/orders", Play::Html));
    assert!(
        matches!(evo.set_status(&id, "In Progress").await, Err(ShopError::Unclear(_))),
        "a page with status 200 proves nothing"
    );
}

#[tokio::test]
async fn the_shop_s_limit_is_obeyed_before_it_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    place_many(&shop, ShopKind::Evo, 2);
    shop.world.lock().switches.rate_limit = 10;
    let evo = evo_with(&shop, |settings| settings.http.max_wait_s = 0);
    let mut good = 0;
    let told = loop {
        match sweep(&evo, &new_orders()).await {
            Ok(_) => good += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(told, ShopError::Throttled { .. }), "{told}");
    assert_eq!(good, 8, "a fifth of ten is kept for the heartbeat");
    evo.heartbeat().await.unwrap();
}

#[tokio::test]
async fn staff_actions_show_with_their_actors_and_a_restart_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let id = place_many(&shop, ShopKind::Evo, 1)[0];
    let key = Key { shop: ShopKind::Evo, account: "acme".to_owned(), id };
    shop.set_status(&key, "On Hold", Actor::orderdock());
    shop.set_status(&key, "New Order", Actor::staff());
    drop(shop);
    let shop = FakeShop::start(dir.path()).await;
    let sight = evo(&shop).get(&id.to_string()).await.unwrap();
    assert_eq!((sight.status.as_str(), sight.status_actor), ("New Order", Some(Who::Staff)));
    assert_eq!(shop.order(ShopKind::Evo, "acme", id).unwrap().history.len(), 3);
}

#[tokio::test]
async fn one_broken_order_is_seen_with_all_its_problems_and_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    place_many(&shop, ShopKind::Evo, 1);
    let raw = r#"{"id":{{id}},"order_number":"B\ud800 1","status":"{{status}}","currency":"EURO","total":123456789012345678901234567890,"created_at":"soon","lines":[{"sku":"A"},{"quantity":"2,5"},7],"note":"x"}"#;
    shop.world.place(ShopKind::Evo, "acme", json!({}), None, Some(raw.to_owned()), Actor::buyer());
    place_many(&shop, ShopKind::Evo, 1);
    let sights = sweep(&evo(&shop), &new_orders()).await.unwrap();
    assert_eq!(sights.len(), 3);
    assert!(sights[0].order.is_ok() && sights[2].order.is_ok());
    let problems = sights[1].order.as_ref().unwrap_err();
    let places: Vec<_> = problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["created_at", "total", "lines[2]", "lines[0].quantity", "lines[1].quantity", "currency"]);
    assert!(sights[1].order_number.starts_with('B'));
}

#[tokio::test]
async fn huge_orders_arrive_whole() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let mut order = orders::generate(3, 1).remove(0);
    let item = order.items[0].clone();
    order.items = vec![item; 10_000];
    order.note = "ä".repeat(2_500_000);
    shop.place(ShopKind::Evo, "acme", order.body(ShopKind::Evo));
    let evo = evo_with(&shop, |settings| settings.http.time_limit_s = 60);
    let sights = sweep(&evo, &new_orders()).await.unwrap();
    let read = sights[0].order.as_ref().unwrap();
    assert_eq!(read.buyer_note.len(), 5_000_000);
    assert!(read.lines.len() >= 10_000);
    assert!(read.raw_json.len() > 5_000_000);
}

#[tokio::test]
async fn a_stamp_that_was_not_reset_is_shown_by_the_list_by_status_only() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let ids = place_many(&shop, ShopKind::Evo, 25);
    let by_status = evo(&shop);
    by_status.mark_processed(&ids[3].to_string()).await.unwrap();
    let list_by = |list_by| evo_with(&shop, |settings| settings.list_by = list_by);
    let seen = sweep(&by_status, &new_orders()).await.unwrap();
    assert_eq!(seen.iter().filter(|sight| sight.processed_stamp == Some(true)).count(), 1);
    assert_eq!(sweep(&list_by(evolutionx::ListBy::Unprocessed), &new_orders()).await.unwrap().len(), 24);
    assert_eq!(sweep(&list_by(evolutionx::ListBy::Both), &new_orders()).await.unwrap().len(), 49);
}

#[tokio::test]
async fn the_slow_sweep_shows_every_status_and_a_lagging_list_lags() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let ids = place_many(&shop, ShopKind::Evo, 12);
    let evo = evo(&shop);
    evo.set_status(&ids[0].to_string(), "On Hold").await.unwrap();
    assert_eq!(sweep(&evo, &ListScope::PlacedSince(0)).await.unwrap().len(), 12);
    assert!(sweep(&evo, &ListScope::PlacedSince(now_ms() + 60_000)).await.unwrap().is_empty());
    assert!(matches!(sweep(&evo, &ListScope::ModifiedSince(0)).await, Err(ShopError::Unsupported(_))));
    shop.world.lock().switches.list_lag_ms = 60_000;
    assert!(sweep(&evo, &new_orders()).await.unwrap().is_empty());
    assert_eq!(evo.get(&ids[0].to_string()).await.unwrap().status, "On Hold", "a single read does not lag");
}

#[tokio::test]
async fn calls_and_fields_follow_the_settings() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    let id = place_many(&shop, ShopKind::Evo, 1)[0].to_string();
    let evo = evo_with(&shop, |settings| {
        settings.calls.heartbeat.path = String::new();
        settings.calls.list_notes.path = String::new();
        settings.calls.set_reference.field = "erp.number".to_owned();
    });
    assert!(!evo.abilities().heartbeat && !evo.abilities().notes_listed && evo.abilities().notes);
    assert!(matches!(evo.heartbeat().await, Err(ShopError::Unsupported(_))));
    assert!(matches!(evo.has_note(&id, "m").await, Err(ShopError::Unsupported(_))));
    evo.set_erp_order_id(&id, "SO-9").await.unwrap();
    let order = shop.order(ShopKind::Evo, "acme", id.parse().unwrap()).unwrap();
    assert_eq!(order.body["erp"], json!({"number": "SO-9"}));
}

#[tokio::test]
async fn the_captured_orders_are_read_in_both_shapes() {
    let dir = tempfile::tempdir().unwrap();
    let shop = FakeShop::start(dir.path()).await;
    for kind in [ShopKind::Evo, ShopKind::Woo] {
        for body in orders::captured(kind) {
            shop.place(kind, "acme", body);
        }
    }
    let settings = json!({"kind": "woocommerce", "base_address": shop.woo()});
    let secrets = [("consumer_key", "ck_acme"), ("consumer_secret", "cs_acme")];
    let secrets = secrets.into_iter().map(|(slot, value)| (slot.to_owned(), value.to_owned().into())).collect();
    let woo = ShopSettings::read(settings)
        .unwrap()
        .open(&secrets, Arc::new(MachineClock))
        .map_err(|told| format!("{told:?}"))
        .unwrap();
    let processing = ListScope::InStatus(vec!["processing".to_owned()]);
    for sights in [sweep(&evo(&shop), &new_orders()).await.unwrap(), sweep(&*woo, &processing).await.unwrap()] {
        let told: Vec<_> = sights.iter().map(|sight| sight.order.as_ref().unwrap()).collect();
        let heads: Vec<_> = told
            .iter()
            .map(|order| (order.order_number.as_str(), order.totals.gross.as_str(), order.currency.as_str()))
            .collect();
        assert_eq!(heads, [("11", "30.98", "EUR"), ("6YZT4E812PGSFKWY", "132.58", "USD"), ("1", "47.38", "EUR")]);
        assert_eq!(told[1].delivery_addresses[0].company, "Söhne <GmbH>");
        assert_eq!(told[1].lines[0].unit_price_net.as_ref().unwrap().as_str(), "47.11");
    }
}
