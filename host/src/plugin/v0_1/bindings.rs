//! Generated from `wit/plugin.wit` of 0.1, whose versions all have the same types. Nothing by hand in here: conversions live beside it.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    exports: { default: async },
    // The order goes in by reference: its texts are copied once, straight into the guest's memory.
    ownership: Borrowing { duplicate_if_necessary: true },
});
