//! Loaded releases: each prepared once, used by every call, dropped when it was not used for long.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use wasmtime::{
    Engine,
    component::{Component, InstancePre, Linker},
};

use super::{cache::Cache, contract::Contract, guest::Guest};
use crate::domain::id::Digest;

/// A release with its imports resolved: an instance of it costs microseconds.
pub(super) struct Release {
    pub(super) pre: InstancePre<Guest>,
    pub(super) contract: Contract,
    /// Whether it imports anything of WASI: only then is there a clock or a random number to seed.
    pub(super) uses_wasi: bool,
    /// Size of its compiled code as it is mapped: an upper bound of what it keeps in memory, near enough.
    code_bytes: u64,
}

impl Release {
    /// Resolves a component's imports and finds its exports.
    ///
    /// # Errors
    /// An import with another type than we offer, or one that we do not offer; a missing export.
    pub(super) fn of(engine: &Engine, linker: &Linker<Guest>, component: &Component) -> Result<Self, String> {
        let contract = Contract::find(component)?;
        let pre = linker.instantiate_pre(component).map_err(|error| format!("{error:#}"))?;
        let uses_wasi = component.component_type().imports(engine).any(|(name, _)| name.starts_with("wasi:"));
        let image = component.image_range();
        let code_bytes = u64::try_from(image.end.addr().saturating_sub(image.start.addr())).unwrap_or(u64::MAX);
        Ok(Self { pre, contract, uses_wasi, code_bytes })
    }
}

/// The compiled code that is kept of a release, mapped into memory; none if there is none, or it is damaged.
pub(super) fn kept(engine: &Engine, cache: &Cache, digest: &Digest) -> Option<Component> {
    match load(engine, &cache.code(digest)?) {
        Ok(component) => Some(component),
        Err(reason) => {
            tracing::warn!(%digest, reason, "compiled code can't be read and is made anew");
            None
        }
    }
}

/// Maps compiled code into memory.
///
/// # Errors
/// Damaged, or of another engine.
#[expect(unsafe_code, reason = "compiled code is run as it is; see the safety comment")]
pub(super) fn load(engine: &Engine, code: &Path) -> Result<Component, String> {
    // SAFETY: the file was written by this host from what its own compiler made of a component, in a directory that only the
    // host can write (`Cache::open`), its checksum was verified just before, and it is replaced only by rename, so that a
    // mapping never changes under us. Code of another engine version is refused by the library.
    let component = unsafe { Component::deserialize_file(engine, code) };
    let component = component.map_err(|error| format!("{error:#}"))?;
    unmap_read(&component);
    Ok(component)
}

/// Takes the pages of a release's code out of the process until a call wants them. Reading the code's tables maps much more
/// than the tables: the kernel maps around what is read, and pages that it holds in one piece as one. They stay in its cache.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "advice about memory that the library holds; see the safety comment")]
fn unmap_read(component: &Component) {
    let image = component.image_range();
    let bytes = image.end.addr().saturating_sub(image.start.addr());
    // SAFETY: the range is the library's private mapping of a file that never changes, and nothing writes into it: the
    // library only reads what was compiled before, and makes it read-only before it hands it out. So each page comes back
    // from the file as it was. Advice that the kernel refuses changes nothing.
    let _ = unsafe { rustix::mm::madvise(image.start.cast_mut().cast(), bytes, rustix::mm::Advice::LinuxDontNeed) };
}

#[cfg(not(target_os = "linux"))]
fn unmap_read(_: &Component) {}

/// The loaded ones, at most so many and so large together: a release costs 25 KiB to 16 MiB of memory, and address ranges
/// are finite (`vm.max_map_count`). Nothing is loaded before a call wants it.
pub(super) struct Releases {
    bound: usize,
    bytes_bound: u64,
    bytes: u64,
    tick: u64,
    loaded: HashMap<Digest, (u64, Arc<Release>)>,
    /// By their last use, oldest first.
    used: BTreeMap<u64, Digest>,
}

impl Releases {
    pub(super) fn new(bound: usize, bytes_bound: u64) -> Self {
        Self { bound: bound.max(1), bytes_bound, bytes: 0, tick: 0, loaded: HashMap::new(), used: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, digest: &Digest) -> Option<Arc<Release>> {
        let (used, release) = self.loaded.get_mut(digest)?;
        let release = Arc::clone(release);
        self.tick = self.tick.wrapping_add(1);
        let before = std::mem::replace(used, self.tick);
        // Its name moves along: no copy for each call.
        if let Some(name) = self.used.remove(&before) {
            self.used.insert(self.tick, name);
        }
        Some(release)
    }

    /// Adds one and drops the least recently used beyond the bounds, but never the one that was just added. Calls that run
    /// keep theirs.
    pub(super) fn add(&mut self, digest: Digest, release: Arc<Release>) {
        self.tick = self.tick.wrapping_add(1);
        self.bytes = self.bytes.saturating_add(release.code_bytes);
        if let Some((before, replaced)) = self.loaded.insert(digest.clone(), (self.tick, release)) {
            self.bytes = self.bytes.saturating_sub(replaced.code_bytes);
            self.used.remove(&before);
        }
        self.used.insert(self.tick, digest);
        while self.loaded.len() > self.bound || (self.bytes > self.bytes_bound && self.loaded.len() > 1) {
            let Some((_, oldest)) = self.used.pop_first() else { break };
            if let Some((_, dropped)) = self.loaded.remove(&oldest) {
                self.bytes = self.bytes.saturating_sub(dropped.code_bytes);
            }
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.loaded.len()
    }
}
