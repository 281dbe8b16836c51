//! Who this host is: an id that its data folder keeps, so that a restart finds its own leases again, and a name for people.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::Failure;
use crate::domain::{
    id::HostId,
    random::{self, Random},
};

/// What the machine calls itself.
fn machine_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// What tells this machine from a copy of it.
fn machine() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let digest = hex::encode(Sha256::digest(format!("{} {}", id.trim(), machine_name().unwrap_or_default())));
    digest.get(..16).unwrap_or(&digest).to_owned()
}

/// The name that people see: the one that is set, or the machine's.
pub fn name(set: Option<&str>) -> String {
    set.map(ToOwned::to_owned).or_else(machine_name).unwrap_or_else(|| "orderdock".to_owned())
}

/// The id that `folder` keeps. A folder that was copied to another machine gives that one an id of its own: two hosts with
/// one id would take each other's turns.
///
/// # Errors
/// The folder can't be read or written.
pub fn id(folder: &Path, random: &dyn Random) -> Result<HostId, Failure> {
    let (path, machine) = (folder.join("host-id"), machine());
    let known = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::failed(format!("{} can't be read: {error}", path.display()))),
    };
    if let Some((id, of)) = known.trim().split_once(' ')
        && of == machine
        && id.len() == 12
        && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return Ok(HostId(id.to_owned()));
    }
    let id = random::token(random).get(..12).unwrap_or("000000000000").to_owned();
    std::fs::write(&path, format!("{id} {machine}\n"))
        .map_err(|error| Failure::failed(format!("{} can't be written: {error}", path.display())))?;
    Ok(HostId(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::system::SystemRandom;

    #[test]
    fn the_folder_keeps_the_id_and_a_copy_gets_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let first = id(folder.path(), &SystemRandom).unwrap();
        assert_eq!(id(folder.path(), &SystemRandom).unwrap(), first);
        std::fs::write(folder.path().join("host-id"), format!("{first} elsewhere")).unwrap();
        assert_ne!(id(folder.path(), &SystemRandom).unwrap(), first);
    }
}
