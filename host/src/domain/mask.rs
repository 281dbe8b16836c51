//! What is never written down: values of headers and queries that carry credentials.

use super::Pair;

/// What stands in a secret's place.
pub const REDACTED: &str = "«redacted»";

/// Whether a header, query or form field of that name carries a credential. Rather one too many than one too few.
#[must_use]
pub fn is_sensitive(name: &str) -> bool {
    const EXACT: &[&str] = &["cookie", "set-cookie", "key", "sig", "signature", "pwd", "pass", "auth"];
    const PART: &[&str] = &[
        "authorization",
        "authentication",
        "token",
        "secret",
        "password",
        "passwd",
        "api-key",
        "api_key",
        "apikey",
        "credential",
        "session",
        "access-key",
        "access_key",
        "private-key",
        "private_key",
        "consumer_key",
    ];
    let name = name.to_ascii_lowercase();
    EXACT.contains(&name.as_str()) || PART.iter().any(|part| name.contains(part))
}

/// The pairs with every sensitive value redacted.
#[must_use]
pub fn pairs(pairs: &[Pair]) -> Vec<Pair> {
    let mut masked = pairs.to_vec();
    for (_, value) in masked.iter_mut().filter(|(name, _)| is_sensitive(name)) {
        REDACTED.clone_into(value);
    }
    masked
}

/// The text without any of these secrets, for messages that quote what somebody else said. Secrets of less than four
/// characters are left: removing them would garble everything and hide nothing.
#[must_use]
pub fn text(text: &str, secrets: &[&str]) -> String {
    let mut secrets: Vec<_> = secrets.iter().filter(|secret| secret.chars().count() >= 4).collect();
    // The longest first, lest a shorter one leaves the rest of a longer one standing.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(**secret, REDACTED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_known_by_name() {
        for name in [
            "Authorization",
            "Proxy-Authorization",
            "X-Api-Key",
            "set-cookie",
            "vendure-auth-token",
            "X-Shopify-Access-Token",
        ] {
            assert!(is_sensitive(name), "{name}");
        }
        for name in ["Content-Type", "Date", "Idempotency-Key", "X-Request-Id", "Retry-After"] {
            assert!(!is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn quoted_secrets_go() {
        assert_eq!(text("bad token abcd1234 (abcd)", &["abcd", "abcd1234", "b"]), "bad token «redacted» («redacted»)");
    }
}
