//! Settings of the shop client: limits, and the names of headers that vendors do not agree on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::domain::problem::Problem;

/// How to talk to the shop. Table `http` of a shop's settings; every key has a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Seconds for one whole call: connecting, sending, and the complete answer. Default 60.
    pub time_limit_s: u32,
    /// Seconds for connecting alone. Default 10.
    pub connect_limit_s: u32,
    /// Most bytes of one answer. Default 67,108,864 (64 MiB): a page of long orders is large.
    pub answer_cap_bytes: u64,
    /// Most requests in any 60 seconds; 0 = only what the shop's headers say. Default depends on the kind of shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// How many of them are kept free for the heartbeat; never more than a fifth of the limit. Default 5.
    pub heartbeat_reserve: u32,
    /// Most seconds that a call waits for the limit before it says that it was throttled. Default 30.
    pub max_wait_s: u32,
    /// Wait where the shop says "slow down" without saying how long, in seconds. Default 60.
    pub default_wait_s: u32,
    /// Longest wait that a shop may ask for, in seconds; more is cut to this. Default 3600.
    pub longest_wait_s: u32,
    /// Headers with the number of requests left in the window.
    pub remaining_headers: Vec<String>,
    /// Headers with the size of the window.
    pub limit_headers: Vec<String>,
    /// Headers that say when the window ends: seconds from now, or seconds or milliseconds since 1970.
    pub reset_headers: Vec<String>,
    /// Headers that say how long to wait, in milliseconds.
    pub wait_ms_headers: Vec<String>,
    /// Words in a 400 or 403 answer that mean "slow down" and not "no". Compared without case. Default none.
    pub throttle_words: Vec<String>,
    /// A PEM file with extra certificate authorities to trust, for a shop with its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_ca_file: Option<PathBuf>,
    /// Allow `http://` to another machine. The credential travels readable. Default false.
    pub allow_plain_http: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            time_limit_s: 60,
            connect_limit_s: 10,
            answer_cap_bytes: 64 << 20,
            requests_per_minute: None,
            heartbeat_reserve: 5,
            max_wait_s: 30,
            default_wait_s: 60,
            longest_wait_s: 3600,
            remaining_headers: names(&["X-RateLimit-Remaining", "X-Rate-Limit-Requests-Left", "RateLimit-Remaining"]),
            limit_headers: names(&["X-RateLimit-Limit", "X-Rate-Limit-Requests-Quota", "RateLimit-Limit"]),
            reset_headers: names(&["X-RateLimit-Reset", "RateLimit-Reset"]),
            wait_ms_headers: names(&["X-Rate-Limit-Time-Reset-Ms", "Retry-After-Ms"]),
            throttle_words: Vec::new(),
            extra_ca_file: None,
            allow_plain_http: false,
        }
    }
}

impl HttpSettings {
    /// Everything that can't be right.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let zero = [
            ("time_limit_s", self.time_limit_s == 0),
            ("connect_limit_s", self.connect_limit_s == 0),
            ("answer_cap_bytes", self.answer_cap_bytes == 0),
            ("default_wait_s", self.default_wait_s == 0),
            ("longest_wait_s", self.longest_wait_s == 0),
        ];
        zero.into_iter()
            .filter(|(_, is_zero)| *is_zero)
            .map(|(name, _)| Problem::new(format!("shop.http.{name}"), "must be more than 0"))
            .collect()
    }

    /// Reads the extra certificate authorities.
    pub(super) fn read_extra_ca(&self, problems: &mut Vec<Problem>) -> Vec<reqwest::Certificate> {
        let Some(path) = &self.extra_ca_file else { return Vec::new() };
        let place = "shop.http.extra_ca_file";
        let pem = match std::fs::read(path) {
            Ok(pem) => pem,
            Err(error) => {
                problems.push(Problem::new(place, format!("`{}` can't be read: {error}", path.display())));
                return Vec::new();
            }
        };
        match reqwest::Certificate::from_pem_bundle(&pem) {
            Ok(found) if !found.is_empty() => found,
            Ok(_) | Err(_) => {
                let text = format!("`{}` holds no certificate in PEM form", path.display());
                problems.push(
                    Problem::new(place, text).hint("expected a block that begins with `-----BEGIN CERTIFICATE-----`"),
                );
                Vec::new()
            }
        }
    }
}

/// Reads a base address.
pub(in crate::shop) fn read_base(text: &str, problems: &mut Vec<Problem>) -> Option<Url> {
    let place = "shop.base_address";
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            let problem = Problem::new(place, format!("`{text}` is not an address: {error}"));
            problems.push(problem.hint("expected something like `https://shop.example`"));
            return None;
        }
    };
    let mut say = |message: &str| problems.push(Problem::new(place, message.to_owned()));
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        say("must begin with `https://` and name a host");
        return None;
    }
    if !url.username().is_empty() || url.password().is_some() {
        say("must not hold a user name or password: credentials are secrets of the connection");
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        say("must not hold a query (`?…`) or a fragment (`#…`)");
        return None;
    }
    Some(url)
}
