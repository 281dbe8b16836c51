//! What the calls of a trial showed, in sentences and figures.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    super::{PluginFault, awkward},
    trial::Tried,
};
use crate::domain::admission::{Cost, Item, Judged, Most};

/// Groups of faults that are shown; the rest is counted.
const GROUPS: usize = 8;
/// Names that are shown of many.
const NAMES: usize = 5;

/// Faults by their sentence, in the order in which they came.
#[derive(Default)]
pub struct Groups(Vec<(String, Vec<String>)>);

impl Groups {
    /// One more, met by this order or answer.
    pub fn add(&mut self, fault: &PluginFault, name: &str) {
        let mut text = fault.to_string();
        if let PluginFault::Trap { stack, .. } = fault
            && let Some(innermost) = stack.first()
        {
            let _ = write!(text, " (in `{innermost}`)");
        }
        match self.0.iter_mut().find(|(known, _)| *known == text) {
            Some((_, names)) => names.push(name.to_owned()),
            None => self.0.push((text, vec![name.to_owned()])),
        }
    }

    /// A sentence for each, of so many that were tried.
    pub fn texts(&self, of: usize, what: &str) -> Vec<String> {
        let mut texts: Vec<String> = self
            .0
            .iter()
            .take(GROUPS)
            .map(|(text, names)| format!("{} of {of} {what}: {text}; {}", names.len(), some(names)))
            .collect();
        let more: usize = self.0.iter().skip(GROUPS).map(|(_, names)| names.len()).sum();
        if more > 0 {
            texts.push(format!("and {more} more, in other ways"));
        }
        texts
    }
}

/// The first names of a list.
fn some(names: &[String]) -> String {
    let shown: Vec<_> = names.iter().take(NAMES).map(|name| format!("\"{name}\"")).collect();
    let more = names.len().saturating_sub(NAMES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

/// Orders end in deliveries or refusals.
pub fn awkward_orders(tried: &[Tried]) -> Judged {
    let mut faults = Groups::default();
    let mut refusals: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut delivered, mut refused) = (0_usize, 0_usize);
    for one in tried {
        match &one.first.result {
            Ok(Ok(_)) => delivered = delivered.saturating_add(1),
            Ok(Err(rejection)) => {
                refused = refused.saturating_add(1);
                let count = refusals.entry(&rejection.message).or_default();
                *count = count.saturating_add(1);
            }
            Err(fault) => faults.add(fault, &one.name),
        }
    }
    let texts = faults.texts(tried.len(), "orders");
    if !texts.is_empty() {
        return Judged::failed(Item::AwkwardOrders, texts);
    }
    let Some(Ok(Err(rejection))) = tried.first().map(|one| &one.first.result) else {
        return Judged::passed(Item::AwkwardOrders, vec![format!("{delivered} delivered, {refused} refused")]);
    };
    if delivered == 0 {
        let why = format!(
            "every order was refused, the everyday one because: {}; give settings and tables that fit (`--settings FILE`, \
             `--tables FILE`)",
            rejection.message
        );
        return Judged::not_judged(Item::AwkwardOrders, why);
    }
    let remark = format!("the everyday order was refused: {}", rejection.message);
    Judged::passed(Item::AwkwardOrders, vec![format!("{delivered} delivered, {refused} refused"), remark])
}

/// The second call gave what the first one did.
pub fn same_bytes(tried: &[Tried]) -> Judged {
    let differ: Vec<String> = tried.iter().filter(|one| !one.same).map(|one| one.name.clone()).collect();
    if differ.is_empty() {
        return Judged::passed(Item::SameBytes, Vec::new());
    }
    let text = format!(
        "{} of {} orders gave something else when mapped again, or took other CPU units: {}",
        differ.len(),
        tried.len(),
        some(&differ)
    );
    Judged::failed(Item::SameBytes, vec![text])
}

/// What mapping costs, at worst and for each line.
pub fn cost(tried: &[Tried]) -> Cost {
    let mut cost = Cost { orders: u32::try_from(tried.len()).unwrap_or(u32::MAX), ..Cost::default() };
    for one in tried {
        match &one.first.result {
            Ok(Ok(_)) => cost.delivered = cost.delivered.saturating_add(1),
            Ok(Err(_)) => cost.refused = cost.refused.saturating_add(1),
            Err(_) => {}
        }
        let usage = &one.first.usage;
        for (most, used, allowed) in [
            (&mut cost.cpu, usage.cpu_used, usage.cpu_allowed),
            (&mut cost.memory, usage.memory_peak, usage.memory_allowed),
        ] {
            // The nearest to its limit, not the largest: limits grow with the order.
            let is_nearer = u128::from(used).saturating_mul(u128::from(most.allowed))
                > u128::from(most.used).saturating_mul(u128::from(allowed));
            if most.allowed == 0 || is_nearer {
                *most = Most { used, allowed, order: one.name.clone() };
            }
        }
    }
    let usage = |name: &str| {
        let one = tried.iter().find(|one| one.name == name)?;
        matches!(one.first.result, Ok(Ok(_))).then_some(one.first.usage)
    };
    if let (Some(one), Some(many)) = (usage("one line"), usage(awkward::MANY_LINES)) {
        let more = u64::try_from(awkward::MANY).unwrap_or(u64::MAX).saturating_sub(1).max(1);
        cost.cpu_per_line = many.cpu_used.saturating_sub(one.cpu_used) / more;
        cost.memory_per_line = many.memory_peak.saturating_sub(one.memory_peak) / more;
    }
    cost
}
