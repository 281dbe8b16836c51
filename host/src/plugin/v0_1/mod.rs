//! Contract 0.1: its generated types, and the only code that converts between them and the host's own.

mod bindings;
pub(super) mod imports;
mod lift;
pub(super) mod lower;

use wasmtime::{Store, component::Instance};

pub use bindings::orderdock::plugin::types;
use lift::Lift;

use super::{
    contract::{Exports, Lifted, RawDescription},
    guest::Guest,
};
use crate::domain::{
    Order,
    call::Context,
    delivery::{Delivery, Rejection},
    verdict::{DefaultVerdict, Response, Verdict},
};

/// The interface that a plugin exports.
pub(super) const MAPPER: &str = "orderdock:plugin/mapper@0.1.0";

type DescribeResult = (types::Description,);
type MapOrderParams<'a> = (&'a types::Order<'a>, &'a types::Context<'a>);
type MapOrderResult = (Result<types::Delivery, types::Rejection>,);
type ParseResponseParams<'a> = (&'a types::Order<'a>, &'a types::Context<'a>, &'a [u8], &'a types::Response<'a>);
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
    Ok(Lift::all(|lift| lift.description(description)))
}

pub(super) async fn map_order(
    exports: &Exports,
    store: &mut Store<Guest>,
    instance: &Instance,
    order: &Order,
    context: &Context,
) -> wasmtime::Result<Lifted<Result<Delivery, Rejection>>> {
    let lists = lower::Lists::of(order);
    let records = lists.records(order);
    let logins = lower::logins(context);
    let (order, context) = (records.order(order), lower::context(context, &logins));
    let function = instance.get_typed_func::<MapOrderParams<'_>, MapOrderResult>(&mut *store, &exports.map_order)?;
    let (result,) = function.call_async(&mut *store, (&order, &context)).await?;
    Ok(Lift::all(|lift| match result {
        Ok(delivery) => Ok(lift.delivery(delivery)),
        Err(rejection) => Err(lift.rejection(rejection)),
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
    let lists = lower::Lists::of(order);
    let records = lists.records(order);
    let logins = lower::logins(context);
    let answer = lower::ResponseLists::of(response);
    let (order, context) = (records.order(order), lower::context(context, &logins));
    let answer = answer.response(response, default);
    let function = instance
        .get_typed_func::<ParseResponseParams<'_>, ParseResponseResult>(&mut *store, &exports.parse_response)?;
    let (verdict,) = function.call_async(&mut *store, (&order, &context, state, &answer)).await?;
    Ok(Lift::all(|lift| lift.verdict(verdict)))
}
