//! Many cells, some at a time, and the table of what became of them.

use std::{collections::BTreeMap, time::Duration};

use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    cell::{Action, COLUMNS, Cell, Database, Route, Side, meaning, points},
    scenario::{self, Played},
};

/// What became of a cell, as `--json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// `F7.after`.
    pub place: String,
    /// What it means.
    pub meaning: &'static str,
    /// What happened there.
    pub action: Action,
    /// Ledger.
    pub database: Database,
    /// Route.
    pub route: Route,
    /// Whether the outcome can be looked up.
    pub look_up: bool,
    /// `held`, `broken` or `not there yet`.
    pub outcome: &'static str,
    /// State of the order that was under way.
    pub state: String,
    /// Milliseconds from the new start until the shop showed that order's end.
    pub resumed_ms: Option<u64>,
    /// What is wrong.
    pub wrong: Vec<String>,
}

/// Plays the cells, `at_once` at a time; `bar` shows how far it is.
pub async fn run(cells: Vec<Cell>, at_once: usize, bar: bool) -> Vec<Line> {
    let bar = if bar { ProgressBar::new(cells.len() as u64) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed}  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut rest = cells.into_iter().enumerate();
    let mut under_way = JoinSet::new();
    let mut lines = BTreeMap::new();
    let mut broken = 0_u32;
    loop {
        while under_way.len() < at_once.max(1)
            && let Some((number, cell)) = rest.next()
        {
            under_way.spawn(async move { (number, one(cell).await) });
        }
        let Some(done) = under_way.join_next().await else { break };
        let (number, line) = done.expect("a cell's own panic is caught");
        broken += u32::from(line.outcome == "broken");
        bar.inc(1);
        bar.set_message(if broken == 0 { String::new() } else { format!("{broken} broken") });
        lines.insert(number, line);
    }
    bar.finish_and_clear();
    lines.into_values().collect()
}

async fn one(cell: Cell) -> Line {
    let mut line = Line {
        place: cell.place(),
        meaning: meaning(cell.point),
        action: cell.action,
        database: cell.database,
        route: cell.route,
        look_up: cell.look_up,
        outcome: "not there yet",
        state: String::new(),
        resumed_ms: None,
        wrong: Vec::new(),
    };
    if let Some(why) = cell.database.missing() {
        line.wrong.push(why.to_owned());
        return line;
    }
    // A task of its own: a panic is a cell that did not hold, and not the end of the matrix.
    match tokio::spawn(scenario::play(cell)).await {
        Ok(Played { wrong, state, resumed }) => {
            line.outcome = if wrong.is_empty() { "held" } else { "broken" };
            line.state = state;
            line.resumed_ms = u64::try_from(resumed.as_millis()).ok();
            line.wrong = wrong;
        }
        Err(error) => {
            let why = match error.try_into_panic() {
                Ok(panic) => {
                    let text = panic.downcast_ref::<String>().cloned();
                    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
                }
                Err(error) => error.to_string(),
            };
            line.outcome = "broken";
            line.wrong.push(why);
        }
    }
    line
}

/// The matrix as people read it: points down, database and route across, and in each cell the end of the order and how
/// long it took. Below it what is broken.
#[must_use]
pub fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    let columns: Vec<(Database, Route, bool)> = Database::ALL
        .into_iter()
        .flat_map(|database| COLUMNS.map(|(route, look_up)| (database, route, look_up)))
        .filter(|column| lines.iter().any(|line| (line.database, line.route, line.look_up) == *column))
        .filter(|(database, ..)| database.missing().is_none())
        .collect();
    let mut head = vec!["point".to_owned(), "what".to_owned()];
    head.extend(columns.iter().map(|(database, route, look_up)| {
        let (database, route) = (word(database), word(route));
        format!("{database}\n{route}, {}", if *look_up { "look-up" } else { "none" })
    }));
    table.set_header(head);
    for (point, side) in points() {
        let side = match side {
            None => "",
            Some(Side::Before) => ".before",
            Some(Side::After) => ".after",
        };
        let place = format!("{}{side}", point.name());
        let of_place: Vec<&Line> = lines.iter().filter(|line| line.place == place).collect();
        if of_place.is_empty() {
            continue;
        }
        let mut row = vec![place, meaning(point).to_owned()];
        row.extend(columns.iter().map(|(database, route, look_up)| {
            let is = |line: &&&Line| (line.database, line.route, line.look_up) == (*database, *route, *look_up);
            of_place.iter().find(is).map_or_else(String::new, |line| told(line))
        }));
        table.add_row(row);
    }
    let mut text = table.to_string();
    for database in Database::ALL {
        if let Some(why) = database.missing()
            && lines.iter().any(|line| line.database == database)
        {
            text.push_str(&format!("\n{}: not there yet: {why}", word(&database)));
        }
    }
    let (held, broken) = (count(lines, "held"), count(lines, "broken"));
    text.push_str(&format!("\n{held} held, {broken} broken, {} not there yet", count(lines, "not there yet")));
    let mut times: Vec<u64> = lines.iter().filter_map(|line| line.resumed_ms).collect();
    times.sort_unstable();
    if let (Some(last), Some(middle)) = (times.last(), times.get(times.len() / 2)) {
        let seconds = |ms: u64| Duration::from_millis(ms).as_secs_f64();
        text.push_str(&format!(
            "; from the new start to the order's end: p50 {:.1} s, longest {:.1} s",
            seconds(*middle),
            seconds(*last)
        ));
    }
    for line in lines.iter().filter(|line| line.outcome == "broken") {
        let (database, route) = (word(&line.database), word(&line.route));
        let look_up = if line.look_up { "look-up" } else { "none" };
        let head = format!("{} {} on {database}, {route}, {look_up}", word(&line.action), line.place);
        text.push_str(&format!("\n\nBROKEN: {head}\n{}", line.wrong.join("\n")));
    }
    text
}

fn told(line: &Line) -> String {
    let seconds =
        line.resumed_ms.map_or_else(String::new, |ms| format!(" {:.1} s", Duration::from_millis(ms).as_secs_f64()));
    match line.outcome {
        "held" => format!("✓ {}{seconds}", line.state),
        "broken" => format!("✗ {}{seconds}", line.state),
        other => other.to_owned(),
    }
}

fn count(lines: &[Line], outcome: &str) -> usize {
    lines.iter().filter(|line| line.outcome == outcome).count()
}

/// A word as `--json` spells it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
