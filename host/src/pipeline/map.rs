//! Mapping: the plugin is asked what should be sent, with everything that will be pinned.

use std::sync::Arc;

use super::{
    canary::CallNote,
    evidence::{self, Evidence, Gave},
    fetch::Read,
    invariants::{self, Made},
    journey::{Journey, Outcome, Ready},
    quarantine::Asked,
    settle,
};
use crate::{
    domain::{
        Order,
        call::{DeliveryKind, Purpose, Tables},
        delivery::{Delivery, DeliveryContent},
        judge::content_hash,
        verdict::FailureClass,
    },
    failpoint::{self, Point},
    ledger::{
        LedgerError,
        passes::{MappedInVain, Mapping, NewPins},
    },
    plugin::PluginFault,
};

impl Journey {
    /// Makes the next step ready to be sent: a stored one if there is one and the order did not change, else by mapping.
    /// `None` when the pass was settled instead.
    ///
    /// # Errors
    /// As [`Journey::go`].
    pub async fn prepare(&mut self) -> Outcome<Option<Ready>> {
        if self.pass.sent && self.pass.delivery.is_some() {
            // Something of this pass left already: its repeats and next steps use the stored bytes.
            return Ok(Some(self.stored_step()?));
        }
        match self.read_again().await? {
            Read::Settle(settled, confirmed) => {
                self.settle_seen(*settled, confirmed).await?;
                Ok(None)
            }
            Read::Order(order) => {
                let unchanged = self.pass.pins.as_ref().is_some_and(|pins| pins.content_hash == content_hash(&order));
                if unchanged && self.pass.delivery.is_some() {
                    return Ok(Some(self.stored_step()?));
                }
                self.order = Some(Arc::clone(&order));
                if self.pass.inherits_unknown && !self.look_up_first(&order).await? {
                    return Ok(None);
                }
                self.map(order).await
            }
        }
    }

    /// The step whose bytes the ledger has.
    ///
    /// # Errors
    /// `Corrupt` when they can't be read.
    pub fn stored_step(&self) -> Outcome<Ready> {
        let stored = self.pass.delivery.clone().unwrap_or_default();
        let mut delivery: Delivery = serde_json::from_value(stored)
            .map_err(|error| LedgerError::Corrupt(format!("delivery of {}: {error}", self.pass.order_number)))?;
        if let (Some(sealed), Some(pins)) = (&self.pass.sealed_state, &self.pass.pins) {
            delivery.state = self.unseal(pins.release.as_str(), sealed)?;
        }
        Ok(Ready { step: self.pass.step, delivery, pins: None, mapping: None })
    }

    async fn map(&mut self, order: Arc<Order>) -> Outcome<Option<Ready>> {
        let mapped_at_ms = match self.pass.mapped_at_ms {
            Some(frozen) => frozen,
            None => self.now_ms().await?,
        };
        let lane = Arc::clone(&self.lane);
        if let Some(quarantine) = &lane.record.quarantine {
            // Claimed before it began, or left behind by a lost worker: it waits like the others.
            let because = format!("the plugin is in quarantine: {}", quarantine.because);
            let now = self.now_ms().await?;
            self.settle(settle::put_off(because, now, true)).await?;
            return Ok(None);
        }
        let (_, logins) = self.secrets().await?;
        let with = lane.choose(&self.pass);
        let pins = lane.pins(with, content_hash(&order), Purpose::Create);
        let context = self.context(Purpose::Create, 0, &with.plugin_settings, mapped_at_ms, self.previous(), logins);
        let told = context.clone();
        let called =
            self.parts.mapper.map_order(&pins.release, Arc::clone(&order), context, Arc::clone(&with.tables)).await;
        if let Err(fault @ PluginFault::NotLoaded { .. }) = &called.result {
            // The machine's trouble, or the database's, and not the plugin's: nothing was sent, and it may be over soon.
            let settled = self.retry(fault.to_string(), None, true).await?;
            self.settle(settled).await?;
            return Ok(None);
        }
        self.note_call(&pins.release, Asked::Mapping, &called);
        let broken = match &called.result {
            Ok(Ok(delivery)) => self.breaks_checks((&order, &with.plugin_settings, &with.tables), true, delivery),
            _ => None,
        };
        self.note_for_canary(&pins, CallNote::mapping(&called, broken.is_some())).await;
        let mapping: Arc<str> = Evidence::of(&pins, told, &called, Gave::of_mapping(&called)).text().into();
        let snapshot = self.snapshot(&order)?;
        // Kept with the attempt, or with the pass if nothing is sent.
        let in_vain = MappedInVain { order: Arc::clone(&snapshot), evidence: Arc::clone(&mapping) };
        self.mapping = Some(Mapping { in_vain: Some(in_vain), ..evidence::cost(&pins.release, &called) });
        let settled = match called.result {
            Ok(Ok(delivery)) => match (self.misfit(&delivery), broken) {
                (None, None) => {
                    failpoint::here::<LedgerError>(Point::Mapped).await?;
                    let pins = NewPins { pins, mapped_at_ms, order: snapshot };
                    return Ok(Some(Ready { step: 0, delivery, pins: Some(pins), mapping: Some(mapping) }));
                }
                (Some(because), _) => self.setting(|setting| setting.failed(FailureClass::Settings, because, None)),
                (None, Some(because)) => self.setting(|setting| setting.failed(FailureClass::Plugin, because, None)),
            },
            Ok(Err(rejection)) => self.setting(|setting| setting.rejected(rejection)),
            Err(fault) => self.setting(|setting| setting.failed(FailureClass::Plugin, fault.to_string(), None)),
        };
        self.settle(settled).await?;
        Ok(None)
    }

    /// An order as it is kept.
    fn snapshot(&self, order: &Order) -> Outcome<Arc<String>> {
        let json = serde_json::to_string(order)
            .map_err(|error| LedgerError::Corrupt(format!("order {}: {error}", self.pass.order_number)))?;
        Ok(Arc::new(json))
    }

    /// Why a delivery is not what the connection wants of each (`[checks]`); made of an order, settings and tables.
    pub fn breaks_checks(
        &self,
        (order, settings, tables): (&Order, &str, &Tables),
        first: bool,
        delivery: &Delivery,
    ) -> Option<String> {
        let checks = self.lane.settings.checks.as_ref()?;
        invariants::reason(checks, Made { order, settings, tables, first }, delivery)
    }

    /// Why a delivery can't go where this connection sends.
    fn misfit(&self, delivery: &Delivery) -> Option<String> {
        let kind = match delivery.content {
            DeliveryContent::Http(_) => DeliveryKind::Http,
            DeliveryContent::Files(_) => DeliveryKind::Files,
        };
        (kind != self.lane.destination.kind()).then(|| match kind {
            DeliveryKind::Http => {
                "the plugin wants to send an HTTP request, but the connection's destination is a folder".to_owned()
            }
            DeliveryKind::Files => {
                "the plugin wants to write files, but the connection's destination is an HTTP address".to_owned()
            }
        })
    }
}
