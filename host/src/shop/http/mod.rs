//! One small HTTP client for every adapter: limits, no redirects, no repeats, and every outcome read as a [`ShopError`].

mod failure;
mod limiter;
mod settings;
mod throttle;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    Method,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::value::RawValue;
use url::Url;

use super::{ShopError, json};
use crate::domain::{clock::Clock, problem::Problem};
use limiter::Limiter;
pub use settings::HttpSettings;
pub(in crate::shop) use settings::read_base;

/// What may stand unescaped in a path segment (RFC 3986 section 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Which share of the rate limit a call draws on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::shop) enum Lane {
    /// Lists, reads and writes.
    Work,
    /// The sign of life, which must get through when work has used up its share.
    Heartbeat,
}

/// One call, before it has an address and a credential.
#[derive(Debug)]
pub(in crate::shop) struct Ask<'a> {
    /// Method.
    pub method: Method,
    /// Path below the base address; starts with `/`, already escaped.
    pub path: String,
    /// Query, not yet escaped.
    pub query: Vec<(&'a str, String)>,
    /// JSON body.
    pub body: Option<String>,
    /// The order that the path names: what a 404 is about.
    pub order: Option<&'a str>,
    /// Share of the rate limit.
    pub lane: Lane,
}

impl<'a> Ask<'a> {
    /// A read.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), query: Vec::new(), body: None, order: None, lane: Lane::Work }
    }

    /// A write of a JSON body.
    pub fn write(method: Method, path: impl Into<String>, body: String) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: Some(body), order: None, lane: Lane::Work }
    }

    /// The same, about one order.
    pub fn about(mut self, order: &'a str) -> Self {
        self.order = Some(order);
        self
    }

    /// The same with a query pair.
    pub fn with(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// Puts an order's id into a path as one segment, so that an id can't name another path.
pub(in crate::shop) fn path_with_id(path: &str, id: &str) -> String {
    // A segment of dots only would be resolved away by the URL rules (RFC 3986 section 5.2.4), even escaped.
    let segment = match id {
        "." | ".." => "-".to_owned(),
        _ => utf8_percent_encode(id, SEGMENT).to_string(),
    };
    path.replace("{id}", &segment)
}

/// A client for one shop account.
pub(in crate::shop) struct Client {
    /// For reads and for writes that set a value: connections are kept.
    kept: reqwest::Client,
    /// For writes that add something: a fresh connection each, because a kept one that was closed meanwhile makes the
    /// library send the request again by itself.
    fresh: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    limiter: Limiter,
    settings: HttpSettings,
    clock: Arc<dyn Clock>,
}

impl Client {
    /// Builds the client. `authorization` is the whole header value.
    ///
    /// # Errors
    /// All that is wrong with the settings, the extra CA file or the credential.
    pub fn new(
        base: &Url,
        settings: &HttpSettings,
        authorization: &SecretString,
        accept: &'static str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = settings.problems();
        if base.scheme() != "https" && !is_loopback(base) && !settings.allow_plain_http {
            problems.push(
                Problem::new(
                    "shop.base_address",
                    format!("`{base}` is not encrypted: the credential could be read on the way"),
                )
                .hint("use https, or set `http.allow_plain_http = true` inside a network that you trust"),
            );
        }
        let extra = settings.read_extra_ca(&mut problems);
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        match HeaderValue::from_str(authorization.expose_secret()) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            Err(_) => problems.push(
                Problem::new("shop.secrets", "the credential holds characters that an HTTP header can't carry")
                    .hint("look for a line break or a space that was copied along"),
            ),
        }
        let clients =
            build(base, settings, &extra, true).and_then(|kept| Ok((kept, build(base, settings, &extra, false)?)));
        let (kept, fresh) = match clients {
            Ok(clients) if problems.is_empty() => clients,
            Ok(_) => return Err(problems),
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        let limiter = Limiter::new(settings);
        Ok(Self { kept, fresh, base: base.clone(), headers, limiter, settings: settings.clone(), clock })
    }

    /// Asks once. `Ok` only for a complete 2xx answer.
    ///
    /// # Errors
    /// Every other outcome, classified.
    pub async fn ask(&self, ask: Ask<'_>) -> Result<Bytes, ShopError> {
        self.limiter.take(ask.lane).await?;
        let url = self.address(&ask);
        let adds = ask.method == Method::POST;
        let client = if adds { &self.fresh } else { &self.kept };
        let mut request = client.request(ask.method.clone(), url).headers(self.headers.clone());
        if let Some(body) = ask.body.filter(|_| ask.method != Method::GET) {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let mut response = request.send().await.map_err(|error| failure::transport(&self.base, error))?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let body = self.body(&mut response).await;
        let now_ms = self.clock.now_ms();
        if let Some(after_ms) =
            throttle::asked_to_wait(status, &headers, body.as_deref().unwrap_or_default(), now_ms, &self.settings)
        {
            self.limiter.block(Duration::from_millis(after_ms));
            return Err(ShopError::Throttled { after_ms });
        }
        self.limiter.learn(throttle::remaining(&headers, now_ms, &self.settings));
        let body = body?;
        if (200..300).contains(&status) { Ok(body) } else { Err(failure::answer(status, &headers, &body, ask.order)) }
    }

    fn address(&self, ask: &Ask<'_>) -> Url {
        let mut url = self.base.clone();
        let path = format!("{}{}", self.base.path().trim_end_matches('/'), ask.path);
        url.set_path(&path);
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(ask.query.iter().map(|(name, value)| (*name, value.as_str())));
        }
        url
    }

    async fn body(&self, response: &mut reqwest::Response) -> Result<Bytes, ShopError> {
        let cap = usize::try_from(self.settings.answer_cap_bytes).unwrap_or(usize::MAX);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure::transport(&self.base, error))? {
            if body.len().saturating_add(chunk.len()) > cap {
                return Err(ShopError::Unclear(format!(
                    "the answer is larger than the {cap} bytes that `http.answer_cap_bytes` allows"
                )));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Bytes::from(body))
    }
}

/// Whether an address is on this machine: only literal loopback addresses and `localhost`, since a name may point anywhere.
fn is_loopback(base: &Url) -> bool {
    match base.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn build(
    base: &Url,
    settings: &HttpSettings,
    extra: &[reqwest::Certificate],
    keep: bool,
) -> Result<reqwest::Client, Problem> {
    // The library takes the process's default provider. Installing it twice is an error that does not matter.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .user_agent(concat!("orderdock/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(settings.connect_limit_s.into()))
        .timeout(Duration::from_secs(settings.time_limit_s.into()));
    if !keep {
        builder = builder.pool_max_idle_per_host(0);
    }
    builder = if base.scheme() == "https" {
        builder.tls_certs_merge(extra.iter().cloned())
    } else {
        // Machines without any CA certificates can still talk to a shop on loopback.
        builder.tls_certs_only(extra.iter().cloned())
    };
    builder.build().map_err(|error| {
        Problem::new("shop.http", format!("no HTTPS client can be made: {}", failure::chain(&error))).hint(
            "install the system's CA certificates (Debian: ca-certificates) or name yours in `http.extra_ca_file`",
        )
    })
}

/// Reads an answer as JSON.
pub(in crate::shop) fn read(body: &[u8]) -> Result<Box<RawValue>, ShopError> {
    json::whole(body).map_err(|error| {
        let start = String::from_utf8_lossy(body.get(..body.len().min(400)).unwrap_or_default());
        let start: String = start.chars().take(80).collect();
        ShopError::Unclear(format!("the answer is not JSON ({error}); it begins with `{}`", start.escape_debug()))
    })
}

/// A write counts as done only with JSON or nothing: a login or maintenance page with status 200 proves nothing.
pub(in crate::shop) fn accepted(body: &[u8]) -> Result<(), ShopError> {
    if body.iter().all(u8::is_ascii_whitespace) { Ok(()) } else { read(body).map(drop) }
}

#[cfg(test)]
mod tests;
