//! What `wit-bindgen` generates from the contract, and nothing else. `glue` turns it into the types that authors see.
#![expect(missing_docs, clippy::mem_forget, reason = "generated; the documentation is in wit/plugin.wit")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "orderdock_plugin::bindings",
});
