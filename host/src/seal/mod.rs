//! Secrets at rest: the only place with an AEAD.
