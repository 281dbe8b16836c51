//! Each slot of a schedule fires once for the fleet: judged by the lists that the shop was asked for, minute by minute.

use std::{collections::BTreeMap, time::Duration};

use orderdock_tests::{
    rig::Rig,
    shop::{ledger::Entry, world::now_ms},
};

use super::database;

const MINUTE: i64 = 60_000;

/// How often the shop was asked for its list in each minute.
fn lists(rig: &Rig) -> BTreeMap<i64, u32> {
    let text = std::fs::read_to_string(rig.dir().join("shop/shop-ledger.jsonl")).unwrap();
    let mut minutes = BTreeMap::new();
    for line in text.lines() {
        let Ok(entry) = serde_json::from_str::<Entry>(line) else { continue };
        if let orderdock_tests::shop::Event::Request { method, target, .. } = entry.event
            && method == "GET"
            && target.contains("/orders?")
        {
            *minutes.entry(entry.at_ms / MINUTE).or_default() += 1;
        }
    }
    minutes
}

/// Hosts start and are killed between the slots, so that only the schedule asks for a list at them.
#[tokio::test(flavor = "multi_thread")]
async fn each_minute_of_a_schedule_is_one_list_for_the_fleet_also_when_its_host_dies() {
    let database = database().await;
    let every_minute = "schedule.cron = \"* * * * *\"\nschedule.jitter_s = 0";
    let mut rig = Rig::fleet(&database.url(), "", every_minute).await;
    // Far from a minute's end: first looks and takeovers of the turn (a lease of 15 s) stay out of the slots.
    let into = |ms: i64| ms.rem_euclid(MINUTE);
    while !(2_000..30_000).contains(&into(now_ms())) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let start = now_ms() / MINUTE;
    rig.serve().await;
    rig.until("the first host has looked", |rig| !lists(rig).is_empty()).await;
    let others = [rig.serve_beside("second", "").await, rig.serve_beside("third", "").await];
    let slot = |minute: i64| move |rig: &Rig| lists(rig).contains_key(&minute);
    rig.until_within(Duration::from_secs(90), "the first slot has fired", slot(start + 1)).await;
    // Whoever has the turn dies with it. Only then the next slot can show whether two others take it.
    rig.kill().await;
    rig.until_within(Duration::from_secs(90), "the second slot has fired", slot(start + 2)).await;
    while into(now_ms()) < 15_000 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let lists = lists(&rig);
    let at_the_slots = [start + 1, start + 2].map(|minute| lists.get(&minute).copied());
    assert_eq!(at_the_slots, [Some(1), Some(1)], "one list for each slot, whatever the number of hosts: {lists:?}");
    for other in others {
        assert!(other.stop().await.success());
    }
}
