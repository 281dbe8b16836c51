//! The demo as a program: `cargo xtask demo` builds everything that it needs, then runs it. Exit codes: 0 every claim
//! holds, 1 one does not or something failed, 2 wrong arguments.

use std::{io::Write as _, process::ExitCode};

use clap::Parser as _;
use orderdock_tests::demo::{self, Arguments};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let interrupted = CancellationToken::new();
    tokio::spawn(watch_signals(interrupted.clone()));
    match demo::run(&arguments, &interrupted).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _closed = writeln!(std::io::stderr(), "\nThe demo ended early: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Ctrl-C, or a polite request to end.
async fn watch_signals(interrupted: CancellationToken) {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    interrupted.cancel();
}
