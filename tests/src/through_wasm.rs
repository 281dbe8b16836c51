//! Cases through wasm, as the host runs them: the host's plugin room behind the SDK's case runner. Every order is mapped
//! twice, and must give the same bytes for the same CPU units.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

pub use orderdock::cases::context;
use orderdock::{
    cases::Release,
    domain::{Order, call},
    pipeline::system::SystemClock,
    plugin::{AdmissionError, Mapper as _, Runtime, Settings, Usage},
};
use orderdock_plugin as sdk;
use orderdock_plugin::testing::{self, Tables};

/// Where `cargo xtask plugins` and `cargo xtask sdk` leave what they make.
#[must_use]
pub fn component(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/components").join(name).with_extension("wasm")
}

/// The host's plugin room with one release in it.
pub struct ThroughWasm {
    release: Release,
    _tokio: tokio::runtime::Runtime,
    /// Who the plugin says it is.
    pub description: call::Description,
    /// What the costliest mapping so far used.
    pub worst: Usage,
    /// What the last mapping used.
    pub last: Usage,
}

/// Why a component of `target/components` is not admitted.
#[must_use]
pub fn refused(name: &str) -> String {
    match ThroughWasm::admit(name) {
        Ok(_) => panic!("{name} was admitted"),
        Err(error) => error.to_string(),
    }
}

impl ThroughWasm {
    /// Admits a component of `target/components`.
    #[must_use]
    pub fn open(name: &str) -> Self {
        Self::admit(name).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn admit(name: &str) -> Result<Self, AdmissionError> {
        let path = component(name);
        let bytes = std::fs::read(&path).unwrap_or_else(|_| {
            panic!("{} is missing: run `cargo xtask plugins` and `cargo xtask sdk`", path.display())
        });
        // Compiled code is kept from run to run, by digest: a Python guest takes many seconds.
        let cache = component("x").with_file_name("../tmp/plugin-code");
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let runtime = Runtime::new(Settings::default(), &cache, Arc::new(SystemClock)).unwrap();
        let (digest, description) = tokio.block_on(runtime.admit(&bytes))?;
        let release = Release::new(tokio.handle().clone(), runtime, digest, description.clone());
        Ok(Self { release, _tokio: tokio, description, worst: Usage::default(), last: Usage::default() })
    }
}

impl testing::Mapper for ThroughWasm {
    fn describe(&mut self) -> Result<sdk::Description, String> {
        self.release.describe()
    }

    fn map_order(
        &mut self,
        order: &Order,
        given: &sdk::Context<String>,
        all: &Tables,
    ) -> Result<Result<sdk::Delivery, sdk::Rejection>, String> {
        let first = self.release.map_order(order, given, all);
        let result = self.release.map_order(order, given, all);
        if let (Ok(first), Ok(second)) = (&first, &result) {
            assert_eq!(first, second, "the same order gave other bytes");
        }
        let [first, second] = self.release.made.as_slice() else { panic!("two calls were made") };
        assert_eq!(first.usage.cpu_used, second.usage.cpu_used, "the same order cost other CPU units");
        self.last = second.usage;
        if first.usage.cpu_used > self.worst.cpu_used {
            self.worst = first.usage;
        }
        self.release.made.clear();
        result
    }

    fn parse_response(
        &mut self,
        order: &Order,
        given: &sdk::Context<String>,
        all: &Tables,
        state: &[u8],
        response: &sdk::Response,
    ) -> Result<sdk::Verdict, String> {
        let verdict = self.release.parse_response(order, given, all, state, response);
        self.release.made.clear();
        verdict
    }
}
