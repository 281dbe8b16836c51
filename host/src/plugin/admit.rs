//! From uploaded bytes to a release: is it a component, does it ask only for what we offer, does it fit the contract and
//! the pool, does it compile, and who does it say it is. Each refusal has a sentence of its own.

use std::sync::Arc;

use tokio::time::timeout;

use super::{
    AdmissionError,
    cache::{self, Cache},
    call::Call,
    check, contract, engine,
    guest::{Guest, lock},
    outline::{NoComponent, outline},
    releases::{Release, Unfit},
    runtime::Runtime,
    settings::{PAGE, Settings},
    wasi::Seed,
};
use crate::domain::{
    call::{Description, Tables},
    id::Digest,
};

/// What a component may import besides the contract, by package and version track.
const WASI: [&str; 6] =
    ["wasi:cli@0.2", "wasi:clocks@0.2", "wasi:filesystem@0.2", "wasi:io@0.2", "wasi:random@0.2", "wasi:sockets@0.2"];

/// All that a component may import.
fn allowed() -> impl Iterator<Item = &'static str> {
    contract::IMPORTS.into_iter().chain(WASI)
}

/// Admits a component: the whole way from bytes to a description.
///
/// # Errors
/// Why it is not a plugin that may be used.
pub(super) async fn admit(runtime: &Runtime, bytes: &[u8]) -> Result<(Digest, Description), AdmissionError> {
    let size = bytes.len() as u64;
    if size > runtime.settings.component_bytes {
        return Err(AdmissionError::TooLarge { size, allowed: runtime.settings.component_bytes });
    }
    let digest = cache::digest(bytes);
    let was_known = runtime.cache.knows(&digest);
    let (engine, linker) = (runtime.engine.clone(), runtime.linker.clone());
    let (cache, key, bytes) = (runtime.cache.clone(), digest.clone(), bytes.to_vec());
    let settings = runtime.settings.clone();
    let prepared =
        tokio::task::spawn_blocking(move || prepare(&engine, &linker, &cache, &settings, &key, &bytes)).await;
    let prepared = prepared.map_err(|error| AdmissionError::Compile(format!("compiling broke off: {error}")))?;
    let release = Arc::new(prepared?);
    match describe(runtime, &release).await {
        Ok(description) => {
            lock(&runtime.releases).add(digest.clone(), release);
            Ok((digest, description))
        }
        // A release that was good once may be in use: a machine too busy to describe it in time does not make it bad.
        Err(error) if was_known => Err(error),
        Err(error) => {
            runtime.cache.forget(&digest);
            Err(error)
        }
    }
}

/// Everything that costs processor time, off the threads that carry orders.
fn prepare(
    engine: &wasmtime::Engine,
    linker: &wasmtime::component::Linker<Guest>,
    cache: &Cache,
    settings: &Settings,
    digest: &Digest,
    bytes: &[u8],
) -> Result<Release, AdmissionError> {
    check_imports(bytes)?;
    let release = Release::prepare(engine, linker, cache, digest, || Ok(bytes.to_vec())).map_err(|unfit| {
        if !cache.knows(digest) {
            cache.forget(digest);
        }
        match unfit {
            Unfit::Code(reason) => refused(reason),
            Unfit::Imports(reason) | Unfit::Exports(reason) => AdmissionError::WrongWorld(reason),
        }
    })?;
    check_demands(&release, settings)?;
    cache
        .keep_component(digest, bytes)
        .map_err(|error| AdmissionError::Compile(format!("it can't be written to the host's directory: {error}")))?;
    Ok(release)
}

/// Reads the outer layer only: what the file is, and what it imports.
fn check_imports(bytes: &[u8]) -> Result<(), AdmissionError> {
    if !bytes.starts_with(b"\0asm") {
        let start = String::from_utf8_lossy(bytes.get(..8).unwrap_or(bytes)).escape_debug().to_string();
        return Err(AdmissionError::NotWasm(format!("it does not begin as one does (it begins with `{start}`)")));
    }
    let outline = outline(bytes).map_err(|reason| match reason {
        NoComponent::CoreModule => AdmissionError::CoreModule,
        NoComponent::Damaged(words) => AdmissionError::NotWasm(format!("it is damaged: {words}")),
    })?;
    let forbidden: Vec<String> =
        outline.imports.iter().filter(|name| !is_allowed(name)).map(|name| with_hint(name)).collect();
    if forbidden.is_empty() {
        return Ok(());
    }
    let allowed = allowed().map(str::to_owned).collect();
    Err(AdmissionError::ForbiddenImports { imports: forbidden, allowed })
}

/// `wasi:io/streams@0.2.9` is allowed by `wasi:io@0.2`: an import that asks for an older patch of the same track fits.
fn is_allowed(import: &str) -> bool {
    let Some((name, version)) = import.split_once('@') else { return false };
    let package = name.split_once('/').map_or(name, |(package, _)| package);
    let track = version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    allowed().any(|allowed| {
        allowed.split_once('@').is_some_and(|(allowed, allowed_track)| {
            allowed_track == track && (allowed == name || (!allowed.contains('/') && allowed == package))
        })
    })
}

/// Known causes get a sentence that helps.
fn with_hint(import: &str) -> String {
    let hint = match import.split_once('/').map_or(import, |(package, _)| package) {
        "wasi:http" => {
            "a plugin sends nothing itself: it returns the request; with componentize-js use `--disable http fetch-event`"
        }
        "wasi:sockets" => "with componentize-py use `--stub-wasi`",
        "wasi:cli" | "wasi:clocks" | "wasi:filesystem" | "wasi:io" | "wasi:random" => {
            "only WASI 0.2 is offered, not 0.3: build for 0.2"
        }
        "orderdock:plugin" => "this host serves other versions of the contract",
        "env" | "wasi_snapshot_preview1" => "make the component with an adapter for preview1",
        _ => return import.to_owned(),
    };
    format!("{import} ({hint})")
}

/// What the engine's refusal stands for.
fn refused(text: String) -> AdmissionError {
    if text.contains("component model async") || text.contains("component-model-async") {
        return AdmissionError::Compile(format!(
            "it uses the asynchronous calling convention, which the contract does not (with componentize-qjs use `--sync`): {text}"
        ));
    }
    if text.contains("pooling allocator") {
        return AdmissionError::TooDemanding(text);
    }
    AdmissionError::Compile(text)
}

/// Refuses now what would fail with every order.
fn check_demands(release: &Release, settings: &Settings) -> Result<(), AdmissionError> {
    let Some(needs) = release.component.resources_required() else { return Ok(()) };
    let mut problems = Vec::new();
    if needs.num_memories > engine::MEMORIES {
        problems.push(format!("{} memories; at most {}", needs.num_memories, engine::MEMORIES));
    }
    if needs.num_tables > engine::TABLES {
        problems.push(format!("{} tables; at most {}", needs.num_tables, engine::TABLES));
    }
    let bytes = needs.max_initial_memory_size.unwrap_or_default().saturating_mul(PAGE);
    if bytes > settings.memory_bytes {
        problems.push(format!("{bytes} bytes of memory to start; at most {}", settings.memory_bytes));
    }
    if problems.is_empty() { Ok(()) } else { Err(AdmissionError::TooDemanding(problems.join(", "))) }
}

/// Checks the types of the three functions, then asks for the description.
async fn describe(runtime: &Runtime, release: &Release) -> Result<Description, AdmissionError> {
    let mut call = Call::begin(runtime, "describing itself", 0, 0, Arc::new(Tables::new()), Seed::default()).await;
    let store = &mut call.store;
    let mut wrong = Vec::new();
    let outcome = timeout(runtime.settings.wall_limit, async {
        let instance = release.pre.instantiate_async(&mut *store).await?;
        wrong = release.contract.mistyped(store, &instance);
        release.contract.describe(store, &instance).await
    })
    .await;
    if !wrong.is_empty() {
        return Err(AdmissionError::WrongWorld(wrong.join("; ")));
    }
    let called = call.finish(outcome, |description| Ok(check::description(description)), |_| false);
    called.result?.map_err(AdmissionError::BadDescription)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_allowed_by_package_and_track() {
        for name in [
            "wasi:io/streams@0.2.9",
            "wasi:cli/environment@0.2.12",
            "orderdock:plugin/log@0.1.0",
            "orderdock:plugin/types@0.1.3",
        ] {
            assert!(is_allowed(name), "{name}");
        }
        for name in [
            "wasi:http/types@0.2.0",
            "wasi:io/streams@0.3.0",
            "wasi:io/streams",
            "orderdock:plugin/log@0.3.0",
            "orderdock:plugin/secrets@0.1.0",
            "env",
            "",
        ] {
            assert!(!is_allowed(name), "{name}");
        }
    }

    #[test]
    fn what_is_not_a_component_is_told_apart() {
        assert!(matches!(check_imports(b"#!/bin/sh"), Err(AdmissionError::NotWasm(_))));
        assert!(matches!(check_imports(b""), Err(AdmissionError::NotWasm(_))));
        assert!(matches!(check_imports(b"\0asm"), Err(AdmissionError::NotWasm(_))));
        assert!(matches!(check_imports(&wat::parse_str("(module)").unwrap()), Err(AdmissionError::CoreModule)));
        let foreign = wat::parse_str(
            r#"(component
                (component (import "not:ours/inner@9.0.0" (func)))
                (import "wasi:http/types@0.2.0" (instance))
                (import "wasi:io/poll@0.2.0" (instance))
                (import "acme:secrets/read@1.0.0" (instance)))"#,
        )
        .unwrap();
        let Err(AdmissionError::ForbiddenImports { imports, .. }) = check_imports(&foreign) else {
            panic!("the imports were let through");
        };
        assert_eq!(imports.len(), 2, "{imports:?}");
        assert!(imports[0].contains("fetch-event"), "{imports:?}");
    }
}
