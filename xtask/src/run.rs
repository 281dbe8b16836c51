//! Running other programs: quietly for an answer, in view of the user, or with a time limit.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::say;

/// How a program is named in messages.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

/// Runs a program and returns its standard output.
///
/// # Errors
/// When it cannot be started or ends with a failure; what it wrote to standard error is part of the sentence.
pub fn ask(command: &mut Command) -> anyhow::Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("`{}` did not start", name(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", name(command), output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` answered something that is not text", name(command)))
}

/// Runs a program in view of the user.
///
/// # Errors
/// When it cannot be started or ends with a failure.
pub fn show(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("`{}` did not start", name(command)))?;
    succeeded(command, status)
}

/// Runs a program in our place: on Unix this returns only when it could not be started.
///
/// # Errors
/// When it cannot be started or, elsewhere than on Unix, ends with a failure.
pub fn instead(command: &mut Command) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(command);
        Err(error).with_context(|| format!("`{}` did not start", name(command)))
    }
    #[cfg(not(unix))]
    show(command)
}

/// Runs a program in view of the user, without keyboard, and ends it after a time limit.
///
/// # Errors
/// When it cannot be started, ends with a failure or was ended by us.
pub fn show_within(command: &mut Command, limit: Duration) -> anyhow::Result<()> {
    let started = say::now();
    let mut child =
        command.stdin(Stdio::null()).spawn().with_context(|| format!("`{}` did not start", name(command)))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return succeeded(command, status);
        }
        if started.elapsed() > limit {
            // It may have ended in this very moment: then there is nothing to end.
            let _ = child.kill();
            child.wait()?;
            bail!("`{}` was stopped after {}", name(command), say::seconds(limit));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn succeeded(command: &Command, status: ExitStatus) -> anyhow::Result<()> {
    if status.success() { Ok(()) } else { bail!("`{}` failed ({status})", name(command)) }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_stopped() {
        let started = say::now();
        let error = show_within(Command::new("sleep").arg("30"), Duration::from_millis(100)).unwrap_err();
        assert!(started.elapsed() < Duration::from_secs(10));
        assert_eq!(error.to_string(), "`sleep 30` was stopped after 0.1 s");
    }

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let error = ask(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().ends_with("no such thing"), "{error}");
    }
}
