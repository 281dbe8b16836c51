//! From a verdict to a move: the state a pass goes to, and everything the host then owes shop, staff and administrator
//! (lifecycle section 1). Pure, so that the table is a test.

use crate::{
    domain::{
        clock::Millis,
        decision::{Decision, SkipReason},
        delivery::{Rejection, RejectionClass},
        policy::StatusMap,
        verdict::{Acceptance, FailureClass, Refusal},
    },
    ledger::{effects::EffectBody, passes::To},
    notify::FailedOrder,
};

/// What settling needs to know of the connection and the order.
pub struct Setting<'a> {
    /// Name of the connection.
    pub connection: &'a str,
    /// Status map.
    pub status: &'a StatusMap,
    /// Whether success sets the shop's processed stamp.
    pub stamp: bool,
    /// Whether anybody gets mails.
    pub mails: bool,
    /// Whether a person opened the pass.
    pub by_intent: bool,
    /// The order, as a mail describes it.
    pub order: OrderFacts<'a>,
}

/// What a mail tells of the order.
#[derive(Clone, Copy)]
pub struct OrderFacts<'a> {
    /// The number people use.
    pub number: &'a str,
    /// The shop's key.
    pub shop_order_id: &'a str,
    /// Who ordered.
    pub buyer: &'a str,
    /// Total.
    pub total: &'a str,
    /// Currency.
    pub currency: &'a str,
    /// Pass.
    pub pass: u32,
}

/// A move without its guard.
#[derive(Clone)]
pub struct Settled {
    /// Where the pass goes.
    pub to: To,
    /// What is owed.
    pub effects: Vec<EffectBody>,
    /// Sentences for the timeline.
    pub timeline: Vec<String>,
}

impl Setting<'_> {
    /// The ERP has it.
    pub fn delivered(&self, acceptance: Acceptance, already: bool) -> Settled {
        let id = acceptance.erp_order_id.clone();
        let name = match (&id, &acceptance.erp_order_number) {
            (_, Some(number)) => format!(" as {number}"),
            (Some(id), None) => format!(" as {id}"),
            (None, None) => String::new(),
        };
        let mut sentence = if already {
            format!("The ERP had the order already{name}")
        } else {
            format!("Delivered to the ERP{name}")
        };
        if let Some(message) = acceptance.message.as_deref().filter(|message| !message.is_empty()) {
            sentence.push_str(&format!("; it says: {message}"));
        }
        let mut timeline = vec![sentence.clone()];
        timeline.extend(acceptance.warnings.iter().map(|warning| format!("Warning from the ERP: {warning}")));
        let mut effects = Vec::with_capacity(4);
        if let Some(id) = id {
            effects.push(EffectBody::ErpId { id });
        }
        effects.push(EffectBody::Note { text: timeline.join("\n") });
        if self.stamp {
            effects.push(EffectBody::Stamp);
        }
        effects.extend(self.success());
        Settled { to: To::Delivered { acceptance, already }, effects, timeline }
    }

    /// Handed over; the verdict comes later.
    pub fn awaiting(&self, to: To, what: &str) -> Settled {
        let sentence = format!("Written, awaiting the ERP's answer{}{what}", if what.is_empty() { "" } else { ": " });
        let mut effects = vec![EffectBody::Note { text: sentence.clone() }];
        if self.stamp {
            effects.push(EffectBody::Stamp);
        }
        effects.extend(self.success());
        Settled { to, effects, timeline: vec![sentence] }
    }

    /// Refused: by the plugin, the ERP, or because it could not be done.
    pub fn failed(&self, class: FailureClass, because: String, field: Option<String>) -> Settled {
        self.refused(Refusal { message: because, class, field, partial_id: None })
    }

    /// Refused by the ERP.
    pub fn refused(&self, refusal: Refusal) -> Settled {
        let Refusal { message, class, field, partial_id } = refusal;
        let mut sentence = match message.strip_prefix("the plugin ") {
            Some(rest) if class == FailureClass::Plugin => format!("The plugin {rest}"),
            _ => format!("{}: {message}", heading(class)),
        };
        if let Some(field) = &field {
            sentence.push_str(&format!(" (field {field})"));
        }
        if let Some(partial) = &partial_id {
            sentence.push_str(&format!(". The ERP created {partial} in part: remove it there before sending again"));
        }
        let mut effects = self.failure(&sentence);
        effects.extend(self.mail(sentence.clone(), class, what_to_do(class)));
        Settled { to: To::Failed { class, because: message, field, partial_id }, effects, timeline: vec![sentence] }
    }

    /// Nobody can tell.
    pub fn given_up(&self, because: &str) -> Settled {
        let sentence = format!(
            "The outcome is unknown: {because}. The order may exist in the ERP: check there before sending it again"
        );
        let mut effects = self.failure(&sentence);
        effects.extend(self.mail(
            sentence.clone(),
            FailureClass::Operations,
            "Look for the order in the ERP. If it is there, nothing is to be done. If it is not, send it again.",
        ));
        Settled { to: To::GivenUp { because: because.to_owned() }, effects, timeline: vec![sentence] }
    }

    /// The plugin's refusal to map.
    pub fn rejected(&self, rejection: Rejection) -> Settled {
        let class = match rejection.class {
            RejectionClass::Data => FailureClass::Data,
            RejectionClass::Settings => FailureClass::Settings,
            RejectionClass::NotForUs => {
                let reason = SkipReason::NotForUs { message: rejection.message };
                return withdrawn(&reason);
            }
        };
        self.failed(class, rejection.message, rejection.field)
    }

    /// The mail that tells of a quarantine.
    pub fn quarantined(&self, what: String) -> Option<EffectBody> {
        self.mail(
            what,
            FailureClass::Plugin,
            "Tell the publisher what `orderdock plugin quarantines` shows. Put another release in force, or lift the quarantine.",
        )
    }

    fn success(&self) -> Option<EffectBody> {
        self.status.success.clone().map(|status| EffectBody::Status { status, by_intent: self.by_intent })
    }

    fn failure(&self, note: &str) -> Vec<EffectBody> {
        let mut effects = vec![EffectBody::Note { text: note.to_owned() }];
        let status = self.status.failure.clone();
        effects.extend(status.map(|status| EffectBody::Status { status, by_intent: self.by_intent }));
        effects
    }

    fn mail(&self, what: String, class: FailureClass, what_to_do: &str) -> Option<EffectBody> {
        let failed = FailedOrder {
            order_number: self.order.number.to_owned(),
            shop_order_id: self.order.shop_order_id.to_owned(),
            buyer: self.order.buyer.to_owned(),
            total: self.order.total.to_owned(),
            currency: self.order.currency.to_owned(),
            what,
            who_must_act: who(class).to_owned(),
            what_to_do: what_to_do.to_owned(),
            pass: self.order.pass,
            connection: self.connection.to_owned(),
            link: String::new(),
        };
        // The struct holds text and one number: it always has a JSON form.
        let failed = serde_json::to_value(failed).unwrap_or_default();
        self.mails.then_some(EffectBody::Mail { failed })
    }
}

/// The shop no longer offers the order, or it is not for this ERP.
pub fn withdrawn(reason: &SkipReason) -> Settled {
    let because = reason.sentence();
    Settled {
        to: To::Withdrawn { because: because.clone(), decision: Some(Decision::Skipped(reason.clone())) },
        effects: Vec::new(),
        timeline: vec![format!("Not sent: {because}")],
    }
}

/// Put off: nothing was processed.
pub fn put_off(because: String, not_before_ms: Millis, unpin: bool) -> Settled {
    Settled {
        timeline: Vec::new(),
        effects: Vec::new(),
        to: To::Waiting { not_before_ms, because, unpin, retry: true, absent: false },
    }
}

/// In doubt: no status, no mail; look-ups follow.
pub fn in_doubt(because: &str, next_look_ms: Millis, deadline_ms: Millis) -> Settled {
    Settled {
        to: To::Unknown { because: because.to_owned(), next_look_ms, deadline_ms },
        effects: Vec::new(),
        timeline: vec![format!("The outcome is unknown: {because}")],
    }
}

fn heading(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Data => "The order can't be sent",
        FailureClass::Settings => "The connection's settings don't fit this order",
        FailureClass::Erp => "The ERP refused the order",
        FailureClass::Plugin => "The plugin failed",
        FailureClass::Operations => "The order could not be sent",
    }
}

fn who(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Data => "Staff: correct the order in the shop",
        FailureClass::Settings => "The administrator: correct the connection's settings or look-up tables",
        FailureClass::Erp => "Whoever looks after the ERP, or staff if the order itself is wrong",
        FailureClass::Plugin => "The plugin's publisher",
        FailureClass::Operations => "Whoever runs the network and the destination",
    }
}

fn what_to_do(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Plugin => {
            "Tell the publisher what is written above; set the order back to new once a corrected release is in use."
        }
        _ => "When the cause is removed, set the order back to new in the shop: it is sent again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::pass::PassState;

    fn status() -> StatusMap {
        StatusMap {
            new: vec!["New Order".into()],
            success: Some("In Progress".into()),
            failure: Some("On Hold".into()),
            ignored: std::collections::BTreeSet::default(),
        }
    }

    fn setting(status: &StatusMap) -> Setting<'_> {
        let order =
            OrderFacts { number: "W-1", shop_order_id: "1", buyer: "Søn", total: "1.00", currency: "EUR", pass: 1 };
        Setting { connection: "c", status, stamp: true, mails: true, by_intent: false, order }
    }

    fn kinds(settled: &Settled) -> Vec<&'static str> {
        settled.effects.iter().map(EffectBody::kind).collect()
    }

    #[test]
    fn each_state_owes_what_the_lifecycle_says() {
        let status = status();
        let setting = setting(&status);
        let accepted = Acceptance { erp_order_id: Some("SO-1".into()), ..Acceptance::default() };
        let delivered = setting.delivered(accepted, false);
        assert_eq!(kinds(&delivered), ["erp_id", "note", "stamp", "status"]);
        assert!(delivered.effects.contains(&EffectBody::Status { status: "In Progress".into(), by_intent: false }));
        let failed = setting.failed(FailureClass::Data, "no SKU".into(), Some("lines[0].sku".into()));
        assert_eq!(kinds(&failed), ["note", "status", "mail"]);
        assert!(failed.effects.contains(&EffectBody::Status { status: "On Hold".into(), by_intent: false }));
        let given_up = setting.given_up("no answer within 30 s");
        assert_eq!(kinds(&given_up), ["note", "status", "mail"]);
        assert!(given_up.timeline[0].contains("check there before sending it again"));
        assert_eq!(kinds(&in_doubt("x", 0, 0)), [""; 0]);
        assert_eq!(kinds(&put_off("x".into(), 0, true)), [""; 0]);
        assert_eq!(kinds(&withdrawn(&SkipReason::Cancelled)), [""; 0]);
    }

    #[test]
    fn not_for_us_is_skipped_without_a_mail() {
        let status = status();
        let rejection = Rejection { class: RejectionClass::NotForUs, message: "other company".into(), field: None };
        let settled = setting(&status).rejected(rejection);
        assert!(settled.effects.is_empty());
        assert_eq!(settled.to.state(), PassState::Withdrawn);
    }
}
