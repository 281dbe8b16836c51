//! What uses too much.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use orderdock::plugin::{Limit, PluginFault, Settings};

use crate::bench::{bench, bench_with, limit, path, settings};

#[tokio::test]
async fn an_endless_loop_uses_up_its_units() {
    let bench = bench().await;
    let fault = bench.fault("loop").await;
    assert_eq!(limit(&fault), Limit::Cpu);
    assert!(fault.to_string().starts_with("the plugin used up its "), "{fault}");
    assert!(fault.to_string().contains(" CPU units while mapping the order: it loops"), "{fault}");
    assert_eq!(limit(&bench.read("loop").await.result.unwrap_err()), Limit::Cpu);
}

#[tokio::test]
async fn the_wall_clock_stops_what_the_units_let_through() {
    let settings = Settings { cpu_base: u64::MAX / 2, wall_limit: Duration::from_millis(50), ..settings() };
    let bench = bench_with(settings).await;
    assert_eq!(limit(&bench.map("loop").await.result.unwrap_err()), Limit::Time);
    bench.still_works().await;
}

#[tokio::test]
async fn a_loop_lets_other_work_of_its_thread_go_on() {
    let bench = bench().await;
    let other = Arc::new(AtomicU64::new(0));
    let ticks = Arc::clone(&other);
    // The test's runtime has one thread: without yields the task below would run only after the loop was stopped.
    let task = tokio::spawn(async move {
        loop {
            ticks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(limit(&bench.map("loop").await.result.unwrap_err()), Limit::Cpu);
    task.abort();
    assert!(other.load(Ordering::Relaxed) > 10);
}

#[tokio::test]
async fn more_lines_may_use_more_units() {
    let bench = bench_with(Settings { cpu_base: 3_000_000, cpu_per_byte: 0, ..settings() }).await;
    assert_eq!(path(&bench.map_lines("work", 200).await), (10_000 * (10 + 90 * 2 + 100 * 3)).to_string());
    let small = Settings { cpu_base: 3_000_000, cpu_per_line: 0, cpu_per_byte: 0, ..settings() };
    assert_eq!(limit(&bench_with(small).await.map_lines("work", 200).await.result.unwrap_err()), Limit::Cpu);
}

#[tokio::test]
async fn eaten_memory_is_called_so_even_when_the_guest_caught_it() {
    let bench = bench().await;
    let fault = bench.fault("memory").await;
    assert_eq!(limit(&fault), Limit::Memory);
    assert!(fault.to_string().starts_with("the plugin ran out of memory while mapping the order"), "{fault}");
    assert_eq!(limit(&bench.fault("memory, caught").await), Limit::Memory);
}

#[tokio::test]
async fn recursion_without_end_hits_the_stack() {
    let bench = bench().await;
    assert_eq!(limit(&bench.fault("recursion").await), Limit::Stack);
    let PluginFault::Trap { reason, stack, .. } = bench.fault("recursion with large frames").await else {
        panic!("no trap")
    };
    assert!(reason.contains("its own stack ran over"), "{reason}");
    assert!(stack.iter().all(|frame| frame.contains("dig")), "{stack:?}");
}

#[tokio::test]
async fn huge_outputs_are_not_copied() {
    let bench = bench_with(Settings { memory_bytes: 128 << 20, ..settings() }).await;
    assert_eq!(limit(&bench.fault("huge output").await), Limit::Output);
    assert_eq!(limit(&bench.fault("many small outputs").await), Limit::Output);
    let PluginFault::Trap { reason, .. } = bench.fault("wild pointer").await else { panic!("no trap") };
    assert!(reason.contains("out of bounds"), "{reason}");
}

#[tokio::test]
async fn a_log_flood_is_cut_and_counted() {
    let bench = bench().await;
    let called = bench.map("log flood").await;
    assert_eq!(path(&called), "flood");
    assert_eq!(called.log.len(), settings().log_lines);
    assert_eq!(called.usage.log_dropped, 20_000 - settings().log_lines as u64);
    assert_eq!(limit(&bench.fault("log flood without end").await), Limit::Cpu);
}

#[tokio::test]
async fn look_ups_are_bounded() {
    let bench = bench().await;
    let PluginFault::Trap { reason, .. } = bench.fault("look-up flood").await else { panic!("no trap") };
    assert_eq!(reason, "more than 50000 look-ups in one call");
}

#[tokio::test]
async fn many_hostile_calls_at_once_do_not_starve_the_pool() {
    let bench = Arc::new(bench().await);
    let what = ["loop", "memory", "trap", "recursion", "good", "log flood"];
    let calls: Vec<_> = (0..60)
        .map(|n| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move {
                let name = what[n % what.len()];
                (name, bench.map(name).await.result)
            })
        })
        .collect();
    for call in calls {
        let (name, result) = call.await.unwrap();
        assert_eq!(result.is_ok(), matches!(name, "good" | "log flood"), "{name}");
        assert!(!matches!(result, Err(PluginFault::NotLoaded { .. })), "{name}");
    }
    bench.still_works().await;
}
