//! A real OCI registry (Debian's `docker-registry`) in a folder of its own, and somebody between it and us who changes what
//! goes through.

use std::{
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// Who may come in.
pub const USER: &str = "acme";
/// With which password: nobody but the registry may ever see it.
pub const PASSWORD: &str = "registry-canary";
/// The same as the registry wants it, by bcrypt.
const HTPASSWD: &str = "acme:$2b$04$Jri3OY11ZncgXcNzy0puKutHURIEshIKCA6vDT/FaidF2.X.23XiC\n";
/// What the token server of [`Fault::Token`] gives out.
const TOKEN: &str = "token-canary";

/// A registry. Dropping it kills it.
pub struct OciRegistry {
    /// `127.0.0.1:12345`.
    pub address: String,
    _child: Child,
    _dir: tempfile::TempDir,
}

impl OciRegistry {
    /// Starts one, that asks for a password or not.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    pub async fn start(asks: bool) -> Self {
        let program = Path::new("/usr/bin/docker-registry");
        assert!(program.exists(), "docker-registry is missing: run `cargo xtask setup`");
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        std::fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let auth = format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", path("htpasswd"));
        let config = format!(
            "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n{}",
            path("storage"),
            if asks { auth } else { String::new() }
        );
        std::fs::write(path("config.yml"), config).unwrap();
        let mut child = Command::new(program)
            .args(["serve", &path("config.yml")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    return rest.split('"').next().unwrap_or_default().to_owned();
                }
            }
            panic!("docker-registry ended")
        };
        let address = tokio::time::timeout(Duration::from_secs(30), listening).await.expect("docker-registry listens");
        // A full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { address, _child: child, _dir: dir }
    }
}

/// What somebody in between does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// A byte of each blob is another.
    Blob,
    /// The same, of small blobs only: of signed texts.
    SmallBlob,
    /// Blobs have more behind them, and say so.
    LongBlob,
    /// A blank more in each manifest, under the digest of the old one.
    Manifest,
    /// Manifests are these bytes, without a digest beside them.
    OtherManifest(Vec<u8>),
    /// Nobody comes in without a token from a server of its own.
    Token,
}

/// Somebody in between.
pub struct Between {
    /// `127.0.0.1:12345`.
    pub address: String,
    inner: Arc<Inner>,
}

struct Inner {
    upstream: String,
    http: reqwest::Client,
    fault: Mutex<Fault>,
    seen: Mutex<Vec<String>>,
}

impl Between {
    /// Stands before a registry.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start(upstream: &str) -> Self {
        let _chosen = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let inner = Arc::new(Inner {
            upstream: upstream.to_owned(),
            http,
            fault: Mutex::new(Fault::None),
            seen: Mutex::default(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = Router::new().fallback(pass).with_state((Arc::clone(&inner), address.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, inner }
    }

    /// What it does from now on.
    pub fn set(&self, fault: Fault) {
        *self.inner.fault.lock().unwrap() = fault;
    }

    /// Method and path of every request.
    #[must_use]
    pub fn seen(&self) -> Vec<String> {
        self.inner.seen.lock().unwrap().clone()
    }
}

async fn pass(State((inner, own)): State<(Arc<Inner>, String)>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    inner.seen.lock().unwrap().push(format!("{} {path}", parts.method));
    let fault = inner.fault.lock().unwrap().clone();
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if fault == Fault::Token {
        if path.starts_with("/token?") {
            let known = authorization.is_some_and(|given| given.starts_with("Basic "));
            return if known {
                format!(r#"{{"token":"{TOKEN}"}}"#).into_response()
            } else {
                StatusCode::FORBIDDEN.into_response()
            };
        }
        if authorization != Some(&format!("Bearer {TOKEN}")) {
            let scope = r#"service="between",scope="repository:plugins/json-post:pull,push""#;
            let challenge = format!(r#"Bearer realm="http://{own}/token",{scope}"#);
            return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)]).into_response();
        }
    }
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let mut forward = inner.http.request(parts.method, format!("http://{}{path}", inner.upstream)).body(body);
    for (name, value) in &parts.headers {
        if ![header::HOST, header::CONTENT_LENGTH, header::AUTHORIZATION].contains(name) {
            forward = forward.header(name, value);
        }
    }
    // The registry makes absolute addresses of the name that it is asked by.
    let answer = forward.header(header::HOST, own).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    let mut bytes = answer.bytes().await.unwrap().to_vec();
    let served = status == StatusCode::OK && !bytes.is_empty();
    match fault {
        Fault::Blob if served && path.contains("/blobs/") => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        Fault::SmallBlob if served && path.contains("/blobs/") && bytes.len() < 10_000 => {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }
        Fault::LongBlob if served && path.contains("/blobs/") => bytes.extend_from_slice(&[0; 100]),
        Fault::Manifest if served && path.contains("/manifests/") => bytes.push(b' '),
        Fault::OtherManifest(other) if served && path.contains("/manifests/") => {
            bytes = other;
            headers.remove("docker-content-digest");
            headers.remove(header::ETAG);
        }
        _ => {}
    }
    if served {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    headers.remove(header::TRANSFER_ENCODING);
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
