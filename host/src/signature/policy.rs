//! Whether a release may be used: who says that it made it, who signed it, and what is required here.

use super::{PublicKey, statement};
use crate::domain::{id::Digest, signature::ReleaseSignature};

/// Which releases must be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Required {
    /// None; signatures are shown.
    Off,
    /// Those of publishers whose key the administrator has added: nobody can pass for them.
    Known,
    /// All.
    All,
}

/// A publisher's key that the administrator trusts.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The publisher's name, as its plugins describe themselves.
    pub publisher: String,
    /// Its key.
    pub key: PublicKey,
}

/// A release that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Signed by its publisher.
    Signed {
        /// Which key.
        key_id: String,
    },
    /// Not signed, and it need not be.
    Unsigned,
}

/// Why a release may not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No signature.
    #[error("it says that `{publisher}` made it, and has no signature by that publisher's key{others}")]
    Unsigned {
        /// Who should have signed.
        publisher: String,
        /// What is wrong with the signatures that are there.
        others: String,
    },
    /// Nobody is trusted under that name.
    #[error(
        "it says that `{publisher}` made it, and no key of that publisher is known: `orderdock publisher add '{publisher}' KEY.pub`, if you trust it"
    )]
    Unknown {
        /// Who.
        publisher: String,
    },
}

/// Judges a release.
///
/// # Errors
/// Why it may not be used.
pub fn judge(
    required: Required,
    publisher: &str,
    release: &Digest,
    component: &[u8],
    trusted: &[Trusted],
    signatures: &[ReleaseSignature],
) -> Result<Standing, Refusal> {
    let mut others = Vec::new();
    let mine = || trusted.iter().filter(|it| it.publisher == publisher);
    for signature in signatures {
        match trusted.iter().find(|it| statement::is_by(signature, &it.key, component)) {
            None => others.push("one is by a key that is not known here, or not of this release".to_owned()),
            Some(signer) if signer.publisher != publisher => {
                // The same key may be known under several names.
                let also = mine().any(|it| it.key == signer.key);
                if !also {
                    others.push(format!("one is by `{}`", signer.publisher));
                    continue;
                }
                match statement::is_about(signature, release, component) {
                    Ok(()) => return Ok(Standing::Signed { key_id: signer.key.id() }),
                    Err(reason) => others.push(reason),
                }
            }
            Some(signer) => match statement::is_about(signature, release, component) {
                Ok(()) => return Ok(Standing::Signed { key_id: signer.key.id() }),
                Err(reason) => others.push(reason),
            },
        }
    }
    let known = mine().next().is_some();
    match (required, known) {
        (Required::Off, _) | (Required::Known, false) => Ok(Standing::Unsigned),
        (Required::All, false) => Err(Refusal::Unknown { publisher: publisher.to_owned() }),
        (Required::Known | Required::All, true) => {
            let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join("; ")) };
            Err(Refusal::Unsigned { publisher: publisher.to_owned(), others })
        }
    }
}
