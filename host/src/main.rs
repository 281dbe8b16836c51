//! The binary: runs the command line and ends with its exit code.

use std::process::ExitCode;

/// An order is some thousand small pieces of JSON, SQL and HTTP, made on one thread and freed on another; the system's
/// allocator took a fifth of the host's processor time for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(_) => return ExitCode::FAILURE,
    };
    ExitCode::from(runtime.block_on(orderdock::cli::run()))
}
