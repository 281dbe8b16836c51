//! WASI is there for the guests that need it, and nothing is behind it.

use orderdock::plugin::{Limit, PluginFault, Settings};

use crate::bench::{Bench, bench_of, body, limit, settings};

async fn printer() -> Bench {
    bench_of("wasi-printer", settings()).await
}

#[tokio::test]
async fn nothing_of_the_machine_is_seen() {
    let body = body(&printer().await.map("see").await);
    let expected = "environment [], arguments [], folder None, preopened 0, stdin Err(\"closed\"), \
                    wall clock 1795312800.000000000 stands true, ";
    assert!(body.starts_with(expected), "{body}");
    assert!(body.contains("permanent-resolver-failure"), "{body}");
    assert!(body.ends_with("monotonic 10000 20000"), "{body}");
}

#[tokio::test]
async fn sleeping_takes_no_time_and_only_the_earliest_timer_is_ready() {
    let called = printer().await.map("sleep").await;
    assert_eq!(body(&called), "slept 3600 s, early false, ready [1] [1]");
}

#[tokio::test]
async fn random_numbers_repeat_for_the_same_call_only() {
    let bench = printer().await;
    let first = body(&bench.map("random").await);
    assert_eq!(first, body(&bench.map("random").await));
    assert_eq!(first, body(&printer().await.map("random").await), "another engine draws the same");
    let next_pass = bench.map_pass("random", 2).await;
    assert_ne!(first, body(&next_pass));
}

#[tokio::test]
async fn what_is_printed_goes_to_the_log_and_a_flood_is_dropped() {
    let bench = printer().await;
    let called = bench.map("print").await;
    let lines: Vec<_> = called.log.iter().map(|line| (line.level.as_str(), line.message.as_str())).collect();
    assert_eq!(lines, [("stdout", "Grüße"), ("stdout", "second line"), ("stderr", "to stderr")]);
    let called = bench.map("print flood").await;
    assert_eq!(body(&called), "printed");
    assert!(called.log.iter().map(|line| line.message.len()).sum::<usize>() <= settings().log_bytes);
    assert!(called.usage.log_dropped > 4_000, "{}", called.usage.log_dropped);
}

#[tokio::test]
async fn a_panic_is_told_in_the_words_that_went_to_stderr() {
    let bench = printer().await;
    let PluginFault::Trap { reason, .. } = bench.fault("panic").await else { panic!("no trap") };
    assert_eq!(reason, "thread 'main' panicked at src/lib.rs:7:9:: no price for A-1");
    let PluginFault::Trap { reason, .. } = bench.fault("exit").await else { panic!("no trap") };
    assert_eq!(reason, "it ended itself with exit code 1");
}

#[tokio::test]
async fn the_hosts_own_memory_is_guarded() {
    let bench = printer().await;
    let PluginFault::Trap { reason, .. } = bench.fault("much random").await else { panic!("no trap") };
    assert!(reason.contains("16777216"), "{reason}");
    let PluginFault::Trap { reason, .. } = bench.fault("many timers").await else { panic!("no trap") };
    assert!(reason.contains("table"), "{reason}");
    let few = Settings { cpu_base: 20_000, cpu_per_byte: 0, cpu_per_line: 0, ..settings() };
    assert_eq!(limit(&bench_of("hostile", few).await.map("loop").await.result.unwrap_err()), Limit::Cpu);
}
