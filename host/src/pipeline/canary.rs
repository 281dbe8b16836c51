//! Canaries at work: what a call cost is noted while one is open, and every host looks whether it may go on. The first that
//! finds an end records it; the others find that out.

use std::{sync::Arc, time::Duration};

use super::{
    journey::Journey,
    lane::Lane,
    parts::Parts,
    work::{Shared, pause},
};
use crate::{
    config::Opaque,
    domain::{
        canary::{Figures, Ruling, judge},
        delivery::{Delivery, Rejection},
        id::PassKey,
    },
    ledger::{
        LedgerError,
        activations::{ActivationKind, NewActivation},
        canaries::{Canary, CanaryCall, CanaryEnd, CanaryState},
        effects::EffectBody,
        passes::Pins,
    },
    notify::FailedOrder,
    plugin::Called,
};

/// Below this many orders beside it, a canary is compared with what was before it.
const BESIDE: u32 = 20;

/// Who decides where nobody has to be asked.
const BY: &str = "the canary's rules";

/// What is noted of a call.
pub struct CallNote {
    cost: Option<(u64, u64)>,
    refused: bool,
    fault: bool,
}

impl CallNote {
    /// Of a mapping. A delivery that breaks the connection's checks is the plugin's failure, like a trap.
    pub fn mapping(called: &Called<Result<Delivery, Rejection>>, broken: bool) -> Self {
        let cost = Some((called.usage.cpu_used, called.usage.wall_us));
        Self { cost, refused: matches!(called.result, Ok(Err(_))), fault: broken || called.result.is_err() }
    }

    /// The plugin failed at an order that was mapped before.
    pub fn fault() -> Self {
        Self { cost: None, refused: false, fault: true }
    }
}

impl Journey {
    /// Notes a call for whoever judges, while a canary is open. What can't be noted is one order fewer to judge by.
    pub async fn note_for_canary(&self, pins: &Pins, note: CallNote) {
        let Some((canary, _)) = &self.lane.tried else { return };
        let call = CanaryCall {
            pass: self.pass.key.clone(),
            activation: pins.activation,
            cpu: note.cost.map(|(cpu, _)| cpu),
            us: note.cost.map(|(_, us)| us),
            refused: note.refused,
            fault: note.fault,
        };
        if let Err(error) = self.parts.ledger.note_canary_call(canary.activation.number, call).await {
            tracing::warn!(connection = %self.lane.record.name, %error, "a call could not be noted for the canary");
        }
    }
}

/// Looks at every open canary, until stopped.
pub async fn run(shared: Arc<Shared>, lanes: impl Fn() -> Vec<Arc<Lane>>) {
    while !shared.stop.is_cancelled() {
        for lane in lanes() {
            let Some((canary, _)) = &lane.tried else { continue };
            if let Err(error) = look(&shared.parts, &lane, canary).await {
                tracing::error!(connection = %lane.record.name, %error, "the canary could not be judged");
            }
        }
        pause(&shared, shared.parts.pace.notice_every.max(Duration::from_millis(100))).await;
    }
}

/// Whether this one may go on.
async fn look(parts: &Parts, lane: &Lane, canary: &Canary) -> Result<(), LedgerError> {
    let number = canary.activation.number;
    let (beside, new, worst) = parts.ledger.canary_figures(&lane.record.id, number).await?;
    let old = if beside.mapped >= BESIDE { beside } else { canary.before };
    let (state, why) = match judge(&canary.rules, &old, &new) {
        Ruling::GoOn => return Ok(()),
        Ruling::Enough if canary.state == CanaryState::Asking => return Ok(()),
        Ruling::Enough if canary.rules.ask => (CanaryState::Asking, format!("{} orders went well", new.settled)),
        Ruling::Enough => (CanaryState::Promoted, format!("{} orders went well", new.settled)),
        Ruling::Back(why) => (CanaryState::WentBack, why),
    };
    let activation = match state {
        CanaryState::Promoted => Some(promotion(parts, lane, canary, &why).await?),
        _ => None,
    };
    let mail = match state {
        CanaryState::WentBack => told(lane, canary, &why, (&old, &new), worst),
        _ => None,
    };
    let end = CanaryEnd {
        connection: lane.record.id.clone(),
        number,
        state,
        why: why.clone(),
        figures: Some((old, new)),
        activation,
        mail,
    };
    if parts.ledger.end_canary(end).await? {
        let name = &lane.record.name;
        match state {
            CanaryState::WentBack => {
                tracing::warn!(connection = %name, activation = number, %why, "the canary went back")
            }
            _ => tracing::info!(connection = %name, activation = number, %why, ?state, "the canary has stood the test"),
        }
    }
    Ok(())
}

/// The activation that puts a canary in force.
async fn promotion(parts: &Parts, lane: &Lane, canary: &Canary, why: &str) -> Result<NewActivation, LedgerError> {
    let tried = &canary.activation;
    let plugin_settings = parts.ledger.plugin_settings(&lane.record.id, tried.settings_revision).await?;
    let tables = parts.ledger.tables(&lane.record.id, tried.tables_revision).await?;
    let opaque = Opaque::from_value(plugin_settings.as_object().cloned().unwrap_or_default());
    let settings = lane.settings.mapping_with(tried.release.as_str(), opaque, tables.clone());
    let config = serde_json::to_value(&settings)
        .map_err(|error| LedgerError::Refused(format!("the connection's settings have no JSON form: {error}")))?;
    Ok(NewActivation {
        connection: lane.record.id.clone(),
        instead_of: canary.old,
        kind: ActivationKind::Promoted,
        repeats: Some(tried.number),
        release: tried.release.clone(),
        plugin_settings,
        tables,
        config,
        by: BY.to_owned(),
        why: why.to_owned(),
    })
}

/// The one mail that says that it went back.
fn told(
    lane: &Lane,
    canary: &Canary,
    why: &str,
    (old, new): (&Figures, &Figures),
    worst: Option<(PassKey, String)>,
) -> Option<(PassKey, EffectBody)> {
    if lane.settings.notify.to.is_empty() {
        return None;
    }
    let (pass, order_number) = worst?;
    let what = format!(
        "The canary of activation {} went back by itself: {why}. With it: {}. Before: {}. All new orders are mapped by \
         activation {} again",
        canary.activation.number,
        new.words(),
        old.words(),
        canary.old
    );
    let failed = FailedOrder {
        order_number,
        shop_order_id: pass.order.shop_order_id.clone(),
        buyer: String::new(),
        total: String::new(),
        currency: String::new(),
        what,
        who_must_act: "The administrator, and the plugin's publisher".to_owned(),
        what_to_do: "Look at `orderdock plugin history` and at this order, which is one of those that it met."
            .to_owned(),
        pass: pass.pass,
        connection: lane.record.name.clone(),
        link: String::new(),
    };
    // The struct holds text and one number: it always has a JSON form.
    let failed = serde_json::to_value(failed).unwrap_or_default();
    Some((pass, EffectBody::Mail { failed }))
}
