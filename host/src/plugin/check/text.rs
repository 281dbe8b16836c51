//! Forms of names, paths and headers.

use crate::plugin::log::cut;

/// Longest file name in bytes, as the contract says: room is left for the temporary name's token.
const FILE_NAME_BYTES: usize = 200;
/// Longest name of a slot, table or folder.
const SLOT_BYTES: usize = 64;
/// Headers that belong to the connection or to one hop of it (RFC 9110 section 7.6.1), or that the host sets itself.
const HOST_HEADERS: [&str; 13] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A text as it may appear in a message: cut, and with nothing that could confuse a terminal.
pub(super) fn shown(text: &str) -> String {
    format!("`{}`", cut(text, 80).escape_debug())
}

/// A file name that means the same file in the same folder on every system that an ERP may run on.
///
/// Reserved names: Microsoft, "Naming Files, Paths, and Namespaces".
pub(super) fn file_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("is empty".to_owned());
    }
    if name.len() > FILE_NAME_BYTES {
        return Err(format!("has {} bytes; at most {FILE_NAME_BYTES} are allowed", name.len()));
    }
    if let Some(bad) = name.chars().find(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ' '))) {
        return Err(format!(
            "{} contains {}; letters, digits, `.`, `_`, `-` and inner spaces are allowed",
            shown(name),
            shown(&bad.to_string())
        ));
    }
    if name.starts_with([' ', '.']) || name.ends_with([' ', '.']) {
        return Err(format!("{} begins or ends with a space or a dot", shown(name)));
    }
    if name.contains("..") {
        return Err(format!("{} contains `..`", shown(name)));
    }
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            let mut chars = rest.chars();
            matches!((chars.next(), chars.next()), (Some('1'..='9' | '¹' | '²' | '³'), None))
        })
    };
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT") {
        return Err(format!("{} is a device name on Windows", shown(name)));
    }
    if name.ends_with(".tmp") || name.ends_with(".part") {
        return Err(format!("{} looks like a temporary file, which the host makes itself", shown(name)));
    }
    Ok(())
}

/// A path below the destination's base address (RFC 3986 section 3.3): no scheme, no host, no query, nothing that climbs.
pub(super) fn path(path: &str) -> Result<(), String> {
    if path.contains("://") || path.starts_with("//") {
        return Err(format!("{} names a host; a path below the destination's base address is due", shown(path)));
    }
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
                if !(hex(bytes.next()) && hex(bytes.next())) {
                    return Err(format!("{} has a `%` that is not followed by two hex digits", shown(path)));
                }
            }
            b'?' | b'#' => {
                return Err(format!(
                    "{} contains `{}`; the query has a field of its own",
                    shown(path),
                    char::from(byte)
                ));
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {}
            _ if b"-._~!$&'()*+,;=:@/".contains(&byte) => {}
            _ => return Err(format!("{} contains a character that must be percent-encoded", shown(path))),
        }
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    if decoded.split(['/', '\\']).any(|part| part == ".." || part == ".") {
        return Err(format!("{} contains `.` or `..` as a step", shown(path)));
    }
    if decoded.chars().any(|c| c == '\\' || c.is_control()) {
        return Err(format!("{} hides a backslash or a control character", shown(path)));
    }
    Ok(())
}

/// A token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// A header's name that a plugin may set.
pub(super) fn header_name(name: &str) -> Result<(), String> {
    if !is_token(name) {
        return Err(format!("{} is not a header name (RFC 9110 section 5.6.2)", shown(name)));
    }
    if HOST_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        let instead = if name.eq_ignore_ascii_case("content-type") { ": use `content-type`'s own field" } else { "" };
        return Err(format!("{} is set by the host{instead}", shown(name)));
    }
    Ok(())
}

/// Literal bytes of a header's value (RFC 9110 section 5.5): nothing that ends the line.
pub(super) fn header_value(bytes: &[u8]) -> Result<(), String> {
    match bytes.iter().find(|byte| !matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff)) {
        Some(byte) => Err(format!("contains the byte 0x{byte:02x}, which a header can't carry")),
        None => Ok(()),
    }
}

/// A media type (RFC 9110 section 8.3.1).
pub(super) fn content_type(text: &str) -> Result<(), String> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_type = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !is_type || text.len() > 200 || !text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        return Err(format!("{} is not a media type such as `application/json`", shown(text)));
    }
    Ok(())
}

/// The name of a secret slot, a look-up table or a folder.
pub(super) fn slot(name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > SLOT_BYTES || !name.chars().all(good) {
        return Err(format!(
            "{} is not a name: 1 to {SLOT_BYTES} letters, digits, `-`, `_` or `.` are due",
            shown(name)
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_can_not_leave_the_folder_or_surprise_windows() {
        for good in ["WEB-10042.xml", "order 7.kfi", "Müller_1.xml", "a", "COMET.xml", "com10.txt"] {
            assert_eq!(file_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc/passwd",
            "C:x",
            "a:b",
            "a\0b",
            "a\nb",
            ".hidden",
            "x.",
            "x ",
            " x",
            "con",
            "CON.xml",
            "Lpt1.txt",
            "com¹",
            "nul .txt",
            "a..b",
            "x.tmp",
            "x?y",
            "a*b",
            "\u{202e}x",
            "<x>",
            "a|b",
        ] {
            assert!(file_name(bad).is_err(), "{bad:?}");
        }
        assert!(file_name(&"x".repeat(201)).is_err());
    }

    #[test]
    fn paths_stay_below_the_base_address() {
        for good in ["", "orders", "/orders/7", "a%20b", "orders/WEB-1;v=2", "v1/odata(1)/x:y@z", "a...b"] {
            assert_eq!(path(good), Ok(()), "{good}");
        }
        for bad in [
            "http://evil.example/x",
            "//evil.example/x",
            "../x",
            "a/../b",
            "a/%2e%2e/b",
            "a/%2E./b",
            "a\\..\\b",
            "a%5c..%5cb",
            "x?y=1",
            "x#y",
            "a b",
            "a%2",
            "a%zz",
            "ü",
            "a\r\nb",
            "a%0d%0ab",
            "./x",
            "a/.",
            "%",
        ] {
            assert!(path(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn headers_can_not_be_split_or_take_the_hosts_place() {
        assert_eq!(header_name("X-Request-Id"), Ok(()));
        for bad in ["", "a b", "a:b", "a\r\nb", "ü", "Host", "content-length", "Transfer-Encoding", "Content-Type"] {
            assert!(header_name(bad).is_err(), "{bad:?}");
        }
        assert_eq!(header_value("grüße\t!".as_bytes()), Ok(()));
        for bad in [b"a\r\nb".as_slice(), b"\0", b"\x7f"] {
            assert!(header_value(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn media_types_and_slots_have_a_form() {
        assert_eq!(content_type("application/json; charset=utf-8"), Ok(()));
        for bad in ["json", "", "a/", "text/plain\r\nx: y", "a b/c"] {
            assert!(content_type(bad).is_err(), "{bad:?}");
        }
        assert_eq!(slot("api_key"), Ok(()));
        for bad in ["", "a b", "ü", "a/b"] {
            assert!(slot(bad).is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_name_passes_stays_in_its_folder(name in "[a-zA-Z0-9 ._/\\\\:%~\u{0}ü-]{0,12}") {
            if file_name(&name).is_ok() {
                let full = std::path::Path::new("/out").join(&name);
                proptest::prop_assert_eq!(full.parent(), Some(std::path::Path::new("/out")));
                proptest::prop_assert_eq!(full.file_name().and_then(|name| name.to_str()), Some(name.as_str()));
            }
        }

        #[test]
        fn whatever_path_passes_stays_below_the_base_address(text in "[a-z0-9./%\\\\:@?#&;=ü ~2e5c-]{0,16}") {
            if path(&text).is_ok() {
                let whole = format!("https://erp.example/base/{}", text.trim_start_matches('/'));
                let url = url::Url::parse(&whole).unwrap();
                proptest::prop_assert_eq!(url.host_str(), Some("erp.example"));
                proptest::prop_assert!(url.path().starts_with("/base/"), "{}", url);
                proptest::prop_assert_eq!(url.query(), None);
            }
        }
    }
}
