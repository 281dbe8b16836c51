//! The three questions that a plugin answers.

use orderdock_order::Order;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;

use crate::{Context, Delivery, Description, Rejection, Response, Verdict};

/// A mapping plugin. Implement it for a unit struct and pass that to [`crate::export_plugin!`].
///
/// The same input must give the same output, byte for byte: replays, comparisons and support depend on it. So no
/// clocks (use [`Context::mapped_at`]), no random numbers and no `HashMap` whose order reaches the output.
pub trait Plugin {
    /// The plugin's settings. The JSON Schema derived from them drives the host's check and the settings form, so give
    /// every field a doc comment and, where there is a sensible one, a default.
    type Settings: DeserializeOwned + JsonSchema;

    /// Who are you? Leave `settings_schema` empty: it is filled from [`Self::Settings`].
    fn describe() -> Description;

    /// What should be sent for this order?
    ///
    /// # Errors
    /// When the order can't be mapped: [`Rejection::data`], [`Rejection::settings`] or [`Rejection::not_for_us`].
    fn map_order(order: Order, context: Context<Self::Settings>) -> Result<Delivery, Rejection>;

    /// What does this answer mean? `state` is what the delivery or the last verdict carried.
    ///
    /// The default takes the host's reading: 2xx or written files are success.
    fn parse_response(order: Order, context: Context<Self::Settings>, state: Vec<u8>, response: Response) -> Verdict {
        let _ = (order, context, state);
        response.by_default(None)
    }
}

/// The description as the host gets it: with the settings' JSON Schema.
#[must_use]
pub fn describe<P: Plugin>() -> Description {
    let mut description = P::describe();
    if description.settings_schema.is_empty() {
        let schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<P::Settings>();
        description.settings_schema = schema.as_value().to_string();
    }
    description
}

/// `map_order` with settings still as JSON text. Settings that do not fit are a rejection of class settings.
///
/// # Errors
/// What the plugin refuses, and settings that it can't read.
pub fn map_order<P: Plugin>(order: Order, context: Context<String>) -> Result<Delivery, Rejection> {
    P::map_order(order, context.read_settings()?)
}

/// `parse_response` with settings still as JSON text. Settings that do not fit make the outcome unknown.
#[must_use]
pub fn parse_response<P: Plugin>(
    order: Order,
    context: Context<String>,
    state: Vec<u8>,
    response: Response,
) -> Verdict {
    match context.read_settings() {
        Ok(context) => P::parse_response(order, context, state, response),
        Err(error) => Verdict::unknown(format!("the answer could not be read: {error}")),
    }
}
