//! What was measured: a table for people, names and numbers for programs.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use serde_json::{Map, Value, json};

/// One figure.
struct Figure {
    /// Section of the table.
    section: &'static str,
    /// Name in `--json`; ends with its unit.
    name: String,
    /// What it is, for people.
    about: String,
    value: f64,
    /// What is to be reached, for people.
    target: &'static str,
}

/// All figures, in the order in which they were taken.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

impl Figures {
    /// Adds one. Its unit is the end of its name: `_us`, `_ms`, `_per_s`, `_ratio`, `_kib`, `_calls`.
    pub fn add(&mut self, section: &'static str, name: impl Into<String>, about: impl Into<String>, value: f64) {
        self.add_with_target(section, name, about, value, "");
    }

    /// Adds one that has something to reach.
    pub fn add_with_target(
        &mut self,
        section: &'static str,
        name: impl Into<String>,
        about: impl Into<String>,
        value: f64,
        target: &'static str,
    ) {
        self.0.push(Figure { section, name: name.into(), about: about.into(), value, target });
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(ASCII_MARKDOWN).set_header(["", "what", "figure", "to reach"]);
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let mut before = "";
        for figure in &self.0 {
            let section = if figure.section == before { "" } else { figure.section };
            before = figure.section;
            table.add_row([section, &figure.about, &shown(&figure.name, figure.value), figure.target]);
        }
        let machine = machine();
        format!("{table}\n{} processors, load {} before the end of the run", machine.0, machine.1)
    }

    /// The figures by name.
    #[must_use]
    pub fn json(&self) -> String {
        let figures: Map<String, Value> =
            self.0.iter().map(|figure| (figure.name.clone(), json!(round(figure.value)))).collect();
        let (processors, load) = machine();
        json!({ "figures": figures, "processors": processors, "load": load }).to_string()
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn shown(name: &str, value: f64) -> String {
    let unit = [("_us", " µs"), ("_ms", " ms"), ("_per_s", "/s"), ("_ratio", " ×"), ("_kib", " KiB")]
        .into_iter()
        .find_map(|(end, unit)| name.ends_with(end).then_some(unit))
        .unwrap_or_default();
    if value >= 100.0 { format!("{value:.0}{unit}") } else { format!("{value:.2}{unit}") }
}

/// Processors, and the load of the last minute: a figure from a busy machine says little beside its ratios.
fn machine() -> (usize, String) {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    (processors, load.split(' ').next().unwrap_or("unknown").to_owned())
}
