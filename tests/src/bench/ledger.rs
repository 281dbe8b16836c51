//! The ledger alone: claim, write-ahead row and answer of each order, every commit durable, no HTTP and no plugin.

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, ensure};
use orderdock::{
    domain::{
        Order,
        call::{Description, Purpose, Tables},
        delivery::Repeat,
        id::{AttemptToken, ConnectionId, Digest, HostId, ShopId},
        judge::{Reading, judge},
        pass::PassState,
        policy::{PaymentRule, StatusMap, TakePolicy},
        sight::Sight,
        transport::Phase,
        verdict::Acceptance,
    },
    ledger::{
        Ledger,
        connections::{ConnectionDraft, ShopIdentity},
        effects::EffectBody,
        orders::SightBatch,
        passes::{AttemptEnd, Claim, ClaimKind, Guard, Move, NewAttempt, NewPins, Pins, To},
        sql::{Role, SqlLedger},
    },
    pipeline::system::{SystemClock, SystemRandom},
};
use serde_json::json;

use super::{Figures, now, say};

const SECTION: &str = "ledger";

/// Length of a lease; nobody here works for longer.
const LEASE_MS: i64 = 60_000;

/// Orders of one page.
const PAGE: usize = 100;

/// Measures.
///
/// # Errors
/// What the ledger says.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    for (at_once, count) in [(1, 1_000), (16, 4_000)] {
        say(&format!("ledger, {at_once} in flight"));
        let count = if quick { count / 50 } else { count };
        let folder = tempfile::tempdir()?;
        let bench = Arc::new(Bench::open(folder.path()).await?);
        bench.offer(count).await?;
        let begun = now();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..at_once {
            let bench = Arc::clone(&bench);
            workers.spawn(async move { bench.work().await });
        }
        let mut done = 0;
        while let Some(ended) = workers.join_next().await {
            done += ended??;
        }
        ensure!(done == count, "{done} of {count} orders were claimed");
        let name = format!("ledger_{at_once}_orders_per_s");
        let about = format!("{at_once} in flight: claim, write-ahead row and answer, no HTTP");
        #[expect(clippy::cast_precision_loss, reason = "some thousand orders")]
        figures.add(SECTION, name, about, count as f64 / begun.elapsed().as_secs_f64());
    }
    Ok(())
}

/// A ledger in a file, with one connection.
pub struct Bench {
    /// The ledger.
    pub ledger: SqlLedger,
    /// The connection.
    pub connection: ConnectionId,
    shop: ShopId,
    host: HostId,
}

impl Bench {
    /// An empty one.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("ledger.db");
        let ledger = SqlLedger::open(&path, Arc::new(SystemClock), Arc::new(SystemRandom), Role::Working).await?;
        ledger_ready(&ledger).await?;
        let all: &dyn Ledger = &ledger;
        let record = all.connections(false).await?.pop().context("the connection is there")?;
        Ok(Self { ledger, connection: record.id, shop: record.shop_id, host: "bench".into() })
    }

    /// Lets the shop show so many new orders.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn offer(&self, count: usize) -> anyhow::Result<()> {
        for first in (0..count).step_by(PAGE) {
            let sights = (first..count.min(first + PAGE)).map(sight).collect::<Result<Vec<_>, _>>()?;
            let reading = Reading { began_ms: 1, single: false, first_sweep: false };
            let batch = SightBatch {
                connection: self.connection.clone(),
                shop: self.shop.clone(),
                sights: Arc::new(sights),
                judge: Arc::new(move |sight, history, other| judge(&policy(), sight, reading, history, other)),
                began_ms: 1,
                single: false,
                is_new: Arc::new(|status| status == "New Order"),
            };
            let ledger: &dyn Ledger = &self.ledger;
            ledger.record_sights(batch).await?;
        }
        Ok(())
    }

    /// Takes orders until there are none; how many.
    async fn work(&self) -> anyhow::Result<usize> {
        let ledger: &dyn Ledger = &self.ledger;
        let mut done = 0;
        loop {
            let claims = ledger.claim(&self.connection, &self.host, ClaimKind::Work, 1, LEASE_MS).await?;
            let Some(claim) = claims.into_iter().next() else { return Ok(done) };
            ledger.apply(sending(&claim)).await?;
            ledger.apply(delivered(&claim)).await?;
            done += 1;
        }
    }
}

async fn ledger_ready(ledger: &dyn Ledger) -> anyhow::Result<()> {
    let description = Description {
        name: "bench".to_owned(),
        version: "1.0.0".to_owned(),
        publisher: String::new(),
        erp: String::new(),
        help: String::new(),
        settings_schema: json!({}),
        purposes: vec![Purpose::Create],
        deliveries: Vec::new(),
        secrets: Vec::new(),
        tables: Vec::new(),
        folders: Vec::new(),
    };
    ledger.add_release(&release(), b"component", &description, "bench").await?;
    let shop = ShopIdentity {
        kind: "evolutionx".to_owned(),
        base_address: "https://shop.example".to_owned(),
        account: String::new(),
    };
    let draft = ConnectionDraft {
        name: "bench".to_owned(),
        shop,
        shop_change: None,
        config: json!({}),
        release: release(),
        plugin_settings: json!({}),
        tables: Tables::new(),
        secrets: Vec::new(),
        take_from_ms: Some(0),
        by: "bench".to_owned(),
        why: String::new(),
    };
    ledger.apply_connection(draft).await?;
    Ok(())
}

fn release() -> Digest {
    "00".repeat(32).into()
}

fn policy() -> TakePolicy {
    TakePolicy {
        status: StatusMap {
            new: vec!["New Order".to_owned()],
            success: Some("In Progress".to_owned()),
            failure: Some("On Hold".to_owned()),
            ignored: std::collections::BTreeSet::new(),
        },
        payment: PaymentRule::Any,
        take_from_ms: 0,
        skip_api_users: false,
        shipped: false,
        has_stamp: false,
        names_actors: false,
        share: false,
        shop_reset_confirms: true,
        read_lag_ms: 60_000,
    }
}

fn sight(number: usize) -> serde_json::Result<Sight> {
    let id = number.to_string();
    let order: Order = serde_json::from_value(json!({
        "shop_order_id": id, "order_number": format!("WEB-{id}"), "placed_at": "2026-01-01T00:00:00Z",
        "currency": "EUR", "lines": [], "totals": { "gross": "1.00" }, "payment_state": "paid"
    }))?;
    Ok(Sight {
        order_number: order.order_number.clone(),
        shop_order_id: id,
        status: "New Order".to_owned(),
        placed_ms: Some(1),
        modified_ms: None,
        processed_stamp: None,
        shipped: false,
        cancelled: false,
        creator: None,
        status_actor: None,
        order: Ok(Box::new(order)),
    })
}

/// A text of the size of a mapped 8-line order.
fn body() -> String {
    "0123456789abcdef".repeat(200)
}

fn attempt(claim: &Claim) -> AttemptToken {
    AttemptToken(claim.token.0.clone())
}

/// A bare move under a claim's lease.
#[must_use]
pub fn a_move(claim: &Claim, from: PassState, to: To) -> Move {
    Move {
        pass: claim.pass.key.clone(),
        guard: Guard::Lease(claim.token.clone()),
        from,
        to,
        end: None,
        asked: None,
        effects: Vec::new(),
        timeline: Vec::new(),
        confirmed: None,
        quarantine: None,
        mapping: None,
    }
}

fn sending(claim: &Claim) -> Move {
    let attempt = NewAttempt {
        token: attempt(claim),
        step: 0,
        purpose: Purpose::Create,
        repeat: Repeat::Never,
        phase: Phase::Recorded,
        settle_ms: 60_000,
        delivery: json!({ "body": body() }),
        sealed_state: Vec::new(),
        shown: json!({ "method": "POST", "body": body() }),
        hash: "00".repeat(32),
        recovery: None,
        mapping: Some("{}".into()),
    };
    let pins = Pins {
        activation: 1,
        release: release(),
        settings_revision: 1,
        tables_revision: 1,
        destination: json!({}),
        content_hash: "00".repeat(32),
        purpose: Purpose::Create,
    };
    let pins = NewPins { pins, mapped_at_ms: 1, order: Arc::new(json!({ "order": body() }).to_string()) };
    a_move(claim, PassState::Claimed, To::Sending { attempt: Box::new(attempt), pins: Some(Box::new(pins)) })
}

fn delivered(claim: &Claim) -> Move {
    let acceptance = Acceptance { erp_order_id: Some("ERP-1".to_owned()), ..Acceptance::default() };
    let end = AttemptEnd {
        token: attempt(claim),
        phase: Phase::Body,
        outcome: "accepted",
        shown: json!({ "status": 200, "body": "{\"message\":\"taken\"}" }),
    };
    Move {
        end: Some(end),
        effects: vec![
            EffectBody::ErpId { id: "ERP-1".to_owned() },
            EffectBody::Note { text: "Delivered to the ERP as ERP-1".to_owned() },
            EffectBody::Stamp,
            EffectBody::Status { status: "In Progress".to_owned(), by_intent: false },
        ],
        timeline: vec!["Delivered to the ERP as ERP-1".to_owned()],
        ..a_move(claim, PassState::Sending, To::Delivered { acceptance, already: false })
    }
}
