//! Certificates of an authority of our own, and a front that puts TLS before a server that speaks none.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Each authority has a name of its own.
static COUNT: AtomicU32 = AtomicU32::new(1);

/// An authority that nobody knows unless told.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// A new one.
    ///
    /// # Panics
    /// When no key can be made.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let nth = COUNT.fetch_add(1, Ordering::Relaxed);
        params.distinguished_name.push(DnType::CommonName, format!("Test Authority {nth}"));
        let key = KeyPair::generate().expect("a key can be made");
        let root = params.self_signed(&key).expect("it signs itself");
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(root.der()));
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Its certificate, as clients are told of it.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Certificate and key, as PEM, of a server that answers to these names or addresses.
    ///
    /// # Panics
    /// When one is no name.
    #[must_use]
    pub fn pair(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let own = params.expect("names").signed_by(&key, &self.issuer).expect("the authority signs");
        let pem = |kind: &str, der: &[u8]| {
            let text = STANDARD.encode(der);
            let lines: Vec<&str> = (0..text.len()).step_by(64).map(|at| &text[at..text.len().min(at + 64)]).collect();
            format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n"))
        };
        (pem("CERTIFICATE", own.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }

    /// What a server needs that answers to this name or address.
    ///
    /// # Panics
    /// When the name is none.
    #[must_use]
    pub fn server(&self, name: &str) -> Arc<rustls::ServerConfig> {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let own = params.signed_by(&key, &self.issuer).expect("the authority signs");
        let private = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).expect("a key of our own making");
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![own.der().clone()], private)
            .expect("certificate and key belong together");
        Arc::new(config)
    }
}

/// A port with TLS before a server without; stops when dropped.
pub struct Front {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(config: Arc<rustls::ServerConfig>, behind: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let acceptor = TlsAcceptor::from(config);
        let task = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that distrusts us, or hangs up, is what some tests are about.
                    let Ok(mut outside) = acceptor.accept(socket).await else { return };
                    let Ok(mut inside) = TcpStream::connect(behind).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        Self { address, task }
    }

    /// `https://127.0.0.1:PORT`
    #[must_use]
    pub fn address(&self) -> String {
        format!("https://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}
