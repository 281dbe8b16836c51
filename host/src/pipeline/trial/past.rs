//! A trial with orders that were delivered before: what the release in force could map, the next one must be able to map.

use std::sync::Arc;

use super::{Found, context};
use crate::{
    config::ConnectionSettings,
    domain::{
        Order,
        call::Tables,
        id::{ConnectionId, Digest, PassKey},
        pass::PassState,
        problem::Problem,
    },
    ledger::{Ledger, Result, reports::OrderFilter},
    plugin::Mapper,
};

/// How many of the newest delivered orders are tried.
const TRIED: u32 = 5;

/// Maps the last delivered orders, whose snapshots are kept. Nothing is sent.
///
/// # Errors
/// The ledger's.
pub async fn past_orders(
    ledger: &dyn Ledger,
    mapper: &dyn Mapper,
    connection: &ConnectionId,
    release: &Digest,
    settings: &ConnectionSettings,
) -> Result<Found> {
    let states = vec![PassState::Delivered];
    let filter = OrderFilter { connection: Some(connection.clone()), states, limit: TRIED, ..OrderFilter::default() };
    let plugin_settings = settings.plugin.settings.to_json().to_string();
    let tables: Arc<Tables> = Arc::new(settings.tables.clone());
    let mut found = Found::default();
    for row in ledger.orders(filter).await? {
        let Some(pass) = row.pass else { continue };
        let key = PassKey { order: row.key.clone(), pass };
        let Some(snapshot) = ledger.mapped_order(&key).await? else { continue };
        let order: Order = match serde_json::from_str(&snapshot) {
            Ok(order) => order,
            Err(error) => {
                found.remarks.push(format!("order {} could not be tried: its snapshot: {error}", row.order_number));
                continue;
            }
        };
        let context = context(u64::from(pass), settings, &plugin_settings);
        let called = mapper.map_order(release, Arc::new(order), context, Arc::clone(&tables)).await;
        let why = match called.result {
            Ok(Ok(_)) => continue,
            Ok(Err(rejection)) => format!("the plugin refuses it: {}", rejection.message),
            Err(fault) => fault.to_string(),
        };
        let message = format!("order {}, which was delivered before, can't be mapped: {why}", row.order_number);
        let hint = "correct the release, its settings or tables; or activate it `--untried` if that is as it should be";
        found.problems.push(Problem::new("", message).hint(hint));
    }
    Ok(found)
}
