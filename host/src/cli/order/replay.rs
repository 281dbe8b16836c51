//! `orderdock order replay`: maps an order again as it was mapped, and reads the ERP's answers again. Nothing is sent.

use clap::Args;

use super::{
    super::{
        Failure,
        changes::{self, widest},
        open::{self, Beside},
        output::{Output, plain},
        plugin::history::name_of,
    },
    Which, find,
};
use crate::{
    domain::id::PassKey,
    ledger::connections::ReleaseRecord,
    pipeline::{
        replay::{self, Part, Replay},
        rerun::{Recorded, With},
    },
};

/// One order, to be mapped again.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Which pass; else the last one that was mapped.
    #[arg(long)]
    pass: Option<u32>,
    /// With this release instead of the one that mapped it: `name@version`, name, or the first digits of its digest.
    #[arg(long)]
    release: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When it can't be run again; when something differs.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let detail = find(&arguments.which, beside).await?;
    let number = plain(&detail.order.order_number);
    let mapped = detail.passes.iter().rev().find(|pass| match arguments.pass {
        Some(wanted) => pass.pass == wanted,
        None => pass.mapping.is_some(),
    });
    let Some(pass) = mapped else {
        let what = arguments.pass.map_or("was never mapped".to_owned(), |wanted| format!("has no pass {wanted}"));
        return Err(Failure::not_found(format!(
            "order {number} {what}; `orderdock order show {number}` has its history"
        )));
    };
    let key = PassKey { order: detail.order.key.clone(), pass: pass.pass };
    let Some(recording) = beside.ledger.recordings(std::slice::from_ref(&key)).await?.pop() else {
        return Err(Failure::not_found(format!(
            "pass {} of order {number} can't be run again: what it was mapped from has expired, or it was never mapped",
            key.pass
        )));
    };
    let recorded = Recorded::read(recording)
        .map_err(|why| Failure::failed(format!("pass {} of order {number} can't be run again: {why}", key.pass)))?;
    let release = match &arguments.release {
        Some(wanted) => beside.release(wanted).await?.digest,
        None => recorded.mapping.release.clone(),
    };
    let connection = &key.order.connection;
    let with = With {
        settings: beside
            .ledger
            .plugin_settings(connection, recorded.mapping.settings_revision)
            .await?
            .to_string()
            .into(),
        tables: beside.ledger.tables(connection, recorded.mapping.tables_revision).await?.into(),
        release,
    };
    let engine = open::engine_with(beside, &[&with.release]).await?;
    let replay = replay::replay(engine.as_ref(), &recorded, &with).await;
    let releases = beside.ledger.releases().await?;
    output.either(&replay, || tell(&replay, &releases, output));
    if replay.identical { Ok(()) } else { Err(Failure::different()) }
}

fn tell(replay: &Replay, releases: &[ReleaseRecord], output: Output) {
    let Replay { release, with, settings_revision, tables_revision, .. } = replay;
    output.line(format!(
        "Order {}, pass {}, mapped at {} by {}",
        plain(&replay.order_number),
        replay.pass,
        replay.mapped_at,
        plain(&name_of(release, releases))
    ));
    output.line(format!("with settings revision {settings_revision} and tables revision {tables_revision}."));
    if with != release {
        output.line(format!("Run again with release {}.", plain(&name_of(with, releases))));
    }
    output.line("");
    part("mapping", &replay.mapping, output);
    for answer in &replay.answers {
        part(&format!("answer {}", answer.answer.unwrap_or_default()), answer, output);
    }
    for remark in &replay.remarks {
        changes::paragraph(&format!("Note: {}", plain(remark)), "", output);
    }
    output.line("");
    output.line(if replay.identical { "Identical." } else { "Different. Nothing was sent or changed." });
}

fn part(name: &str, part: &Part, output: Output) {
    let verdict = if part.identical { "identical" } else { "different" };
    let gave = if part.before == part.after {
        plain(&part.after)
    } else {
        format!("{} → {}", plain(&part.before), plain(&part.after))
    };
    changes::paragraph(&format!("{name:<10} {verdict}: {gave}"), "           ", output);
    let (before, after) = (&part.cost_before, &part.cost_after);
    let cpu = changes::ratio(before.cpu_used, after.cpu_used);
    output.line(format!(
        "           {} CPU units{cpu}, {} KiB",
        changes::grouped(after.cpu_used),
        after.memory_peak.div_ceil(1024)
    ));
    for change in &part.changes {
        changes::paragraph(&format!("  {}: {}", plain(&change.place), change.kind.words()), "    ", output);
        for (sign, value) in [("-", &change.before), ("+", &change.after)] {
            if let Some(value) = value {
                output.line(widest(&format!("    {sign} {}", plain(value).replace('\n', "⏎"))));
            }
        }
    }
}
