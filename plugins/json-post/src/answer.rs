//! What the ERP's answer to a new order means.

use orderdock_plugin::{Acceptance, DotPath, HttpResponse, Refusal, RefusalClass, Response, ResponseContent, Verdict};

use crate::Settings;

/// Most characters of the ERP's words that go to staff; the whole answer is kept with the attempt.
const WORDS: usize = 1000;

/// Reads the answer.
#[must_use]
pub fn read(settings: &Settings, response: &Response) -> Verdict {
    let ResponseContent::Http(answer) = &response.content else { return response.by_default(None) };
    let words = words(&settings.message_path, answer);
    if is_duplicate(settings, answer) {
        let path = settings.duplicate_order_id_path.as_ref().unwrap_or(&settings.erp_order_id_path);
        return Verdict::AlreadyThere(Acceptance { message: words, ..ids(settings, path, answer) });
    }
    match answer.status {
        200..=299 => success(settings, answer, words),
        // The host knows whether the connection trusts 503; a gateway's words are not the ERP's.
        429 | 503 => by_default(response, answer, words),
        status if settings.gateway_statuses.contains(&status) => by_default(response, answer, words),
        status => match (words, status) {
            (Some(words), _) => Verdict::Rejected(Refusal::new(class(status, true), words)),
            (None, 307 | 308 | 400..=499) => {
                let text = format!(
                    "the ERP refused the order with HTTP status {status}, without a message at `{}`",
                    settings.message_path
                );
                Verdict::Rejected(Refusal::new(class(status, false), text))
            }
            (None, _) => response.by_default(None),
        },
    }
}

fn success(settings: &Settings, answer: &HttpResponse, words: Option<String>) -> Verdict {
    if let Some(path) = &settings.success_path {
        match (path.find_text(&answer.body), words) {
            (Some(value), words) if settings.success_values.contains(&value) => {
                return accepted(settings, answer, words);
            }
            (_, Some(words)) => return Verdict::rejected(RefusalClass::Data, words),
            (Some(value), None) => {
                let text = format!("the ERP answered `{}` at `{path}`, which is no success", short(&value));
                return Verdict::rejected(RefusalClass::Data, text);
            }
            (None, None) => {
                return Verdict::unknown(format!(
                    "HTTP status {}, but the answer has nothing at `{path}`: it does not tell whether the ERP took the order",
                    answer.status
                ));
            }
        }
    }
    accepted(settings, answer, words)
}

fn accepted(settings: &Settings, answer: &HttpResponse, message: Option<String>) -> Verdict {
    let mut accepted = Acceptance { message, ..ids(settings, &settings.erp_order_id_path, answer) };
    if accepted.erp_order_id.is_none() {
        let text = format!(
            "HTTP status {}, but the answer has no ERP order id at `{}`",
            answer.status, settings.erp_order_id_path
        );
        if settings.require_erp_order_id {
            return Verdict::unknown(text);
        }
        // An empty answer never promised an id; a login page with status 200 did not either, and staff should know.
        if !answer.body.trim_ascii().is_empty() {
            accepted.warnings.push(text);
        }
    }
    Verdict::Accepted(accepted)
}

/// The ERP's id, from the body or else from the header, and its number.
fn ids(settings: &Settings, path: &DotPath, answer: &HttpResponse) -> Acceptance {
    let from_header = || {
        let value = answer.header(&settings.erp_order_id_header.as_ref()?.to_ascii_lowercase())?.trim();
        // A `Location` is an address whose last part is the id.
        let value = value.split(['?', '#']).next().unwrap_or(value).trim_end_matches('/');
        let last = value.rsplit('/').next().unwrap_or(value);
        (!last.is_empty()).then(|| last.to_owned())
    };
    Acceptance {
        erp_order_id: path.find_text(&answer.body).or_else(from_header).map(|id| short(&id)),
        erp_order_number: settings.erp_order_number_path.as_ref().and_then(|path| path.find_text(&answer.body)),
        ..Acceptance::default()
    }
}

/// With both a status and a value set, both must hold: a 409 may also mean that somebody else edits the customer.
fn is_duplicate(settings: &Settings, answer: &HttpResponse) -> bool {
    let status = || settings.duplicate_statuses.contains(&answer.status);
    match &settings.duplicate_path {
        None => status(),
        Some(path) => {
            (settings.duplicate_statuses.is_empty() || status())
                && path.find_text(&answer.body).is_some_and(|value| settings.duplicate_values.contains(&value))
        }
    }
}

/// Credentials and addresses are the administrator's, a server that fails is the ERP's, the rest is in the order.
fn class(status: u16, with_words: bool) -> RefusalClass {
    match status {
        401 | 403 | 405 | 407 | 415 | 300..=399 => RefusalClass::Settings,
        404 if !with_words => RefusalClass::Settings,
        500..=599 => RefusalClass::Erp,
        _ => RefusalClass::Data,
    }
}

/// The host's reading, with the ERP's words and its wish when to come back.
pub(crate) fn by_default(response: &Response, answer: &HttpResponse, words: Option<String>) -> Verdict {
    let mut verdict = response.by_default(words.map(|words| format!("HTTP status {}: {words}", answer.status)));
    if let Verdict::RetryLater(postponement) = &mut verdict {
        // A date instead of seconds is left to the host: it has a clock.
        postponement.after = answer.header("retry-after").and_then(|value| value.trim().parse().ok());
    }
    verdict
}

/// The words at the path, on one line.
pub(crate) fn words(path: &DotPath, answer: &HttpResponse) -> Option<String> {
    path.find_text(&answer.body).map(|text| short(&text)).filter(|text| !text.is_empty())
}

/// One line without control characters, not longer than staff want to read.
fn short(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|letter: char| letter.is_whitespace() || letter.is_control()).filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(WORDS) {
        Some((end, _)) => {
            line.truncate(end);
            line.push('…');
            line
        }
        None => line,
    }
}
