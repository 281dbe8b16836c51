//! Loaded releases: each prepared once, used by every call, dropped when it was not used for long.

use std::{collections::HashMap, path::Path, sync::Arc};

use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};

use super::{cache::Cache, contract::Contract, guest::Guest};
use crate::domain::id::Digest;

/// A release with its imports resolved: an instance of it costs microseconds.
pub(super) struct Release {
    pub(super) component: Component,
    pub(super) pre: InstancePre<Guest>,
    pub(super) contract: Contract,
    /// Whether it imports anything of WASI: only then is there a clock or a random number to seed.
    pub(super) uses_wasi: bool,
}

/// Why a component can't be prepared.
#[derive(Debug)]
pub(super) enum Unfit {
    /// Damaged, or of another engine.
    Code(String),
    /// Imports something with another type than we offer, or something that we do not offer.
    Imports(String),
    /// Lacks exports.
    Exports(String),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(reason) | Self::Imports(reason) | Self::Exports(reason) => f.write_str(reason),
        }
    }
}

impl Release {
    /// Loads the code that is kept, else compiles the component and keeps the code.
    ///
    /// # Errors
    /// Why it can't be used.
    pub(super) fn prepare(
        engine: &Engine,
        linker: &Linker<Guest>,
        cache: &Cache,
        digest: &Digest,
        component: impl FnOnce() -> Result<Vec<u8>, Unfit>,
    ) -> Result<Self, Unfit> {
        let kept = || -> Option<Result<Self, Unfit>> {
            match Self::load(engine, linker, &cache.code(digest)?) {
                Err(Unfit::Code(reason)) => {
                    tracing::warn!(%digest, reason, "compiled code can't be read and is made anew");
                    None
                }
                other => Some(other),
            }
        };
        if let Some(release) = kept() {
            return release;
        }
        let component = component()?;
        let _alone = cache.alone();
        if let Some(release) = kept() {
            return release;
        }
        let code = engine.precompile_component(&component).map_err(|error| Unfit::Code(format!("{error:#}")))?;
        let code = cache.keep_code(digest, &code).map_err(|error| {
            Unfit::Code(format!("its compiled code can't be written to the host's directory: {error}"))
        })?;
        Self::load(engine, linker, &code)
    }

    /// Maps compiled code into memory and resolves its imports.
    ///
    /// # Errors
    /// Why it can't be used.
    #[expect(unsafe_code, reason = "compiled code is run as it is; see the safety comment")]
    fn load(engine: &Engine, linker: &Linker<Guest>, code: &Path) -> Result<Self, Unfit> {
        // SAFETY: the file was written by this host from `Engine::precompile_component`, in a directory that only the host
        // can write (`Cache::open`), its checksum was verified just before, and it is replaced only by rename, so that a
        // mapping never changes under us. Code of another engine version is refused by the library.
        let component = unsafe { Component::deserialize_file(engine, code) };
        let component = component.map_err(|error| Unfit::Code(format!("{error:#}")))?;
        let contract = Contract::find(&component).map_err(Unfit::Exports)?;
        let pre = linker.instantiate_pre(&component).map_err(|error| Unfit::Imports(format!("{error:#}")))?;
        let uses_wasi = component.component_type().imports(engine).any(|(name, _)| name.starts_with("wasi:"));
        Ok(Self { component, pre, contract, uses_wasi })
    }
}

/// The loaded ones, at most a bound: a release costs 25 KiB to 16 MiB of memory, and address ranges are finite
/// (`vm.max_map_count`).
pub(super) struct Releases {
    bound: usize,
    tick: u64,
    loaded: HashMap<Digest, (u64, Arc<Release>)>,
}

impl Releases {
    pub(super) fn new(bound: usize) -> Self {
        Self { bound: bound.max(1), tick: 0, loaded: HashMap::new() }
    }

    pub(super) fn get(&mut self, digest: &Digest) -> Option<Arc<Release>> {
        self.tick = self.tick.wrapping_add(1);
        let (used, release) = self.loaded.get_mut(digest)?;
        *used = self.tick;
        Some(Arc::clone(release))
    }

    /// Adds one and drops the least recently used beyond the bound. Calls that run keep theirs.
    pub(super) fn add(&mut self, digest: Digest, release: Arc<Release>) {
        self.tick = self.tick.wrapping_add(1);
        self.loaded.insert(digest, (self.tick, release));
        while self.loaded.len() > self.bound {
            let oldest = self.loaded.iter().min_by_key(|(_, (used, _))| *used).map(|(digest, _)| digest.clone());
            match oldest {
                Some(digest) => self.loaded.remove(&digest),
                None => break,
            };
        }
    }

    pub(super) fn len(&self) -> usize {
        self.loaded.len()
    }
}
