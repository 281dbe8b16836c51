//! A delivery made into the request that leaves, and into the form of it that is stored.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderName, HeaderValue, Method, header};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{Authentication, HttpDestination, Request, address};
use crate::{
    destination::render::{self, Secrets, StoredBody},
    domain::{Pair, delivery::HttpDelivery, problem::Problem},
};

/// Who we are, unless the plugin says otherwise.
const USER_AGENT: &str = concat!("orderdock/", env!("CARGO_PKG_VERSION"));

/// The stored form of a request: secrets are replaced by `«secret slot»`, the body is capped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redacted {
    /// Method.
    pub method: String,
    /// Absolute address. Secrets can't be in it.
    pub url: String,
    /// Headers, authentication included.
    pub headers: Vec<Pair>,
    /// Body.
    pub body: StoredBody,
}

/// Headers that belong to the connection (RFC 9110 section 7.6.1), to the host's framing, or would change what the
/// answer's bytes mean.
const OURS: [HeaderName; 13] = [
    header::CONNECTION,
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    header::PROXY_AUTHENTICATE,
    header::ACCEPT_ENCODING,
    HeaderName::from_static("keep-alive"),
];

/// Collects headers in both forms.
#[derive(Default)]
struct Headers {
    real: Vec<(String, Vec<u8>)>,
    redacted: Vec<Pair>,
}

impl Headers {
    fn plain(&mut self, name: &str, value: &str) {
        self.add(name, value.as_bytes().to_vec(), value.to_owned());
    }

    fn add(&mut self, name: &str, value: Vec<u8>, redacted: String) {
        self.real.push((name.to_owned(), value));
        self.redacted.push((name.to_owned(), redacted));
    }

    fn has(&self, name: &str) -> bool {
        self.real.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }
}

impl HttpDestination {
    /// Makes the request: address joined, secrets in place, our own headers added.
    ///
    /// # Errors
    /// Everything that is wrong with the delivery, and every slot without a secret.
    pub fn request(
        &self,
        delivery: &HttpDelivery,
        secrets: &Secrets,
        idempotency_key: &str,
    ) -> Result<(Request, Redacted), Vec<Problem>> {
        let mut problems = Vec::new();
        let method = match delivery.method.as_str() {
            "GET" | "POST" | "PUT" | "PATCH" | "DELETE" => delivery.method.clone(),
            other => {
                let shown = other.escape_default();
                problems
                    .push(Problem::new("delivery.method", format!("`{shown}` is not GET, POST, PUT, PATCH or DELETE")));
                String::new()
            }
        };
        let url =
            address::join(&self.base, &delivery.path, &delivery.query).map_err(|problem| problems.push(problem)).ok();
        let mut headers = Headers::default();
        self.own_headers(&mut headers, secrets, &mut problems);
        if let (Some(name), false) = (&self.settings.idempotency_header, method == Method::GET.as_str()) {
            headers.plain(name, idempotency_key);
        }
        plugin_headers(delivery, secrets, &mut headers, &mut problems);
        if let Some(content_type) = &delivery.content_type {
            headers.plain("content-type", content_type);
        }
        for (name, value) in [("user-agent", USER_AGENT), ("accept", "*/*")] {
            if !headers.has(name) {
                headers.plain(name, value);
            }
        }
        // Answers are stored and read as they come; nothing here undoes a compression.
        headers.plain("accept-encoding", "identity");
        for (name, value) in &headers.real {
            if HeaderValue::from_bytes(value).is_err() {
                problems.push(
                    Problem::new(format!("header `{name}`"), "its value holds a line break or a control character")
                        .hint("check the secret or the plugin that fills it"),
                );
            }
        }
        let body =
            render::segments("delivery.body", &delivery.body, secrets).map_err(|mut found| problems.append(&mut found));
        match (url, body) {
            (Some(url), Ok(body)) if problems.is_empty() => {
                let cap = usize::try_from(self.settings.stored_body_cap).unwrap_or(usize::MAX);
                let redacted = Redacted {
                    method: method.clone(),
                    url: url.to_string(),
                    headers: headers.redacted,
                    body: StoredBody::new(&body.bytes, body.redacted(), cap),
                };
                let request = Request {
                    method,
                    url,
                    headers: headers.real,
                    body: body.bytes.into(),
                    time_limit: self.time_limit(),
                    answer_cap: self.settings.answer_cap,
                };
                Ok((request, redacted))
            }
            _ => Err(problems),
        }
    }

    /// Authentication.
    fn own_headers(&self, headers: &mut Headers, secrets: &Secrets, problems: &mut Vec<Problem>) {
        let place = "authentication";
        let mut secret = |slot: &str| {
            let found = secrets.get(slot).map(|value| value.expose_secret().to_owned());
            if found.is_none() {
                problems.push(render::missing(place, slot));
            }
            found.unwrap_or_default()
        };
        match &self.settings.authentication {
            Authentication::None => {}
            Authentication::Header { name, secret: slot } => {
                headers.add(name, secret(slot).into_bytes(), render::mark(slot));
            }
            Authentication::Bearer { secret: slot } => {
                let value = format!("Bearer {}", secret(slot));
                headers.add("authorization", value.into_bytes(), format!("Bearer {}", render::mark(slot)));
            }
            Authentication::Basic { user, secret: slot } => {
                let value = format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret(slot))));
                headers.add("authorization", value.into_bytes(), format!("Basic «{user}:{}»", render::mark(slot)));
            }
        }
    }
}

/// The plugin's own headers.
fn plugin_headers(delivery: &HttpDelivery, secrets: &Secrets, headers: &mut Headers, problems: &mut Vec<Problem>) {
    for (index, wanted) in delivery.headers.iter().enumerate() {
        let place = format!("delivery.headers[{index}]");
        let Ok(name) = HeaderName::from_bytes(wanted.name.as_bytes()) else {
            problems.push(Problem::new(place, format!("`{}` is not a header's name", wanted.name.escape_default())));
            continue;
        };
        if OURS.contains(&name) || name.as_str().starts_with("proxy-") {
            let hint = if name == header::CONTENT_TYPE { "use `content-type` of the delivery" } else { "leave it out" };
            problems.push(Problem::new(place, format!("the header `{name}` is set by the host")).hint(hint));
            continue;
        }
        if headers.has(name.as_str()) {
            problems.push(Problem::new(place, format!("the header `{name}` is set by the destination, or twice")));
            continue;
        }
        match render::segments(&place, &wanted.value, secrets) {
            Ok(value) => {
                let redacted = String::from_utf8_lossy(value.redacted()).into_owned();
                headers.add(name.as_str(), value.bytes, redacted);
            }
            Err(mut found) => problems.append(&mut found),
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::{
        destination::http::HttpSettings,
        domain::delivery::{Header, Repeat, SecretEncoding, Segment},
    };

    fn delivery() -> HttpDelivery {
        HttpDelivery {
            method: "POST".into(),
            path: "orders".into(),
            query: vec![("a".into(), "b c".into())],
            headers: vec![Header {
                name: "X-Company".into(),
                value: vec![
                    Segment::Bytes(b"no ".to_vec()),
                    Segment::Secret { slot: "company".into(), encode: SecretEncoding::None },
                ],
            }],
            body: vec![
                Segment::Bytes(b"{\"key\":\"".to_vec()),
                Segment::Secret { slot: "key".into(), encode: SecretEncoding::Json },
                Segment::Bytes(b"\"}".to_vec()),
            ],
            content_type: Some("application/json".into()),
            repeat: Repeat::Never,
            sensitive: false,
        }
    }

    fn secrets() -> Secrets {
        ["company", "key", "token"]
            .into_iter()
            .map(|slot| (slot.to_owned(), SecretString::from(format!("{slot}-canary"))))
            .collect()
    }

    fn destination(change: impl FnOnce(&mut HttpSettings)) -> HttpDestination {
        let mut settings = HttpSettings::new("https://erp.example/api");
        change(&mut settings);
        HttpDestination::open(&settings, &secrets()).unwrap()
    }

    #[test]
    fn the_real_form_holds_the_secrets_and_the_stored_form_none() {
        for authentication in [
            Authentication::Header { name: "X-Api-Key".into(), secret: "token".into() },
            Authentication::Bearer { secret: "token".into() },
            Authentication::Basic { user: "shop".into(), secret: "token".into() },
        ] {
            let destination = destination(|settings| {
                settings.authentication = authentication.clone();
                settings.idempotency_header = Some("Idempotency-Key".into());
            });
            let (request, redacted) = destination.request(&delivery(), &secrets(), "k-1").unwrap();
            assert_eq!(request.body, "{\"key\":\"key-canary\"}");
            assert!(request.headers.iter().any(|(name, value)| name == "x-company" && value == b"no company-canary"));
            assert!(request.headers.iter().any(|(name, value)| name == "Idempotency-Key" && value == b"k-1"));
            let stored = serde_json::to_string(&redacted).unwrap() + &String::from_utf8_lossy(&redacted.body.bytes);
            assert!(!stored.contains("canary"), "{stored}");
            let debug = format!("{request:?}{destination:?}");
            assert!(!debug.contains("canary"), "{debug}");
            assert_eq!(redacted.body.sha256, render::sha256_hex(&request.body));
            assert_eq!(redacted.body.bytes, "{\"key\":\"«secret key»\"}".as_bytes());
        }
    }

    #[test]
    fn all_that_is_wrong_with_a_delivery_is_said_at_once() {
        let destination = destination(|_| {});
        let mut wrong = delivery();
        wrong.method = "TRACE".into();
        wrong.path = "../admin".into();
        for name in ["Host", "content-length", "X Y", "Transfer-Encoding", "Content-Type"] {
            wrong.headers.push(Header { name: name.into(), value: vec![] });
        }
        wrong.headers.push(Header { name: "x-break".into(), value: vec![Segment::Bytes(b"a\r\nHost: evil".to_vec())] });
        wrong.headers.push(Header { name: "x-company".into(), value: vec![] });
        let problems = destination.request(&wrong, &Secrets::new(), "k").err().unwrap();
        let text = crate::domain::problem::list(&problems);
        for part in [
            "TRACE",
            "../admin",
            "`host`",
            "content-length",
            "X Y",
            "transfer-encoding",
            "x-break",
            "`company`",
            "`key`",
        ] {
            assert!(text.contains(part), "no {part} in:\n{text}");
        }
    }

    #[test]
    fn the_destinations_own_header_cannot_be_overridden() {
        let destination =
            destination(|settings| settings.authentication = Authentication::Bearer { secret: "token".into() });
        let mut wrong = delivery();
        wrong.headers = vec![Header { name: "Authorization".into(), value: vec![Segment::Bytes(b"Basic x".to_vec())] }];
        assert_eq!(destination.request(&wrong, &secrets(), "k").err().unwrap().len(), 1);
    }

    #[test]
    fn settings_are_judged_with_every_problem() {
        let mut settings = HttpSettings::new("http://erp.example/api");
        settings.time_limit_s = 601;
        settings.answer_cap = 0;
        settings.ca_file = Some("/nonexistent/ca.pem".into());
        settings.idempotency_header = Some("not a name".into());
        settings.authentication = Authentication::Header { name: "bad name".into(), secret: "nobody".into() };
        let problems = HttpDestination::open(&settings, &secrets()).err().unwrap();
        let text = crate::domain::problem::list(&problems);
        for part in
            ["base_address", "time_limit_s", "answer_cap", "ca_file", "idempotency_header", "bad name", "`nobody`"]
        {
            assert!(text.contains(part), "no {part} in:\n{text}");
        }
    }
}
