//! Which names are told apart: as many as there is room for.

use std::collections::HashMap;

/// A name that was not asked for during so many others makes room for a new one.
const IDLE: u64 = 10_000;

/// A bounded set of names. With each goes what it is shown as.
pub(super) struct Names {
    most: usize,
    asked: u64,
    known: HashMap<String, (u64, String)>,
}

/// What became of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// It is told apart.
    pub known: bool,
    /// What made room for it, with what that was shown as.
    pub dropped: Option<(String, String)>,
}

impl Names {
    pub(super) fn at_most(most: usize) -> Self {
        Self { most, asked: 0, known: HashMap::new() }
    }

    /// Asks for a name's place. Where all are taken, the one that was not asked for longest goes, if that was long ago.
    pub(super) fn place(&mut self, name: &str, shown: &str) -> Place {
        self.asked = self.asked.saturating_add(1);
        if let Some((at, _)) = self.known.get_mut(name) {
            *at = self.asked;
            return Place { known: true, dropped: None };
        }
        let mut dropped = None;
        if self.known.len() >= self.most {
            let oldest = self.known.iter().min_by_key(|(_, (at, _))| *at).map(|(name, (at, _))| (name.clone(), *at));
            match oldest {
                Some((name, at)) if self.asked.saturating_sub(at) > IDLE => {
                    dropped = self.known.remove(&name).map(|(_, shown)| (name, shown));
                }
                _ => return Place { known: false, dropped: None },
            }
        }
        self.known.insert(name.to_owned(), (self.asked, shown.to_owned()));
        Place { known: true, dropped }
    }

    /// The same for names whose place is for ever: whether it has one.
    pub(super) fn keep(&mut self, name: &str) -> bool {
        if !self.known.contains_key(name) && self.known.len() < self.most {
            self.known.insert(name.to_owned(), (0, String::new()));
        }
        self.known.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_gets_the_place_of_one_that_was_idle_for_long_and_no_other() {
        let mut names = Names::at_most(2);
        let known = |place: Place| (place.known, place.dropped.map(|(name, _)| name));
        assert_eq!([known(names.place("a", "A")), known(names.place("b", "B"))], [(true, None), (true, None)]);
        assert_eq!(known(names.place("c", "C")), (false, None), "both were asked for just now");
        for _ in 0..=IDLE {
            names.place("b", "B");
        }
        assert_eq!(names.place("c", "C"), Place { known: true, dropped: Some(("a".into(), "A".into())) });
        assert_eq!(known(names.place("a", "A")), (false, None));
        assert_eq!(names.known.len(), 2);
    }

    #[test]
    fn names_that_are_kept_stay() {
        let mut names = Names::at_most(1);
        assert_eq!([names.keep("a"), names.keep("b"), names.keep("a")], [true, false, true]);
    }
}
