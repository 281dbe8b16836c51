//! Awkward answers of an ERP.

use crate::domain::{
    call::DeliveryKind,
    verdict::{DefaultVerdict, Response},
};

/// An answer, what is awkward about it, and what the host would conclude.
pub type Answer = (String, Response, DefaultVerdict);

/// All of them for a kind of delivery.
#[must_use]
pub fn answers(kind: DeliveryKind) -> Vec<Answer> {
    match kind {
        DeliveryKind::Http => http(),
        DeliveryKind::Files => files(),
    }
}

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty", Vec::new()),
        ("null", b"null".to_vec()),
        ("an empty list", b"[]".to_vec()),
        ("a number of 30 digits", b"123456789012345678901234567890".to_vec()),
        ("JSON cut off", br#"{"id": 12, "lines": [{"sku": "A"#.to_vec()),
        ("JSON of other types", br#"{"id": {"id": [null, true]}, "error": 7, "message": ["a", {"b": null}]}"#.to_vec()),
        ("JSON nested 2,000 deep", ["[".repeat(2_000), "]".repeat(2_000)].concat().into_bytes()),
        ("a login page", b"<!doctype html><html><body><form action=/login>Please log in</form></body></html>".to_vec()),
        ("XML with entities", b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY x \"&x;\">]><a>&x;&#0;</a>".to_vec()),
        ("not UTF-8", vec![0xff, 0xfe, 0x00, 0xd8, b'{', 0x80, b'}']),
        ("a megabyte", vec![b'x'; 1_000_000]),
    ]
}

fn http() -> Vec<Answer> {
    let json = || vec![("content-type".to_owned(), "application/json".to_owned())];
    let mut all = Vec::new();
    for (name, body) in bodies() {
        for (status, default) in
            [(200, DefaultVerdict::Accepted), (400, DefaultVerdict::Rejected), (500, DefaultVerdict::Unknown)]
        {
            let response = Response::Http { status, headers: json(), body: body.clone() };
            all.push((format!("status {status} and a body that is {name}"), response, default));
        }
    }
    let odd = vec![("retry-after".to_owned(), "soon".to_owned()), ("retry-after".to_owned(), "-5".to_owned())];
    all.push((
        "status 429 with odd headers".to_owned(),
        Response::Http { status: 429, headers: odd, body: Vec::new() },
        DefaultVerdict::RetryLater,
    ));
    all.push((
        "status 204 without anything".to_owned(),
        Response::Http { status: 204, headers: Vec::new(), body: Vec::new() },
        DefaultVerdict::Accepted,
    ));
    all
}

fn files() -> Vec<Answer> {
    let mut all: Vec<Answer> = bodies()
        .into_iter()
        .map(|(name, bytes)| {
            let file = Response::AnswerFile { folder: "failure".to_owned(), name: "answer.err".to_owned(), bytes };
            (format!("an answer file that is {name}"), file, DefaultVerdict::Unknown)
        })
        .collect();
    let written = Response::FilesWritten { names: Vec::new() };
    all.push(("files written, without names".to_owned(), written, DefaultVerdict::Accepted));
    let listing = (0..2_000).map(|n| format!("failure/other-{n}.err")).collect();
    let late = Response::DeadlinePassed { listing };
    all.push(("no answer, and 2,000 other files".to_owned(), late, DefaultVerdict::Unknown));
    all
}
