//! Opening a pass, and what it takes over from the one before.

use orderdock::{
    domain::{
        clock::Millis,
        decision::{Decision, Opening},
        id::PassKey,
        pass::PassState,
    },
    ledger::passes::PreviousPass,
};
use sha2::{Digest as _, Sha256};

use super::state::{State, StoredPass};

impl State {
    /// Opens a pass. The caller has checked that the last one is closed and that no status is being written.
    pub fn open(
        &mut self,
        key: &PassKey,
        order_number: &str,
        opening: Opening,
        content_hash: Option<String>,
        document: u64,
        now: Millis,
    ) {
        let before = PassKey { order: key.order.clone(), pass: key.pass.saturating_sub(1) };
        let mut idempotency_key = new_key(key);
        let mut document_number = document;
        let (mut mapped_at_ms, mut sealed_state, mut previous, mut doubt) = (None, None, None, false);
        if let Some(last) = self.passes.get(&before) {
            let older = last.previous.clone();
            previous = Some(PreviousPass {
                state: last.state,
                erp_order_id: last.erp_order_id.clone().or(older.as_ref().and_then(|it| it.erp_order_id.clone())),
                erp_order_number: last.erp_order_number.clone().or(older.and_then(|it| it.erp_order_number)),
            });
            // A doubt lasts until something settles it; a pass that sent nothing and delivered nothing settled nothing.
            let unsettled = last.inherits_unknown && !last.sent && last.state != PassState::Delivered;
            doubt = last.state == PassState::GivenUp || unsettled;
            if doubt {
                idempotency_key.clone_from(&last.idempotency_key);
                document_number = last.document_number;
                mapped_at_ms = last.mapped_at_ms;
                sealed_state.clone_from(&last.sealed_state);
            }
            for effect in &mut self.effects {
                if effect.pass.order == key.order && effect.is_status() && effect.is_owed() {
                    effect.state = "cancelled";
                    effect.detail = "a new pass was opened".to_owned();
                    effect.done_ms = Some(now);
                }
            }
        }
        let line = opening_line(&opening);
        self.passes.insert(
            key.clone(),
            StoredPass {
                order_number: order_number.to_owned(),
                state: PassState::Waiting,
                state_ms: now,
                opening,
                opened_ms: now,
                closed_ms: None,
                not_before_ms: now,
                because: String::new(),
                lease: None,
                pins: None,
                content_hash,
                mapped_at_ms,
                step: 0,
                sealed_state,
                idempotency_key,
                document_number,
                awaiting: None,
                deadline_ms: None,
                retry_since_ms: None,
                tried_ms: None,
                retries: 0,
                takeovers: 0,
                attempt_token: None,
                sent: false,
                sent_before: false,
                inherits_unknown: doubt,
                previous,
                erp_order_id: None,
                erp_order_number: None,
                class: None,
                field: None,
                mapped_order: None,
                mapping: None,
                evidence: None,
                delivery: None,
                attempts: Vec::new(),
                bodies: true,
            },
        );
        if let Some(seen) = self.orders.get_mut(&key.order) {
            seen.last_pass = key.pass;
            seen.confirmed = None;
            seen.read_alone = false;
        }
        self.line(key, now, line);
    }
}

/// The sentence of a decision.
pub fn decision_line(decision: &Decision) -> String {
    match decision {
        Decision::Taken => "Taken".to_owned(),
        Decision::Skipped(reason) => format!("Not taken: {}", reason.sentence()),
        Decision::Question { asks } => format!("A question for staff: {asks}"),
    }
}

fn opening_line(opening: &Opening) -> String {
    match opening {
        Opening::First => "Seen and taken: it waits to be sent".to_owned(),
        Opening::Reset => "Staff set it back to new in the shop: it is sent again".to_owned(),
        Opening::Correction => "It was corrected in the shop: it is sent again".to_owned(),
        Opening::Intent { by, why } if why.is_empty() => format!("{by} asked to send it again"),
        Opening::Intent { by, why } => format!("{by} asked to send it again: {why}"),
    }
}

/// The same pass has the same key in every ledger.
fn new_key(pass: &PassKey) -> String {
    let mut hash = Sha256::new();
    for part in [pass.order.connection.as_str(), pass.order.shop.as_str(), &pass.order.shop_order_id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(pass.pass.to_be_bytes());
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
