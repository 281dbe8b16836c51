//! The plugin room's door: one engine, the loaded releases, and the three calls.

use std::{
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use async_trait::async_trait;
use tokio::{sync::Semaphore, time::timeout};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};

use super::{
    AdmissionError, Called, Limit, Mapper, PluginFault, Source, Usage, admit,
    cache::{self, Cache},
    call::Call,
    check, compile, contract, engine, files,
    guest::{Guest, lock},
    releases::{self, Release, Releases},
    settings::Settings,
    size,
    wasi::{self, Seed},
};
use crate::{
    domain::{
        Order,
        call::{Context, Description, Tables},
        clock::Clock,
        delivery::{Delivery, Rejection},
        id::Digest,
        verdict::{DefaultVerdict, Response, Verdict},
    },
    failpoint::{self, Point},
};

/// Why plugins can't be run at all.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No engine.
    #[error(
        "the WebAssembly engine can't start: {0} (each call that may run at once reserves address space: lower `concurrent`, or lift `ulimit -v`)"
    )]
    Engine(String),
    /// No directory for compiled code.
    #[error("the directory for compiled plugins, {path}, can't be used: {reason}")]
    Cache {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
}

/// Runs plugins.
pub struct Runtime {
    pub(super) engine: Engine,
    pub(super) linker: Linker<Guest>,
    pub(super) settings: Settings,
    pub(super) cache: Cache,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) permits: Semaphore,
    pub(super) releases: Mutex<Releases>,
    /// One compilation at a time: each uses all processors already, and the second of two that want the same release then
    /// finds it done.
    compiling: tokio::sync::Mutex<()>,
    /// Where components come from that this machine never had.
    source: OnceLock<Arc<dyn Source>>,
}

impl Runtime {
    /// Builds the engine and opens the directory of compiled code. One per process: code and stores of two engines must
    /// never meet.
    ///
    /// # Errors
    /// When the machine can't run the engine, or the directory can't be used.
    pub fn new(settings: Settings, cache_dir: &Path, clock: Arc<dyn Clock>) -> Result<Arc<Self>, RuntimeError> {
        let failed = |error: wasmtime::Error| RuntimeError::Engine(format!("{error:#}"));
        let engine = engine::build(&settings).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        wasi::link(&mut linker).map_err(failed)?;
        contract::link(&mut linker).map_err(failed)?;
        let cache = Cache::open(cache_dir, engine::compatibility(&engine)).map_err(|error| RuntimeError::Cache {
            path: cache_dir.display().to_string(),
            reason: error.to_string(),
        })?;
        Ok(Arc::new(Self {
            permits: Semaphore::new(usize::try_from(settings.concurrent).unwrap_or(Semaphore::MAX_PERMITS)),
            releases: Mutex::new(Releases::new(
                settings.loaded_releases.min(files::for_releases()),
                settings.loaded_bytes,
            )),
            source: OnceLock::new(),
            compiling: tokio::sync::Mutex::default(),
            engine,
            linker,
            settings,
            cache,
            clock,
        }))
    }

    /// Says where a release comes from that this machine never had, once: then a call loads it by itself.
    pub fn fetch_from(&self, source: Arc<dyn Source>) {
        // The first stays: there is one ledger.
        let _set = self.source.set(source);
    }

    /// How many releases are loaded right now.
    #[must_use]
    pub fn loaded(&self) -> usize {
        lock(&self.releases).len()
    }

    /// Bytes of compiled code that are loaded right now.
    #[must_use]
    pub fn loaded_bytes(&self) -> u64 {
        lock(&self.releases).bytes()
    }

    /// Removes compiled code of other engines and what was not used for 30 days; `known` are the releases that the ledger
    /// has. For the start of the host. How many files there were.
    ///
    /// # Errors
    /// When the directory can't be listed.
    pub fn sweep_cache(&self, known: &[Digest]) -> std::io::Result<usize> {
        self.cache.sweep(known, self.clock.now_ms())
    }

    /// The release, loaded: from memory, else from its compiled code, else compiled from the component that was kept, else
    /// fetched.
    async fn release(&self, digest: &Digest) -> Result<Arc<Release>, PluginFault> {
        if let Some(release) = lock(&self.releases).get(digest) {
            return Ok(release);
        }
        let not_loaded = |reason: String| PluginFault::NotLoaded { digest: digest.clone(), reason };
        let component = self.component(digest, None).await.map_err(not_loaded)?;
        let release = Release::of(&self.engine, &self.linker, &component).map_err(not_loaded)?;
        let release = Arc::new(release);
        lock(&self.releases).add(digest.clone(), Arc::clone(&release));
        Ok(release)
    }

    /// A release's component: from its compiled code, else compiled from `bytes`, else from the component that was kept or
    /// can be fetched.
    ///
    /// # Errors
    /// Why it can't be had, in a sentence.
    pub(super) async fn component(&self, digest: &Digest, bytes: Option<Vec<u8>>) -> Result<Component, String> {
        if let Some(component) = self.kept(digest).await? {
            return Ok(component);
        }
        let _alone = self.compiling.lock().await;
        if let Some(component) = self.kept(digest).await? {
            return Ok(component);
        }
        let bytes = match bytes.or_else(|| self.cache.component(digest)) {
            Some(bytes) => bytes,
            None => self.fetched(digest).await?,
        };
        let code = compile::compile(&self.engine, &self.settings, bytes).await?;
        let (engine, cache, digest) = (self.engine.clone(), self.cache.clone(), digest.clone());
        aside(move || {
            let code = cache
                .keep_code(&digest, &code)
                .map_err(|error| format!("its compiled code can't be written to the host's directory: {error}"))?;
            releases::load(&engine, &code)
        })
        .await?
    }

    /// A component that this machine never had, or has damaged: kept from now on.
    async fn fetched(&self, digest: &Digest) -> Result<Vec<u8>, String> {
        let missing = || "its component is not on this machine: add the release again".to_owned();
        let source = self.source.get().ok_or_else(missing)?;
        let bytes = source.component(digest).await?.ok_or_else(missing)?;
        if cache::digest(&bytes) != *digest {
            return Err("what was fetched is not this release: its digest is another".to_owned());
        }
        self.cache
            .keep_component(digest, &bytes)
            .map_err(|error| format!("it can't be written to the host's directory: {error}"))?;
        Ok(bytes)
    }

    async fn kept(&self, digest: &Digest) -> Result<Option<Component>, String> {
        let (engine, cache, digest, now_ms) =
            (self.engine.clone(), self.cache.clone(), digest.clone(), self.clock.now_ms());
        aside(move || {
            let component = releases::kept(&engine, &cache, &digest)?;
            cache.used(&digest, now_ms);
            Some(component)
        })
        .await
    }
}

/// Off the threads that carry orders.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("loading it broke off: {error}"))
}

/// Everything that names a call: the same call sees the same random numbers.
fn seed(release: &Release, order: &Order, context: &Context, what: &str) -> Seed {
    if !release.uses_wasi {
        return Seed::default();
    }
    let purpose = format!("{:?}", context.purpose);
    let parts = [
        context.connection.as_str(),
        &order.shop_order_id,
        &context.pass.to_string(),
        &purpose,
        &context.step.to_string(),
        what,
    ];
    Seed { parts: parts.map(str::to_owned).to_vec(), mapped_at: context.mapped_at.clone() }
}

/// A call that did not begin.
fn not_begun<T>(fault: PluginFault) -> Called<T> {
    Called { result: Err(fault), usage: Usage::default(), log: Vec::new(), look_ups: Vec::new(), contract: "" }
}

impl Runtime {
    async fn map_within(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
        most: Option<u64>,
    ) -> Called<Result<Delivery, Rejection>> {
        let release = match self.release(release).await {
            Ok(release) => release,
            Err(fault) => return not_begun(fault),
        };
        let (lines, bytes, seed) =
            (order.lines.len(), size::of(&order, &context), seed(&release, &order, &context, "map-order"));
        let mut call = Call::begin_within(self, "mapping the order", lines, bytes, tables, seed, most).await;
        let store = &mut call.store;
        let outcome = timeout(self.settings.wall_limit, async {
            let instance = release.pre.instantiate_async(&mut *store).await?;
            failpoint::reached(Point::Plugin);
            release.contract.map_order(store, &instance, &order, &context).await
        })
        .await;
        let called = call.finish(
            outcome,
            |answer| match answer {
                Ok(delivery) => check::delivery(delivery).map(Ok),
                Err(rejection) => check::rejection(rejection).map(Err),
            },
            |answer| answer.is_err(),
        );
        Called { contract: release.contract.track(), ..called }
    }
}

#[async_trait]
impl Mapper for Runtime {
    async fn admit(&self, bytes: &[u8]) -> Result<(Digest, Description), AdmissionError> {
        let gate = admit::gate(self, bytes).await;
        match (gate.problems.into_iter().next(), gate.description) {
            (None, Some(description)) => Ok((gate.digest, description)),
            (Some(problem), _) => Err(problem),
            (None, None) => Err(AdmissionError::Compile("it was not looked at".to_owned())),
        }
    }

    fn knows(&self, release: &Digest) -> bool {
        self.cache.knows(release)
    }

    async fn prepare(&self, release: &Digest) -> Result<(), PluginFault> {
        self.release(release).await.map(drop)
    }

    async fn map_order(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
    ) -> Called<Result<Delivery, Rejection>> {
        self.map_within(release, order, context, tables, None).await
    }

    async fn stack_at(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
        units: u64,
    ) -> Option<Vec<String>> {
        match self.map_within(release, order, context, tables, Some(units)).await.result {
            Err(PluginFault::OverLimit { limit: Limit::Cpu, stack, .. }) => Some(stack),
            _ => None,
        }
    }

    async fn parse_response(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        tables: Arc<Tables>,
        state: Vec<u8>,
        response: Response,
        default: DefaultVerdict,
    ) -> Called<Verdict> {
        let release = match self.release(release).await {
            Ok(release) => release,
            Err(fault) => return not_begun(fault),
        };
        let answer = match &response {
            Response::Http { body, .. } => body.len(),
            Response::AnswerFile { bytes, .. } => bytes.len(),
            Response::FilesWritten { names: list } | Response::DeadlinePassed { listing: list } => {
                list.iter().map(String::len).sum()
            }
        };
        let (lines, bytes) = (order.lines.len(), size::of(&order, &context).saturating_add(answer));
        let seed = seed(&release, &order, &context, "parse-response");
        let mut call = Call::begin(self, "reading the answer", lines, bytes, tables, seed).await;
        let store = &mut call.store;
        let outcome = timeout(self.settings.wall_limit, async {
            let instance = release.pre.instantiate_async(&mut *store).await?;
            release.contract.parse_response(store, &instance, &order, &context, &state, &response, default).await
        })
        .await;
        let called = call.finish(outcome, check::verdict, |verdict| {
            matches!(verdict, Verdict::Rejected(_) | Verdict::Unknown { .. })
        });
        Called { contract: release.contract.track(), ..called }
    }
}
