//! Whether a release may be kept or put to work: what its signatures are worth here.

use super::{Failure, open::Beside};
use crate::{
    config::Signatures,
    domain::{id::Digest, signature::ReleaseSignature},
    ledger::connections::ReleaseRecord,
    signature::{PublicKey, Required, Standing, Trusted, judge},
};

/// Judges a release that shall be put to work. One that is at work there already stays as it is: taking a key away stops
/// nobody's orders.
///
/// # Errors
/// Exit code 4: a person must decide.
pub async fn put_to_work(beside: &Beside, release: &ReleaseRecord, at_work: Option<&Digest>) -> Result<(), Failure> {
    if at_work == Some(&release.digest) { Ok(()) } else { require(beside, release).await.map(drop) }
}

/// Judges a release that is kept.
///
/// # Errors
/// Exit code 4: a person must decide.
pub async fn require(beside: &Beside, release: &ReleaseRecord) -> Result<Standing, Failure> {
    let bytes = beside.ledger.release_bytes(&release.digest).await?;
    let bytes = bytes.ok_or_else(|| Failure::not_found(format!("the ledger has no bytes of {}", release.digest)))?;
    judged(beside, &release.description.publisher, &release.digest, &bytes, &[]).await
}

/// Judges a release by the signatures that are kept and those that come with it.
///
/// # Errors
/// Exit code 4: a person must decide.
pub async fn judged(
    beside: &Beside,
    publisher: &str,
    release: &Digest,
    bytes: &[u8],
    more: &[ReleaseSignature],
) -> Result<Standing, Failure> {
    let required = match beside.settings.plugins.signatures {
        Signatures::Off => Required::Off,
        Signatures::Known => Required::Known,
        Signatures::All => Required::All,
    };
    let mut trusted = Vec::new();
    for known in beside.ledger.publishers().await? {
        let key = PublicKey::read(&known.key_pem).map_err(|error| {
            Failure::failed(format!("the key {} of publisher `{}` {error}", known.key_id, known.name))
        })?;
        trusted.push(Trusted { publisher: known.name, key });
    }
    let mut signatures = beside.ledger.signatures(release).await?;
    signatures.extend_from_slice(more);
    judge(required, publisher, release, bytes, &trusted, &signatures)
        .map_err(|refusal| Failure::refused(format!("the release {release} may not be used: {refusal}")))
}
