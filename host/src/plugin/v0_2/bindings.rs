//! Generated from `wit/0.2.0/plugin.wit`. Nothing by hand in here: conversions live beside it.

wasmtime::component::bindgen!({
    path: "../wit/0.2.0",
    world: "plugin",
    exports: { default: async },
    ownership: Borrowing { duplicate_if_necessary: true },
    // The order has not changed: its types are those of 0.1.
    with: { "orderdock:plugin/order": crate::plugin::v0_1::types },
});
