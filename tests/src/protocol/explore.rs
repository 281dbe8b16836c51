//! Every state that a small protocol can reach, breadth first, with the shortest way to whatever is wrong.
//!
//! Our own, because it is shorter than its use of a library would be: we want a check of each step as well as of each
//! state, "it can still end well" (which goes through the graph backwards), and no web server among the dependencies.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Debug,
    hash::Hash,
};

/// A protocol: where it begins, what may happen next, and what must hold.
pub trait Protocol {
    /// All there is to know at one moment.
    type State: Clone + Eq + Hash + Debug;

    /// Where it begins.
    fn start(&self) -> Self::State;

    /// Everything that may happen next, each with its name. Nothing: the path ends here.
    fn next(&self, state: &Self::State) -> Vec<(&'static str, Self::State)>;

    /// What is wrong in this state; none when all is well.
    fn wrong(&self, state: &Self::State) -> Option<&'static str>;

    /// Whether a path may end here: nobody has to do anything any more.
    fn ended_well(&self, state: &Self::State) -> bool;
}

/// The shortest way to something wrong.
#[derive(Debug)]
pub struct Counterexample {
    /// What is wrong.
    pub wrong: &'static str,
    /// The steps that lead there.
    pub steps: Vec<&'static str>,
    /// The state there, as `Debug` shows it.
    pub state: String,
}

/// What was found out.
#[derive(Debug)]
pub struct Explored {
    /// States.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// The first thing that is wrong.
    pub counterexample: Option<Counterexample>,
}

/// Goes through every reachable state, until something is wrong.
///
/// Wrong is what [`Protocol::wrong`] says; a path that ends where it must not; and a state from which no way leads to a
/// good end.
pub fn explore<P: Protocol>(protocol: &P) -> Explored {
    let mut known: HashMap<P::State, usize> = HashMap::new();
    let mut states: Vec<P::State> = Vec::new();
    let mut came: Vec<Option<(usize, &'static str)>> = Vec::new();
    let mut before: Vec<Vec<usize>> = Vec::new();
    let mut open = VecDeque::new();
    let mut good = Vec::new();
    let mut steps = 0;
    let start = protocol.start();
    known.insert(start.clone(), 0);
    states.push(start);
    came.push(None);
    before.push(Vec::new());
    open.push_back(0);
    while let Some(at) = open.pop_front() {
        let Some(state) = states.get(at).cloned() else { continue };
        let after = protocol.next(&state);
        let wrong = protocol.wrong(&state).or_else(|| {
            let stuck = after.is_empty() && !protocol.ended_well(&state);
            stuck.then_some("the path ends here, and somebody still has something to do")
        });
        if let Some(wrong) = wrong {
            return Explored { states: states.len(), steps, counterexample: Some(way_to(at, wrong, &states, &came)) };
        }
        if protocol.ended_well(&state) {
            good.push(at);
        }
        for (name, next) in after {
            steps += 1;
            let new = states.len();
            let to = *known.entry(next.clone()).or_insert(new);
            if to == new {
                states.push(next);
                came.push(Some((at, name)));
                before.push(Vec::new());
                open.push_back(new);
            }
            if let Some(before) = before.get_mut(to) {
                before.push(at);
            }
        }
    }
    let counterexample = hopeless(&before, good, states.len())
        .map(|at| way_to(at, "from here no way leads to a good end", &states, &came));
    Explored { states: states.len(), steps, counterexample }
}

/// The first state from which no good end can be reached.
fn hopeless(before: &[Vec<usize>], mut open: Vec<usize>, states: usize) -> Option<usize> {
    let mut hopeful = vec![false; states];
    while let Some(at) = open.pop() {
        match hopeful.get_mut(at) {
            Some(known) if !*known => *known = true,
            _ => continue,
        }
        open.extend(before.get(at).into_iter().flatten());
    }
    hopeful.iter().position(|hopeful| !hopeful)
}

fn way_to<S: Debug>(
    mut at: usize,
    wrong: &'static str,
    states: &[S],
    came: &[Option<(usize, &'static str)>],
) -> Counterexample {
    let state = states.get(at).map(|state| format!("{state:?}")).unwrap_or_default();
    let mut steps = Vec::new();
    while let Some(Some((from, name))) = came.get(at) {
        steps.push(*name);
        at = *from;
    }
    steps.reverse();
    Counterexample { wrong, steps, state }
}
