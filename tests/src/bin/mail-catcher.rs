//! Runs the mail catcher as a process of its own: prints `{"smtp":"127.0.0.1:PORT"}`, then takes a fault as JSON on each
//! line of its input (`"later"`, `{"slow":500}`, `"none"`), until it is stopped.

use std::{io::Write, path::PathBuf};

use clap::Parser;
use orderdock_tests::mail::{Fault, MailCatcher, Options};
use tokio::io::{AsyncBufReadExt, BufReader};

#[derive(Parser)]
struct Arguments {
    /// Folder for the mails and their index.
    #[arg(long)]
    dir: PathBuf,
    /// Port on 127.0.0.1; 0 = a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let catcher = MailCatcher::start_with(&arguments.dir, arguments.port, Options::default()).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", serde_json::json!({ "smtp": catcher.address().to_string() }))?;
    out.flush()?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match serde_json::from_str::<Fault>(&line) {
            Ok(fault) => {
                catcher.set_fault(fault);
                serde_json::json!({ "ok": true })
            }
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    // A closed input is no wish to stop: the demo starts us without one.
    std::future::pending::<()>().await;
    Ok(())
}
