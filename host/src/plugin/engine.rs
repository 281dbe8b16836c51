//! The one engine of the process: which WebAssembly features exist, and how large the pool is.

use std::num::NonZeroUsize;

use sha2::{Digest as _, Sha256};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Strategy};

use super::settings::Settings;

/// Core instances per component: Python guests link more than thirty inside one component.
pub(super) const CORE_INSTANCES: u32 = 60;
/// Memories per component: QuickJS guests have several, most have one.
pub(super) const MEMORIES: u32 = 8;
/// Tables per component.
pub(super) const TABLES: u32 = 60;
/// Frames of a guest's stack that a trap keeps. A Rust guest's panic has nine of its own before the author's.
pub(super) const FRAMES: usize = 24;
/// Bytes of an unused memory that stay resident: a Rust guest's stack and heap.
const MEMORY_RESIDENT: usize = 2 * 1024 * 1024;
/// The same of a table.
const TABLE_RESIDENT: usize = 1024 * 1024;
/// Elements of one table; a C# debug build had more than 10,000.
const TABLE_ELEMENTS: usize = 100_000;

/// Builds the engine that runs calls.
///
/// # Errors
/// When the machine lacks the address space for the pool, or the processor is not supported.
pub(super) fn build(settings: &Settings) -> wasmtime::Result<Engine> {
    let mut config = config(settings.metered, settings.stack_bytes);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    Engine::new(&config)
}

/// Builds an engine that only compiles: its code is the same, and it reserves no address space for calls, which a process
/// with little of it could not have.
///
/// # Errors
/// When the processor is not supported.
pub(super) fn build_compiler(metered: bool, stack_bytes: usize) -> wasmtime::Result<Engine> {
    Engine::new(&config(metered, stack_bytes))
}

/// Everything that compiled code depends on.
fn config(metered: bool, stack_bytes: usize) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .consume_fuel(metered)
        // Same input, same bytes on every machine.
        .cranelift_nan_canonicalization(true)
        .wasm_relaxed_simd(false)
        .wasm_threads(false)
        .wasm_memory64(false)
        // What no mapping needs and where most of the engine's advisories were.
        .wasm_gc(false)
        .wasm_function_references(false)
        .wasm_exceptions(false)
        .wasm_stack_switching(false)
        // Async lifting and memory protection keys are not even compiled in: their cargo features are off.
        .concurrency_support(false)
        // What only debuggers and profilers of the host's process read: a fifth of the code's file, which is held against
        // its checksum whole at each load. Unwind tables besides are registered one by one in a list of the process.
        .native_unwind_info(false)
        .generate_address_map(false)
        .debug_symbols(false)
        // A trap names the guest's functions.
        .wasm_backtrace_max_frames(NonZeroUsize::new(FRAMES))
        .max_wasm_stack(stack_bytes)
        .async_stack_size(stack_bytes.saturating_mul(2));
    config
}

/// Room for as many calls as may run at once, each as demanding as a component may be: an empty pool is an error, not a
/// wait, so the semaphore in front of it must be all that anybody ever meets.
fn pool(settings: &Settings) -> PoolingAllocationConfig {
    let calls = settings.concurrent;
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(calls)
        .total_stacks(calls)
        .total_core_instances(calls.saturating_mul(CORE_INSTANCES))
        .total_memories(calls.saturating_mul(MEMORIES))
        .total_tables(calls.saturating_mul(TABLES))
        .total_gc_heaps(0)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_core_instance_size(4 * 1024 * 1024)
        .max_component_instance_size(4 * 1024 * 1024)
        .table_elements(TABLE_ELEMENTS)
        // A used memory is cleaned where it lies, and only the pages that were written (Linux 6.7 and later; elsewhere
        // it is given back to the kernel): fresh pages cost a fault each, a quarter of a small call.
        .pagemap_scan(Enabled::Auto)
        .linear_memory_keep_resident(MEMORY_RESIDENT)
        .table_keep_resident(TABLE_RESIDENT)
        .max_unused_warm_slots(calls)
        .max_memory_size(usize::try_from(settings.memory_in_pages()).unwrap_or(usize::MAX));
    pool
}

/// What compiled code depends on, as a short text for file names: another version or another setting gives another.
pub(super) fn compatibility(engine: &Engine) -> String {
    struct Sha(Sha256);
    impl std::hash::Hasher for Sha {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut sha = Sha(Sha256::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut sha);
    hex::encode(sha.0.finalize()).chars().take(16).collect()
}
