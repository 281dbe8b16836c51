//! `orderdock compile-component`: not for people. The host runs it to compile a component where that can harm nobody
//! (`plugin/compile`): it reads no file, no settings and no environment.

use clap::Args;

use super::Failure;
use crate::plugin::compile;

/// What is to be done.
#[derive(Debug, Args)]
pub struct Arguments {
    /// As the host writes it.
    task: String,
}

/// Compiles standard input to standard output.
///
/// # Errors
/// Why not.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    compile::run(&arguments.task).map_err(Failure::failed)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::cli::Cli;

    #[test]
    fn the_host_knows_the_command_by_its_name() {
        assert!(Cli::try_parse_from(["orderdock", crate::plugin::compile::COMMAND, "{}"]).is_ok());
        let help = Cli::command().render_long_help().to_string();
        assert!(!help.contains(crate::plugin::compile::COMMAND), "it is not for people");
    }
}
