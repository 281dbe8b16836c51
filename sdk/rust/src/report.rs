//! Collects what was cleaned, cut or rounded, and turns it into sentences for the order's timeline.

use crate::Place;

/// Places named in one sentence; the others are counted.
const PLACES: usize = 3;
/// Sentences of one delivery; the others are counted, so that an order of 10,000 lines leaves a readable timeline.
const SENTENCES: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    what: String,
    places: Vec<String>,
    times: usize,
}

/// What was done to the order's texts and amounts on the way. Repeats are collapsed.
///
/// ```
/// # use orderdock_plugin::{Place, Report};
/// let mut report = Report::new();
/// for line in 0..5 {
///     report.at("cut to 30 characters:", Place::line(line, "description"));
/// }
/// assert_eq!(
///     report.into_notes(),
///     ["cut to 30 characters: line 1 description, line 2 description, line 3 description and 2 more"]
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
    beyond: usize,
}

impl Report {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole sentence. The same sentence again is counted.
    pub fn note(&mut self, sentence: impl AsRef<str>) {
        self.add(sentence.as_ref(), None);
    }

    /// What was done, ending in the word that leads to the place (`removed … from`), and where. Places of the same
    /// words come together in one sentence.
    pub fn at<'a>(&mut self, what: impl AsRef<str>, place: impl Into<Place<'a>>) {
        self.add(what.as_ref(), Some(place.into()));
    }

    fn add(&mut self, what: &str, place: Option<Place<'_>>) {
        let finding = match self.findings.iter_mut().position(|known| known.what == what) {
            Some(index) => self.findings.get_mut(index),
            None if self.findings.len() >= SENTENCES => None,
            None => {
                self.findings.push(Finding { what: what.to_owned(), places: Vec::new(), times: 0 });
                self.findings.last_mut()
            }
        };
        let Some(finding) = finding else {
            self.beyond += 1;
            return;
        };
        if let Some(place) = place
            && finding.places.len() < PLACES
        {
            let words = place.to_string();
            if finding.places.contains(&words) {
                return;
            }
            finding.places.push(words);
        }
        finding.times += 1;
    }

    /// Whether nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    /// Adds what another report holds.
    pub fn append(&mut self, other: Self) {
        for finding in other.findings {
            if let Some(known) = self.findings.iter_mut().find(|known| known.what == finding.what) {
                known.times += finding.times;
                let room = PLACES.saturating_sub(known.places.len());
                known.places.extend(finding.places.into_iter().take(room));
            } else if self.findings.len() < SENTENCES {
                self.findings.push(finding);
            } else {
                self.beyond += finding.times;
            }
        }
        self.beyond += other.beyond;
    }

    /// The sentences, in the order in which their first cause came.
    #[must_use]
    pub fn into_notes(self) -> Vec<String> {
        let mut notes: Vec<String> = self.findings.iter().map(sentence).collect();
        if self.beyond > 0 {
            notes.push(format!("and {} more changes of other kinds", self.beyond));
        }
        notes
    }
}

fn sentence(finding: &Finding) -> String {
    let Finding { what, places, times } = finding;
    if places.is_empty() {
        return if *times > 1 { format!("{what} ({times} times)") } else { what.clone() };
    }
    let more = times.saturating_sub(places.len());
    match (places.as_slice(), more) {
        ([first @ .., last], 0) if !first.is_empty() => format!("{what} {} and {last}", first.join(", ")),
        (_, 0) => format!("{what} {}", places.join(", ")),
        _ => format!("{what} {} and {more} more", places.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_is_a_plain_sentence() {
        let mut report = Report::new();
        report.at("removed 1 character that XML can't hold (U+000B) from", "delivery address company");
        assert_eq!(
            report.into_notes(),
            ["removed 1 character that XML can't hold (U+000B) from delivery address company"]
        );
    }

    #[test]
    fn the_same_sentence_is_counted_and_the_same_place_is_not() {
        let mut report = Report::new();
        report.note("rounded to cents");
        report.note("rounded to cents");
        report.at("cut", "a");
        report.at("cut", "a");
        report.at("cut", "b");
        assert_eq!(report.into_notes(), ["rounded to cents (2 times)", "cut a and b"]);
    }

    #[test]
    fn ten_thousand_findings_stay_readable() {
        let mut report = Report::new();
        for number in 0..10_000 {
            report.note(format!("finding {number}"));
        }
        let notes = report.into_notes();
        assert_eq!(notes.len(), SENTENCES + 1);
        assert_eq!(notes.last().map(String::as_str), Some("and 9950 more changes of other kinds"));
    }

    #[test]
    fn appending_gives_what_one_report_would_have() {
        let mut one = Report::new();
        one.at("cut", "a");
        let mut two = Report::new();
        two.at("cut", "b");
        two.note("done");
        one.append(two);
        assert_eq!(one.into_notes(), ["cut a and b", "done"]);
    }
}
