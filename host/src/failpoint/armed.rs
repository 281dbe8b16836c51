//! Failpoints as tests have them.

use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};

use super::{Breakable, Guarantee, Point};

/// The variable that arms them.
pub const VARIABLE: Option<&str> = Some("ORDERDOCK_FAILPOINTS");

static ARMED: OnceLock<Armed> = OnceLock::new();

#[derive(Debug, Default)]
struct Armed {
    rules: Vec<Rule>,
    without: Vec<Guarantee>,
    lease: Option<Duration>,
    next_step: Option<String>,
    clock: Option<PathBuf>,
    ledger: Option<Rule>,
}

#[derive(Debug)]
struct Rule {
    point: Point,
    side: Side,
    action: Action,
    at: u32,
    passed: AtomicU32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The point has only one, or it is the one before.
    Before,
    After,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    Kill,
    Pause,
    Hold(PathBuf),
    Error,
    Panic,
}

/// Arms what the text says; only the first text of a process counts.
///
/// # Errors
/// The part that can't be read.
pub fn arm(text: &str) -> Result<(), String> {
    let armed = read(text)?;
    tracing::warn!(text, "failpoints are armed: this is a test");
    let _first = ARMED.set(armed);
    Ok(())
}

fn read(text: &str) -> Result<Armed, String> {
    let mut armed = Armed::default();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong = |why: &str| format!("failpoint `{part}`: {why}");
        let (name, what) = part.split_once('=').ok_or_else(|| wrong("a name, `=` and what happens"))?;
        match name {
            "without" => armed.without.push(match what {
                "fence" => Guarantee::Fence,
                "write-ahead" => Guarantee::WriteAhead,
                "gate" => Guarantee::Gate,
                "renewal" => Guarantee::Renewal,
                _ => return Err(wrong("fence, write-ahead, gate or renewal")),
            }),
            "lease" => {
                let seconds = what.strip_suffix('s').and_then(|number| number.parse().ok());
                armed.lease = Some(Duration::from_secs(seconds.ok_or_else(|| wrong("seconds, such as 2s"))?));
            }
            "next-step" => {
                armed.next_step = Some(std::fs::read_to_string(what).map_err(|error| wrong(&error.to_string()))?);
            }
            "clock" => armed.clock = Some(what.into()),
            // Any point will do: only how often it was passed counts.
            "ledger" => {
                let panics = rule("F1", what).filter(|rule| rule.action == Action::Panic);
                armed.ledger = Some(panics.ok_or_else(|| wrong("panic, or panic@N"))?);
            }
            _ => armed
                .rules
                .push(rule(name, what).ok_or_else(|| wrong("F1 to F16, and kill, pause, hold:FILE, error, panic"))?),
        }
    }
    Ok(armed)
}

fn rule(name: &str, what: &str) -> Option<Rule> {
    let (name, side) = match name.split_once('.') {
        Some((name, "after")) => (name, Side::After),
        Some((name, "before")) => (name, Side::Before),
        Some(_) => return None,
        None => (name, Side::Before),
    };
    let point = Point::ALL.into_iter().find(|point| point.name() == name)?;
    let (what, at) = match what.rsplit_once('@') {
        Some((what, at)) => (what, at.parse().ok()?),
        None => (what, 1),
    };
    let action = match what.split_once(':') {
        None if what == "kill" => Action::Kill,
        None if what == "pause" => Action::Pause,
        None if what == "error" => Action::Error,
        None if what == "panic" => Action::Panic,
        Some(("hold", file)) => Action::Hold(file.into()),
        _ => return None,
    };
    Some(Rule { point, side, action, at, passed: AtomicU32::new(0) })
}

impl Rule {
    /// What is to happen at this passing.
    fn pass(&self) -> Option<Action> {
        let number = self.passed.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        (number == self.at).then(|| self.action.clone())
    }
}

/// What is to happen at this passing of a point.
fn due(point: Point, side: Side) -> Option<Action> {
    let rules = ARMED.get()?.rules.iter().filter(|rule| rule.point == point && rule.side == side);
    // Each counts, whatever another one brings about.
    rules.filter_map(Rule::pass).fold(None, |_, last| Some(last))
}

#[expect(clippy::panic, reason = "a bug that a test wants")]
fn bug(place: &str) -> ! {
    panic!("a bug that a test put at {place}");
}

/// Where operations of the ledger are committed.
pub fn in_ledger() {
    if ARMED.get().and_then(|armed| armed.ledger.as_ref()).and_then(Rule::pass).is_some() {
        bug("the ledger's commit");
    }
}

/// Whether something is still to happen at a point.
#[must_use]
pub fn awaited(point: Point) -> bool {
    let waits = |rule: &Rule| rule.point == point && rule.passed.load(Ordering::SeqCst) < rule.at;
    ARMED.get().is_some_and(|armed| armed.rules.iter().any(waits))
}

fn signal(signal: Signal) {
    // Nothing keeps a process from signalling itself.
    let _sent = kill_process(getpid(), signal);
}

/// A point where nobody can wait: `kill`, `pause` and `panic`.
pub fn reached(point: Point) {
    match due(point, Side::Before) {
        Some(Action::Kill) => signal(Signal::KILL),
        Some(Action::Pause) => signal(Signal::STOP),
        Some(Action::Panic) => bug(&point.name()),
        Some(other) => tracing::error!(?point, ?other, "this point only knows kill, pause and panic"),
        None => {}
    }
}

/// A point where everything can happen.
///
/// # Errors
/// The one that was asked for.
pub async fn here<E: Breakable>(point: Point) -> Result<(), E> {
    pass(point, Side::Before).await.map_err(E::not_done)
}

/// A point with two sides.
///
/// # Errors
/// The operation's, or the one that was asked for.
pub async fn around<T, E: Breakable>(point: Point, operation: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    pass(point, Side::Before).await.map_err(E::not_done)?;
    let done = operation.await?;
    pass(point, Side::After).await.map_err(E::answer_lost)?;
    Ok(done)
}

async fn pass(point: Point, side: Side) -> Result<(), String> {
    match due(point, side) {
        Some(Action::Kill) => signal(Signal::KILL),
        Some(Action::Pause) => signal(Signal::STOP),
        Some(Action::Hold(until)) => hold(&until).await,
        Some(Action::Panic) => bug(&point.name()),
        Some(Action::Error) => return Err(format!("failpoint {} ({side:?})", point.name())),
        None => {}
    }
    Ok(())
}

async fn hold(until: &Path) {
    let held = until.with_extension("held");
    if let Err(error) = std::fs::write(&held, b"") {
        tracing::error!(%error, file = %held.display(), "nobody will see that a failpoint is reached");
    }
    while !until.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a guarantee is taken away.
#[must_use]
pub fn without(guarantee: Guarantee) -> bool {
    ARMED.get().is_some_and(|armed| armed.without.contains(&guarantee))
}

/// A shorter lease.
#[must_use]
pub fn lease() -> Option<Duration> {
    ARMED.get()?.lease
}

/// The SQL of a step of the schema that only a later version has: this process is that version.
#[must_use]
pub fn next_step() -> Option<&'static str> {
    ARMED.get()?.next_step.as_deref()
}

/// How wrong the machine's clock is, in milliseconds, as the file says just now: somebody may set it meanwhile.
#[must_use]
pub fn clock_off_ms() -> i64 {
    let Some(file) = ARMED.get().and_then(|armed| armed.clock.as_ref()) else { return 0 };
    std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_arms_points_and_takes_guarantees_away() {
        let armed =
            read("F7.after=kill; F14=pause@3;F9=hold:/tmp/go@2; F2=panic; without=fence; lease=2s; ledger=panic@9;")
                .unwrap();
        let seen: Vec<_> =
            armed.rules.iter().map(|rule| (rule.point, rule.side, rule.action.clone(), rule.at)).collect();
        assert_eq!(
            seen,
            [
                (Point::WriteAhead, Side::After, Action::Kill, 1),
                (Point::StatusWrite, Side::Before, Action::Pause, 3),
                (Point::HalfRequest, Side::Before, Action::Hold("/tmp/go".into()), 2),
                (Point::Ingest, Side::Before, Action::Panic, 1),
            ]
        );
        assert_eq!(armed.ledger.map(|rule| rule.at), Some(9));
        assert_eq!((armed.without, armed.lease), (vec![Guarantee::Fence], Some(Duration::from_secs(2))));
        for wrong in
            ["F7", "F17=kill", "F1.middle=kill", "F1=burn", "F1=kill@x", "without=sense", "lease=2", "ledger=kill"]
        {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
