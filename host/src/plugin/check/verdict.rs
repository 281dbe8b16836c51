//! Verdicts.

use super::{
    Found, delivery,
    text::{self, shown},
};
use crate::domain::verdict::{Acceptance, AnswerCheck, Awaiting, Verdict};

/// Longest id or number of an ERP, in bytes.
const ID_BYTES: usize = 500;
/// Longest wait that a plugin may ask for, in seconds: thirty days.
const WAIT_SECONDS: u32 = 30 * 24 * 3600;
/// Most patterns to watch.
const PATTERNS: usize = 20;
/// Most logins to remember at once, and the largest of them in bytes.
const LOGINS: usize = 10;
const LOGIN_BYTES: usize = 16 * 1024;

/// Checks a verdict.
///
/// # Errors
/// Every problem, with its place.
pub(in crate::plugin) fn verdict(verdict: Verdict) -> Result<Verdict, Vec<String>> {
    let mut found = Found::default();
    match &verdict {
        Verdict::Accepted(acceptance) => accepted(&mut found, "verdict.accepted", acceptance),
        Verdict::AlreadyThere(acceptance) => accepted(&mut found, "verdict.already-there", acceptance),
        Verdict::Rejected(refusal) => {
            found.sentence("verdict.rejected.message", &refusal.message);
            if refusal.message.trim().is_empty() {
                found.add("verdict.rejected.message", "is empty; staff need the ERP's words");
            }
            optional(&mut found, "verdict.rejected.field", refusal.field.as_deref());
            optional(&mut found, "verdict.rejected.partial-id", refusal.partial_id.as_deref());
        }
        Verdict::RetryLater { after_s, message } => {
            wait(&mut found, "verdict.retry-later.after", *after_s);
            found.sentence("verdict.retry-later.message", message);
        }
        Verdict::StillWaiting { after_s } => wait(&mut found, "verdict.still-waiting.after", *after_s),
        Verdict::Unknown { message } => found.sentence("verdict.unknown.message", message),
        Verdict::AwaitingAnswer(awaiting) => check_awaiting(&mut found, awaiting),
        Verdict::Next { delivery, remember } => {
            delivery::check(&mut found, "verdict.next.delivery", delivery);
            if remember.len() > LOGINS {
                found.add("verdict.next.remember", format_args!("has {} logins; at most {LOGINS}", remember.len()));
            }
            for (index, login) in remember.iter().enumerate() {
                let place = format!("verdict.next.remember[{index}]");
                found.check(&format!("{place}.slot"), text::slot(&login.slot));
                let bytes = secrecy::ExposeSecret::expose_secret(&login.value).len();
                if bytes == 0 || bytes > LOGIN_BYTES {
                    found.add(&format!("{place}.value"), format_args!("has {bytes} bytes; 1 to {LOGIN_BYTES} are due"));
                }
                if login.seconds == 0 {
                    found.add(&format!("{place}.seconds"), "a login that lives no second can't be used");
                }
            }
        }
        Verdict::NotFound | Verdict::NotMine => {}
    }
    found.end(verdict)
}

fn accepted(found: &mut Found, place: &str, acceptance: &Acceptance) {
    optional(found, &format!("{place}.erp-order-id"), acceptance.erp_order_id.as_deref());
    optional(found, &format!("{place}.erp-order-number"), acceptance.erp_order_number.as_deref());
    if let Some(message) = &acceptance.message {
        found.sentence(&format!("{place}.message"), message);
    }
    found.sentences(&format!("{place}.warnings"), &acceptance.warnings);
}

/// An id goes into the shop and into lists: present means readable and of one line.
fn optional(found: &mut Found, place: &str, text: Option<&str>) {
    let Some(text) = text else { return };
    if text.is_empty() {
        found.add(place, "is empty; leave it out instead");
    } else if text.len() > ID_BYTES {
        found.add(place, format_args!("has {} bytes; at most {ID_BYTES} are kept", text.len()));
    } else if text.chars().any(char::is_control) {
        found.add(place, format_args!("{} contains a control character", shown(text)));
    }
}

fn wait(found: &mut Found, place: &str, seconds: Option<u32>) {
    if let Some(seconds) = seconds
        && seconds > WAIT_SECONDS
    {
        found.add(place, format_args!("{seconds} s is longer than thirty days"));
    }
}

fn check_awaiting(found: &mut Found, awaiting: &Awaiting) {
    let place = "verdict.awaiting-answer";
    if awaiting.deadline_s == 0 || awaiting.deadline_s > WAIT_SECONDS {
        let message = format!("{} s; 1 second to thirty days are possible", awaiting.deadline_s);
        found.add(&format!("{place}.deadline"), message);
    }
    if awaiting.ticket.len() > ID_BYTES {
        found.add(&format!("{place}.ticket"), format_args!("has {} bytes; at most {ID_BYTES}", awaiting.ticket.len()));
    }
    found.state(&format!("{place}.state"), &awaiting.state);
    match &awaiting.check {
        AnswerCheck::Files(checks) => {
            if checks.is_empty() || checks.len() > PATTERNS {
                found
                    .add(&format!("{place}.check"), format_args!("{} patterns; 1 to {PATTERNS} are due", checks.len()));
            }
            for (index, check) in checks.iter().enumerate() {
                let place = format!("{place}.check[{index}]");
                found.check(&format!("{place}.folder"), text::slot(&check.folder));
                let plain = check.pattern.replace(['*', '?'], "x");
                let form = if check.pattern.is_empty() { Err("is empty".to_owned()) } else { text::file_name(&plain) };
                found.check(&format!("{place}.pattern"), form);
            }
        }
        AnswerCheck::Poll { delivery, after_s } => {
            delivery::check(found, &format!("{place}.poll.delivery"), delivery);
            if *after_s == 0 || *after_s > WAIT_SECONDS {
                found.add(
                    &format!("{place}.poll.after"),
                    format_args!("{after_s} s; 1 second to thirty days are possible"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::verdict::{FileCheck, FileMeaning};

    use super::*;

    #[test]
    fn ranges_are_kept() {
        let awaiting = |deadline_s, pattern: &str| {
            let check = FileCheck { folder: "out".to_owned(), pattern: pattern.to_owned(), meaning: FileMeaning::Gone };
            Verdict::AwaitingAnswer(Awaiting {
                ticket: String::new(),
                deadline_s,
                state: Vec::new(),
                check: AnswerCheck::Files(vec![check]),
            })
        };
        assert!(verdict(awaiting(3_600, "WEB-1*.err")).is_ok());
        assert_eq!(verdict(awaiting(0, "../*")).unwrap_err().len(), 2);
        assert!(verdict(Verdict::RetryLater { after_s: Some(u32::MAX), message: String::new() }).is_err());
    }

    #[test]
    fn an_erp_order_id_is_one_readable_line() {
        let id =
            |id: &str| Verdict::Accepted(Acceptance { erp_order_id: Some(id.to_owned()), ..Acceptance::default() });
        assert!(verdict(id("SO-1")).is_ok());
        assert!(verdict(id("")).is_err());
        assert!(verdict(id("a\nb")).is_err());
        assert!(verdict(id(&"9".repeat(501))).is_err());
    }
}
