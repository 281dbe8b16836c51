//! The deterministic simulation inside the test command: a number of seeds, the same story for the same seed, and proof
//! that its judges notice when the fence or the write-ahead row is missing. `cargo xtask sim` runs as many as you like.
#![expect(clippy::panic, reason = "tests")]

use orderdock_tests::sim::{
    run::{Mutant, Report, run},
    world::{Dice, Plan, WIDER},
};

fn told(report: &Report) -> String {
    format!(
        "seed {}: {}\n  (its story: `cargo xtask sim --seed {}`)",
        report.seed,
        report.wrong.join("\n  "),
        report.seed
    )
}

#[test]
fn nothing_is_lost_or_sent_twice_whatever_happens() {
    let failed: Vec<String> = (1..=150)
        .map(|seed| run(seed, Mutant::default(), false))
        .filter(|report| !report.wrong.is_empty())
        .map(|report| told(&report))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Several connections, of which one may drop files; shop, ERP, database, mail server and folder are each away for a while.
#[test]
fn with_several_connections_and_outages_nothing_is_lost_or_sent_twice() {
    let failed: Vec<String> = (WIDER..WIDER + 120)
        .map(|seed| run(seed, Mutant::default(), false))
        .filter(|report| !report.wrong.is_empty())
        .map(|report| told(&report))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [7, 79, 4_711, 4_712, 4_713, 4_714] {
        let (one, two) = (run(seed, Mutant::default(), true), run(seed, Mutant::default(), true));
        let parted = one.trace.iter().zip(&two.trace).find(|(one, two)| one != two);
        assert_eq!(one.hash, two.hash, "seed {seed}: the stories part at {parted:#?}");
        assert!(one.events > 20, "seed {seed} tells too little: {} events", one.events);
    }
}

/// Somebody sets the database's clock in these runs, by an hour or a day.
#[test]
fn a_database_clock_that_is_set_sends_no_order_twice_and_loses_none() {
    let set = |seed: &u64| Plan::of(&Dice::new(*seed), *seed).jumps;
    let failed: Vec<String> = (700..=760)
        .filter(set)
        .map(|seed| run(seed, Mutant::default(), false))
        .filter(|report| !report.wrong.is_empty())
        .map(|report| told(&report))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The first of these seeds at which the judges notice.
fn noticed(mutant: Mutant, most: u64) -> Report {
    let found = (1..=most)
        .map(|seed| run(seed, mutant, false))
        .find(|report| report.wrong.iter().any(|wrong| wrong.contains("the ERP accepted")));
    found.unwrap_or_else(|| panic!("no double send within {most} seeds: the simulation would not notice {mutant:?}"))
}

#[test]
fn without_the_fence_an_order_is_sent_twice() {
    println!("{}", told(&noticed(Mutant { no_fence: true, ..Mutant::default() }, 300)));
}

#[test]
fn without_the_write_ahead_row_an_order_is_sent_twice() {
    println!("{}", told(&noticed(Mutant { no_write_ahead: true, ..Mutant::default() }, 300)));
}

/// Seeds that found a bug, each with what it found. They stay, so that it does not come back. A change to the simulation or
/// to the order of the pipeline's calls gives every seed another story: then break the rule once more, and take the seeds
/// that find it now.
macro_rules! seeds {
    ($($name:ident: $($seed:literal),+;)*) => {
        $(
            #[test]
            fn $name() {
                for seed in [$($seed),+] {
                    let report = run(seed, Mutant::default(), false);
                    assert!(report.wrong.is_empty(), "{}", told(&report));
                }
            }
        )*
    };
}

seeds! {
    // A slow shop outlived the lease of the order's effects: two tasks looked for the note, and both wrote it.
    a_slow_shop_gets_each_note_once: 210, 281;
    // A list had shown what staff had set meanwhile, and that passed for "what we saw last".
    what_staff_set_while_an_order_is_sent_stays: 65, 190;
}
