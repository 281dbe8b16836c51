//! Turns generated types into the ones that authors see, and back, by moving: no text is copied or read again.

mod incoming;
mod outgoing;

use std::marker::PhantomData;
use std::sync::Once;

use crate::bindings::exports::orderdock::plugin::mapper::Guest;
use crate::bindings::orderdock::plugin::types as wit;
use crate::{log, plugin};

/// Exports a plugin's three functions.
pub struct Glue<P>(PhantomData<P>);

impl<P: plugin::Plugin> Guest for Glue<P> {
    fn describe() -> wit::Description {
        tell_panics();
        plugin::describe::<P>().into()
    }

    fn map_order(order: wit::Order, context: wit::Context) -> Result<wit::Delivery, wit::Rejection> {
        tell_panics();
        plugin::map_order::<P>(order.into(), context.into()).map(Into::into).map_err(Into::into)
    }

    fn parse_response(
        order: wit::Order,
        context: wit::Context,
        state: Vec<u8>,
        response: wit::Response,
    ) -> wit::Verdict {
        tell_panics();
        plugin::parse_response::<P>(order.into(), context.into(), state, response.into()).into()
    }
}

/// Writes a panic's text and place to the attempt's log: the trap that follows carries neither.
fn tell_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| log::write(log::Level::Error, &panic.to_string())));
    });
}

fn each<T, U: From<T>>(list: Vec<T>) -> Vec<U> {
    list.into_iter().map(U::from).collect()
}
