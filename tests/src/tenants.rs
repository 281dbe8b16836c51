//! Many tenants in one ledger: a thousand releases that do the same, and hundreds of connections that map with them, left
//! there as the command line would have left them, but in seconds.

use std::{fs, io, path::Path, sync::Arc};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use orderdock::{
    config::{ConnectionSettings, Opaque},
    domain::id::Digest,
    ledger::{
        Ledger, LedgerError,
        connections::{ConnectionDraft, ConnectionRecord, SealedSecret},
    },
    pipeline::lane::secret_purpose,
    seal::{MasterKey, OsRandom, Sealer},
};
use sha2::Digest as _;

use crate::rig::Rig;

/// Written at the same time: a ledger commits together what waits together.
const AT_ONCE: usize = 16;

/// A component that does the same and has another digest: a custom section (id 0) is ignored by everybody.
#[must_use]
pub fn distinct(bytes: &[u8], number: usize) -> Vec<u8> {
    let name = named(number);
    let mut all = bytes.to_vec();
    // Sizes below 128 are one LEB128 byte each.
    let length = u8::try_from(name.len()).unwrap_or_default();
    all.extend([0, length + 1, length]);
    all.extend(name.into_bytes());
    all
}

/// What the release and the connection of a number are called.
#[must_use]
pub fn named(number: usize) -> String {
    format!("r-{number:04}")
}

/// The digest of a component.
#[must_use]
pub fn digest(bytes: &[u8]) -> Digest {
    Digest(sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Makes of one release that is in the ledger so many: their digests, the one that was there last.
///
/// # Errors
/// The ledger's.
///
/// # Panics
/// When the one is not there.
pub async fn add_releases(ledger: &dyn Ledger, of: &Digest, count: usize) -> Result<Vec<Digest>, LedgerError> {
    let known = ledger.release_record(of).await?.expect("the release was added");
    let bytes = ledger.release_bytes(of).await?.expect("with its component");
    let (bytes, description) = (&bytes, &known.description);
    stream::iter(0..count)
        .map(|number| async move {
            let bytes = distinct(bytes, number);
            let digest = digest(&bytes);
            ledger.add_release(&digest, &bytes, description, "the test").await?;
            Ok(digest)
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Makes of one connection so many, `r-0000` and on, each with the release of its number.
///
/// # Errors
/// The ledger's.
///
/// # Panics
/// When the connection is not as the rig makes them.
pub async fn add_connections(rig: &Rig, ledger: &dyn Ledger, releases: &[Digest]) -> Result<(), LedgerError> {
    let of = ledger.connections(false).await?.remove(0);
    let secrets = ledger.secrets(&of.id).await?;
    let key = MasterKey::from_file(&rig.data().join("orderdock.key"), &OsRandom).expect("the command line made a key");
    let sealer = Sealer::new(&key, Arc::new(OsRandom));
    let (of, secrets, sealer) = (&of, &secrets, &sealer);
    stream::iter(releases.iter().enumerate())
        .map(|(number, release)| ledger.apply_connection(draft(of, secrets, sealer, &named(number), release)))
        .buffered(AT_ONCE)
        .try_for_each(|_| async { Ok(()) })
        .await
}

fn draft(
    of: &ConnectionRecord,
    secrets: &[SealedSecret],
    sealer: &Sealer,
    name: &str,
    release: &Digest,
) -> ConnectionDraft {
    let settings: ConnectionSettings = serde_json::from_value(of.config.clone()).expect("our own file");
    let mapped = settings.mapping_with(release.as_str(), Opaque::default(), settings.tables.clone());
    let settings = ConnectionSettings { name: name.to_owned(), ..mapped };
    let sealed = secrets.iter().map(|secret| {
        let plain = sealer.open(&secret_purpose(&of.name, &secret.slot), &secret.sealed).expect("our own secret");
        let sealed = sealer.seal(&secret_purpose(name, &secret.slot), &plain).expect("a secret can be sealed");
        SealedSecret { sealed, ..secret.clone() }
    });
    ConnectionDraft {
        name: name.to_owned(),
        shop: of.shop.clone(),
        shop_change: None,
        tables: settings.tables.clone(),
        config: serde_json::to_value(&settings).expect("settings have a JSON form"),
        release: release.clone(),
        plugin_settings: serde_json::json!({}),
        secrets: sealed.collect(),
        take_from_ms: Some(of.take_from_ms),
        by: "the test".to_owned(),
        why: String::new(),
    }
}

/// Makes of the files that a host keeps of one release those of others that do the same: as if each had been compiled
/// before the host was started.
///
/// # Errors
/// The file system's.
pub fn compiled_before(cache: &Path, of: &Digest, component: &[u8], releases: &[Digest]) -> io::Result<()> {
    let all: Vec<_> = fs::read_dir(cache)?.collect::<Result<_, _>>()?;
    for (number, release) in releases.iter().enumerate() {
        for file in &all {
            let name = file.file_name().to_string_lossy().into_owned();
            let Some(end) = name.strip_prefix(of.as_str()) else { continue };
            let path = cache.join(format!("{release}{end}"));
            match end {
                ".wasm" => fs::write(path, distinct(component, number))?,
                // The code is the same, byte for byte.
                _ => fs::hard_link(file.path(), path)?,
            }
        }
    }
    Ok(())
}
