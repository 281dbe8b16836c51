//! What happens to machines: full disks, disks that can only be read, and databases that come back from a backup.
#![expect(clippy::unwrap_used, reason = "tests")]

mod clock;
mod disk;
mod restored;
