//! What a failed call means: the reading of transport errors and of answers other than 2xx.

use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use serde_json::Value;
use url::Url;

use crate::{domain::certificate, shop::ShopError};

/// Most characters of the shop's words that are kept.
const WORDS: usize = 500;

/// Reads a transport error. Only what failed before a connection stood is `Unreachable`.
pub(super) fn transport(base: &Url, error: reqwest::Error) -> ShopError {
    let error = error.without_url();
    if error.is_connect() {
        let words = chain(&error);
        let reason = certificate::explain(&words, "shop.settings.http.extra_ca_file").unwrap_or(words);
        return ShopError::Unreachable { address: base.to_string(), reason };
    }
    if error.is_timeout() {
        return ShopError::Unclear("no complete answer within the time limit (`http.time_limit_s`)".to_owned());
    }
    ShopError::Unclear(chain(&error))
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}

/// Reads a complete answer whose status is not 2xx.
pub(super) fn answer(status: u16, headers: &HeaderMap, body: &[u8], order: Option<&str>) -> ShopError {
    let message = words(headers, body);
    match (status, order) {
        (401 | 403, _) => ShopError::Unauthorised { status, message },
        // A proxy's 404 page says nothing about the order; only the shop's own JSON does.
        (404 | 410, Some(order)) if is_own_miss(body) => ShopError::NotFound(order.to_owned()),
        (404 | 410, Some(_)) => ShopError::Unclear(format!("{status} without the shop's own words: {message}")),
        (300..=399, _) => {
            let to = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
            let to: String = to.chars().take(200).collect();
            ShopError::Unclear(format!(
                "{status}, a redirect to {to}, which is not followed: is `base_address` the final one?"
            ))
        }
        (408 | 425, _) | (500.., _) | (..=299, _) => ShopError::Unclear(format!("{status}: {message}")),
        _ => ShopError::Refused { status, message },
    }
}

/// Whether a 404 is the shop's word on the order, and not a missing route (WordPress: `rest_no_route`).
fn is_own_miss(body: &[u8]) -> bool {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) => fields.get("code").and_then(Value::as_str) != Some("rest_no_route"),
        _ => false,
    }
}

/// The shop's own words in an answer: the usual places of a message in JSON, the title of an HTML page, or the text's start.
pub(in crate::shop) fn words(headers: &HeaderMap, body: &[u8]) -> String {
    if let Ok(answer) = serde_json::from_slice::<Value>(body) {
        return cut(&json_words(&answer));
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(16_384)).unwrap_or_default());
    let html =
        headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| kind.contains("html"));
    if html || text.trim_start().starts_with('<') {
        let title =
            text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title.trim());
        return match title {
            Some(title) if !title.is_empty() => cut(&format!("an HTML page titled \"{title}\"")),
            _ => "an HTML page".to_owned(),
        };
    }
    if text.trim().is_empty() { "no words".to_owned() } else { cut(text.trim()) }
}

fn json_words(answer: &Value) -> String {
    let text = |pointer: &str| answer.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = [
        "/message",
        "/error/message",
        "/error_description",
        "/error",
        "/errors/0/message",
        "/errors/0/detail",
        "/title",
    ]
    .into_iter()
    .find_map(text);
    let Some(message) = message else { return answer.to_string() };
    let mut words = message.to_owned();
    // WordPress says which parameter and why in `data.params`; others list `errors` by field.
    for details in ["/data/params", "/errors"].into_iter().filter_map(|pointer| answer.pointer(pointer)) {
        if let Value::Object(fields) = details {
            for (name, reason) in fields {
                let reason = reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
                words.push_str(&format!("; {name}: {reason}"));
            }
        }
    }
    words
}

fn cut(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut words: String = clean.take(WORDS + 1).collect();
    if words.chars().count() > WORDS {
        words.pop();
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str, order: Option<&str>) -> ShopError {
        answer(status, &HeaderMap::new(), body.as_bytes(), order)
    }

    #[test]
    fn answers_are_classified() {
        assert!(matches!(read(401, "{}", None), ShopError::Unauthorised { status: 401, .. }));
        assert!(
            matches!(read(404, r#"{"code":"woocommerce_rest_shop_order_invalid_id"}"#, Some("9")), ShopError::NotFound(id) if id == "9")
        );
        assert!(matches!(read(404, r#"{"code":"rest_no_route"}"#, Some("9")), ShopError::Unclear(_)));
        assert!(matches!(read(404, "<html><title>nginx</title>", Some("9")), ShopError::Unclear(_)));
        assert!(matches!(read(404, "{}", None), ShopError::Refused { .. }));
        assert!(matches!(read(500, "{}", None), ShopError::Unclear(_)));
        assert!(matches!(read(302, "", None), ShopError::Unclear(_)));
        assert!(matches!(read(422, "{}", None), ShopError::Refused { status: 422, .. }));
    }

    #[test]
    fn the_shop_speaks_in_its_own_words() {
        let body = r#"{"code":"rest_invalid_param","message":"Invalid parameter(s): status","data":{"status":400,"params":{"status":"status is not one of pending, and completed."}}}"#;
        assert_eq!(
            read(400, body, None).to_string(),
            "the shop refused (400): Invalid parameter(s): status; status: status is not one of pending, and completed."
        );
        assert!(read(502, "<html><title>Bad gateway</title>", None).to_string().contains("titled \"Bad gateway\""));
        assert!(read(500, &"x".repeat(9000), None).to_string().chars().count() < 600);
    }
}
