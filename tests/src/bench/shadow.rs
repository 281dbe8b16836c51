//! A shadow run over a ledger of delivered 8-line orders: mapped with two releases, their answers read with both.
//!
//! The orders and the ledger are real; what is left out is the ERP, whose answer is one for all.

use std::sync::Arc;

use anyhow::anyhow;
use orderdock::{
    domain::{
        call::Purpose,
        delivery::{Delivery, Repeat},
        id::{AttemptToken, ConnectionId, Digest, HostId},
        pass::PassState,
        transport::Phase,
        verdict::{Acceptance, DefaultVerdict, Response},
    },
    ledger::{
        Ledger,
        passes::{AttemptEnd, Claim, ClaimKind, NewAttempt, NewPins, Pins, To},
    },
    pipeline::{
        evidence::{self, Evidence, Gave},
        rerun::With,
        shadow::{self, Plan, Report},
        system::SystemClock,
    },
    plugin::{Mapper, Runtime, Settings},
};
use serde_json::json;

use super::{Figures, component, ledger as filled, mapping, now};
use crate::{tenants::distinct, through_wasm::context};

const SECTION: &str = "shadow run";

/// Orders of the connection.
const ORDERS: usize = 20_000;
const LEASE_MS: i64 = 600_000;

/// Measures.
///
/// # Errors
/// When a component is missing, or the orders do not come out the same where they must.
pub async fn measure(quick: bool, figures: &mut Figures) -> anyhow::Result<()> {
    let orders = if quick { 300 } else { ORDERS };
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new(Settings::default(), &folder.path().join("code"), Arc::new(SystemClock))?;
    let bytes = component("json-post")?;
    let (old, _) = runtime.admit(&distinct(&bytes, 1)).await?;
    let (new, _) = runtime.admit(&distinct(&bytes, 2)).await?;
    let filled = filled::Bench::open(folder.path()).await?;
    filled.offer(orders).await?;
    let (ledger, connection): (&dyn Ledger, _) = (&filled.ledger, filled.connection.clone());
    fill(ledger, &connection, &runtime, &old, orders).await?;

    let passes = ledger.mapped_passes(&connection, 0, u32::try_from(orders)?).await?;
    anyhow::ensure!(passes.len() == orders, "{} of {orders} orders can be run again", passes.len());
    let mapper: Arc<dyn Mapper> = runtime;
    let run = async |settings: &str, revisions: Option<(u32, u32)>| -> anyhow::Result<(Report, f64)> {
        let with = |release: &Digest, settings: &str| With {
            release: release.clone(),
            settings: Arc::new(settings.to_owned()),
            tables: Arc::default(),
        };
        let at_once = std::thread::available_parallelism()?.get();
        let before = with(&old, "{}");
        let plan = Plan { passes: passes.clone(), before, revisions, after: with(&new, settings), at_once };
        let begun = now();
        let report = shadow::shadow(ledger, &mapper, plan, |_| {}).await?;
        let orders = f64::from(u32::try_from(report.orders)?);
        Ok((report, orders / begun.elapsed().as_secs_f64()))
    };
    run("{}", None).await?;
    let (same, alike) = run("{}", Some((1, 1))).await?;
    anyhow::ensure!(!same.differs() && same.answers == same.orders, "the same plugin came out differently");
    let (both, both_run) = run("{}", None).await?;
    anyhow::ensure!(
        (both.identical, both.answers, &both.outcomes, both.cost_before.cpu)
            == (same.identical, same.answers, &same.outcomes, same.cost_before.cpu),
        "what is on record is not what comes of a run"
    );
    let (other, different) = run(r#"{"amounts":"number"}"#, Some((1, 1))).await?;
    anyhow::ensure!(other.identical == 0, "numbers are no texts");
    figures.add(
        SECTION,
        "shadow_orders",
        "8-line orders with an answer each, json-post",
        f64::from(u32::try_from(orders)?),
    );
    figures.add_with_target(SECTION, "shadow_per_s", "orders/s, nothing differs", alike, "≥ 10,000 on 2 cores");
    figures.add(
        SECTION,
        "shadow_both_per_s",
        "orders/s, nothing differs, nothing on record of what is in force",
        both_run,
    );
    figures.add(SECTION, "shadow_different_per_s", "orders/s, every order differs", different);
    figures.add(SECTION, "shadow_us", "µs of wall time for an order, nothing differs", 1e6 / alike);
    Ok(())
}

/// Orders that were mapped, sent and accepted.
async fn fill(
    ledger: &dyn Ledger,
    connection: &ConnectionId,
    runtime: &Runtime,
    release: &Digest,
    orders: usize,
) -> anyhow::Result<()> {
    let host = HostId("bench".to_owned());
    let mut done = 0;
    while done < orders {
        let claims = ledger.claim(connection, &host, ClaimKind::Work, 200, LEASE_MS).await?;
        anyhow::ensure!(!claims.is_empty(), "only {done} of {orders} orders wait");
        let moves = claims.iter().map(|claim| one(ledger, runtime, release, claim));
        for moved in futures_util::future::join_all(moves).await {
            moved?;
            done += 1;
        }
    }
    Ok(())
}

async fn one(ledger: &dyn Ledger, runtime: &Runtime, release: &Digest, claim: &Claim) -> anyhow::Result<()> {
    let mut case = mapping::case("json-post", "eight-lines")?;
    case.order.shop_order_id.clone_from(&claim.pass.key.order.shop_order_id);
    case.order.order_number.clone_from(&claim.pass.order_number);
    case.order.raw_json = serde_json::to_string(&case.order)?;
    let (order, tables) = (Arc::new(case.order.clone()), Arc::default());
    let mut told = context(&case.context);
    told.settings = "{}".to_owned();
    told.purpose = Purpose::Create;
    let called = runtime.map_order(release, Arc::clone(&order), told.clone(), Arc::clone(&tables)).await;
    let pins = Pins {
        activation: 1,
        release: release.clone(),
        settings_revision: 1,
        tables_revision: 1,
        destination: json!({}),
        content_hash: String::new(),
        purpose: Purpose::Create,
    };
    let kept = Evidence::of(&pins, told.clone(), &called, Gave::of_mapping(&called)).text();
    let cost = evidence::cost(release, &called);
    let delivery =
        called.result?.map_err(|rejection| anyhow!("json-post refused its own case: {}", rejection.message))?;
    let body = r#"{"object":{"order_id":"SO-1"},"message":"taken"}"#;
    let response = Response::Http { status: 200, headers: Vec::new(), body: body.as_bytes().to_vec() };
    let default = DefaultVerdict::Accepted;
    let state = delivery.state.clone();
    let heard =
        runtime.parse_response(release, Arc::clone(&order), told.clone(), tables, state, response, default).await;
    let read = Evidence { default: Some(default), ..Evidence::of(&pins, told, &heard, Gave::of_reading(&heard)) };
    let shown = json!({
        "answer": { "status": 200, "headers": [], "body": body, "bytes": null, "length": body.len(), "note": null },
        "verdict": { "verdict": { "accepted": {} }, "plugin": read.stored() },
    });
    let token = AttemptToken(claim.token.0.clone());
    let attempt = NewAttempt {
        token: token.clone(),
        step: 0,
        purpose: Purpose::Create,
        repeat: Repeat::Never,
        phase: Phase::Recorded,
        settle_ms: 60_000,
        delivery: serde_json::to_value(Delivery { state: Vec::new(), ..delivery })?,
        sealed_state: Vec::new(),
        shown: json!({ "method": "POST" }),
        hash: String::new(),
        recovery: None,
        mapping: Some(kept.into()),
    };
    let pins = NewPins { pins, mapped_at_ms: 1, order: Arc::new(serde_json::to_string(order.as_ref())?) };
    let to = To::Sending { attempt: Box::new(attempt), pins: Some(Box::new(pins)) };
    let mut sends = filled::a_move(claim, PassState::Claimed, to);
    sends.mapping = Some(cost);
    ledger.apply(sends).await?;
    let to = To::Delivered { acceptance: Acceptance::default(), already: false };
    let mut delivered = filled::a_move(claim, PassState::Sending, to);
    delivered.end = Some(AttemptEnd { token, phase: Phase::Body, outcome: "accepted", shown });
    Ok(ledger.apply(delivered).await?)
}
