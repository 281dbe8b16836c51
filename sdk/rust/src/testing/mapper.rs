//! Whoever can answer a plugin's three questions: the plugin itself, natively, or the host, through wasm.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};

use orderdock_order::Order;

use super::double::{self, Tables};
use crate::{Context, Delivery, Description, Plugin, Rejection, Response, Verdict, plugin};

/// Answers the three questions for the case runner. `Err` is a trap, a panic or a limit, in words.
pub trait Mapper {
    /// Who are you?
    ///
    /// # Errors
    /// When the plugin failed instead of answering.
    fn describe(&mut self) -> Result<Description, String>;

    /// What should be sent for this order? The context's settings are JSON text.
    ///
    /// # Errors
    /// When the plugin failed instead of answering.
    fn map_order(
        &mut self,
        order: &Order,
        context: &Context<String>,
        tables: &Tables,
    ) -> Result<Result<Delivery, Rejection>, String>;

    /// What does this answer mean?
    ///
    /// # Errors
    /// When the plugin failed instead of answering.
    fn parse_response(
        &mut self,
        order: &Order,
        context: &Context<String>,
        tables: &Tables,
        state: &[u8],
        response: &Response,
    ) -> Result<Verdict, String>;
}

/// A plugin called natively.
pub struct Native<P>(PhantomData<P>);

impl<P> Default for Native<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<P: Plugin> Mapper for Native<P> {
    fn describe(&mut self) -> Result<Description, String> {
        guard(plugin::describe::<P>)
    }

    fn map_order(
        &mut self,
        order: &Order,
        context: &Context<String>,
        tables: &Tables,
    ) -> Result<Result<Delivery, Rejection>, String> {
        double::set(tables.clone());
        guard(|| plugin::map_order::<P>(order.clone(), context.clone()))
    }

    fn parse_response(
        &mut self,
        order: &Order,
        context: &Context<String>,
        tables: &Tables,
        state: &[u8],
        response: &Response,
    ) -> Result<Verdict, String> {
        double::set(tables.clone());
        guard(|| plugin::parse_response::<P>(order.clone(), context.clone(), state.to_vec(), response.clone()))
    }
}

/// A panic in a plugin fails its case, not the whole run.
fn guard<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| format!("the plugin panicked: {}", panic_text(&*panic)))
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "without a text".to_owned()
    }
}
