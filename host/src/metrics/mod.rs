//! What the host counts, for whoever watches it: `GET /metrics` in the text format of Prometheus (0.0.4). The only place with
//! prometheus.
//!
//! Two kinds: what this process counted since it began (calls of plugins, passes that closed, attempts), and what stands in
//! the ledger or in this host's memory at the moment of the question ([`Standing`]). Nobody from outside can make their number
//! grow: releases and connections beyond a bound are counted together (`names`).

mod families;
mod names;
mod standing;

use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder, core::Collector, proto};

pub use families::{FAMILIES, Family, Kind};
use names::Names;
pub use standing::{ConnectionStanding, OrdersIn, Standing};

/// What the answer is: the text exposition format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Releases that are told apart; what is beyond is called [`OTHER`].
const MOST_RELEASES: usize = 200;
/// Connections that are told apart.
const MOST_CONNECTIONS: usize = 1_000;
/// The label of what is counted together.
const OTHER: &str = "other";

/// What a plugin can be asked.
const CALLS: [&str; 2] = ["map", "read"];
/// What a call can come to.
const OUTCOMES: [&str; 7] = ["delivery", "rejection", "verdict", "trap", "limit", "invalid", "not_loaded"];
/// What can be used up.
const LIMITS: [&str; 5] = ["cpu", "time", "memory", "output", "stack"];

/// Nothing can be counted: a bug of ours, found when the host starts.
#[derive(Debug, thiserror::Error)]
#[error("metrics can't be made: {0}")]
pub struct MetricsError(String);

impl From<prometheus::Error> for MetricsError {
    fn from(error: prometheus::Error) -> Self {
        Self(error.to_string())
    }
}

/// One call of a plugin.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// `map` or `read`.
    pub call: &'static str,
    /// `delivery`, `rejection`, `verdict`, `trap`, `limit`, `invalid`, `not_loaded`.
    pub outcome: &'static str,
    /// Which limit, where it was one.
    pub limit: Option<&'static str>,
    /// CPU units.
    pub cpu: u64,
    /// Peak of memory in bytes.
    pub memory: u64,
    /// Microseconds, instantiation included.
    pub us: u64,
}

/// What this process counts.
pub struct Metrics {
    registry: Registry,
    calls: IntCounterVec,
    limits: IntCounterVec,
    seconds: HistogramVec,
    cpu: HistogramVec,
    memory: HistogramVec,
    closed: IntCounterVec,
    attempts: IntCounterVec,
    releases: Mutex<Names>,
    connections: Mutex<Names>,
}

impl Metrics {
    /// Counts nothing yet.
    ///
    /// # Errors
    /// A family that contradicts itself.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let metrics = Self {
            calls: counter(&registry, &families::PLUGIN_CALLS)?,
            limits: counter(&registry, &families::PLUGIN_LIMITS)?,
            seconds: histogram(&registry, &families::PLUGIN_SECONDS)?,
            cpu: histogram(&registry, &families::PLUGIN_CPU)?,
            memory: histogram(&registry, &families::PLUGIN_MEMORY)?,
            closed: counter(&registry, &families::PASSES_CLOSED)?,
            attempts: counter(&registry, &families::ATTEMPTS)?,
            releases: Mutex::new(Names::at_most(MOST_RELEASES)),
            connections: Mutex::new(Names::at_most(MOST_CONNECTIONS)),
            registry,
        };
        Ok(metrics)
    }

    /// A plugin was called. `release` is what people call it, `digest` its name among releases.
    pub fn called(&self, release: &str, digest: &str, call: Call) {
        let digest: String = digest.chars().take(12).collect();
        let place = lock(&self.releases).place(&digest, release);
        if let Some((digest, release)) = place.dropped {
            self.forget(&release, &digest);
        }
        let (release, digest) = if place.known { (release, digest.as_str()) } else { (OTHER, OTHER) };
        self.calls.with_label_values(&[release, digest, call.call, call.outcome]).inc();
        if let Some(limit) = call.limit {
            self.limits.with_label_values(&[release, digest, limit]).inc();
        }
        let labels = [release, digest, call.call];
        self.seconds.with_label_values(&labels).observe(float(call.us) / 1e6);
        self.cpu.with_label_values(&labels).observe(float(call.cpu));
        self.memory.with_label_values(&labels).observe(float(call.memory));
    }

    /// A pass came to a state that closes it.
    pub fn closed(&self, connection: &str, state: &str) {
        self.closed.with_label_values(&[self.connection(connection), state]).inc();
    }

    /// An attempt ended.
    pub fn attempted(&self, connection: &str, outcome: &str) {
        self.attempts.with_label_values(&[self.connection(connection), outcome]).inc();
    }

    /// Everything, as text; `standing` is how things are now.
    ///
    /// # Errors
    /// A family that contradicts itself.
    pub fn text(&self, standing: &Standing) -> Result<String, MetricsError> {
        let now = Registry::new();
        standing.register(&now, &mut lock(&self.connections))?;
        let mut all: Vec<proto::MetricFamily> = self.registry.gather();
        all.extend(now.gather());
        Ok(TextEncoder::new().encode_to_string(&all)?)
    }

    fn connection<'a>(&self, name: &'a str) -> &'a str {
        if lock(&self.connections).keep(name) { name } else { OTHER }
    }

    /// A release that nobody has called for long makes room; its series end.
    fn forget(&self, release: &str, digest: &str) {
        // What it never came to is not there to be removed, which is no error here.
        for call in CALLS {
            for outcome in OUTCOMES {
                let _ = self.calls.remove_label_values(&[release, digest, call, outcome]);
            }
            for histogram in [&self.seconds, &self.cpu, &self.memory] {
                let _ = histogram.remove_label_values(&[release, digest, call]);
            }
        }
        for limit in LIMITS {
            let _ = self.limits.remove_label_values(&[release, digest, limit]);
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::cast_precision_loss, reason = "what is counted is far below 2^52")]
fn float(number: u64) -> f64 {
    number as f64
}

fn counter(registry: &Registry, family: &Family) -> Result<IntCounterVec, MetricsError> {
    kept(registry, IntCounterVec::new(Opts::new(family.name, family.help), family.labels)?)
}

fn histogram(registry: &Registry, family: &Family) -> Result<HistogramVec, MetricsError> {
    let options = HistogramOpts::new(family.name, family.help).buckets(family.buckets.to_vec());
    kept(registry, HistogramVec::new(options, family.labels)?)
}

fn kept<C: Collector + Clone + 'static>(registry: &Registry, family: C) -> Result<C, MetricsError> {
    registry.register(Box::new(family.clone()))?;
    Ok(family)
}

#[cfg(test)]
mod tests;
