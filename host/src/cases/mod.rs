//! The case runner of the SDK over the host's own plugin room: the one form of a case, and the one way to run it, for authors'
//! tests, for admission, and for orders that were captured from the ledger.

mod came;
mod explain;
mod given;
mod mask;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use orderdock_plugin::{self as sdk, testing};
use tokio::runtime::Handle;

pub use explain::explain;
pub use given::{context, response};
pub use mask::{Masked, mask};
pub use orderdock_plugin::testing::{Answer, Case, CaseContext, Mode, Snapshot, Tables, list, run_case};

pub use crate::domain::figures::{bytes, units};
use crate::{
    domain::{Order, call, id::Digest},
    plugin::{Called, Limit, LogLine, LookUp, Mapper, PluginFault, Usage},
};

/// Looks at a call that ran out of CPU units.
const SAMPLES: u64 = 20;

/// One call that a case made.
#[derive(Clone, Debug)]
pub struct Made {
    /// `map-order` or `parse-response`.
    pub function: &'static str,
    /// What it cost.
    pub usage: Usage,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// What it looked up.
    pub look_ups: Vec<LookUp>,
}

/// A release that answers the case runner's questions, every one with a fresh instance and the host's limits. It waits for
/// its answers: use it on a thread that may block.
pub struct Release {
    tokio: Handle,
    mapper: Arc<dyn Mapper>,
    digest: Digest,
    description: call::Description,
    /// The calls made so far; take them out between cases.
    pub made: Vec<Made>,
}

impl Release {
    /// A release that was admitted.
    #[must_use]
    pub fn new(tokio: Handle, mapper: Arc<dyn Mapper>, digest: Digest, description: call::Description) -> Self {
        Self { tokio, mapper, digest, description, made: Vec::new() }
    }

    /// Who the plugin says it is.
    #[must_use]
    pub fn description(&self) -> &call::Description {
        &self.description
    }

    /// Look-up tables that were asked for and that the description does not name, so that no administrator is asked for them.
    #[must_use]
    pub fn unnamed_tables(&self, look_ups: &[LookUp]) -> BTreeSet<String> {
        let named = |table: &str| self.description.tables.iter().any(|need| need.name == table);
        look_ups.iter().filter(|asked| !named(&asked.table)).map(|asked| asked.table.clone()).collect()
    }

    /// Where the CPU units of a mapping went, as far as the guest's names tell: the place that it is at after each twentieth of
    /// them, counted.
    fn profile(&self, order: &Arc<Order>, context: &call::Context, tables: &Arc<Tables>, units: u64) -> String {
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for sample in 1..=SAMPLES {
            let at = units / SAMPLES * sample;
            let (order, tables) = (Arc::clone(order), Arc::clone(tables));
            let stack = self.mapper.stack_at(&self.digest, order, context.clone(), tables, at);
            let Some(place) = self.tokio.block_on(stack).and_then(|stack| stack.into_iter().next()) else { continue };
            let count = places.entry(place).or_default();
            *count = count.saturating_add(1);
        }
        explain::profile(places)
    }

    /// Notes what a call cost, and puts a fault into words.
    fn note<T>(&mut self, function: &'static str, order: &Order, called: Called<T>) -> Result<T, String> {
        let words = called.result.as_ref().err().map(|fault| explain(fault, order, &called.usage, &called.log));
        self.made.push(Made { function, usage: called.usage, log: called.log, look_ups: called.look_ups });
        called.result.map_err(|_| words.unwrap_or_default())
    }
}

impl testing::Mapper for Release {
    fn describe(&mut self) -> Result<sdk::Description, String> {
        Ok(came::description(self.description.clone()))
    }

    fn map_order(
        &mut self,
        order: &Order,
        context: &sdk::Context<String>,
        tables: &Tables,
    ) -> Result<Result<sdk::Delivery, sdk::Rejection>, String> {
        let (given, tables) = (given::context(context), Arc::new(tables.clone()));
        let shared = Arc::new(order.clone());
        let called = self.mapper.map_order(&self.digest, Arc::clone(&shared), given.clone(), Arc::clone(&tables));
        let called = self.tokio.block_on(called);
        let ran_dry = matches!(called.result, Err(PluginFault::OverLimit { limit: Limit::Cpu, .. }));
        let units = called.usage.cpu_used;
        let result = match self.note("map-order", order, called) {
            Err(words) if ran_dry => return Err(format!("{words}{}", self.profile(&shared, &given, &tables, units))),
            other => other?,
        };
        Ok(result.map(came::delivery).map_err(came::rejection))
    }

    fn parse_response(
        &mut self,
        order: &Order,
        context: &sdk::Context<String>,
        tables: &Tables,
        state: &[u8],
        response: &sdk::Response,
    ) -> Result<sdk::Verdict, String> {
        let (content, default) = given::response(response);
        let (given, tables) = (given::context(context), Arc::new(tables.clone()));
        let order_ = Arc::new(order.clone());
        let called = self.mapper.parse_response(&self.digest, order_, given, tables, state.to_vec(), content, default);
        let called = self.tokio.block_on(called);
        self.note("parse-response", order, called).map(came::verdict)
    }
}
