//! The effects that a move leaves, and the lease of them for whoever moves.

use crate::{
    domain::{
        clock::Millis,
        id::{HostId, LeaseToken, PassKey},
    },
    ledger::{
        Result,
        effects::{EffectBody, Owed, OwedByOrder},
        sql::{
            database::{Later as _, Row, to_json, values_of},
            keys,
            together::Plan,
        },
    },
};

/// Who pays effects that a move leaves, and how long it has for that.
pub struct Payer {
    /// Which host.
    pub host: HostId,
    /// Length of the lease.
    pub lease_ms: Millis,
}

// Nobody else is at the order's effects, and none waits that would have to go out first.
pub const LEASE_EFFECTS: &str = "
update orders set effects_token = $5, effects_host = $6, effects_until_ms = $7
where connection_id = $1 and shop_id = $2 and shop_order_id = $3 and (effects_token is null or effects_until_ms < $4)
    and not exists (select 1 from effects e where e.connection_id = $1 and e.shop_id = $2 and e.shop_order_id = $3
        and e.state = 'owed' and e.kind <> 'mail')
returning effects_token, confirmed_status,
    (select w.pass from effects w where w.connection_id = orders.connection_id and w.shop_id = orders.shop_id
        and w.shop_order_id = orders.shop_order_id and w.state = 'done' and w.kind = 'status'
        order by w.pass desc, w.rank desc, w.number desc limit 1) as written_pass,
    (select w.body from effects w where w.connection_id = orders.connection_id and w.shop_id = orders.shop_id
        and w.shop_order_id = orders.shop_order_id and w.state = 'done' and w.kind = 'status'
        order by w.pass desc, w.rank desc, w.number desc limit 1) as written_body";

// Those of an order that was leased with them are begun.
pub const OWE: &str = "
insert into effects (connection_id, shop_id, shop_order_id, pass, kind, rank, body, state, since_ms, not_before_ms, tries,
    begun, detail)
values ($1, $2, $3, $4, $5, $6, $7, 'owed', $8, $8, 0, (select count(*) from orders o where o.connection_id = $1
    and o.shop_id = $2 and o.shop_order_id = $3 and o.effects_token = $9), '')
returning number, pass, shop_order_id, shop_id, connection_id";

/// Writes effects that are owed from now on; with a payer, its lease of them before that.
pub fn owe(plan: &mut Plan, pass: &PassKey, bodies: &[EffectBody], lease: Option<&(&Payer, LeaseToken)>) -> Result<()> {
    let now_ms = plan.now_ms;
    if let Some((payer, token)) = lease {
        let until_ms = now_ms.saturating_add(payer.lease_ms);
        let values = values_of![now_ms, token.as_str(), payer.host.as_str(), until_ms];
        plan.later(LEASE_EFFECTS, keys::of_order(&pass.order, values));
    }
    for body in bodies {
        let mail = matches!(body, EffectBody::Mail { .. });
        let token = lease.filter(|_| !mail).map(|(_, token)| token.as_str());
        let values = values_of![body.kind(), body.rank(), to_json(body)?, now_ms, token];
        plan.later(OWE, keys::of_pass(pass, values));
    }
    Ok(())
}

/// What was leased, as a claim gives it; none if the order's effects could not be.
pub fn leased_effects(
    pass: &PassKey,
    bodies: &[EffectBody],
    (leased, numbers): (&[Row], &[Row]),
    token: LeaseToken,
    since_ms: Millis,
    until_ms: Millis,
) -> Result<Option<OwedByOrder>> {
    let mut own = None;
    for row in leased {
        if row.maybe_text("effects_token")?.as_deref() == Some(token.as_str()) {
            own = Some(row);
        }
    }
    let Some(order) = own else { return Ok(None) };
    let mut own = Vec::with_capacity(bodies.len());
    for row in numbers {
        if row.number("pass")? == pass.pass && keys::order(row)? == pass.order {
            own.push(row.int("number")?);
        }
    }
    // Numbers grow in the order in which the effects were written.
    own.sort_unstable();
    let mut effects: Vec<Owed> = bodies
        .iter()
        .zip(own)
        .filter(|(body, _)| !matches!(body, EffectBody::Mail { .. }))
        .map(|(body, number)| Owed { number, pass: pass.pass, body: body.clone(), since_ms, tries: 0, in_doubt: false })
        .collect();
    effects.sort_by_key(|owed| (owed.body.rank(), owed.number));
    let written = match (order.maybe_int("written_pass")?, order.maybe_json("written_body")?) {
        (Some(_), Some(EffectBody::Status { status, .. })) => Some((order.number("written_pass")?, status)),
        _ => None,
    };
    let confirmed = order.maybe_text("confirmed_status")?.is_some();
    Ok(Some(OwedByOrder { order: pass.order.clone(), token, until_ms, written, confirmed, effects }))
}
