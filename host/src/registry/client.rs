//! The distribution protocol (OCI distribution specification 1.1), as far as plugins need it: manifests and blobs, fetched
//! against their digests, and put there.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE},
};
use url::Url;

use super::{
    Access, RegistryError,
    artifact::{self, Descriptor},
    auth::{self, Challenge},
    failure::{chain, transport, words},
    reference::{Version, is_sha256},
};

/// Largest manifest (the specification asks registries to take 4 MiB).
const MANIFEST: u64 = 4 << 20;
/// Largest answer that is not a release: tokens and errors.
const ANSWER: u64 = 1 << 20;
/// For one request, with a large component over a slow line in mind.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// A registry that does not even take a connection by then is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Registries send blobs by way of their storage: a redirect or two.
const REDIRECTS: usize = 5;

/// One registry.
pub struct Registry {
    name: String,
    base: Url,
    http: reqwest::Client,
    access: Access,
    /// What the last challenge was answered with.
    authorization: Mutex<Option<HeaderValue>>,
}

/// A manifest as it was served.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    pub(super) digest: String,
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

impl Registry {
    /// Prepares a client for a registry (`ghcr.io`, `127.0.0.1:5000`). TLS always, but on loopback.
    ///
    /// # Errors
    /// When its certificates can't be read or the name is none.
    pub fn open(name: &str, access: Access) -> Result<Self, RegistryError> {
        let wrong = |reason: String| RegistryError::Client { registry: name.to_owned(), reason };
        let mut base = Url::parse(&format!("https://{name}/v2/")).map_err(|error| wrong(error.to_string()))?;
        let plain = is_loopback(&base) && access.ca_pem.is_none();
        if plain {
            base = Url::parse(&format!("http://{name}/v2/")).map_err(|error| wrong(error.to_string()))?;
        }
        let extra = match &access.ca_pem {
            None => Vec::new(),
            Some(pem) => match reqwest::Certificate::from_pem_bundle(pem) {
                Ok(found) if !found.is_empty() => found,
                _ => return Err(wrong("its `ca_file` holds no certificate in PEM form".to_owned())),
            },
        };
        // The library takes the process's default provider. Installing it twice is an error that does not matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let redirects = reqwest::redirect::Policy::custom(|attempt| {
            let leaves_tls = attempt.url().scheme() != "https" && !is_loopback(attempt.url());
            if leaves_tls || attempt.previous().len() > REDIRECTS { attempt.stop() } else { attempt.follow() }
        });
        let builder = reqwest::Client::builder()
            .redirect(redirects)
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("orderdock/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_LIMIT)
            .timeout(TIME_LIMIT);
        let builder = if plain { builder.tls_certs_only([]) } else { builder.tls_certs_merge(extra) };
        let http = builder.build().map_err(|error| wrong(chain(&error)))?;
        Ok(Self { name: name.to_owned(), base, http, access, authorization: Mutex::default() })
    }

    fn authorization(&self) -> Option<HeaderValue> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base
            .join(path)
            .map_err(|error| RegistryError::Client { registry: self.name.clone(), reason: error.to_string() })
    }

    /// One request, and once more with what the registry asks for.
    async fn call(&self, call: &Call) -> Result<Response, RegistryError> {
        let answer = self.send(call, self.authorization()).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Ok(answer);
        }
        let challenges = answer.headers().get_all(WWW_AUTHENTICATE);
        let challenge = challenges.iter().filter_map(|value| auth::challenge(value.to_str().ok()?)).next();
        let Some(authorization) = self.answer(challenge).await? else { return Ok(answer) };
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(authorization.clone());
        self.send(call, Some(authorization)).await
    }

    async fn send(&self, call: &Call, authorization: Option<HeaderValue>) -> Result<Response, RegistryError> {
        let mut request = self.http.request(call.method.clone(), call.url.clone());
        if let Some(accept) = call.accept {
            request = request.header(ACCEPT, accept);
        }
        if let Some((kind, body)) = &call.body {
            request = request.header(CONTENT_TYPE, kind).body(body.clone());
        }
        // An upload's address may be somebody else's; what opens the registry is not for them.
        if let Some(value) = authorization.filter(|_| call.url.origin() == self.base.origin()) {
            request = request.header(AUTHORIZATION, value);
        }
        request.send().await.map_err(|error| transport(&self.name, error))
    }

    /// What to answer a challenge with, if there is anything.
    async fn answer(&self, challenge: Option<Challenge>) -> Result<Option<HeaderValue>, RegistryError> {
        match challenge {
            Some(Challenge::Basic) => Ok(self.access.login.as_ref().and_then(auth::basic)),
            Some(Challenge::Bearer { realm, service, scope }) => {
                let wrong = |reason: String| RegistryError::Client { registry: self.name.clone(), reason };
                let mut url = Url::parse(&realm)
                    .map_err(|error| wrong(format!("it names `{realm}` as its server for tokens: {error}")))?;
                if url.scheme() != "https" && !(is_loopback(&url) && is_loopback(&self.base)) {
                    return Err(wrong(format!("its server for tokens, {realm}, is not encrypted")));
                }
                for (name, value) in [("service", service), ("scope", scope)] {
                    if let Some(value) = value {
                        url.query_pairs_mut().append_pair(name, &value);
                    }
                }
                let mut request = self.http.get(url);
                if let Some(login) = self.access.login.as_ref().and_then(auth::basic) {
                    request = request.header(AUTHORIZATION, login);
                }
                let answer = request.send().await.map_err(|error| transport(&self.name, error))?;
                if !answer.status().is_success() {
                    return Err(self.refused("give a token", answer).await);
                }
                Ok(auth::bearer(&self.body(answer, "its token", ANSWER).await?))
            }
            None => Ok(None),
        }
    }

    /// An answer that is not what was hoped for.
    async fn refused(&self, doing: &str, answer: Response) -> RegistryError {
        let status = answer.status().as_u16();
        let body = self.body(answer, "an error", ANSWER).await.unwrap_or_default();
        let (registry, doing, message) = (self.name.clone(), doing.to_owned(), words(&body));
        match status {
            401 | 403 => RegistryError::Unauthorised { registry, doing, status, message },
            _ => RegistryError::Refused { registry, doing, status, message },
        }
    }

    /// The body, at most `most` bytes of it.
    async fn body(&self, mut answer: Response, what: &str, most: u64) -> Result<Vec<u8>, RegistryError> {
        let too_large = |size: u64| RegistryError::TooLarge { what: what.to_owned(), size, most };
        if let Some(size) = answer.content_length().filter(|size| *size > most) {
            return Err(too_large(size));
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| transport(&self.name, error))? {
            body.extend_from_slice(&chunk);
            let size = body.len() as u64;
            if size > most {
                return Err(too_large(size));
            }
        }
        Ok(body)
    }

    /// A manifest; none if there is no such. By digest its bytes are checked; by tag they are at least what the registry
    /// says that it sends.
    pub(super) async fn manifest(&self, repository: &str, version: &Version) -> Result<Option<Fetched>, RegistryError> {
        let name = match version {
            Version::Tag(tag) => tag.clone(),
            Version::Digest(hex) => format!("sha256:{hex}"),
        };
        let url = self.url(&format!("{repository}/manifests/{name}"))?;
        let answer = self.call(&Call { accept: Some(artifact::IMAGE_MANIFEST), ..Call::new(Method::GET, url) }).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return Err(self.refused(&format!("read {repository}"), answer).await);
        }
        let told = answer.headers().get("docker-content-digest").and_then(|value| value.to_str().ok());
        let told = told.and_then(|value| value.strip_prefix("sha256:")).filter(|hex| is_sha256(hex)).map(str::to_owned);
        let what = format!("the manifest of {}/{repository}{version}", self.name);
        let bytes = self.body(answer, &what, MANIFEST).await?;
        let digest = artifact::sha256(&bytes);
        let wanted = match version {
            Version::Digest(wanted) => Some(wanted.clone()),
            Version::Tag(_) => told,
        };
        match wanted {
            Some(wanted) if wanted != digest => Err(RegistryError::Tampered { what, found: digest, wanted }),
            _ => Ok(Some(Fetched { bytes, digest })),
        }
    }

    /// A blob, checked against its descriptor.
    pub(super) async fn blob(
        &self,
        repository: &str,
        wanted: &Descriptor,
        most: u64,
    ) -> Result<Vec<u8>, RegistryError> {
        let what = format!("{} in {}/{repository}", wanted.digest, self.name);
        if wanted.size > most {
            return Err(RegistryError::TooLarge { what, size: wanted.size, most });
        }
        let Some(hex) = wanted.sha256() else {
            return Err(RegistryError::NotAPlugin { what, reason: "its digest is not a SHA-256".to_owned() });
        };
        let url = self.url(&format!("{repository}/blobs/sha256:{hex}"))?;
        let answer = self.call(&Call::new(Method::GET, url)).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(RegistryError::NotFound { what });
        }
        if !answer.status().is_success() {
            return Err(self.refused(&format!("read {repository}"), answer).await);
        }
        // One byte more than it may have is enough to see that it is another.
        let bytes = match self.body(answer, &what, wanted.size).await {
            Ok(bytes) => bytes,
            Err(RegistryError::TooLarge { .. }) => {
                let found = format!("of more than {} bytes", wanted.size);
                return Err(RegistryError::Tampered { what, found, wanted: hex.to_owned() });
            }
            Err(other) => return Err(other),
        };
        let found = artifact::sha256(&bytes);
        if found != hex {
            return Err(RegistryError::Tampered { what, found, wanted: hex.to_owned() });
        }
        Ok(bytes)
    }

    /// Puts a blob there, unless it is there.
    pub(super) async fn put_blob(&self, repository: &str, bytes: &[u8]) -> Result<(), RegistryError> {
        let digest = format!("sha256:{}", artifact::sha256(bytes));
        let doing = format!("take {repository}");
        let there = self.call(&Call::new(Method::HEAD, self.url(&format!("{repository}/blobs/{digest}"))?)).await?;
        if there.status().is_success() {
            return Ok(());
        }
        let begin = self.call(&Call::new(Method::POST, self.url(&format!("{repository}/blobs/uploads/"))?)).await?;
        if begin.status() != StatusCode::ACCEPTED {
            return Err(self.refused(&doing, begin).await);
        }
        let location = begin.headers().get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut url = begin.url().join(location).map_err(|error| RegistryError::Client {
            registry: self.name.clone(),
            reason: format!("it wants the upload at `{location}`: {error}"),
        })?;
        if url.scheme() != "https" && !is_loopback(&url) {
            let reason = format!("it wants the upload at {url}, which is not encrypted");
            return Err(RegistryError::Client { registry: self.name.clone(), reason });
        }
        url.query_pairs_mut().append_pair("digest", &digest);
        let body = ("application/octet-stream".to_owned(), Bytes::copy_from_slice(bytes));
        let put = self.call(&Call { body: Some(body), ..Call::new(Method::PUT, url) }).await?;
        if put.status() == StatusCode::CREATED { Ok(()) } else { Err(self.refused(&doing, put).await) }
    }

    /// Puts a manifest there under a tag or its digest.
    pub(super) async fn put_manifest(
        &self,
        repository: &str,
        name: &str,
        kind: &str,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        let url = self.url(&format!("{repository}/manifests/{name}"))?;
        let body = Some((kind.to_owned(), Bytes::copy_from_slice(bytes)));
        let put = self.call(&Call { body, ..Call::new(Method::PUT, url) }).await?;
        if put.status() == StatusCode::CREATED {
            return Ok(());
        }
        Err(self.refused(&format!("take {repository}"), put).await)
    }
}

/// One request, before it has a credential.
struct Call {
    method: Method,
    url: Url,
    accept: Option<&'static str>,
    body: Option<(String, Bytes)>,
}

impl Call {
    fn new(method: Method, url: Url) -> Self {
        Self { method, url, accept: None, body: None }
    }
}
