//! Running tools: for an answer, or for what they make.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{BuildError, Voice};

/// How a program is named in messages.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()];
    words.extend(command.get_args().take(3).map(|word| word.to_string_lossy().into_owned()));
    format!("`{}`", words.join(" "))
}

/// Runs a program for what it says. None when it is not there or fails.
#[must_use]
pub fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a program for what it makes.
///
/// # Errors
/// When it can't be started or fails.
pub fn make(command: &mut Command, voice: Voice) -> Result<(), BuildError> {
    let what = name(command);
    let failed = |said: String| BuildError::Failed { what: what.clone(), said };
    command.stdin(Stdio::null());
    if voice == Voice::Live {
        // Standard output belongs to our own results.
        command.stdout(std::io::stderr());
        let status = command.status().map_err(|error| failed(error.to_string()))?;
        return if status.success() { Ok(()) } else { Err(failed(String::new())) };
    }
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout)];
    Err(failed(said.map(|text| text.trim_end().to_owned()).join("\n").trim().to_owned()))
}

/// The `major.minor` of a version in a tool's answer, such as `v20.1.0` or `go version go1.27.3 linux/amd64`.
#[must_use]
pub fn version(answer: &str) -> Option<(u32, u32)> {
    let start = answer.find(|letter: char| letter.is_ascii_digit())?;
    let mut numbers = answer.get(start..)?.split(|letter: char| !letter.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_tools_say() {
        assert_eq!(version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(version("go version go1.27.3 linux/amd64"), Some((1, 27)));
        assert_eq!(version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version("none"), None);
    }

    #[test]
    fn a_failure_carries_what_the_program_said() {
        let error = make(Command::new("sh").args(["-c", "echo no such thing >&2; exit 3"]), Voice::Kept).unwrap_err();
        assert!(error.to_string().ends_with("no such thing"), "{error}");
    }
}
