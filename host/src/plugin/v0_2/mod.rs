//! Contract 0.2: its generated types, and the conversions in which it differs from 0.1. The order is the same, and goes in by
//! 0.1's.

mod bindings;
mod lift;
mod lower;

use wasmtime::{Store, component::Instance};

pub use bindings::orderdock::plugin::types;

use super::{
    contract::{Exports, Lifted, RawDescription},
    guest::Guest,
    v0_1::{self, lower::Lists},
};
use crate::domain::{
    Order,
    call::Context,
    delivery::{Delivery, Rejection},
    verdict::{DefaultVerdict, Response, Verdict},
};

/// The interface that a plugin exports.
pub(super) const MAPPER: &str = "orderdock:plugin/mapper@0.2.0";

type DescribeResult = (types::Description,);
type MapOrderParams<'a> = (&'a v0_1::types::Order<'a>, &'a types::Context<'a>);
type MapOrderResult = (Result<types::Delivery, types::Rejection>,);
type ParseResponseParams<'a> = (&'a v0_1::types::Order<'a>, &'a types::Context<'a>, &'a [u8], &'a types::Response<'a>);
type ParseResponseResult = (types::Verdict,);

/// What is wrong with the functions' types.
pub(super) fn mistyped(exports: &Exports, store: &mut Store<Guest>, instance: &Instance) -> Vec<String> {
    [
        ("describe", instance.get_typed_func::<(), DescribeResult>(&mut *store, &exports.describe).err()),
        (
            "map-order",
            instance.get_typed_func::<MapOrderParams<'_>, MapOrderResult>(&mut *store, &exports.map_order).err(),
        ),
        (
            "parse-response",
            instance
                .get_typed_func::<ParseResponseParams<'_>, ParseResponseResult>(&mut *store, &exports.parse_response)
                .err(),
        ),
    ]
    .into_iter()
    .filter_map(|(name, error)| Some(format!("`{name}` has other types: {:#}", error?)))
    .collect()
}

pub(super) async fn describe(
    exports: &Exports,
    store: &mut Store<Guest>,
    instance: &Instance,
) -> wasmtime::Result<Lifted<RawDescription>> {
    let function = instance.get_typed_func::<(), DescribeResult>(&mut *store, &exports.describe)?;
    let (description,) = function.call_async(&mut *store, ()).await?;
    Ok(Lifted::of(lift::description(description)))
}

pub(super) async fn map_order(
    exports: &Exports,
    store: &mut Store<Guest>,
    instance: &Instance,
    order: &Order,
    context: &Context,
) -> wasmtime::Result<Lifted<Result<Delivery, Rejection>>> {
    let lists = Lists::of(order);
    let records = lists.records(order);
    let logins = v0_1::lower::logins(context);
    let (order, context) = (records.order(order), lower::context(context, &logins));
    let function = instance.get_typed_func::<MapOrderParams<'_>, MapOrderResult>(&mut *store, &exports.map_order)?;
    let (result,) = function.call_async(&mut *store, (&order, &context)).await?;
    Ok(Lifted::of(match result {
        Ok(delivery) => Ok(lift::delivery(delivery)),
        Err(rejection) => Err(lift::rejection(rejection)),
    }))
}

#[expect(clippy::too_many_arguments, reason = "the contract's own list, and who is asked")]
pub(super) async fn parse_response(
    exports: &Exports,
    store: &mut Store<Guest>,
    instance: &Instance,
    order: &Order,
    context: &Context,
    state: &[u8],
    response: &Response,
    default: DefaultVerdict,
) -> wasmtime::Result<Lifted<Verdict>> {
    let lists = Lists::of(order);
    let records = lists.records(order);
    let logins = v0_1::lower::logins(context);
    let answer = lower::ResponseLists::of(response);
    let (order, context) = (records.order(order), lower::context(context, &logins));
    let sentence = lower::sentence(response, default);
    let answer = answer.response(response, default, &sentence);
    let function = instance
        .get_typed_func::<ParseResponseParams<'_>, ParseResponseResult>(&mut *store, &exports.parse_response)?;
    let (verdict,) = function.call_async(&mut *store, (&order, &context, state, &answer)).await?;
    Ok(Lifted::of(lift::verdict(verdict)))
}
