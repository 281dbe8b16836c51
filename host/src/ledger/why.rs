//! "Why is my order missing?", answered in one sentence with its evidence. Pure: it reads only what the ledger reported.

use serde::Serialize;

use super::{
    connections::{ConnectionRecord, ConnectionState},
    look_ups::{self, MissingCode},
    orders::Sweep,
    reports::OrderDetail,
};
use crate::domain::{
    clock::Millis,
    decision::{Decision, SkipReason},
    pass::PassState,
    time,
};

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// One sentence.
    pub sentence: String,
    /// What it rests on, a line each.
    pub evidence: Vec<String>,
    /// Codes that the look-up tables lack: what to add, and where.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingCode>,
}

/// Answers for an order that was seen; `file` is the one that its connection was applied from.
#[must_use]
pub fn seen(detail: &OrderDetail, connection: Option<&ConnectionRecord>, file: Option<&str>, now: Millis) -> Why {
    let order = &detail.order;
    let number = &order.order_number;
    let mut evidence = vec![format!(
        "seen first at {}, last at {}, with the status \"{}\" in the shop",
        time::rfc3339(order.first_seen_ms),
        time::rfc3339(order.last_seen_ms),
        order.shop_status
    )];
    let last = detail.passes.last();
    if let Some(last) = last {
        evidence.push(format!("pass {} opened at {}", last.pass, time::rfc3339(last.opened_ms)));
        if let Some(release) = last.release.as_ref().or(last.mapping.as_ref().map(|mapping| &mapping.release.0)) {
            let short = release.as_str().get(..12).unwrap_or_default();
            evidence.push(format!("mapped by release {short} (`orderdock plugin show {short}`)"));
        }
    }
    if let Some(attempt) = detail.attempts.last() {
        evidence.push(format!(
            "last attempt: {} at {}, phase reached: {}, outcome: {}",
            attempt.purpose,
            time::rfc3339(attempt.recorded_ms),
            attempt.phase,
            attempt.outcome
        ));
    }
    for effect in
        detail.effects.iter().filter(|effect| matches!(effect.state.as_str(), "owed" | "given_up" | "conflict"))
    {
        evidence.push(format!("not yet told to the shop or by mail ({}): {}", effect.state, effect.detail));
    }
    if let (Decision::Skipped(reason @ SkipReason::ChangedAfterSending { .. }), Some(_)) =
        (&order.decision, order.state)
    {
        evidence.push(format!("at {}: {}", time::rfc3339(order.decision_ms), reason.sentence()));
    }
    let sentence = match (&order.decision, order.state) {
        (Decision::Question { asks }, _) => format!("Order {number} waits for a person: {asks}."),
        (Decision::Skipped(reason), None | Some(PassState::Withdrawn)) => {
            format!("Order {number} is not sent because {}.", reason.sentence())
        }
        (_, None) => format!("Order {number} was seen, and nothing was decided yet."),
        (_, Some(state)) => in_state(detail, state, connection, now),
    };
    Why { sentence, evidence, missing: look_ups::missing(detail, file) }
}

fn in_state(detail: &OrderDetail, state: PassState, connection: Option<&ConnectionRecord>, now: Millis) -> String {
    let order = &detail.order;
    let number = &order.order_number;
    let last = detail.passes.last();
    let because = order.because.as_str();
    let erp = order.erp_order_number.as_deref().or(order.erp_order_id.as_deref());
    let at = time::rfc3339(order.state_ms.unwrap_or(now));
    let shut = connection.and_then(|record| record.shut.as_ref());
    match state {
        PassState::Delivered => match erp {
            Some(erp) => format!("Order {number} was delivered at {at}; the ERP knows it as {erp}."),
            None => format!("Order {number} was delivered at {at}; the ERP gave no number."),
        },
        PassState::Failed => format!("Order {number} failed at {at}: {because}."),
        PassState::GivenUp => {
            format!("Order {number} may or may not be in the ERP ({because}): check there before sending it again.")
        }
        PassState::Unknown => {
            let when = match shut {
                Some(shut) => format!("it is looked up when the ERP works again: {}", shut.sentence()),
                None => "it is being looked up".to_owned(),
            };
            format!("Whether the ERP has order {number} is not known ({because}); {when}.")
        }
        PassState::Awaiting => {
            let until = last
                .and_then(|pass| pass.deadline_ms)
                .map_or_else(String::new, |deadline| format!(", which is expected until {}", time::rfc3339(deadline)));
            format!("Order {number} was handed over at {at} and waits for the ERP's answer{until}.")
        }
        PassState::Withdrawn => format!("Order {number} was not sent: {because}."),
        PassState::Waiting => match connection.map(|record| record.state) {
            Some(ConnectionState::Paused) => {
                let why = connection.map_or("", |record| record.state_why.as_str());
                format!("Order {number} waits because its connection is paused ({why}).")
            }
            Some(ConnectionState::Removed) => format!("Order {number} waits, and its connection was removed."),
            _ if connection.is_some_and(|record| record.quarantine.is_some()) => {
                let name = connection.map_or("", |record| record.name.as_str());
                let because = connection.and_then(|record| record.quarantine.as_ref());
                let because = because.map_or("", |quarantine| quarantine.because.as_str());
                format!(
                    "Order {number} waits because the plugin failed too often at connection {name} and is in quarantine \
                     ({because}); another release, or `orderdock plugin unquarantine {name} --reason WHY`, lets it go."
                )
            }
            _ if shut.is_some() => {
                let why = shut.map(|shut| shut.sentence()).unwrap_or_default();
                format!("Order {number} waits because {why}. It is sent by itself when the ERP works again.")
            }
            _ if because.is_empty() => format!("Order {number} waits for a worker; it is next."),
            _ => {
                let next = last.map_or(now, |pass| pass.not_before_ms);
                format!("Order {number} waits until {} because {because}.", time::rfc3339(next))
            }
        },
        PassState::Claimed | PassState::Mapped | PassState::Sending => {
            let host = last.and_then(|pass| pass.lease_host.as_deref()).unwrap_or("a host");
            let until = last.and_then(|pass| pass.lease_until_ms).unwrap_or(now);
            format!(
                "Order {number} is {} by {host}, whose lease ends at {}.",
                if state == PassState::Sending { "being sent" } else { "being worked on" },
                time::rfc3339(until)
            )
        }
    }
}

/// Answers for a number that no connection has ever seen.
#[must_use]
pub fn never_seen(number: &str, connections: &[(ConnectionRecord, Vec<Sweep>)], now: Millis) -> Why {
    let mut evidence = Vec::new();
    for (connection, sweeps) in connections {
        let name = &connection.name;
        match connection.state {
            ConnectionState::Paused => {
                evidence.push(format!("connection \"{name}\" is paused ({})", connection.state_why))
            }
            ConnectionState::Removed => continue,
            ConnectionState::Active => {}
        }
        match sweeps.first() {
            None => evidence.push(format!("connection \"{name}\" has not looked at its shop yet")),
            Some(Sweep { error: Some(error), ended_ms, .. }) => {
                evidence.push(format!(
                    "connection \"{name}\" could not look at its shop at {}: {error}",
                    time::rfc3339(*ended_ms)
                ));
            }
            Some(sweep) => evidence.push(format!(
                "connection \"{name}\" looked at its shop {} ago and saw {} orders, not this one",
                time::words(std::time::Duration::from_millis(
                    u64::try_from(now.saturating_sub(sweep.ended_ms).max(0)).unwrap_or(0)
                )),
                sweep.seen
            )),
        }
    }
    let sentence = if connections.is_empty() {
        format!("Order {number} was never seen: there is no connection yet.")
    } else {
        format!(
            "Order {number} was never shown by any shop: its payment may have been aborted (gaps in order numbers are \
             normal), or its status is one that the shop's list leaves out."
        )
    };
    Why { sentence, evidence, missing: Vec::new() }
}
