//! The journey with a million old orders and a hundred thousand held ones in the ledger, against the same with an empty one.
//!
//! A host carries one order; it is then copied in the database a million times, with all of its rows but bodies, which have
//! expired by then. Held orders are half failed (On Hold in the shop, with bodies) and half waiting for a later moment. Both
//! hosts stay at work and take turns.

use anyhow::{Context as _, bail, ensure};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::{
    Database, Figures, Options, float,
    hosts::{Host, Wish},
    now, percentile, say,
    servers::Servers,
};

const SECTION: &str = "old orders";

/// Ids of copies begin here: none meets one of the shop's.
const FIRST: i64 = 1_000_000_000;

/// Rows of one order.
const TABLES: [&str; 8] =
    ["orders", "decisions", "passes", "timeline", "attempts", "effects", "pass_bodies", "attempt_bodies"];

/// So many days and a bit ago: bodies have expired, and everything has come to rest.
const AGO_MS: i64 = 30 * 86_400_000;

/// Measures.
///
/// # Errors
/// When something can't be copied, the host does not start, or orders do not arrive.
pub async fn measure(options: &Options, figures: &mut Figures) -> anyhow::Result<()> {
    let (old, held, count, repeats) = if options.quick { (2_000, 200, 60, 1) } else { (1_000_000, 100_000, 3_000, 3) };
    for database in [Database::Sqlite, Database::Postgres] {
        if options.database.is_none_or(|only| only == database) {
            compare(database, (old, held), count, repeats, figures).await?;
        }
    }
    Ok(())
}

async fn compare(
    database: Database,
    (old, held): (i64, i64),
    count: usize,
    repeats: usize,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let server = match database {
        Database::Sqlite => None,
        Database::Postgres => {
            let options = orderdock_postgres::Options { fsync: true, ..orderdock_postgres::Options::default() };
            Some(orderdock_postgres::Server::start(&options)?)
        }
    };
    let folder = tempfile::tempdir()?;
    let mut pairs = Vec::new();
    for name in ["empty", "crowded"] {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder)?;
        let servers = Servers::start().await?;
        servers.add(1);
        let database = match &server {
            None => None,
            Some(server) => Some(server.create(name)?),
        };
        let wish = Wish { database, hosts: 1, at_once: Some(16), servers: &[&servers] };
        let mut hosts = Host::start_all(&folder, &wish).await?;
        let Some(host) = hosts.pop() else { bail!("no host") };
        host.carried(&servers).await?;
        pairs.push((host, servers, Vec::new()));
    }
    let (begin, words) = match database {
        Database::Sqlite => ("old", ""),
        Database::Postgres => ("postgres_old", "PostgreSQL, "),
    };
    say(&format!("{words}copying {old} old and {held} held orders"));
    let copying = now();
    if let Some((host, ..)) = pairs.last_mut() {
        let file = host.database_file();
        host.again(async {
            match &server {
                None => copy_sqlite(&file, old, held).await.context("copies in SQLite"),
                Some(server) => copy_postgres(&server.url("crowded"), old, held).await.context("copies in PostgreSQL"),
            }
        })
        .await?;
    }
    say(&format!("{words}copied within {} s", copying.elapsed().as_secs()));
    // The first run of each finds cold caches; it does not count.
    for repeat in 0..=repeats {
        for (host, servers, rates) in &mut pairs {
            let count = if repeat == 0 { count.div_ceil(10) } else { count };
            servers.add(count);
            host.command(&["sync", "bench"]).await?;
            let rate = float(count) / host.carried(servers).await?;
            if repeat > 0 {
                rates.push(rate);
            }
        }
    }
    let mut medians = Vec::new();
    for (host, _, mut rates) in pairs {
        host.end().await?;
        medians.push(percentile(&mut rates, 50));
    }
    let [empty, full] = medians[..] else { bail!("two hosts were measured") };
    figures.add(SECTION, format!("{begin}_empty_orders_per_s"), format!("{words}16 in flight, empty ledger"), empty);
    let about = format!("{words}16 in flight, {old} old and {held} held orders");
    figures.add(SECTION, format!("{begin}_full_orders_per_s"), about, full);
    let about = format!("{words}with old orders / empty");
    figures.add_with_target(SECTION, format!("{begin}_ratio"), about, full / empty, "≥ 0.8 ×");
    Ok(())
}

/// What the copies are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Delivered,
    Failed,
    Waiting,
}

/// The statement that copies the one order's rows of a table; none where that kind of order has none. `numbers` is a table
/// `n (i)`.
fn copies(table: &str, columns: &[String], kind: Kind, numbers: &str) -> Option<String> {
    let bodies = matches!(table, "pass_bodies" | "attempt_bodies");
    let sent = matches!(table, "attempts" | "attempt_bodies" | "effects" | "pass_bodies");
    if (kind == Kind::Delivered && bodies) || (kind == Kind::Waiting && sent) {
        return None;
    }
    // The key of these is given out by the database.
    let counted = matches!(table, "decisions" | "timeline" | "effects");
    let columns: Vec<&str> = columns.iter().map(String::as_str).filter(|name| !counted || *name != "number").collect();
    let values: Vec<String> = columns.iter().map(|column| value(column, kind)).collect();
    Some(format!(
        "insert into {table} ({}) select {} from {table} as t, {numbers} where t.shop_order_id = '1'",
        columns.join(", "),
        values.join(", ")
    ))
}

fn value(column: &str, kind: Kind) -> String {
    let own = |begin: &str| format!("'{begin}' || n.i");
    match (column, kind) {
        ("shop_order_id", _) => "cast(n.i as text)".to_owned(),
        ("order_number", _) => own("WEB-"),
        ("idempotency_key" | "token" | "attempt_token" | "erp_order_id" | "erp_order_number", Kind::Delivered) => {
            format!("t.{column} || n.i")
        }
        ("idempotency_key" | "token" | "attempt_token", Kind::Failed) => format!("t.{column} || n.i"),
        ("idempotency_key", Kind::Waiting) => format!("t.{column} || n.i"),
        ("erp_order_id" | "erp_order_number", _) | ("attempt_token" | "closed_ms", Kind::Waiting) => "null".to_owned(),
        ("document_number", _) => "t.document_number + n.i".to_owned(),
        ("bodies", Kind::Delivered) => "0".to_owned(),
        ("state", Kind::Failed) => "case when t.state = 'delivered' then 'failed' else t.state end".to_owned(),
        ("state", Kind::Waiting) => "'waiting'".to_owned(),
        ("class", Kind::Failed) => "'data'".to_owned(),
        ("because", Kind::Failed) => "'the ERP refused it: customer is on stop'".to_owned(),
        ("because", Kind::Waiting) => "'it waits for its time'".to_owned(),
        ("sent" | "sent_before" | "attempts", Kind::Waiting) => "0".to_owned(),
        ("shop_status", Kind::Failed) => "'On Hold'".to_owned(),
        // A year ahead.
        ("not_before_ms", Kind::Waiting) => "t.not_before_ms + 31536000000".to_owned(),
        (time, Kind::Delivered) if time.ends_with("_ms") => {
            format!("case when t.{time} > 0 then t.{time} - {AGO_MS} + (n.i - {FIRST}) else t.{time} end")
        }
        _ => format!("t.{column}"),
    }
}

/// What is copied: from which id on, how many, of which kind.
fn parts(old: i64, held: i64) -> [(i64, i64, Kind); 3] {
    let half = held / 2;
    [(FIRST, old, Kind::Delivered), (FIRST + old, half, Kind::Failed), (FIRST + old + half, held - half, Kind::Waiting)]
}

async fn copy_sqlite(file: &std::path::Path, old: i64, held: i64) -> anyhow::Result<()> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(file).disable_statement_logging();
    let mut connection = options.connect().await?;
    // This is not what is measured; the file is closed in good order before it is.
    connection.execute("pragma synchronous = off; pragma cache_size = -400000").await?;
    connection.execute("begin immediate").await?;
    for table in TABLES {
        let columns =
            connection.fetch_all(sqlx::AssertSqlSafe(format!("select name from pragma_table_info('{table}')")));
        let columns: Vec<String> = columns.await?.iter().map(|row| row.get(0)).collect();
        ensure!(!columns.is_empty(), "there is no table {table}");
        for (from, count, kind) in parts(old, held) {
            let until = from + count - 1;
            let numbers = format!(
                "(with recursive counted (i) as (select {from} union all select i + 1 from counted where i < {until}) \
                 select i from counted) as n"
            );
            if let Some(sql) = copies(table, &columns, kind, &numbers) {
                connection.execute(sqlx::AssertSqlSafe(sql)).await.with_context(|| table.to_owned())?;
            }
        }
    }
    connection.execute("commit").await?;
    connection.execute("pragma wal_checkpoint(truncate)").await?;
    connection.close().await?;
    Ok(())
}

async fn copy_postgres(url: &str, old: i64, held: i64) -> anyhow::Result<()> {
    let options: sqlx::postgres::PgConnectOptions = url.parse()?;
    let mut connection = options.disable_statement_logging().connect().await?;
    connection.execute("set synchronous_commit = off; set work_mem = '256MB'").await?;
    for table in TABLES {
        let columns = format!(
            "select column_name::text from information_schema.columns where table_name = '{table}' order by ordinal_position"
        );
        let columns = connection.fetch_all(sqlx::AssertSqlSafe(columns)).await?;
        let columns: Vec<String> = columns.iter().map(|row| row.get(0)).collect();
        ensure!(!columns.is_empty(), "there is no table {table}");
        for (from, count, kind) in parts(old, held) {
            let numbers = format!("generate_series({from}::bigint, {}::bigint) as n (i)", from + count - 1);
            if let Some(sql) = copies(table, &columns, kind, &numbers) {
                connection.execute(sqlx::AssertSqlSafe(sql)).await.with_context(|| table.to_owned())?;
            }
        }
    }
    // What its own cleaning process does within minutes.
    connection.execute("vacuum analyze").await?;
    connection.execute("checkpoint").await?;
    connection.close().await?;
    Ok(())
}
