//! What a plugin gave, checked against the contract: every problem at once, each with its place.

mod delivery;
mod description;
mod text;
mod verdict;

pub(super) use self::{
    delivery::{delivery, rejection},
    description::description,
    verdict::verdict,
};

/// Largest state that is kept for the next call, in bytes.
const STATE_BYTES: usize = 64 * 1024;
/// Most notes of a delivery, or warnings of a verdict.
const NOTES: usize = 50;
/// Longest sentence for people, in bytes.
const SENTENCE_BYTES: usize = 4 * 1024;
/// How many problems are reported; a delivery with ten thousand bad names would bury its reader.
const REPORTED: usize = 30;

/// Problems found so far.
#[derive(Debug, Default)]
struct Found {
    problems: Vec<String>,
    more: usize,
}

impl Found {
    fn add(&mut self, place: &str, message: impl std::fmt::Display) {
        if self.problems.len() < REPORTED {
            self.problems.push(format!("{place}: {message}"));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// A check that either passes or says why not.
    fn check(&mut self, place: &str, result: Result<(), String>) {
        if let Err(message) = result {
            self.add(place, message);
        }
    }

    fn state(&mut self, place: &str, state: &[u8]) {
        if state.len() > STATE_BYTES {
            self.add(place, format_args!("has {} bytes; at most {STATE_BYTES} are kept", state.len()));
        }
    }

    fn sentence(&mut self, place: &str, text: &str) {
        if text.len() > SENTENCE_BYTES {
            self.add(place, format_args!("has {} bytes; a sentence has at most {SENTENCE_BYTES}", text.len()));
        }
    }

    fn sentences(&mut self, place: &str, texts: &[String]) {
        if texts.len() > NOTES {
            self.add(place, format_args!("has {} entries; at most {NOTES} are shown", texts.len()));
        }
        for (index, text) in texts.iter().enumerate() {
            self.sentence(&format!("{place}[{index}]"), text);
        }
    }

    fn end<T>(mut self, value: T) -> Result<T, Vec<String>> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        if self.more > 0 {
            self.problems.push(format!("and {} more", self.more));
        }
        Err(self.problems)
    }
}
