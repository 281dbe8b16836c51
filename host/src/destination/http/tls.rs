//! TLS for one destination: which authorities are trusted, made once.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::domain::problem::Problem;

/// Settings for TLS 1.2 and 1.3 with HTTP/1.1. Sessions are resumed, which saves a round trip on our fresh connections;
/// early data stays off: it can be replayed.
pub(super) fn config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, Problem> {
    let roots = match ca_file {
        Some(path) => own_authority(path)?,
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Problem::new("base_address", format!("TLS can't be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Reads every certificate of a PEM file.
fn own_authority(path: &Path) -> Result<RootCertStore, Problem> {
    let wrong = |what: String| {
        Problem::new("ca_file", format!("{}: {what}", path.display()))
            .hint("the file must hold the authority's certificate in PEM (`-----BEGIN CERTIFICATE-----`)")
    };
    let text = std::fs::read(path).map_err(|error| wrong(format!("can't be read: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| wrong(format!("is not PEM: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(format!("holds a certificate that can't be used: {error}")))?;
    }
    if roots.is_empty() { Err(wrong("holds no certificate".to_owned())) } else { Ok(roots) }
}
