//! The fake shop as a process of its own, for the demo and for tests that kill. Prints one JSON line with its addresses.
#![expect(clippy::expect_used, reason = "a test kit stops at the first surprise")]

use std::{io::Write, path::PathBuf};

use clap::Parser;
use orderdock_tests::shop::{FakeShop, Options};

#[derive(Parser)]
struct Arguments {
    /// Folder of the ledger.
    #[arg(long)]
    dir: PathBuf,
    /// Port on the loopback interface; 0 = a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Don't wait for the disk at each event.
    #[arg(long)]
    no_flush: bool,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let options = Options { port: arguments.port, flush: !arguments.no_flush };
    let shop = FakeShop::start_with(&arguments.dir, options).await;
    let line = serde_json::json!({
        "address": shop.address(), "evo": shop.evo(), "woo": shop.woo(), "control": format!("{}/control", shop.address()),
    });
    let mut out = std::io::stdout();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("the address can be told");
    shop.run().await;
}
