//! Reads `[registries."name"]`: how OCI registries are spoken to.

use std::{collections::BTreeMap, path::Path};

use super::{Environment, RegistrySettings, reader::Section, secret};
use crate::domain::problem::Problem;

/// Reads all of them.
pub(super) fn read(
    root: &Section<'_, '_>,
    folder: &Path,
    environment: &Environment,
    warnings: &mut Vec<Problem>,
) -> BTreeMap<String, RegistrySettings> {
    let all = root.section("registries");
    let mut found = BTreeMap::new();
    for (name, _) in all.entries() {
        let table = all.section(&name);
        let user = table.text("user").filter(|user| !user.is_empty());
        let password = table
            .find("password")
            .and_then(|found| secret::read(&table, &found, "registry.password", folder, environment, warnings))
            .and_then(|(_, given)| {
                if given.value.is_none() {
                    let hint = Some("use { env = … } or { file = … }".into());
                    table.note("password", "nothing is stored for the host", hint);
                }
                given.value
            });
        if user.is_some() != table.find("password").is_some() {
            table.note("user", "a log-in is a user and a password", Some("give both, or neither".into()));
        }
        let settings = RegistrySettings {
            login: user.zip(password),
            ca_file: table.text("ca_file").map(|file| folder.join(file)),
        };
        table.close();
        found.insert(name.to_ascii_lowercase(), settings);
    }
    all.close();
    found
}
