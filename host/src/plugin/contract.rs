//! The versions of the contract that are served, side by side: which one a release speaks, and its three calls in the
//! host's own types. What a version means is in its folder; nothing outside of this file knows that there are several.

use wasmtime::{
    Store,
    component::{Component, ComponentExportIndex, Instance, Linker},
};

use super::{guest::Guest, v0_1, v0_2};
use crate::domain::{
    Order,
    call::{Context, DeliveryKind, NamedNeed, Purpose},
    delivery::{Delivery, Rejection},
    verdict::{DefaultVerdict, Response, Verdict},
};

/// The tracks that are served, newest first, as messages name them.
pub(super) const SERVED: &str = "orderdock:plugin@0.2 or @0.1";

/// What a component may import of the contract, by interface and track.
pub(super) const IMPORTS: [&str; 7] = [
    "orderdock:plugin/log@0.1",
    "orderdock:plugin/tables@0.1",
    "orderdock:plugin/types@0.1",
    "orderdock:plugin/log@0.2",
    "orderdock:plugin/order@0.2",
    "orderdock:plugin/tables@0.2",
    "orderdock:plugin/types@0.2",
];

/// A description before its texts were read: the schema is still text, the version still unchecked.
#[derive(Clone, Debug)]
pub(super) struct RawDescription {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) publisher: String,
    pub(super) erp: String,
    pub(super) help: String,
    pub(super) settings_schema: String,
    pub(super) purposes: Vec<Purpose>,
    pub(super) deliveries: Vec<DeliveryKind>,
    pub(super) secrets: Vec<NamedNeed>,
    pub(super) tables: Vec<NamedNeed>,
    pub(super) folders: Vec<NamedNeed>,
}

/// What a guest gave, in the host's own types, and still unchecked.
#[derive(Debug)]
pub(super) struct Lifted<T> {
    pub(super) value: T,
    /// Names in `extra` that nobody knows, for the log.
    pub(super) unknown: Vec<String>,
}

impl<T> Lifted<T> {
    /// Of a version that has no `extra` in what a plugin makes.
    pub(super) fn of(value: T) -> Self {
        Self { value, unknown: Vec::new() }
    }
}

/// Where a component keeps the three functions.
#[derive(Clone, Copy)]
pub(super) struct Exports {
    pub(super) describe: ComponentExportIndex,
    pub(super) map_order: ComponentExportIndex,
    pub(super) parse_response: ComponentExportIndex,
}

/// The version that a release speaks, and where its functions are: looked up once per release.
#[derive(Clone, Copy)]
pub(super) enum Contract {
    /// 0.1.0, 0.1.1 and all that only add what a plugin may call.
    V0_1(Exports),
    /// The sample of what comes next.
    V0_2(Exports),
}

/// What a component exports instead, for somebody who built against another version or another world.
fn exported(component: &Component) -> String {
    let names = component.component_type();
    let names: Vec<_> = names.exports(component.engine()).map(|(name, _)| format!("`{name}`")).take(10).collect();
    if names.is_empty() { "it exports nothing".to_owned() } else { format!("it exports {}", names.join(", ")) }
}

/// Offers what all versions may call to the guests of `linker`.
///
/// # Errors
/// When a name is taken already, which is a mistake in this room.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    for version in ["0.1.1", "0.2.0"] {
        v0_1::imports::link(linker, version)?;
    }
    Ok(())
}

impl Contract {
    /// Finds the version and the functions.
    ///
    /// # Errors
    /// Names what is missing.
    pub(super) fn find(component: &Component) -> Result<Self, String> {
        // Names match by track: a component of 0.1.1 is found by 0.1.0.
        let found = [(v0_2::MAPPER, Self::V0_2 as fn(Exports) -> Self), (v0_1::MAPPER, Self::V0_1)]
            .into_iter()
            .find_map(|(name, version)| Some((name, version, component.get_export_index(None, name)?)));
        let Some((name, version, mapper)) = found else {
            return Err(format!(
                "it does not export the interface `{}` or `{}`; {}",
                v0_2::MAPPER,
                v0_1::MAPPER,
                exported(component)
            ));
        };
        let function = |wanted: &str| {
            component
                .get_export_index(Some(&mapper), wanted)
                .ok_or_else(|| format!("its interface `{name}` has no function `{wanted}`"))
        };
        Ok(version(Exports {
            describe: function("describe")?,
            map_order: function("map-order")?,
            parse_response: function("parse-response")?,
        }))
    }

    /// The track, for the records: with which folder's words a call was made.
    pub(super) fn track(&self) -> &'static str {
        match self {
            Self::V0_1(_) => "0.1",
            Self::V0_2(_) => "0.2",
        }
    }

    /// What is wrong with the functions' types; nothing if they are those of the version.
    pub(super) fn mistyped(&self, store: &mut Store<Guest>, instance: &Instance) -> Vec<String> {
        match self {
            Self::V0_1(exports) => v0_1::mistyped(exports, store, instance),
            Self::V0_2(exports) => v0_2::mistyped(exports, store, instance),
        }
    }

    /// Asks the plugin who it is.
    ///
    /// # Errors
    /// When it traps, hits a limit, or its function has other types.
    pub(super) async fn describe(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
    ) -> wasmtime::Result<Lifted<RawDescription>> {
        match self {
            Self::V0_1(exports) => v0_1::describe(exports, store, instance).await,
            Self::V0_2(exports) => v0_2::describe(exports, store, instance).await,
        }
    }

    /// Asks it what should be sent.
    ///
    /// # Errors
    /// When it traps, hits a limit, or its function has other types.
    pub(super) async fn map_order(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        order: &Order,
        context: &Context,
    ) -> wasmtime::Result<Lifted<Result<Delivery, Rejection>>> {
        match self {
            Self::V0_1(exports) => v0_1::map_order(exports, store, instance, order, context).await,
            Self::V0_2(exports) => v0_2::map_order(exports, store, instance, order, context).await,
        }
    }

    /// Asks it what an answer means.
    ///
    /// # Errors
    /// When it traps, hits a limit, or its function has other types.
    #[expect(clippy::too_many_arguments, reason = "the contract's own list, and who is asked")]
    pub(super) async fn parse_response(
        &self,
        store: &mut Store<Guest>,
        instance: &Instance,
        order: &Order,
        context: &Context,
        state: &[u8],
        response: &Response,
        default: DefaultVerdict,
    ) -> wasmtime::Result<Lifted<Verdict>> {
        match self {
            Self::V0_1(exports) => {
                v0_1::parse_response(exports, store, instance, order, context, state, response, default).await
            }
            Self::V0_2(exports) => {
                v0_2::parse_response(exports, store, instance, order, context, state, response, default).await
            }
        }
    }
}
