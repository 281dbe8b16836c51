//! Keys: read from PEM, told apart, used.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::rand::SystemRandom;
use rustls::pki_types::{
    PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer,
    pem::{self, PemObject as _},
};
use secrecy::{ExposeSecret as _, SecretSlice};
use sha2::{Digest as _, Sha256};

/// `SEQUENCE { SEQUENCE { ecPublicKey, prime256v1 }, BIT STRING (uncompressed point) }` up to the point (RFC 5480).
const P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// The same for Ed25519 (RFC 8410).
const ED25519: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No such block.
    #[error("holds no {0} in PEM form: {1}")]
    Pem(&'static str, String),
    /// Another kind of key.
    #[error(
        "is a key of another kind: ECDSA P-256 and Ed25519 are understood (`cosign generate-key-pair`, `openssl genpkey`)"
    )]
    Kind,
    /// cosign keeps its private keys in a form of its own.
    #[error(
        "is a private key in cosign's own encrypted form: sign with cosign itself (`cosign sign --key`), or import a plain one there (`cosign import-key-pair`)"
    )]
    Cosigns,
    /// The key is damaged.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// No randomness, or no memory.
    #[error("could not be made")]
    NotMade,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    P256,
    Ed25519,
}

/// A publisher's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    kind: Kind,
    /// SubjectPublicKeyInfo, DER.
    info: Vec<u8>,
    /// The key itself.
    raw: Vec<u8>,
}

impl PublicKey {
    /// Reads `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    /// What it is instead.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes())
            .map_err(|error| KeyError::Pem("public key", pem_words(&error)))?;
        Self::from_info(info.as_ref())
    }

    fn from_info(info: &[u8]) -> Result<Self, KeyError> {
        let raw = |kind: Kind, raw: &[u8]| Self { kind, info: info.to_vec(), raw: raw.to_vec() };
        match (info.strip_prefix(P256), info.strip_prefix(ED25519)) {
            (Some(point), _) if point.len() == 65 => Ok(raw(Kind::P256, point)),
            (_, Some(point)) if point.len() == 32 => Ok(raw(Kind::Ed25519, point)),
            _ => Err(KeyError::Kind),
        }
    }

    /// As PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem_text("PUBLIC KEY", &self.info)
    }

    /// What people compare: the first 16 hexadecimal digits of the SHA-256 of its DER form.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(Sha256::digest(&self.info)).chars().take(16).collect()
    }

    /// Whether `signature` (ASN.1 for P-256, as cosign and openssl write it) is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn ring::signature::VerificationAlgorithm = match self.kind {
            Kind::P256 => &ring::signature::ECDSA_P256_SHA256_ASN1,
            Kind::Ed25519 => &ring::signature::ED25519,
        };
        ring::signature::UnparsedPublicKey::new(algorithm, &self.raw).verify(message, signature).is_ok()
    }
}

/// A publisher's private key, while something is signed.
pub struct SigningKey {
    /// PKCS#8, DER.
    secret: SecretSlice<u8>,
    kind: Kind,
    public: PublicKey,
}

impl SigningKey {
    /// Reads `-----BEGIN PRIVATE KEY-----` (PKCS#8, not encrypted).
    ///
    /// # Errors
    /// What it is instead.
    pub fn read(text: &str) -> Result<Self, KeyError> {
        if text.contains("ENCRYPTED SIGSTORE PRIVATE KEY") || text.contains("ENCRYPTED COSIGN PRIVATE KEY") {
            return Err(KeyError::Cosigns);
        }
        let secret = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())
            .map_err(|error| KeyError::Pem("private key", pem_words(&error)))?;
        Self::of(secret.secret_pkcs8_der().to_vec())
    }

    fn of(secret: Vec<u8>) -> Result<Self, KeyError> {
        use ring::signature::KeyPair as _;
        let joined = |prefix: &[u8], point: &[u8]| [prefix, point].concat();
        let (kind, info) = if let Ok(pair) = p256(&secret) {
            (Kind::P256, joined(P256, pair.public_key().as_ref()))
        } else {
            let pair =
                ring::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(&secret).map_err(|_| KeyError::Kind)?;
            (Kind::Ed25519, joined(ED25519, pair.public_key().as_ref()))
        };
        Ok(Self { secret: secret.into(), kind, public: PublicKey::from_info(&info)? })
    }

    /// A new one, P-256, which every cosign reads.
    ///
    /// # Errors
    /// Without randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
        let made = ring::signature::EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new());
        Self::of(made.map_err(|_| KeyError::NotMade)?.as_ref().to_vec())
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// As PEM, to be kept where nobody else reads it.
    #[must_use]
    pub fn pem(&self) -> String {
        pem_text("PRIVATE KEY", self.secret.expose_secret())
    }

    /// Signs.
    ///
    /// # Errors
    /// Without randomness.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match self.kind {
            Kind::P256 => {
                let signed = p256(self.secret.expose_secret())?.sign(&SystemRandom::new(), message);
                signed.map(|signature| signature.as_ref().to_vec()).map_err(|_| KeyError::NotMade)
            }
            Kind::Ed25519 => {
                let secret = self.secret.expose_secret();
                let pair = ring::signature::Ed25519KeyPair::from_pkcs8_maybe_unchecked(secret);
                Ok(pair.map_err(|error| KeyError::Damaged(error.to_string()))?.sign(message).as_ref().to_vec())
            }
        }
    }
}

fn p256(secret: &[u8]) -> Result<ring::signature::EcdsaKeyPair, KeyError> {
    let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, secret, &SystemRandom::new())
        .map_err(|error| KeyError::Damaged(error.to_string()))
}

fn pem_words(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "there is no such block".to_owned(),
        other => other.to_string(),
    }
}

fn pem_text(kind: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    for (index, letter) in text.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            lines.push('\n');
        }
        lines.push(letter);
    }
    format!("-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n")
}
