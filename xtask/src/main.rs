//! `cargo xtask`: only what cargo cannot do by itself. It prepares the wasm tool chain, builds plugins into components,
//! and runs the demo, the tests and the benchmarks, each with everything they need, in one command.

mod checks;
mod components;
mod fuzz;
mod languages;
mod programs;
mod run;
mod say;
mod setup;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::languages::Language;
use crate::toolchain::Target;
use crate::workspace::Workspace;

/// The commands around the workspace that cargo alone cannot do.
///
/// Start with `cargo xtask demo`: it sets everything up and shows orders travelling from a shop into back offices.
/// Before you push, run `cargo xtask test`: it sets everything up and runs every check that the CI runs.
/// After either of them plain `cargo test`, `cargo nextest run` and `cargo run -- …` work too.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  ORDERDOCK_WASM_TOOLCHAIN  installed | rustup | debian
      Take this way to the wasm tool chain and no other. Without it they are
      tried in this order, and the one taken is printed.
  ORDERDOCK_ALL_LANGUAGES  set to anything
      A language whose tool chain can't be had is a failure; without it such a
      language is skipped, by name.
  UBL_XSD_DIR  a folder with OASIS UBL 2.1's schema files
      Tests validate UBL orders against it, and say so when it is not set.

Results (below the workspace, whatever CARGO_TARGET_DIR says):
  target/components/<plugin>.wasm        from each crate in plugins/
  target/components/guests/<guest>.wasm  from each crate in tests/guests/
  target/components/languages/<plugin>-<language>.wasm  from sdk/<language>/
  target/toolchains/                     tools that npm and pip installed
  target/wasm/                           the guests' own build folder";

#[derive(Subcommand)]
enum Command {
    /// Install what is missing: the wasm tool chain, xmllint, PostgreSQL, PgBouncer and docker-registry. Says what it took, or the exact command to type
    Setup,
    /// Build every crate in plugins/ and tests/guests/ into a component; what did not change is not built again
    Plugins {
        /// What to compile for. `wasm32-unknown-unknown` makes components that import nothing but our contract;
        /// `wasm32-wasip2` (needs rustup) also imports WASI, so that a panic's text reaches standard error
        #[arg(long, value_enum, default_value_t)]
        target: Target,
    },
    /// Build the SDKs' plugins in the other languages into components, installing their tool chains; what did not change is
    /// not built again
    Sdk {
        /// Only this language. Without it a language whose tool chain can't be had is skipped, by name
        #[arg(long = "lang", value_enum)]
        language: Option<Language>,
    },
    /// Set up, build, and run the demo: a shop, three connections, real orders, and a table that checks itself
    Demo {
        /// Passed on to the demo, for example `--keep`, which leaves everything running to explore
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Set up, build, and run every test and check: formatting, all tests, clippy and rustdoc without a warning
    Test {
        /// Passed on to `cargo test`, for example a test's name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kill the host at each of its failpoints, start it again, and print the matrix of what became of the orders
    Crash {
        /// Passed on to the crash program, for example `--help`, `--json` or `--only F7`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Simulate hosts, shop, ERP and time from seeds, and print the verdict: thousands of runs in minutes
    Sim {
        /// Passed on to the simulation, for example `--seeds 5000`, or `--seed 42` for the story of one
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Kill, stop and start the host at random under load while everybody else misbehaves, and print the verdict
    Chaos {
        /// Passed on to the chaos program, for example `--minutes 10` or `--seed 42`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Let several hosts share a database while random ones sleep past their leases, and print the verdict
    Races {
        /// Passed on to the races program, for example `--hosts 8 --orders 20000`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Put one release after the other in force while orders flow on two hosts, and print the verdict
    Swaps {
        /// Passed on to the swaps program, for example `--swaps 10000`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Throw made-up input at what reads uploads, paths, texts, answers and shops' JSON; fails when something is found
    Fuzz {
        /// Seconds for each target; 0 only runs the corpus
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// Only this target
        #[arg(long)]
        target: Option<String>,
    },
    /// Build for release and print the benchmark table
    Bench {
        /// Passed on to the benchmark program, for example `--json`, which prints the figures by name
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match carry_out(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<()> {
    let workspace = Workspace::of_this_program()?;
    match command {
        Command::Setup => setup::everything(&workspace).map(drop),
        Command::Plugins { target } => components::build_all(&workspace, &toolchain::find(&workspace, target)?),
        Command::Sdk { language } => languages::build(&workspace, language).map(drop),
        Command::Demo { arguments } => programs::demo(&workspace, &arguments),
        Command::Test { arguments } => checks::run_all(&workspace, &arguments),
        Command::Crash { arguments } => programs::trial(&workspace, "crash", &arguments),
        Command::Sim { arguments } => programs::simulate(&workspace, &arguments),
        Command::Chaos { arguments } => programs::trial(&workspace, "chaos", &arguments),
        Command::Races { arguments } => programs::trial(&workspace, "races", &arguments),
        Command::Swaps { arguments } => programs::trial(&workspace, "swaps", &arguments),
        Command::Fuzz { seconds, target } => fuzz::fuzz(&workspace, seconds, target.as_deref()),
        Command::Bench { arguments } => programs::bench(&workspace, &arguments),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_demo_gets_its_own_flags() {
        let arguments = Arguments::try_parse_from(["cargo xtask", "demo", "--keep", "x"]).unwrap();
        let Command::Demo { arguments } = arguments.command else { panic!("not the demo") };
        assert_eq!(arguments, ["--keep", "x"]);
    }
}
