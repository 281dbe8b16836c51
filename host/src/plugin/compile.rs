//! Compiling: the one thing that an uploaded component makes the host do before any of its limits apply.
//!
//! A few kilobytes can keep a compiler busy for hours and fill any memory, and the library promises nothing about that. So
//! the host compiles in a process of its own: its own program again, with another command, limited by the kernel in memory
//! and processor time and by us in time, without an environment, without files, with lower priority. The component goes in
//! by standard input, the code comes out by standard output, and whatever happens in between ends with that process.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};
use wasmtime::Engine;

use super::{
    engine,
    settings::{Apart, Compile, Settings},
};

/// The command of the program that compiles: hidden from people.
pub const COMMAND: &str = "compile-component";

/// Most bytes of what the compiling process says when it fails.
const WORDS: u64 = 16 * 1024;
/// Most bytes of code. A Python guest has 32 MB.
const CODE: u64 = 512 * 1024 * 1024;
/// How much the compiling process steps back behind what carries orders.
const NICE: i32 = 10;
/// Processor seconds for each second of the time limit. Only for a process whose host died: all its threads count.
const THREADS: u64 = 16;

/// What the compiling process is told.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    metered: bool,
    stack_bytes: usize,
    compatibility: String,
    memory_bytes: u64,
    seconds: u64,
}

/// Compiles.
///
/// # Errors
/// Why it can't be, in a sentence.
pub(super) async fn compile(engine: &Engine, settings: &Settings, component: Vec<u8>) -> Result<Vec<u8>, String> {
    match &settings.compile {
        Compile::Here => {
            let engine = engine.clone();
            tokio::task::spawn_blocking(move || {
                engine.precompile_component(&component).map_err(|error| format!("{error:#}"))
            })
            .await
            .unwrap_or_else(|error| Err(format!("compiling broke off: {error}")))
        }
        Compile::Apart(apart) => {
            let task = Task {
                metered: settings.metered,
                stack_bytes: settings.stack_bytes,
                compatibility: engine::compatibility(engine),
                memory_bytes: apart.memory_bytes,
                seconds: apart.time.as_secs().max(1),
            };
            compile_apart(apart, &task, &component).await
        }
    }
}

async fn compile_apart(apart: &Apart, task: &Task, component: &[u8]) -> Result<Vec<u8>, String> {
    let task =
        serde_json::to_string(task).map_err(|error| format!("the compiler can't be told what to do: {error}"))?;
    let mut child = Command::new(&apart.program)
        .args([COMMAND, &task])
        // The host's environment may hold its master key.
        .env_clear()
        // What the allocator reserves in one piece counts as memory.
        .env("MIMALLOC_ARENA_RESERVE", "65536")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("the compiler can't be started ({}): {error}", apart.program.display()))?;
    let Ok(done) = tokio::time::timeout(apart.time, converse(&mut child, component)).await else {
        // Whether it can be killed or has just ended: it is waited for when it is dropped.
        let _ended = child.start_kill();
        return Err(too_long(apart.time));
    };
    let (status, code, words) = done.map_err(|error| format!("the compiler broke off: {error}"))?;
    if status.success() {
        return Ok(code);
    }
    Err(said(status, &words, apart))
}

/// Hands the component over and takes what comes back, both at once: either pipe may be full.
async fn converse(child: &mut Child, component: &[u8]) -> io::Result<(ExitStatus, Vec<u8>, String)> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(io::Error::other("it has no pipes"));
    };
    let (mut code, mut words) = (Vec::new(), Vec::new());
    let give = async {
        // A compiler that ended early says why on its standard error.
        let _given = stdin.write_all(component).await;
        drop(stdin);
        Ok(())
    };
    let (mut out, mut err) = (stdout.take(CODE), stderr.take(WORDS));
    tokio::try_join!(give, out.read_to_end(&mut code), err.read_to_end(&mut words))?;
    drop((out, err));
    Ok((child.wait().await?, code, String::from_utf8_lossy(&words).into_owned()))
}

fn too_long(time: Duration) -> String {
    format!(
        "compiling it took longer than {} s, and was stopped (plugins.compile_time): its functions are too large or too \
         many; build it with optimisation, and without what it does not use",
        time.as_secs_f64()
    )
}

/// What the end of a failed compilation stands for.
fn said(status: ExitStatus, words: &str, apart: &Apart) -> String {
    let out_of_memory = words.contains("memory allocation") || words.contains("out of memory");
    match status.signal() {
        None if !out_of_memory => words.trim().trim_start_matches("error: ").to_owned(),
        Some(signal) if signal == rustix::process::Signal::XCPU.as_raw() => too_long(apart.time),
        _ if out_of_memory => format!(
            "compiling it needs more than {} bytes of memory, and was stopped (plugins.compile_memory): its functions are \
             too large or too many; build it with optimisation, and without what it does not use",
            apart.memory_bytes
        ),
        _ => format!("the compiler did not survive it ({status}); nothing else was harmed"),
    }
}

/// The compiling process: limits itself, reads a component from standard input, writes its code to standard output.
///
/// # Errors
/// Why not, in a sentence, for standard error.
pub fn run(task: &str) -> Result<(), String> {
    let task: Task = serde_json::from_str(task).map_err(|error| format!("this is no task: {error}"))?;
    limit(&task)?;
    let mut component = Vec::new();
    io::stdin().lock().read_to_end(&mut component).map_err(|error| format!("the component can't be read: {error}"))?;
    let engine =
        engine::build_compiler(task.metered, task.stack_bytes).map_err(|error| format!("no compiler: {error:#}"))?;
    let own = engine::compatibility(&engine);
    if own != task.compatibility {
        return Err(format!(
            "the program that compiles is another version than the host (its code is {own}, not {}): restart the host",
            task.compatibility
        ));
    }
    let code = engine.precompile_component(&component).map_err(|error| format!("{error:#}"))?;
    let mut out = io::stdout().lock();
    out.write_all(&code).and_then(|()| out.flush()).map_err(|error| format!("the code can't be handed back: {error}"))
}

fn limit(task: &Task) -> Result<(), String> {
    let failed = |what: &str, error: rustix::io::Errno| format!("{what} can't be limited: {error}");
    // What the program itself has mapped when it starts is not the component's.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mapped = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap_or_default();
    let kib: u64 = mapped.trim().trim_end_matches("kB").trim().parse().unwrap_or_default();
    let own = kib.saturating_mul(1024);
    let set = |resource, value: u64| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    set(Resource::As, own.saturating_add(task.memory_bytes)).map_err(|error| failed("memory", error))?;
    set(Resource::Cpu, task.seconds.saturating_mul(THREADS)).map_err(|error| failed("processor time", error))?;
    set(Resource::Core, 0).map_err(|error| failed("the memory image of a crash", error))?;
    // A host without priorities compiles all the same.
    let _nice = setpriority_process(None, NICE);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_made_apart_fits_the_engine_that_runs_it() {
        let settings = Settings { concurrent: 1, ..Settings::default() };
        let running = engine::build(&settings).unwrap();
        let apart = engine::build_compiler(settings.metered, settings.stack_bytes).unwrap();
        assert_eq!(engine::compatibility(&running), engine::compatibility(&apart));
        let free = engine::build_compiler(false, settings.stack_bytes).unwrap();
        assert_ne!(engine::compatibility(&running), engine::compatibility(&free));
    }

    #[test]
    fn what_ended_the_compiler_is_told_apart() {
        let apart = Apart { program: "orderdock".into(), memory_bytes: 1_000, time: Duration::from_secs(5) };
        let killed = |signal: i32, words: &str| said(ExitStatus::from_raw(signal), words, &apart);
        assert!(killed(6, "memory allocation of 99 bytes failed").contains("more than 1000 bytes"));
        assert!(killed(24, "").contains("longer than 5 s"), "{}", killed(24, ""));
        assert!(killed(11, "").contains("did not survive"));
        assert_eq!(said(ExitStatus::from_raw(1 << 8), "error: it is damaged\n", &apart), "it is damaged");
    }
}
