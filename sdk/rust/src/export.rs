//! The one macro that an author calls.

/// Exports a [`Plugin`](crate::Plugin) as an Orderdock component.
///
/// On other targets than wasm it only checks that the type is a plugin, so that the same crate can be tested natively.
///
/// ```
/// # use orderdock_plugin::{Context, Delivery, Description, HttpDelivery, Order, Plugin, Rejection};
/// struct MyPlugin;
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Settings {}
///
/// impl Plugin for MyPlugin {
///     type Settings = Settings;
///     fn describe() -> Description {
///         Description { name: "my-plugin".to_owned(), version: "0.1.0".to_owned(), ..Description::default() }
///     }
///     fn map_order(order: Order, _: Context<Settings>) -> Result<Delivery, Rejection> {
///         Ok(Delivery::http(HttpDelivery::new("POST", "orders").body("text/plain", order.order_number)))
///     }
/// }
///
/// orderdock_plugin::export_plugin!(MyPlugin);
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty) => {
        #[cfg(target_arch = "wasm32")]
        mod orderdock_export {
            use super::*;
            type Glue = $crate::glue::Glue<$plugin>;
            $crate::bindings::export_component!(Glue with_types_in $crate::bindings);
        }
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn is_plugin<P: $crate::Plugin>() {}
            is_plugin::<$plugin>();
        };
    };
}
