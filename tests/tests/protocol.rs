//! Every run of the small protocol: with all rules nothing goes wrong; without any one of them something must.
#![expect(clippy::expect_used, reason = "tests")]

use orderdock_tests::protocol::{
    Rules,
    explore::{Counterexample, explore},
};

fn holds(rules: Rules) {
    let explored = explore(&rules);
    assert!(explored.counterexample.is_none(), "{rules:?}: {:#?}", explored.counterexample);
    assert!(explored.states > 1_000, "so few states can't be all: {}", explored.states);
}

fn fails(rules: Rules) -> Counterexample {
    let explored = explore(&rules);
    explored.counterexample.expect("without a rule something must go wrong")
}

#[test]
fn with_all_rules_nothing_goes_wrong() {
    holds(Rules::default());
}

#[test]
fn without_look_ups_a_doubt_ends_with_a_person() {
    holds(Rules { look_up: false, ..Rules::default() });
}

#[test]
fn two_crashes_change_nothing() {
    holds(Rules { crashes: 2, resets: 0, ..Rules::default() });
}

#[test]
fn without_the_fence_the_checker_finds_a_double_send() {
    let found = fails(Rules { fence: false, ..Rules::default() });
    assert!(found.steps.contains(&"the lease is over"), "{found:#?}");
}

#[test]
fn without_the_write_ahead_row_the_checker_finds_a_double_send() {
    let found = fails(Rules { write_ahead: false, ..Rules::default() });
    assert_eq!(found.wrong, "the ERP accepted the order twice, and no person had asked for it");
}

#[test]
fn without_the_gate_the_checker_finds_a_double_send() {
    let found = fails(Rules { gate: false, ..Rules::default() });
    assert_eq!(found.wrong, "the ERP accepted the order twice, and no person had asked for it");
}

#[test]
fn without_settling_the_checker_finds_a_double_send() {
    let found = fails(Rules { settling: false, ..Rules::default() });
    assert_eq!(found.wrong, "the ERP accepted the order twice, and no person had asked for it");
}
