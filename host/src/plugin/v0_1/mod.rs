//! Contract 0.1: its generated types, and the only code that converts between them and the host's own.
//!
//! A later version of the contract gets a folder of its own beside this one.

mod bindings;
pub(super) mod imports;
pub(super) mod lift;
pub(super) mod lower;

use wasmtime::component::{Component, ComponentExportIndex};

pub(super) use bindings::orderdock::plugin::types;

/// The interface that a plugin exports.
pub(super) const MAPPER: &str = "orderdock:plugin/mapper@0.1.0";
/// Result of `describe`.
pub(super) type DescribeResult = (types::Description,);
/// Parameters of `map-order`.
pub(super) type MapOrderParams<'a> = (&'a types::Order<'a>, &'a types::Context<'a>);
/// Result of `map-order`.
pub(super) type MapOrderResult = (Result<types::Delivery, types::Rejection>,);
/// Parameters of `parse-response`.
pub(super) type ParseResponseParams<'a> =
    (&'a types::Order<'a>, &'a types::Context<'a>, &'a [u8], &'a types::Response<'a>);
/// Result of `parse-response`.
pub(super) type ParseResponseResult = (types::Verdict,);

/// Where a component keeps the three functions, looked up once per release.
#[derive(Clone, Copy)]
pub(super) struct Exports {
    pub(super) describe: ComponentExportIndex,
    pub(super) map_order: ComponentExportIndex,
    pub(super) parse_response: ComponentExportIndex,
}

impl Exports {
    /// Finds them.
    ///
    /// # Errors
    /// Names what is missing.
    pub(super) fn find(component: &Component) -> Result<Self, String> {
        let mapper = component
            .get_export_index(None, MAPPER)
            .ok_or_else(|| format!("it does not export the interface `{MAPPER}`"))?;
        let function = |name: &str| {
            component
                .get_export_index(Some(&mapper), name)
                .ok_or_else(|| format!("its interface `{MAPPER}` has no function `{name}`"))
        };
        Ok(Self {
            describe: function("describe")?,
            map_order: function("map-order")?,
            parse_response: function("parse-response")?,
        })
    }
}
