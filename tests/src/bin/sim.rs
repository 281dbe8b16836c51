//! The deterministic simulation as a program: many seeds and a verdict, or one seed and its story.
//! `cargo xtask sim` builds it for release and runs it.

use std::{
    io::Write as _,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use clap::Parser;
use orderdock_tests::sim::run::{Mutant, Report, run};

#[derive(Parser)]
struct Arguments {
    /// How many seeds to run, from 1 on or from `--seed` on. Those from 1,000 on may have several connections and outages.
    #[arg(long)]
    seeds: Option<u64>,
    /// Run this seed. Without `--seeds` it runs alone, and what happens in it is printed.
    #[arg(long)]
    seed: Option<u64>,
    /// Seeds at once; as many as there are processors, if it is not said.
    #[arg(long)]
    jobs: Option<usize>,
    /// Take the fence away: seeds must fail.
    #[arg(long)]
    no_fence: bool,
    /// Take the write-ahead row away: seeds must fail.
    #[arg(long)]
    no_write_ahead: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mutant = Mutant { no_fence: arguments.no_fence, no_write_ahead: arguments.no_write_ahead };
    let mut out = std::io::stdout();
    if let (Some(seed), None) = (arguments.seed, arguments.seeds) {
        let report = run(seed, mutant, true);
        writeln!(out, "{}\n{}", report.plan, report.trace.join("\n"))?;
        tell(&mut out, &report)?;
        return Ok(if report.wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let (first, count) = (arguments.seed.unwrap_or(1), arguments.seeds.unwrap_or(2_000));
    let jobs = arguments.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let began = tokio::time::Instant::now();
    let next = AtomicU64::new(first);
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first.saturating_add(count) {
                        return;
                    }
                    let report = run(seed, mutant, false);
                    if !report.wrong.is_empty() {
                        // Whoever stops us early has seen this much; the end says it again.
                        let _ = tell(&mut std::io::stdout(), &report);
                    }
                    all.lock().unwrap_or_else(PoisonError::into_inner).push(report);
                }
            });
        }
    });
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|report| report.seed);
    let took = began.elapsed().as_secs_f64();
    let failed: Vec<&Report> = all.iter().filter(|report| !report.wrong.is_empty()).collect();
    let sum = |of: fn(&Report) -> u64| all.iter().map(of).sum::<u64>();
    writeln!(
        out,
        "{count} seeds from {first} in {took:.1} s ({:.1} a second): {} failed. {} orders offered, {} accepted by the ERP, \
         {} events, {} simulated hours.",
        count as f64 / took,
        failed.len(),
        sum(|it| it.orders as u64),
        sum(|it| it.accepted as u64),
        sum(|it| it.events),
        sum(|it| it.lasted.as_secs()) / 3_600,
    )?;
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let seeds: Vec<String> = failed.iter().map(|report| report.seed.to_string()).collect();
    writeln!(out, "FAILED seeds: {}. The story of one: `cargo xtask sim --seed N`", seeds.join(" "))?;
    Ok(ExitCode::FAILURE)
}

fn tell(out: &mut impl std::io::Write, report: &Report) -> std::io::Result<()> {
    let Report { seed, hash, events, .. } = report;
    writeln!(out, "seed {seed}: {events} events, trace {hash:016x}, {} s", report.lasted.as_secs())?;
    report.wrong.iter().try_for_each(|wrong| writeln!(out, "  WRONG {wrong}"))
}
