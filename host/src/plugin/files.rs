//! Open files: each loaded release keeps that of its code open, because memories begin as parts of it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Of all files that may be open, the part that releases may have; connections and databases need the others.
const PART: u64 = 2;

/// How many releases may be loaded for all that files are concerned. A process usually begins with far fewer files than it
/// may ask for (1,024 of half a million under systemd), for the sake of programs that are older than `poll`: asks for all.
pub(super) fn for_releases() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit { current: limit.maximum, ..limit };
    let current = if setrlimit(Resource::Nofile, all).is_ok() { limit.maximum } else { limit.current };
    // None stands for no limit.
    current.map_or(usize::MAX, |files| usize::try_from(files / PART).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_are_asked_for_as_there_may_be() {
        let for_releases = for_releases();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert!(limit.maximum.is_none_or(|files| files / PART == for_releases as u64));
    }
}
