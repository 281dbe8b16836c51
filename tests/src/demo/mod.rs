//! The demo: real orders travel from a shop through plugins into three back offices, some meet trouble, and at the end
//! every claim is checked against the ledgers of the fakes.

mod attache;
mod cast;
mod claims;
mod closing;
mod connections;
mod facts;
mod screen;

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::{
    attache::UnattendedRun,
    cast::{ERP_WORDS, Fate, NO_SKU, REFUSED, SILENT},
    connections::{Food, LINES, Line},
    facts::Facts,
    screen::Screen,
};
use crate::{
    mail::Caught,
    stage::{self, Stage},
};

/// How long all orders may take: more than a slow machine needs.
const ORDERS_WITHIN: Duration = Duration::from_secs(300);

/// How long one thing may take.
const THING_WITHIN: Duration = Duration::from_secs(90);

/// What the demo is asked for.
#[derive(Clone, Debug, clap::Parser)]
#[command(
    name = "demo",
    about = "Shows Orderdock at work: a shop, three connections, real orders, and a table that checks itself",
    long_about = "Shows Orderdock at work: a fake shop that speaks EvolutionX and WooCommerce, a fake ERP, a mail catcher and \
                  the real `orderdock serve` run as processes of their own; orders travel through WebAssembly plugins into \
                  an XML folder, an Attaché folder and a JSON endpoint. At the end every claim is checked against the fakes' \
                  ledgers; the exit code is not 0 if one does not hold."
)]
pub struct Arguments {
    /// Generated orders for each connection; the captured and the troubled ones come besides.
    #[arg(long, default_value_t = 100, value_name = "N")]
    orders: usize,
    /// Leave everything running to explore, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Put everything here instead of into a temporary folder, and leave it there. Must be empty or not exist.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Only these connections: cedar-xml, bolt-attache, acme-json.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

/// Runs the demo until its end, or until it is interrupted. Answers whether every claim holds.
///
/// # Errors
/// When something could not be started, took much too long, or was interrupted.
pub async fn run(arguments: &Arguments, interrupted: &CancellationToken) -> anyhow::Result<bool> {
    let lines = chosen(&arguments.only)?;
    let (folder, temporary) = folder(arguments.dir.as_deref())?;
    let screen = &mut Screen::new();
    screen.line("Orderdock: web orders into back offices, each one once, and somebody knows when that failed.");
    let mut stage = Stage::new(&folder)?;
    let played = tokio::select! {
        played = play(&mut stage, screen, &lines, arguments.orders) => played,
        // Dropping the stage kills what runs on it.
        () = interrupted.cancelled() => bail!("interrupted"),
    };
    if !matches!(played, Ok(true))
        && let Some(temporary) = temporary
    {
        screen.line(format!(
            "To look into: {} is kept; logs/ holds what each process wrote.",
            temporary.keep().display()
        ));
    }
    let all_hold = played?;
    if arguments.keep {
        closing::explore(&stage, screen, &lines)?;
        let _attache = UnattendedRun::of(&stage, &lines)?;
        interrupted.cancelled().await;
        screen.line("\nStopping.");
    }
    stage.stop().await?;
    Ok(all_hold)
}

/// All chapters.
async fn play(stage: &mut Stage, screen: &mut Screen, lines: &[Line], orders: usize) -> anyhow::Result<bool> {
    let begun = Instant::now();
    start(stage, screen).await?;
    let attache = UnattendedRun::of(stage, lines)?;
    let placed = connect(stage, screen, lines, orders).await?;
    travel(stage, screen, lines, &placed).await?;
    if let Some(json) = lines.iter().find(|line| line.food == Food::Json) {
        refusal(stage, screen, json).await?;
        silence(stage, screen, json).await?;
        resend(stage, screen, json).await?;
    }
    settle(stage, lines).await?;
    drop(attache);
    let facts = Facts::gather(stage).await?;
    closing::show(stage, screen, lines, &facts).await?;

    screen.chapter(
        "Checked against the ledgers of shop, ERP, folders and mail server",
        "Not against what Orderdock says of itself.",
    );
    let placed = placed.iter().sum();
    let all_hold = claims::check(stage, lines, placed, &facts).show(screen);
    let verdict = if all_hold { "Every claim holds." } else { "NOT every claim holds: see ✗ above." };
    screen.line(format!("\n{verdict} {placed} orders, {} s.", begun.elapsed().as_secs()));
    Ok(all_hold)
}

fn chosen(only: &[String]) -> anyhow::Result<Vec<Line>> {
    if let Some(unknown) = only.iter().find(|name| !LINES.iter().any(|line| line.name == name.as_str())) {
        let names = LINES.map(|line| line.name).join(", ");
        bail!("there is no connection `{unknown}` in the demo: choose from {names}");
    }
    let lines: Vec<Line> =
        LINES.into_iter().filter(|line| only.is_empty() || only.iter().any(|name| name == line.name)).collect();
    for line in &lines {
        let file = stage::component(line.plugin);
        if !file.is_file() {
            bail!("{} is missing: `cargo xtask demo` builds it first", file.display());
        }
    }
    Ok(lines)
}

/// The demo's folder; a temporary one goes with the guard.
fn folder(given: Option<&std::path::Path>) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    let Some(folder) = given else {
        let temporary = tempfile::Builder::new().prefix("orderdock-demo-").tempdir()?;
        return Ok((temporary.path().to_owned(), Some(temporary)));
    };
    fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))?;
    if fs::read_dir(folder)?.next().is_some() {
        bail!("{} is not empty: the demo begins with nothing", folder.display());
    }
    Ok((folder.to_owned(), None))
}

/// Chapter: the stage.
async fn start(stage: &mut Stage, screen: &mut Screen) -> anyhow::Result<()> {
    screen.chapter(
        "A shop, an ERP, a mail server",
        "Fakes, but real servers: each a process of its own, with a ledger of its own.",
    );
    stage.start_shop().await?;
    stage.start_erp().await?;
    stage.start_mail().await?;
    stage.erp_rules(&cast::trouble()).await?;
    // The shop's owner has registered the two statuses, as the adapter's documentation asks for.
    let host = format!(
        "listen = \"127.0.0.1:0\"\n\n[smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"Orderdock <orderdock@demo.example>\"\n# Failures within that time share a mail.\ngather = \"1s\"\n",
        stage.mail_port()?
    );
    fs::write(stage.config(), host)?;
    stage.start_host().await?;
    screen.say(format!(
        "shop         {}  (EvolutionX and WooCommerce)",
        stage.shop_address(crate::shop::ShopKind::Evo)?.trim_end_matches("/evo")
    ));
    screen.say(format!("ERP          {}", stage.erp_address()?));
    screen.say(format!("mail server  127.0.0.1:{}", stage.mail_port()?));
    screen.say(format!("orderdock    http://{}", stage.host_address()?));
    screen.say(format!("everything   {}", stage.folder().display()));
    Ok(())
}

/// Chapter: plugins and connections. Gives how many orders each connection's shop has.
async fn connect(stage: &mut Stage, screen: &mut Screen, lines: &[Line], generated: usize) -> anyhow::Result<Vec<u64>> {
    screen.chapter(
        "Orders lie in the shops; connections are made",
        "A connection is one customer's shop, plugin and destination. Plugins are sandboxed WebAssembly.",
    );
    let mut placed = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        placed.push(cast::place(stage, line, generated, 100 + index as u64).await?);
    }
    let mut releases = Vec::new();
    for line in lines {
        releases.push(stage.add_plugin(line.plugin).await?);
    }
    let rows = lines.iter().zip(&placed).zip(&releases).map(|((line, count), release)| {
        vec![
            line.name.to_owned(),
            format!("{} account \"{}\"", line.shop_words(), line.account),
            count.to_string(),
            release.clone(),
            line.target_words().to_owned(),
        ]
    });
    screen.table(&["connection", "shop", "orders", "plugin", "to"], rows.collect());
    screen
        .say("Three orders of each were captured from real shops; the others have awkward names, amounts and letters.");
    for (line, release) in lines.iter().zip(&releases) {
        let file = line.write(stage, release)?;
        stage.orderdock(&["connection", "apply", &file]).await?;
    }
    Ok(placed)
}

/// Chapter: the orders travel.
async fn travel(stage: &Stage, screen: &mut Screen, lines: &[Line], placed: &[u64]) -> anyhow::Result<()> {
    screen.chapter("Orders travel", "Each is read again, mapped by the plugin, recorded, sent, and the shop is told.");
    let begun = Instant::now();
    let bars: Vec<_> = lines.iter().zip(placed).map(|(line, count)| (line.name.to_owned(), *count)).collect();
    let mut progress = screen.progress(&bars);
    let all = stage::until("all orders to be decided", ORDERS_WITHIN, async || {
        let rows = facts::rows(stage).await?;
        let mut done = true;
        for (index, (line, count)) in lines.iter().zip(placed).enumerate() {
            let mut states = BTreeMap::<&str, u64>::new();
            for row in rows.iter().filter(|row| row.connection_name == line.name) {
                *states.entry(words(row.state())).or_default() += 1;
            }
            let closed = rows.iter().filter(|row| row.connection_name == line.name && row.is_closed()).count() as u64;
            let words: Vec<_> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
            progress.at(index, closed, words.join(", "));
            done &= closed >= *count;
        }
        progress.tell(screen, false);
        Ok(done.then_some(rows.len()))
    })
    .await;
    progress.end(screen);
    let all = all?;
    screen.say(format!("{all} orders in {} s, every step on the disk before the next.", begun.elapsed().as_secs()));
    let rows = facts::rows(stage).await?;
    for line in lines.iter().filter(|line| cast::fate(line, NO_SKU) == Fate::Held) {
        if let Some(row) = rows.iter().find(|row| row.connection_name == line.name && row.order_number == NO_SKU) {
            screen.say(format!("{} held order {NO_SKU}, as captured from a real shop: {}", line.name, row.because));
        }
    }
    Ok(())
}

fn words(state: &str) -> &str {
    match state {
        "awaiting" => "awaiting an answer",
        "given_up" | "failed" => "held",
        "waiting" | "claimed" | "mapped" | "sending" => "on their way",
        other => other,
    }
}

/// Chapter: the ERP refuses.
async fn refusal(stage: &Stage, screen: &mut Screen, line: &Line) -> anyhow::Result<()> {
    screen.chapter("The ERP refuses an order", "Nothing is repeated that a person must look at first.");
    told_in_shop(stage, line, REFUSED, 1).await?;
    screen.say(format!("{REFUSED}: the ERP answered 422, \"{ERP_WORDS}\"."));
    show_in_shop(stage, screen, line, REFUSED)?;
    let mail = mail_about(stage, REFUSED).await?;
    screen.seen("mail", &format!("to {}: {}", mail.to.join(", "), mail.subject()));
    Ok(())
}

/// Chapter: the ERP takes an order and says nothing.
async fn silence(stage: &Stage, screen: &mut Screen, line: &Line) -> anyhow::Result<()> {
    screen.chapter(
        "The ERP takes an order, and its answer never comes",
        "It may or may not be there: sending it again could make a second one. So nobody does, and Orderdock says so.",
    );
    told_in_shop(stage, line, SILENT, 1).await?;
    let there = stage.erp_book()?.iter().filter(|order| order.key == SILENT).count();
    let there = if there == 1 { "has it".to_owned() } else { format!("has it {there} times") };
    screen.say(format!("{SILENT}: no answer within 4 s. (The ERP's own ledger {there}.)"));
    show_in_shop(stage, screen, line, SILENT)?;
    Ok(())
}

/// Chapter: staff send the refused order again.
async fn resend(stage: &Stage, screen: &mut Screen, line: &Line) -> anyhow::Result<()> {
    screen.chapter(
        "Staff remove the cause and send the order again",
        "They need no other program for it: in the shop the order is set back to \"New Order\".",
    );
    let rules: Vec<_> = cast::trouble().into_iter().filter(|rule| rule.key != REFUSED).collect();
    stage.erp_rules(&rules).await?;
    screen.say("The customer is created in the ERP.");
    let mut book = stage.shop_book();
    book.read()?;
    let id = book.numbered(line.shop, line.account, REFUSED).context("the refused order is not in the shop")?.key.id;
    // A list that lags must not look like a decision: `read_lag_s` of the connection.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    stage.shop_control(&format!("orders/evo/{}/{id}/reset", line.account), Some(serde_json::json!({}))).await?;
    screen.say(format!("{REFUSED} is set back to \"New Order\" in the shop."));
    stage::until("the order to be sent again", THING_WITHIN, async || {
        // The host looks every five minutes; `sync` makes it look now.
        stage.orderdock(&["sync", line.name]).await?;
        tokio::time::sleep(Duration::from_millis(800)).await;
        let rows = facts::rows(stage).await?;
        let row = rows.iter().find(|row| row.connection_name == line.name && row.order_number == REFUSED);
        Ok(row.filter(|row| row.pass == Some(2) && row.state() == "delivered").map(|_| ()))
    })
    .await?;
    told_in_shop(stage, line, REFUSED, 2).await?;
    show_in_shop(stage, screen, line, REFUSED)
}

/// Waits until the shop's ledger has that many statuses of ours at an order.
async fn told_in_shop(stage: &Stage, line: &Line, number: &str, times: usize) -> anyhow::Result<()> {
    let mut book = stage.shop_book();
    stage::until(&format!("the shop to be told about {number}"), THING_WITHIN, async || {
        book.read()?;
        let told = book.numbered(line.shop, line.account, number).map_or(0, |order| order.our_statuses().len());
        Ok((told >= times).then_some(()))
    })
    .await
}

/// Shows what staff see in the shop: the status, our last note, the ERP's id.
fn show_in_shop(stage: &Stage, screen: &Screen, line: &Line, number: &str) -> anyhow::Result<()> {
    let mut book = stage.shop_book();
    book.read()?;
    let order = book.numbered(line.shop, line.account, number).context("the order is not in the shop")?;
    screen.say("In the shop staff see:");
    screen.seen("status", order.status());
    if let Some(note) = order.our_notes().last() {
        screen.seen("note", &note.text.replace('\n', " "));
    }
    if let Some((name, value)) = order.references.last() {
        screen.seen(&name.replace('_', " "), value);
    }
    Ok(())
}

async fn mail_about(stage: &Stage, number: &str) -> anyhow::Result<Caught> {
    stage::until(&format!("the mail about {number}"), THING_WITHIN, async || {
        Ok(stage.mails()?.into_iter().find(|mail| mail.text().contains(&format!("Order {number} of "))))
    })
    .await
}

/// Waits until the shop was told about everything and all mails are out; what is missing then is for the claims to say.
async fn settle(stage: &Stage, lines: &[Line]) -> anyhow::Result<()> {
    let mut book = stage.shop_book();
    let settled = stage::until("the shop to be told about everything", THING_WITHIN, async || {
        book.read()?;
        let owed =
            lines.iter().flat_map(|line| book.of_account(line.shop, line.account).map(move |order| (line, order)));
        let told = |(line, order): &(&Line, &stage::books::Booked)| match cast::fate(line, &order.number) {
            Fate::Delivered => order.status() == line.success(),
            _ => order.status() == line.failure(),
        };
        let open = owed.filter(|one| !told(one)).count();
        Ok((open == 0).then_some(()))
    })
    .await;
    if let Err(error) = settled {
        tracing::warn!(%error, "not everything settled");
    }
    for line in lines.iter().filter(|line| line.food == Food::Kfi) {
        let _mailed = (mail_about(stage, cast::ERR_FILE).await).with_context(|| line.name)?;
    }
    Ok(())
}
