//! Sealing and opening: XChaCha20-Poly1305, whose 24-byte nonces may be random
//! (draft-irtf-cfrg-xchacha section 2: no counter has to survive a crash or be shared by hosts).

use std::sync::Arc;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use sha2::{Digest as _, Sha256};

use super::{MasterKey, Randomness, RandomnessError};

/// The only form so far: version, key id, nonce, then ciphertext and tag.
const VERSION: u8 = 1;
const KEY_ID_LEN: usize = 4;
const NONCE_LEN: usize = 24;

/// Why a sealed value can't be made or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It was sealed with another key.
    #[error(
        "the stored secret for {purpose} was sealed with another key (id {sealed}, ours is {ours}); put the key file back that belongs to this database, or give the secret again"
    )]
    WrongKey {
        /// What it is for.
        purpose: String,
        /// Id of the key that sealed it.
        sealed: String,
        /// Id of our key.
        ours: String,
    },
    /// It is damaged, or was sealed for something else.
    #[error("the stored secret for {0} is damaged or belongs to something else; give the secret again")]
    Damaged(String),
    /// It was written by a newer release.
    #[error("the stored secret for {purpose} has form {version}, which this release does not know; use a newer one")]
    UnknownForm {
        /// What it is for.
        purpose: String,
        /// Its version byte.
        version: u8,
    },
    /// Too large to be sealed.
    #[error("the secret for {0} is too large to be sealed")]
    TooLarge(String),
    /// No nonce could be made.
    #[error(transparent)]
    Random(#[from] RandomnessError),
}

/// Seals and opens with one master key.
#[derive(Clone)]
pub struct Sealer {
    cipher: XChaCha20Poly1305,
    key_id: [u8; KEY_ID_LEN],
    /// Goes into fingerprints: without it, a short secret could be found by trying.
    salt: [u8; 32],
    random: Arc<dyn Randomness>,
}

impl Sealer {
    /// With this key; nonces come from `random`.
    #[must_use]
    pub fn new(key: &MasterKey, random: Arc<dyn Randomness>) -> Self {
        let salt = Sha256::new().chain_update(b"orderdock fingerprints").chain_update(key.expose()).finalize().into();
        Self { cipher: XChaCha20Poly1305::new(key.expose().into()), key_id: key.id(), salt, random }
    }

    /// The same texts have the same fingerprint under the same master key, and nobody else can tell what they are.
    #[must_use]
    pub fn fingerprint<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> String {
        let mut digest = Sha256::new().chain_update(self.salt);
        for text in texts {
            digest.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(text);
        }
        hex::encode(digest.finalize())
    }

    /// Seals `plaintext` for one purpose, such as `connection/<id>/shop.token`: opened for another it is damaged.
    ///
    /// # Errors
    /// When no nonce can be made.
    pub fn seal(&self, purpose: &str, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce)?;
        let aad = bound(VERSION, &self.key_id, purpose);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad: &aad })
            .map_err(|_| SealError::TooLarge(purpose.to_owned()))?;
        let mut out = Vec::with_capacity(1 + KEY_ID_LEN + NONCE_LEN + sealed.len());
        out.push(VERSION);
        out.extend_from_slice(&self.key_id);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Sealer::seal`] made for the same purpose.
    ///
    /// # Errors
    /// Another key, another purpose, damage, or a form of a newer release.
    pub fn open(&self, purpose: &str, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
        let damaged = || SealError::Damaged(purpose.to_owned());
        let (&version, rest) = bytes.split_first().ok_or_else(damaged)?;
        if version != VERSION {
            return Err(SealError::UnknownForm { purpose: purpose.to_owned(), version });
        }
        let (key_id, rest) = rest.split_first_chunk::<KEY_ID_LEN>().ok_or_else(damaged)?;
        if *key_id != self.key_id {
            return Err(SealError::WrongKey {
                purpose: purpose.to_owned(),
                sealed: hex::encode(key_id),
                ours: hex::encode(self.key_id),
            });
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>().ok_or_else(damaged)?;
        let aad = bound(version, key_id, purpose);
        self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: &aad }).map_err(|_| damaged())
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer(key {})", hex::encode(self.key_id))
    }
}

/// What is authenticated beside the ciphertext: the header too, so that no byte of it can be changed.
fn bound(version: u8, key_id: &[u8; KEY_ID_LEN], purpose: &str) -> Vec<u8> {
    let mut aad = vec![version];
    aad.extend_from_slice(key_id);
    aad.extend_from_slice(purpose.as_bytes());
    aad
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use proptest::prelude::*;
    use secrecy::SecretString;

    use super::*;
    use crate::seal::OsRandom;

    fn sealer(byte: u8) -> Sealer {
        let key = MasterKey::from_base64(&SecretString::from(BASE64_STANDARD.encode([byte; 32]))).unwrap();
        Sealer::new(&key, Arc::new(OsRandom))
    }

    #[test]
    fn what_was_sealed_opens_for_its_purpose_only() {
        let sealer = sealer(1);
        let sealed = sealer.seal("connection/c1/shop.token", b"s3cret").unwrap();
        assert_eq!(sealer.open("connection/c1/shop.token", &sealed).unwrap(), b"s3cret");
        assert!(matches!(sealer.open("connection/c2/shop.token", &sealed), Err(SealError::Damaged(_))));
        assert_ne!(sealed, sealer.seal("connection/c1/shop.token", b"s3cret").unwrap(), "every nonce is new");
    }

    #[test]
    fn a_wrong_key_is_named_as_such() {
        let sealed = sealer(1).seal("p", b"s3cret").unwrap();
        let error = sealer(2).open("p", &sealed).unwrap_err();
        assert!(error.to_string().contains("sealed with another key"), "{error}");
        assert!(matches!(sealer(1).open("p", &[9, 0]), Err(SealError::UnknownForm { version: 9, .. })));
    }

    #[test]
    fn a_source_without_bytes_seals_nothing() {
        struct Dry;
        impl Randomness for Dry {
            fn fill(&self, _: &mut [u8]) -> Result<(), RandomnessError> {
                Err(RandomnessError("dry".into()))
            }
        }
        let key = MasterKey::from_base64(&SecretString::from(BASE64_STANDARD.encode([1; 32]))).unwrap();
        assert!(matches!(Sealer::new(&key, Arc::new(Dry)).seal("p", b"x"), Err(SealError::Random(_))));
    }

    proptest! {
        #[test]
        fn any_change_and_any_bytes_are_refused_without_harm(
            plain in proptest::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), flip in 1_u8..,
            noise in proptest::collection::vec(any::<u8>(), 0..64),
        ) {
            let sealer = sealer(3);
            let mut sealed = sealer.seal("p", &plain).unwrap();
            prop_assert_eq!(sealer.open("p", &sealed).unwrap(), plain);
            let at = at.index(sealed.len());
            sealed[at] ^= flip;
            prop_assert!(sealer.open("p", &sealed).is_err());
            prop_assert!(sealer.open("p", &noise).is_err());
        }
    }
}
