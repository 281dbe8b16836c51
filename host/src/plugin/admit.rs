//! From uploaded bytes to a release: is it a component, does it ask only for what we offer, does it fit the contract and
//! the pool, does it compile, and who does it say it is. Each refusal has a sentence of its own.

use std::sync::Arc;

use tokio::time::timeout;
use wasmtime::component::Component;

use super::{
    AdmissionError, cache,
    call::Call,
    check, contract, engine,
    guest::lock,
    outline::{NoComponent, outline},
    releases::Release,
    runtime::Runtime,
    settings::{PAGE, Settings},
    wasi::Seed,
    world,
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

/// What is known of a component after everything that is looked at before an order is mapped.
pub(super) struct Gate {
    pub(super) digest: Digest,
    /// What is wrong, all of it as far as one thing can be looked at while another is wrong.
    pub(super) problems: Vec<AdmissionError>,
    /// What it says of itself; there whenever nothing is wrong.
    pub(super) description: Option<Description>,
}

/// The whole way from bytes to a description. What passes is kept in the cache, and loaded.
pub(super) async fn gate(runtime: &Runtime, bytes: &[u8]) -> Gate {
    let digest = cache::digest(bytes);
    let was_known = runtime.cache.knows(&digest);
    let mut problems = Vec::new();
    let description = look(runtime, bytes, &digest, &mut problems).await;
    // A release that was good once may be in use: a machine too busy to describe it in time does not make it bad.
    if !problems.is_empty() && !was_known {
        runtime.cache.forget(&digest);
    }
    Gate { digest, problems, description }
}

async fn look(
    runtime: &Runtime,
    bytes: &[u8],
    digest: &Digest,
    problems: &mut Vec<AdmissionError>,
) -> Option<Description> {
    let (size, allowed) = (bytes.len() as u64, runtime.settings.component_bytes);
    if size > allowed {
        problems.push(AdmissionError::TooLarge { size, allowed });
        return None;
    }
    match check_imports(bytes) {
        Ok(()) => {}
        // The rest can be looked at all the same.
        Err(error @ AdmissionError::ForbiddenImports { .. }) => problems.push(error),
        Err(error) => {
            problems.push(error);
            return None;
        }
    }
    let component = match runtime.component(digest, Some(bytes.to_vec())).await {
        Ok(component) => component,
        Err(reason) => {
            problems.push(refused(reason));
            return None;
        }
    };
    let differences = world::differences(&runtime.engine, &component);
    if !differences.is_empty() {
        problems.push(AdmissionError::WrongWorld(differences.join("; ")));
    }
    problems.extend(check_demands(&component, &runtime.settings).err());
    // What has other functions than it should can still be started, which is worth knowing too.
    if problems.iter().any(|problem| !matches!(problem, AdmissionError::WrongWorld(_))) {
        return None;
    }
    let release = match Release::of(&runtime.engine, &runtime.linker, &component) {
        Ok(release) => Arc::new(release),
        Err(reason) if problems.is_empty() => {
            problems.push(AdmissionError::WrongWorld(reason));
            return None;
        }
        Err(_) => return None,
    };
    if !problems.is_empty() {
        problems
            .extend(describe(runtime, &release).await.err().filter(|error| matches!(error, AdmissionError::Fault(_))));
        return None;
    }
    if let Err(error) = runtime.cache.keep_component(digest, bytes) {
        let reason = format!("it can't be written to the host's directory: {error}");
        problems.push(AdmissionError::Compile(reason));
        return None;
    }
    match describe(runtime, &release).await {
        Ok(description) => {
            lock(&runtime.releases).add(digest.clone(), release);
            Some(description)
        }
        Err(error) => {
            problems.push(error);
            None
        }
    }
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
fn check_demands(component: &Component, settings: &Settings) -> Result<(), AdmissionError> {
    let Some(needs) = component.resources_required() else { return Ok(()) };
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
