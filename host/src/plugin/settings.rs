//! How much plugins may use. Every number has a default that lets Rust, C, Go, JavaScript and Python guests through.

use std::{path::PathBuf, time::Duration};

/// Size of a WebAssembly page: memories come in whole pages.
pub(super) const PAGE: u64 = 64 * 1024;

/// Where components are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compile {
    /// In this process: for tools that end with their task, and for tests.
    Here,
    /// In a process of its own, so that a component that is hard to compile takes nothing of the host's.
    Apart(Apart),
}

/// A process that compiles one component and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// A program whose command line knows `compile-component`; usually this one.
    pub program: PathBuf,
    /// Most memory that it may take, in bytes.
    pub memory_bytes: u64,
    /// Longest time that it may take.
    pub time: Duration,
}

/// Limits of the plugin room. `Default` is what the host runs with unless its configuration says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Largest component that is admitted, in bytes. Python guests have 19 MB, JavaScript 1 to 12 MB.
    pub component_bytes: u64,
    /// Memory of one call in bytes: all memories and tables of the instance together.
    pub memory_bytes: u64,
    /// CPU units of every call. A unit is about one WebAssembly instruction.
    pub cpu_base: u64,
    /// More units for each line of the order. json-post needs 7 thousand of them in Rust and a million on QuickJS, where
    /// handing a line over is most of it; an author's plugin may do five times as much.
    pub cpu_per_line: u64,
    /// More units for each byte handed to the plugin: raw JSON, settings, answers.
    pub cpu_per_byte: u64,
    /// Longest time a call may take by the wall clock. Only a backstop: results must not depend on it, so it is far
    /// above what the CPU units allow on a healthy machine.
    pub wall_limit: Duration,
    /// Units after which a running call lets other work of the same thread go on.
    pub yield_every: u64,
    /// Most bytes that a call may give back: the delivery or the verdict as a whole.
    pub output_bytes: u64,
    /// Most log lines that are kept of a call; what is over is counted.
    pub log_lines: usize,
    /// Most bytes of log that are kept of a call.
    pub log_bytes: usize,
    /// Most bytes of one log line; the rest is cut.
    pub log_line_bytes: usize,
    /// Most look-ups that are recorded of a call; a call that asks more often is stopped.
    pub look_ups: usize,
    /// Calls that run at the same time; more wait.
    pub concurrent: u32,
    /// Releases that stay loaded; the least recently used is dropped beyond it.
    pub loaded_releases: usize,
    /// Most bytes of compiled code that stay loaded, all releases together; the least recently used is dropped beyond it.
    /// Code is mapped from its file: what is in memory of it is what calls use, and the kernel can take that back.
    pub loaded_bytes: u64,
    /// Stack of a guest in bytes.
    pub stack_bytes: usize,
    /// Where components are compiled.
    pub compile: Compile,
    /// Whether limits on CPU and time are on. Only a benchmark turns them off.
    pub metered: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            component_bytes: 64 * 1024 * 1024,
            memory_bytes: 128 * 1024 * 1024,
            cpu_base: 200_000_000,
            cpu_per_line: 5_000_000,
            cpu_per_byte: 3_000,
            wall_limit: Duration::from_secs(15),
            yield_every: 2_000_000,
            output_bytes: 16 * 1024 * 1024,
            log_lines: 200,
            log_bytes: 64 * 1024,
            log_line_bytes: 4 * 1024,
            look_ups: 50_000,
            concurrent: 64,
            loaded_releases: 4_096,
            loaded_bytes: 4 << 30,
            stack_bytes: 1024 * 1024,
            compile: Compile::Here,
            metered: true,
        }
    }
}

impl Settings {
    /// Units that a call may use.
    pub(super) fn cpu_allowed(&self, lines: usize, bytes: usize) -> u64 {
        let lines = u64::try_from(lines).unwrap_or(u64::MAX);
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.cpu_base
            .saturating_add(self.cpu_per_line.saturating_mul(lines))
            .saturating_add(self.cpu_per_byte.saturating_mul(bytes))
    }

    /// The memory limit in whole pages, as the pool wants it.
    pub(super) fn memory_in_pages(&self) -> u64 {
        self.memory_bytes.div_ceil(PAGE).saturating_mul(PAGE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_grows_with_lines_and_bytes_and_never_wraps() {
        let settings = Settings::default();
        let small = settings.cpu_allowed(1, 1_000);
        assert!(settings.cpu_allowed(10_000, 1_000) > small);
        assert!(settings.cpu_allowed(1, 5_000_000) > small);
        assert_eq!(settings.cpu_allowed(usize::MAX, usize::MAX), u64::MAX);
    }
}
