//! Every way in which shops say "slow down", read into one wait.
//!
//! Five forms are known: 429 with `Retry-After` (seconds or a date, RFC 9110 section 10.2.3); 429 with a vendor's header in
//! milliseconds (BigCommerce); a header with the remaining count (EvolutionX); a code in the body of a 200 (GraphQL shops);
//! and 403 or 400 with words or with `Retry-After`.

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

use super::HttpSettings;
use crate::domain::clock::Millis;

/// Numbers at least this large are moments in milliseconds (the year 2001 or later).
const MOMENT_MS_FROM: i64 = 1_000_000_000_000;
/// Numbers at least this large are moments in seconds.
const MOMENT_S_FROM: i64 = 1_000_000_000;

/// What the headers say about the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remaining {
    /// Requests left.
    pub left: u32,
    /// Size of the window, if told.
    pub limit: Option<u32>,
    /// Milliseconds until the window ends; a minute where the shop does not tell.
    pub reset_ms: u64,
}

/// How long the shop asks us to wait, if it does.
pub(super) fn asked_to_wait(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    now_ms: Millis,
    settings: &HttpSettings,
) -> Option<u64> {
    let told = told_wait(headers, now_ms, settings);
    let fallback = u64::from(settings.default_wait_s) * 1000;
    let wait = match status {
        429 => Some(told.or_else(|| used_up(headers, now_ms, settings)).unwrap_or(fallback)),
        400 | 403 if says_so(body, settings) => Some(told.unwrap_or(fallback)),
        403 => told.or_else(|| used_up(headers, now_ms, settings)),
        200 => graphql_wait(body, fallback),
        _ => None,
    };
    wait.map(|ms| ms.clamp(1, u64::from(settings.longest_wait_s) * 1000))
}

/// Reads the remaining-count headers.
pub(super) fn remaining(headers: &HeaderMap, now_ms: Millis, settings: &HttpSettings) -> Option<Remaining> {
    let left = first_number(headers, &settings.remaining_headers)?;
    let limit = first_number(headers, &settings.limit_headers).and_then(|number| u32::try_from(number).ok());
    let reset_ms = first_number(headers, &settings.reset_headers)
        .map(|number| until(number, now_ms))
        .or_else(|| first_number(headers, &settings.wait_ms_headers).and_then(|ms| u64::try_from(ms).ok()))
        .unwrap_or(60_000);
    Some(Remaining {
        left: u32::try_from(left.max(0)).unwrap_or(u32::MAX),
        limit,
        reset_ms: reset_ms.min(u64::from(settings.longest_wait_s) * 1000),
    })
}

fn told_wait(headers: &HeaderMap, now_ms: Millis, settings: &HttpSettings) -> Option<u64> {
    if let Some(text) = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()) {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<u64>() {
            return Some(seconds.saturating_mul(1000));
        }
        if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
            let wait = date.timestamp().as_millisecond().saturating_sub(now_ms);
            return Some(u64::try_from(wait).unwrap_or(0));
        }
    }
    first_number(headers, &settings.wait_ms_headers).and_then(|ms| u64::try_from(ms).ok())
}

fn used_up(headers: &HeaderMap, now_ms: Millis, settings: &HttpSettings) -> Option<u64> {
    remaining(headers, now_ms, settings).filter(|window| window.left == 0).map(|window| window.reset_ms)
}

fn until(number: i64, now_ms: Millis) -> u64 {
    let wait = match number {
        MOMENT_MS_FROM.. => number.saturating_sub(now_ms),
        MOMENT_S_FROM.. => number.saturating_mul(1000).saturating_sub(now_ms),
        _ => number.saturating_mul(1000),
    };
    u64::try_from(wait).unwrap_or(0)
}

fn first_number(headers: &HeaderMap, names: &[String]) -> Option<i64> {
    names.iter().find_map(|name| {
        let text = headers.get(name.as_str())?.to_str().ok()?.trim();
        // Some servers send `59.0` or `59;w=60`.
        let digits = text.split(['.', ';', ',']).next()?.trim();
        digits.parse().ok()
    })
}

fn says_so(body: &[u8], settings: &HttpSettings) -> bool {
    if settings.throttle_words.is_empty() {
        return false;
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default()).to_lowercase();
    settings.throttle_words.iter().any(|words| !words.is_empty() && text.contains(&words.to_lowercase()))
}

/// `errors[].extensions.code = THROTTLED` with HTTP status 200. The wait comes from the points that are missing.
fn graphql_wait(body: &[u8], fallback: u64) -> Option<u64> {
    // A cheap look first: whole order lists must not be parsed a second time.
    let head = body.get(..body.len().min(4096)).unwrap_or_default();
    if !head.windows(9).any(|window| window == b"THROTTLED") {
        return None;
    }
    let answer: Value = serde_json::from_slice(body).ok()?;
    let throttled = answer
        .get("errors")?
        .as_array()?
        .iter()
        .any(|error| error.pointer("/extensions/code").and_then(Value::as_str) == Some("THROTTLED"));
    if !throttled {
        return None;
    }
    let cost = answer.pointer("/extensions/cost");
    let points = |pointer: &str| cost.and_then(|cost| cost.pointer(pointer)).and_then(Value::as_f64);
    let missing =
        points("/requestedQueryCost").zip(points("/throttleStatus/currentlyAvailable")).map(|(want, have)| want - have);
    match (missing, points("/throttleStatus/restoreRate")) {
        (Some(missing), Some(rate)) if missing > 0.0 && rate > 0.0 => {
            let seconds = (missing / rate).ceil().clamp(1.0, 3600.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped to 1..=3600 just above"
            )]
            Some(seconds as u64 * 1000)
        }
        _ => Some(fallback),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_795_310_358_000; // 2026-11-22T01:19:18Z

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn wait(status: u16, pairs: &[(&'static str, &str)], body: &str) -> Option<u64> {
        let settings = HttpSettings { throttle_words: vec!["API rate".to_owned()], ..HttpSettings::default() };
        asked_to_wait(status, &headers(pairs), body.as_bytes(), NOW, &settings)
    }

    #[test]
    fn every_form_gives_a_wait() {
        assert_eq!(wait(429, &[("retry-after", "7")], ""), Some(7_000));
        assert_eq!(wait(429, &[("retry-after", "Sun, 22 Nov 2026 01:19:48 GMT")], ""), Some(30_000));
        assert_eq!(wait(429, &[("x-rate-limit-time-reset-ms", "1500")], ""), Some(1_500));
        assert_eq!(wait(429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "12")], ""), Some(12_000));
        assert_eq!(wait(429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795310370")], ""), Some(12_000));
        assert_eq!(wait(429, &[], ""), Some(60_000));
        assert_eq!(wait(403, &[("retry-after", "2")], ""), Some(2_000));
        assert_eq!(wait(403, &[], r#"{"message":"api RATE exceeded"}"#), Some(60_000));
        let body = r#"{"errors":[{"extensions":{"code":"THROTTLED"}}],"extensions":{"cost":{"requestedQueryCost":300,"throttleStatus":{"currentlyAvailable":100,"restoreRate":50}}}}"#;
        assert_eq!(wait(200, &[], body), Some(4_000));
    }

    #[test]
    fn a_plain_refusal_or_a_note_about_throttling_is_no_throttle() {
        assert_eq!(wait(403, &[], r#"{"message":"forbidden"}"#), None);
        assert_eq!(wait(200, &[], r#"{"data":[{"note":"THROTTLED"}]}"#), None);
        assert_eq!(wait(503, &[("retry-after", "2")], ""), None);
    }

    #[test]
    fn absurd_and_broken_waits_are_bounded() {
        assert_eq!(wait(429, &[("retry-after", "99999999999")], ""), Some(3_600_000));
        assert_eq!(wait(429, &[("retry-after", "Mon, 01 Jan 2001 00:00:00 GMT")], ""), Some(1));
        assert_eq!(wait(429, &[("retry-after", "soon")], ""), Some(60_000));
        let settings = HttpSettings::default();
        let read = |text: &str| remaining(&headers(&[("x-ratelimit-remaining", text)]), NOW, &settings);
        assert_eq!(read("-3").map(|window| window.left), Some(0));
        assert_eq!(read("59.0").map(|window| window.left), Some(59));
        assert_eq!(read("many"), None);
    }
}
