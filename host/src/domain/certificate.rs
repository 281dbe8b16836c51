//! What it means for a person that TLS with a server failed. Mail, shops and destinations read it alike.

/// Words for an authority that is not among those that are trusted.
const UNKNOWN: &[&str] = &["UnknownIssuer", "BadSignature"];

/// The usual reasons: words of the TLS library, and what is wrong.
const REASONS: &[(&[&str], &str)] = &[
    // A bad signature: the known authority has the same name as the one that signed, and another key.
    (UNKNOWN, "the server's certificate comes from an authority that is not known here"),
    (
        &["not valid for name", "NotValidForName"],
        "the server's certificate is for another name: write the address with the name that stands in the certificate",
    ),
    (
        &["certificate expired", "Expired"],
        "the server's certificate has expired: its administrator has to renew it (or this machine's clock is wrong)",
    ),
    (&["not valid yet", "NotValidYet"], "the server's certificate is not valid yet: is this machine's clock right?"),
    (&["Revoked"], "the server's certificate was revoked: its administrator has to replace it"),
    (
        &["CaUsedAsEndEntity"],
        "the server shows an authority's certificate as its own: it needs one that is signed by it",
    ),
    (&["InvalidContentType", "corrupt message"], "the server does not speak TLS on this port"),
];

/// Says in a sentence why TLS failed, with the library's own words behind it. `setting` names where the certificate of
/// an authority of one's own is set. `None`: the words are about something else.
#[must_use]
pub fn explain(words: &str, setting: &str) -> Option<String> {
    let (_, reason) = REASONS.iter().find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)))?;
    let what_to_do = if UNKNOWN.iter().any(|mark| words.contains(mark)) {
        format!("; if it is your own, name the authority's certificate (PEM) in `{setting}`")
    } else {
        String::new()
    };
    Some(format!("{reason}{what_to_do} ({words})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_reasons_have_a_sentence_and_the_rest_none() {
        let said = explain("tls error: invalid peer certificate: UnknownIssuer", "smtp.ca_file").unwrap();
        assert!(said.contains("not known here") && said.contains("`smtp.ca_file`"), "{said}");
        let said =
            explain("invalid peer certificate: certificate not valid for name \"a.example\"", "ca_file").unwrap();
        assert!(said.contains("another name") && !said.contains("ca_file"), "{said}");
        assert!(explain("invalid peer certificate: BadSignature", "ca_file").unwrap().contains("not known here"));
        assert_eq!(explain("connection refused", "ca_file"), None);
    }
}
