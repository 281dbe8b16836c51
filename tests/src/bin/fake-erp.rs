//! The fake ERP as a process: `fake-erp --dir D [--port 0] [--forgetful]`. Prints where it listens as one JSON line.

use std::{io::Write as _, path::PathBuf};

use clap::Parser;
use orderdock_tests::erp::{FakeErp, Options};

#[derive(Parser)]
struct Arguments {
    /// Folder of the ledger `orders.jsonl`.
    #[arg(long)]
    dir: PathBuf,
    /// Port on 127.0.0.1; 0 for a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Does not flush each accepted order to disk: for measuring.
    #[arg(long)]
    forgetful: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let options = Options { port: arguments.port, tls: None, forgetful: arguments.forgetful };
    let erp = FakeErp::start_with(&arguments.dir, options).await?;
    let line = serde_json::json!({"address": erp.address().to_string(), "base_address": erp.base_address()});
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    erp.forever().await;
    Ok(())
}
