//! Where requests may go: always below the base address, never to a link-local one, plain only on this machine.

use std::net::IpAddr;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

use crate::domain::{Pair, problem::Problem};

/// Written as they are in a query: unreserved, and the characters that OData and friends are read by.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'$')
    .remove(b',')
    .remove(b':')
    .remove(b'/')
    .remove(b'@')
    .remove(b'(')
    .remove(b')');

/// What a path may not hold unencoded (RFC 3986 section 3.3).
const NOT_IN_PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// Servers that decode more than once exist; a path is looked at through this many layers.
const LAYERS: usize = 4;

/// Checks a base address.
pub(super) fn base(text: &str, allow_plain: bool) -> Result<Url, Vec<Problem>> {
    let place = "base_address";
    let url = Url::parse(text).map_err(|error| {
        vec![
            Problem::new(place, format!("`{text}` is not an address: {error}"))
                .hint("write it like `https://erp.example.com/api/v2`"),
        ]
    })?;
    let mut problems = Vec::new();
    match url.scheme() {
        "https" => {}
        "http" => {
            if !allow_plain && !names_loopback(&url) {
                problems.push(
                    Problem::new(place, "plain `http` to another machine shows orders and credentials on the way")
                        .hint("use `https`, or set `allow_plain_http = true` if the network is trusted"),
                );
            }
        }
        other => {
            problems.push(Problem::new(place, format!("`{other}` is not supported")).hint("use `https` or `http`"));
        }
    }
    if url.host_str().is_none_or(str::is_empty) {
        problems.push(Problem::new(place, "names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        problems.push(
            Problem::new(place, "holds a user name or password")
                .hint("use `authentication = { kind = \"basic\", … }` with a secret"),
        );
    }
    if url.fragment().is_some() {
        problems.push(Problem::new(place, "holds a fragment (`#…`), which is never sent"));
    }
    if problems.is_empty() { Ok(url) } else { Err(problems) }
}

/// Whether the address names this machine by itself.
fn names_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The address of one request: `path` below `base`, with `query` encoded.
pub(super) fn join(base: &Url, path: &str, query: &[Pair]) -> Result<Url, Problem> {
    let refuse = |why: &str| {
        Problem::new("delivery.path", format!("{why} in `{}`", path.escape_default()))
            .hint("the plugin must give a path below the base address, percent-encoded, without `..`")
    };
    let below = path.strip_prefix('/').unwrap_or(path);
    if below.starts_with('/') {
        return Err(refuse("two slashes at the beginning"));
    }
    if below.contains(['?', '#']) {
        return Err(refuse("`?` or `#`"));
    }
    if !below.is_ascii() || below != utf8_percent_encode(below, NOT_IN_PATH).to_string() {
        return Err(refuse("a character that has to be percent-encoded"));
    }
    if climbs(below) {
        return Err(refuse("a way out of the base address"));
    }
    let mut url = base.clone();
    if !below.is_empty() {
        let joined = format!("{}/{below}", base.path().trim_end_matches('/'));
        url.set_path(&joined);
        // The library normalises paths; if it changed anything, our checks looked at something else than what leaves.
        if url.path() != joined {
            return Err(refuse("something that does not stay as it is"));
        }
    }
    if !query.is_empty() {
        let mut text = base.query().unwrap_or_default().to_owned();
        for (name, value) in query {
            if !text.is_empty() {
                text.push('&');
            }
            text.extend(utf8_percent_encode(name, QUERY));
            text.push('=');
            text.extend(utf8_percent_encode(value, QUERY));
        }
        url.set_query(Some(&text));
    }
    Ok(url)
}

/// Whether any reading of the path has a `.` or `..` step, however often it is decoded.
fn climbs(path: &str) -> bool {
    let mut layer = path.as_bytes().to_vec();
    for _ in 0..LAYERS {
        let steps = || layer.split(|byte| matches!(byte, b'/' | b'\\' | 0));
        // `;` begins a parameter that some servers cut off before they look at the step.
        if steps().any(|step| matches!(step.split(|byte| *byte == b';').next(), Some(b"." | b".."))) {
            return true;
        }
        let text = String::from_utf8_lossy(&layer).into_owned();
        let decoded: Vec<u8> = percent_decode_str(&text).collect();
        if decoded == layer {
            return false;
        }
        layer = decoded;
    }
    // Still not plain: nobody encodes an honest path that often.
    true
}

/// Why a resolved address is not connected to.
pub(super) fn refused(ip: IpAddr, plain: bool, allow_plain: bool, allow_link_local: bool) -> Option<&'static str> {
    let ip = ip.to_canonical();
    if plain && !allow_plain && !ip.is_loopback() {
        return Some("plain http to another machine (see `allow_plain_http`)");
    }
    if !allow_link_local && is_link_local(ip) {
        return Some("a link-local or cloud metadata address (see `allow_link_local`)");
    }
    None
}

/// Link-local (RFC 3927, RFC 4291 section 2.5.6) and the metadata services of clouds that answer elsewhere.
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.octets() == [100, 100, 100, 200],
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local()
                || ip.is_unspecified()
                || ip.segments() == [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(path: &str) -> Result<String, Problem> {
        join(&Url::parse("https://erp.example/api/v2").unwrap(), path, &[]).map(String::from)
    }

    #[test]
    fn paths_land_below_the_base_address() {
        for (path, expected) in [
            ("", "https://erp.example/api/v2"),
            ("orders", "https://erp.example/api/v2/orders"),
            ("/orders", "https://erp.example/api/v2/orders"),
            ("orders/", "https://erp.example/api/v2/orders/"),
            ("orders/a%2Fb%20c", "https://erp.example/api/v2/orders/a%2Fb%20c"),
            ("Orders(42)/Lines", "https://erp.example/api/v2/Orders(42)/Lines"),
            ("a..b/...", "https://erp.example/api/v2/a..b/..."),
        ] {
            assert_eq!(joined(path).unwrap(), expected);
        }
    }

    #[test]
    fn no_path_leaves_the_base_address() {
        for path in [
            "..",
            "../x",
            "a/../../x",
            ".",
            "%2e%2e/x",
            "%2E./x",
            ".%2e",
            "%252e%252e/x",
            "..%2fx",
            "a/..%5cx",
            "..\\x",
            "..;/x",
            "//evil.example/x",
            "///x",
            "?a=b",
            "x#y",
            "a b",
            "ä",
            "a\u{0}b",
            "a\r\nb",
            "..%00/x",
            "%25252525252e%25252525252e/x",
        ] {
            assert!(joined(path).is_err(), "{path:?} gave {:?}", joined(path));
        }
    }

    #[test]
    fn a_query_is_encoded_and_stands_behind_the_base_addresss_own() {
        let base = Url::parse("https://erp.example/api?company=A").unwrap();
        let query = [("$filter".to_owned(), "ref eq 'Müller & Søn+1'".to_owned()), ("x#".to_owned(), "=&?".to_owned())];
        let url = join(&base, "orders", &query).unwrap();
        assert_eq!(
            url.query().unwrap(),
            "company=A&$filter=ref%20eq%20%27M%C3%BCller%20%26%20S%C3%B8n%2B1%27&x%23=%3D%26%3F"
        );
        assert_eq!(join(&base, "orders", &[]).unwrap().query(), Some("company=A"));
    }

    #[test]
    fn base_addresses_are_judged_with_every_problem() {
        assert!(base("http://127.0.0.1:80/x", false).is_ok());
        assert!(base("http://[::1]/x", false).is_ok());
        assert!(base("http://localhost/x", false).is_ok());
        assert!(base("http://erp.example/x", true).is_ok());
        assert_eq!(base("http://u:p@erp.example/x#y", false).unwrap_err().len(), 3);
        assert!(base("ftp://erp.example/", false).is_err());
        assert!(base("erp.example", false).is_err());
        assert!(base("http://127.0.0.1.evil.example/", false).is_err());
    }

    #[test]
    fn metadata_services_are_refused_in_every_spelling() {
        for ip in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "0.0.0.0",
            "::",
        ] {
            assert!(refused(ip.parse().unwrap(), false, false, false).is_some(), "{ip}");
        }
        assert!(refused("169.254.1.1".parse().unwrap(), false, false, true).is_none());
        assert!(refused("10.0.0.1".parse().unwrap(), false, false, false).is_none());
        assert!(refused("10.0.0.1".parse().unwrap(), true, false, false).is_some());
        assert!(refused("127.0.0.1".parse().unwrap(), true, false, false).is_none());
    }
}
