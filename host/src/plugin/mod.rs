//! Plugins: engine, limits, compile cache, one folder per contract version. The only place with wasmtime.

mod admit;
pub mod awkward;
mod cache;
mod call;
mod check;
pub mod compile;
mod contract;
mod engine;
mod guest;
mod judge;
mod log;
mod made_up;
mod memory;
mod outline;
mod releases;
mod runtime;
mod schema;
mod settings;
mod size;
mod v0_1;
mod v0_2;
mod wasi;
mod world;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Order,
    call::{Context, Description, Tables},
    delivery::{Delivery, Rejection},
    figures,
    id::Digest,
    verdict::{DefaultVerdict, Response, Verdict},
};

pub use judge::{Brief, Judgement, Progress, judge};
pub use outline::{NoComponent, Outline, outline};
pub use runtime::{Runtime, RuntimeError};
pub use schema::settings_check;
pub use settings::{Apart, Compile, Settings};

/// One line that a plugin logged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// `debug`, `info`, `warn`, `error`; `stdout` and `stderr` for what a guest printed.
    pub level: String,
    /// Text.
    pub message: String,
}

/// What a call used of what it was allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Deterministic CPU units.
    pub cpu_used: u64,
    /// How many were allowed.
    pub cpu_allowed: u64,
    /// Peak of all memories together, in bytes.
    pub memory_peak: u64,
    /// How much was allowed.
    pub memory_allowed: u64,
    /// Wall time in microseconds, instantiation included.
    pub wall_us: u64,
    /// Log lines that were over the cap.
    pub log_dropped: u64,
}

/// A question to a look-up table, kept with the mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookUp {
    /// Table.
    pub table: String,
    /// Key.
    pub key: String,
    /// What was found.
    pub value: Option<String>,
    /// What the key stands for, where the plugin said that the order can't be mapped without an entry
    /// (`tables.missing`, contract 0.1.1): whoever reads the rejection is led to the table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<String>,
}

/// Which limit a plugin hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// CPU units.
    Cpu,
    /// Wall clock.
    Time,
    /// Memory.
    Memory,
    /// Output.
    Output,
    /// Stack.
    Stack,
}

impl Limit {
    fn sentence(self, doing: &str, used: u64, allowed: u64) -> String {
        let (needed, granted) = (figures::bytes(used), figures::bytes(allowed));
        match self {
            Self::Cpu => format!(
                "the plugin used up its {} CPU units while {doing}: it loops, or the order is too much work for it",
                figures::units(allowed)
            ),
            Self::Time => {
                format!("the plugin was stopped while {doing}: it ran for {used} ms; {allowed} ms are allowed")
            }
            Self::Memory => {
                format!("the plugin ran out of memory while {doing}: it wanted {needed}; {granted} are allowed")
            }
            Self::Output => format!("the plugin gave back too much while {doing}: more than {granted}"),
            Self::Stack => {
                format!("the plugin called itself too deeply while {doing}: its stack of {granted} ran over")
            }
        }
    }
}

/// What is wrong with a plugin or with what it gave. Never the order's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginFault {
    /// It trapped.
    #[error("the plugin failed while {doing}: {reason}")]
    Trap {
        /// `describing itself`, `mapping the order`, `reading the answer`.
        doing: &'static str,
        /// The panic's text if the plugin logged one, else the trap's name.
        reason: String,
        /// The guest's stack, innermost first.
        stack: Vec<String>,
    },
    /// It hit a limit.
    #[error("{}", .limit.sentence(.doing, *.used, *.allowed))]
    OverLimit {
        /// As above.
        doing: &'static str,
        /// Which.
        limit: Limit,
        /// How far it got.
        used: u64,
        /// What was allowed.
        allowed: u64,
        /// Where it was then, innermost first, if the engine can tell.
        stack: Vec<String>,
    },
    /// It gave something that the contract forbids. All of it at once.
    #[error("the plugin gave an invalid result while {doing}: {}", .problems.join("; "))]
    BadOutput {
        /// As above.
        doing: &'static str,
        /// Each with its place, such as `delivery.files[0].name: …`.
        problems: Vec<String>,
    },
    /// The release could not be loaded.
    #[error("release {digest} can't be loaded: {reason}")]
    NotLoaded {
        /// Which.
        digest: Digest,
        /// Why.
        reason: String,
    },
}

/// Why bytes are not a plugin that may be used. Each has its own sentence.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// Too large.
    #[error("the file has {size} bytes; at most {allowed} are allowed")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        allowed: u64,
    },
    /// Not WebAssembly at all, or damaged.
    #[error("this is not a WebAssembly file: {0}")]
    NotWasm(String),
    /// A core module.
    #[error(
        "this is a core WebAssembly module, not a component; turn it into one (for Rust: `cargo xtask plugins`, else `wasm-tools component new`)"
    )]
    CoreModule,
    /// Does not export what the contract asks for.
    #[error("this component does not fit the contract {served}: {0}", served = contract::SERVED)]
    WrongWorld(String),
    /// Imports what we do not offer.
    #[error("this component imports what Orderdock does not offer: {}; allowed are {}", .imports.join(", "), .allowed.join(", "))]
    ForbiddenImports {
        /// Those.
        imports: Vec<String>,
        /// What is offered.
        allowed: Vec<String>,
    },
    /// Needs more than the pool has.
    #[error("this component needs more than is allowed: {0}")]
    TooDemanding(String),
    /// Could not be compiled.
    #[error("this component can't be compiled: {0}")]
    Compile(String),
    /// `describe` failed or made no sense. All problems at once.
    #[error("the plugin describes itself badly: {}", .0.join("; "))]
    BadDescription(Vec<String>),
    /// `describe` trapped or hit a limit.
    #[error(transparent)]
    Fault(#[from] PluginFault),
}

/// What a call brought, and what it cost.
#[derive(Clone, Debug)]
pub struct Called<T> {
    /// What it brought.
    pub result: Result<T, PluginFault>,
    /// What it cost.
    pub usage: Usage,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// What it looked up.
    pub look_ups: Vec<LookUp>,
    /// The track of the contract that it was called by, such as `0.1`; empty where no call began.
    pub contract: &'static str,
}

/// Kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It trapped.
    Trap,
    /// It hit a limit.
    Limit,
    /// It gave what the contract forbids.
    Invalid,
    /// It could not be loaded.
    NotLoaded,
}

impl FaultKind {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Limit => "limit",
            Self::Invalid => "invalid",
            Self::NotLoaded => "not_loaded",
        }
    }
}

impl PluginFault {
    /// The kind of fault.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Trap { .. } => FaultKind::Trap,
            Self::OverLimit { .. } => FaultKind::Limit,
            Self::BadOutput { .. } => FaultKind::Invalid,
            Self::NotLoaded { .. } => FaultKind::NotLoaded,
        }
    }
}

/// Where a release comes from that this machine never had.
#[async_trait]
pub trait Source: Send + Sync {
    /// Its component; none if the release is unknown there too.
    ///
    /// # Errors
    /// Why it can't be had now, in a sentence.
    async fn component(&self, release: &Digest) -> Result<Option<Vec<u8>>, String>;
}

/// Runs plugins. Every call gets a fresh instance; the same input gives the same result on every machine.
#[async_trait]
pub trait Mapper: Send + Sync {
    /// Checks bytes, compiles them into the cache, and asks the plugin who it is.
    ///
    /// # Errors
    /// Why they are not a plugin that may be used.
    async fn admit(&self, bytes: &[u8]) -> Result<(Digest, Description), AdmissionError>;

    /// Whether the release is loaded or in the cache. If not, [`Mapper::admit`] its bytes first, or [`Mapper::prepare`] it
    /// where it can be fetched.
    fn knows(&self, release: &Digest) -> bool;

    /// Loads a release, so that the first order need not wait for it: a call does so by itself.
    ///
    /// # Errors
    /// Why it can't be.
    async fn prepare(&self, _release: &Digest) -> Result<(), PluginFault> {
        Ok(())
    }

    /// What should be sent for this order? The outer result is the plugin's fault, the inner the plugin's answer.
    async fn map_order(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
    ) -> Called<Result<Delivery, Rejection>>;

    /// The plugin's stack, innermost first, when mapping an order has used so many CPU units; none if it ends before. The same
    /// order is at the same place at the same number, so that a few numbers make a profile.
    async fn stack_at(
        &self,
        _release: &Digest,
        _order: Arc<Order>,
        _context: Context,
        _tables: Arc<Tables>,
        _units: u64,
    ) -> Option<Vec<String>> {
        None
    }

    /// What does this answer mean?
    #[expect(clippy::too_many_arguments, reason = "the contract's own list, and who is asked")]
    async fn parse_response(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
        state: Vec<u8>,
        response: Response,
        default: DefaultVerdict,
    ) -> Called<Verdict>;
}
