//! Deliveries and rejections.

use std::collections::HashSet;

use super::{
    Found,
    text::{self, shown},
};
use crate::domain::delivery::{
    Delivery, DeliveryContent, FileDelivery, FileOut, HttpDelivery, Rejection, Repeat, Segment,
};

/// Methods that a plugin may use.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/// Most headers of a request.
const HEADERS: usize = 100;
/// Most files of a delivery.
const FILES: usize = 100;
/// Longest life of an idempotency key, in seconds: a year.
const KEY_SECONDS: u32 = 366 * 24 * 3600;

/// Checks a delivery.
///
/// # Errors
/// Every problem, with its place.
pub(in crate::plugin) fn delivery(delivery: Delivery) -> Result<Delivery, Vec<String>> {
    let mut found = Found::default();
    check(&mut found, "delivery", &delivery);
    found.end(delivery)
}

/// Checks a rejection.
///
/// # Errors
/// Every problem, with its place.
pub(in crate::plugin) fn rejection(rejection: Rejection) -> Result<Rejection, Vec<String>> {
    let mut found = Found::default();
    if rejection.message.trim().is_empty() {
        found.add("rejection.message", "is empty; staff need to know why");
    }
    found.sentence("rejection.message", &rejection.message);
    if let Some(field) = &rejection.field {
        found.sentence("rejection.field", field);
    }
    found.end(rejection)
}

/// Checks a delivery wherever it stands.
pub(super) fn check(found: &mut Found, place: &str, delivery: &Delivery) {
    match &delivery.content {
        DeliveryContent::Http(content) => http(found, &format!("{place}.http"), content),
        DeliveryContent::Files(content) => files(found, &format!("{place}.files"), content),
    }
    found.state(&format!("{place}.state"), &delivery.state);
    found.sentences(&format!("{place}.notes"), &delivery.notes);
}

fn http(found: &mut Found, place: &str, http: &HttpDelivery) {
    if !METHODS.contains(&http.method.as_str()) {
        found.add(
            &format!("{place}.method"),
            format_args!("{} is not one of {}", shown(&http.method), METHODS.join(", ")),
        );
    }
    found.check(&format!("{place}.path"), text::path(&http.path));
    if http.headers.len() > HEADERS {
        found.add(&format!("{place}.headers"), format_args!("there are {}; at most {HEADERS}", http.headers.len()));
    }
    for (index, header) in http.headers.iter().enumerate() {
        let place = format!("{place}.headers[{index}]");
        found.check(&format!("{place}.name"), text::header_name(&header.name));
        segments(found, &format!("{place}.value"), &header.value, text::header_value);
    }
    segments(found, &format!("{place}.body"), &http.body, |_| Ok(()));
    if let Some(content_type) = &http.content_type {
        found.check(&format!("{place}.content-type"), text::content_type(content_type));
    }
    match http.repeat {
        Repeat::WithKey(0) => {
            found.add(&format!("{place}.repeat"), "a key that lives no second allows no repeat: use `never`")
        }
        Repeat::WithKey(seconds) if seconds > KEY_SECONDS => {
            found.add(&format!("{place}.repeat"), format_args!("{seconds} s is longer than a year"));
        }
        _ => {}
    }
}

fn files(found: &mut Found, place: &str, delivery: &FileDelivery) {
    let count = delivery.files.len();
    if count == 0 && delivery.trigger.is_none() {
        found.add(place, "there is no file to write");
    }
    if count > FILES {
        found.add(place, format_args!("there are {count} files; at most {FILES}"));
    }
    let listed = delivery.files.iter().enumerate().map(|(index, file)| (format!("{place}[{index}]"), file));
    let trigger = delivery.trigger.iter().map(|file| (format!("{place}.trigger"), file));
    // Compared without case: on the ERP's system `A.xml` and `a.xml` may be one file.
    let mut names = HashSet::new();
    for (place, FileOut { name, content }) in listed.chain(trigger) {
        found.check(&format!("{place}.name"), text::file_name(name));
        if !names.insert(name.to_lowercase()) {
            found.add(&format!("{place}.name"), format_args!("{} is used twice", shown(name)));
        }
        segments(found, &format!("{place}.content"), content, |_| Ok(()));
    }
}

fn segments(found: &mut Found, place: &str, segments: &[Segment], bytes: impl Fn(&[u8]) -> Result<(), String>) {
    for (index, segment) in segments.iter().enumerate() {
        match segment {
            Segment::Bytes(content) => found.check(&format!("{place}[{index}]"), bytes(content)),
            Segment::Secret { slot, .. } => found.check(&format!("{place}[{index}].secret.slot"), text::slot(slot)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::delivery::Header;

    use super::*;

    fn file(name: &str) -> FileOut {
        FileOut { name: name.to_owned(), content: vec![Segment::Bytes(b"x".to_vec())] }
    }

    #[test]
    fn all_problems_come_at_once_with_their_places() {
        let content = DeliveryContent::Http(HttpDelivery {
            method: "post".to_owned(),
            path: "../admin".to_owned(),
            query: Vec::new(),
            headers: vec![Header { name: "Host".to_owned(), value: vec![Segment::Bytes(b"a\nb".to_vec())] }],
            body: vec![Segment::Secret { slot: String::new(), encode: crate::domain::delivery::SecretEncoding::None }],
            content_type: Some("json".to_owned()),
            repeat: Repeat::WithKey(0),
            sensitive: false,
        });
        let problems = delivery(Delivery { content, state: vec![0; STATE + 1], notes: Vec::new() }).unwrap_err();
        let places: Vec<_> = problems.iter().map(|problem| problem.split(':').next().unwrap()).collect();
        assert_eq!(
            places,
            [
                "delivery.http.method",
                "delivery.http.path",
                "delivery.http.headers[0].name",
                "delivery.http.headers[0].value[0]",
                "delivery.http.body[0].secret.slot",
                "delivery.http.content-type",
                "delivery.http.repeat",
                "delivery.state",
            ]
        );
    }
    const STATE: usize = super::super::STATE_BYTES;

    #[test]
    fn files_are_unique_without_regard_to_case() {
        let content = DeliveryContent::Files(FileDelivery { files: vec![file("A.xml")], trigger: Some(file("a.XML")) });
        let problems = delivery(Delivery { content, state: Vec::new(), notes: Vec::new() }).unwrap_err();
        assert_eq!(problems, ["delivery.files.trigger.name: `a.XML` is used twice"]);
    }

    #[test]
    fn a_flood_of_problems_is_counted() {
        let files = (0..200).map(|_| file("/")).collect();
        let content = DeliveryContent::Files(FileDelivery { files, trigger: None });
        let problems = delivery(Delivery { content, state: Vec::new(), notes: Vec::new() }).unwrap_err();
        assert!(problems.last().unwrap().starts_with("and "), "{problems:?}");
        assert!(problems.len() < 40);
    }
}
