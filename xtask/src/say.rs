//! What is told to the person at the keyboard, on standard error: standard output belongs to the programs that are run
//! (the benchmark's `--json` must stay readable by a machine).

use std::io::Write;
use std::time::{Duration, Instant};

/// One line.
pub fn line(text: &str) {
    // Nobody listens any more: no reason to stop the work.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A step with a heading at its start and the time it took at its end.
pub struct Step {
    name: String,
    started: Instant,
}

impl Step {
    /// Prints the heading.
    pub fn start(name: impl Into<String>) -> Self {
        let name = name.into();
        line(&format!("==> {name}"));
        Self { name, started: now() }
    }

    /// Prints that the step is done, with its time and what came out.
    pub fn done(self, outcome: &str) {
        line(&format!("    {}: {outcome} ({})", self.name, seconds(self.started.elapsed())));
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A duration as a person reads it: `0.4 s`, `12.0 s`, `3 min 05 s`.
pub fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 60 { format!("{:.1} s", time.as_secs_f64()) } else { format!("{} min {:02} s", whole / 60, whole % 60) }
}

/// The clock of this program.
#[expect(
    clippy::disallowed_methods,
    reason = "a developer's tool measures how long its own steps take; nothing is replayed"
)]
pub fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.4 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 05 s");
    }
}
