//! The binary: runs the command line and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    ExitCode::from(runtime.block_on(orderdock::cli::run()))
}
