//! The plugins as the pipeline calls them, with each call counted for whoever watches.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{
    domain::{
        Order,
        call::{Context, Description, Tables},
        delivery::{Delivery, Rejection},
        id::Digest,
        verdict::{DefaultVerdict, Response, Verdict},
    },
    ledger::Ledger,
    metrics::{Call, Metrics},
    plugin::{AdmissionError, Called, Limit, Mapper, PluginFault, Usage},
};

/// Names of releases that are kept at hand.
const MOST_NAMES: usize = 4_000;

/// Plugins whose calls are counted.
pub struct Metered {
    inner: Arc<dyn Mapper>,
    ledger: Arc<dyn Ledger>,
    metrics: Arc<Metrics>,
    names: Mutex<HashMap<Digest, Arc<str>>>,
}

impl Metered {
    /// Counts the calls of `inner`; the ledger knows what people call a release.
    #[must_use]
    pub fn new(inner: Arc<dyn Mapper>, ledger: Arc<dyn Ledger>, metrics: Arc<Metrics>) -> Self {
        Self { inner, ledger, metrics, names: Mutex::default() }
    }

    /// `name@version`.
    async fn name(&self, release: &Digest) -> Arc<str> {
        let names = || self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(name) = names().get(release).cloned() {
            return name;
        }
        match self.ledger.releases().await {
            Ok(all) => {
                let mut names = names();
                if names.len() >= MOST_NAMES {
                    names.clear();
                }
                for one in all.into_iter().take(MOST_NAMES) {
                    let name = format!("{}@{}", one.description.name, one.description.version);
                    names.insert(one.digest, name.into());
                }
                Arc::clone(names.entry(release.clone()).or_insert_with(|| "unknown".into()))
            }
            // Asked again with the next call.
            Err(_) => "unknown".into(),
        }
    }

    async fn count<T>(&self, release: &Digest, call: &'static str, called: &Called<T>, outcome: &'static str) {
        let name = self.name(release).await;
        let (outcome, limit) = match &called.result {
            Ok(_) => (outcome, None),
            Err(fault) => (fault.kind().as_str(), limit(fault)),
        };
        let Usage { cpu_used, memory_peak, wall_us, .. } = called.usage;
        let call = Call { call, outcome, limit, cpu: cpu_used, memory: memory_peak, us: wall_us };
        self.metrics.called(&name, release.as_str(), call);
    }
}

fn limit(fault: &PluginFault) -> Option<&'static str> {
    let PluginFault::OverLimit { limit, .. } = fault else { return None };
    Some(match limit {
        Limit::Cpu => "cpu",
        Limit::Time => "time",
        Limit::Memory => "memory",
        Limit::Output => "output",
        Limit::Stack => "stack",
    })
}

#[async_trait]
impl Mapper for Metered {
    async fn admit(&self, bytes: &[u8]) -> Result<(Digest, Description), AdmissionError> {
        self.inner.admit(bytes).await
    }

    fn knows(&self, release: &Digest) -> bool {
        self.inner.knows(release)
    }

    async fn prepare(&self, release: &Digest) -> Result<(), PluginFault> {
        self.inner.prepare(release).await
    }

    async fn map_order(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
    ) -> Called<Result<Delivery, Rejection>> {
        let called = self.inner.map_order(release, order, context, tables).await;
        let outcome = if matches!(called.result, Ok(Ok(_))) { "delivery" } else { "rejection" };
        self.count(release, "map", &called, outcome).await;
        called
    }

    async fn stack_at(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
        units: u64,
    ) -> Option<Vec<String>> {
        self.inner.stack_at(release, order, context, tables, units).await
    }

    async fn parse_response(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
        state: Vec<u8>,
        response: Response,
        default: DefaultVerdict,
    ) -> Called<Verdict> {
        let called = self.inner.parse_response(release, order, context, tables, state, response, default).await;
        self.count(release, "read", &called, "verdict").await;
        called
    }
}

#[cfg(test)]
mod tests {
    /// The trait has functions with bodies of their own: one that is not handed on would silently do nothing here.
    #[test]
    fn every_function_of_a_mapper_is_handed_on() {
        let room = include_str!("../plugin/mod.rs");
        let (_, body) = room.split_once("pub trait Mapper").unwrap();
        let (body, _) = body.split_once("\n}\n").unwrap();
        let functions: Vec<&str> =
            body.lines().filter_map(|line| line.split_once("fn ")?.1.split('(').next()).collect();
        assert!(functions.contains(&"prepare") && functions.len() >= 6, "{functions:?}");
        for function in functions {
            let handed_on = format!("self.inner.{function}(");
            assert!(include_str!("metered.rs").contains(&handed_on), "`{function}` is not handed on");
        }
    }
}
