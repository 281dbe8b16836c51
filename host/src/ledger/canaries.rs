//! Canaries: an activation that is tried with some new orders before it is in force, or goes back by itself.

use async_trait::async_trait;
use serde::Serialize;

use super::{
    LedgerError, Result,
    activations::{Activation, NewActivation},
    effects::EffectBody,
};
use crate::domain::{
    canary::{Figures, Rules},
    clock::Millis,
    id::{ConnectionId, PassKey},
};

/// How a canary is, or how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanaryState {
    /// It is tried.
    Running,
    /// It has stood the test, and a person decides.
    Asking,
    /// It was put in force.
    Promoted,
    /// It was worse than what is in force.
    WentBack,
    /// A person ended it, or another activation took its place.
    Stopped,
}

/// A canary, open or ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Canary {
    /// What is tried.
    pub activation: Activation,
    /// What is in force meanwhile.
    pub old: u32,
    /// What was agreed on.
    pub rules: Rules,
    /// Orders with a document number up to this began before it.
    pub after_document: u64,
    /// The figures of what is in force, from before it began.
    pub before: Figures,
    /// How it is.
    pub state: CanaryState,
    /// When it ended.
    pub ended_ms: Option<Millis>,
    /// Why it ended, or asks.
    pub why: String,
    /// The figures upon which that was decided: of what was in force, and its own.
    pub figures: Option<(Figures, Figures)>,
}

/// One call of a plugin while a canary is open.
#[derive(Clone, Debug)]
pub struct CanaryCall {
    /// For which pass.
    pub pass: PassKey,
    /// The activation that it was made with.
    pub activation: u32,
    /// Processor units; none where only a fault is noted.
    pub cpu: Option<u64>,
    /// Microseconds.
    pub us: Option<u64>,
    /// The plugin refused the order.
    pub refused: bool,
    /// The plugin failed.
    pub fault: bool,
}

/// How a canary moves on.
#[derive(Clone, Debug)]
pub struct CanaryEnd {
    /// Of which connection.
    pub connection: ConnectionId,
    /// Which: the activation's number.
    pub number: u32,
    /// How it is from now on.
    pub state: CanaryState,
    /// Why.
    pub why: String,
    /// Upon which figures.
    pub figures: Option<(Figures, Figures)>,
    /// With *promoted*: the activation that puts it in force.
    pub activation: Option<NewActivation>,
    /// A mail that is owed with it, under the name of a pass.
    pub mail: Option<(PassKey, EffectBody)>,
}

/// Canaries.
#[async_trait]
pub trait Canaries {
    /// Begins one; the activation gets a number and is not in force. Only passes that open from now on meet it.
    ///
    /// # Errors
    /// As [`super::activations::Activations::activate`]; `Refused` while another one is open.
    async fn begin_canary(&self, _wish: NewActivation, _rules: Rules, _before: Figures) -> Result<Canary> {
        Err(LedgerError::Refused("this ledger keeps no canaries".to_owned()))
    }

    /// Notes what a call cost while a canary is open; the same pass again replaces it, faults stay.
    async fn note_canary_call(&self, _number: u32, _call: CanaryCall) -> Result<()> {
        Ok(())
    }

    /// The figures since a canary began: of what is in force, and its own; and the newest pass of its own at which something
    /// went wrong, else its newest, with the order's number.
    async fn canary_figures(
        &self,
        _connection: &ConnectionId,
        _number: u32,
    ) -> Result<(Figures, Figures, Option<(PassKey, String)>)> {
        Ok((Figures::default(), Figures::default(), None))
    }

    /// The figures of a connection's last closed orders, at most `most`.
    async fn figures_before(&self, _connection: &ConnectionId, _most: u32) -> Result<Figures> {
        Ok(Figures::default())
    }

    /// Ends an open canary, or lets it ask. False when it is not open any more (or asks already): somebody else did it.
    async fn end_canary(&self, _end: CanaryEnd) -> Result<bool> {
        Ok(false)
    }

    /// All of a connection, newest first.
    async fn canaries(&self, _connection: &ConnectionId) -> Result<Vec<Canary>> {
        Ok(Vec::new())
    }
}
