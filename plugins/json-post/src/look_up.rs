//! Asks the ERP whether it has the order, and reads what it says.
//!
//! "It does not have it" lets Orderdock send again. So only a plain sign counts as that: 404, an empty answer, or an
//! empty list where the results should be. Anything odd leaves the outcome unknown.

use orderdock_plugin::{Acceptance, Context, Delivery, HttpDelivery, Order, Rejection, Repeat, Response};
use orderdock_plugin::{ResponseContent, Verdict};

use crate::Settings;
use crate::answer;

/// The question.
///
/// # Errors
/// When no look-up is set, or the order lacks a value that it needs.
pub fn ask(order: &Order, context: &Context<Settings>) -> Result<Delivery, Rejection> {
    let Some(template) = &context.settings.lookup_path else {
        let text =
            "the ERP can't be asked for the order: set `lookup_path`, for example `orders?reference={order_number}`";
        return Err(Rejection::settings(text).field("settings.lookup_path"));
    };
    let target = template.fill(order, context)?;
    let mut request = HttpDelivery::new("GET", target.path).header("accept", "application/json").repeat(Repeat::Always);
    request.query = target.query;
    for (name, value) in context.settings.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("accept")) {
        request = request.header(name, value);
    }
    Ok(Delivery::http(request))
}

/// The answer.
#[must_use]
pub fn read(order: &Order, context: &Context<Settings>, response: &Response) -> Verdict {
    let settings = &context.settings;
    let ResponseContent::Http(answer) = &response.content else {
        return Verdict::unknown("the look-up brought no HTTP answer");
    };
    match answer.status {
        404 => Verdict::NotFound,
        200..=299 => found(order, context, &answer.body),
        429 | 503 => answer::by_default(response, answer, answer::words(&settings.message_path, answer)),
        status => {
            let words = answer::words(&settings.message_path, answer).map(|words| format!(": {words}"));
            Verdict::unknown(format!("the look-up failed with HTTP status {status}{}", words.unwrap_or_default()))
        }
    }
}

fn found(order: &Order, context: &Context<Settings>, body: &[u8]) -> Verdict {
    let settings = &context.settings;
    if body.trim_ascii().is_empty() {
        return Verdict::NotFound;
    }
    let path = settings.lookup_order_id_path.as_ref().unwrap_or(&settings.erp_order_id_path);
    let Some(id) = path.find_text(body) else {
        let results = match &settings.lookup_list_path {
            Some(list) => list.find(body).ok().flatten().unwrap_or_default(),
            None => String::from_utf8_lossy(body).into_owned(),
        };
        let bare: String = results.split_whitespace().collect();
        if matches!(bare.as_str(), "[]" | "{}" | "null") {
            return Verdict::NotFound;
        }
        return Verdict::unknown(format!(
            "the look-up's answer has no ERP order id at `{path}` and is not an empty list either"
        ));
    };
    if let Some(path) = &settings.lookup_reference_path {
        let reference = path.find_text(body).unwrap_or_default();
        let ours = settings.lookup_path.as_ref().map(|asked| asked.values(order, context)).unwrap_or_default();
        if !ours.iter().any(|value| value.trim() == reference.trim()) {
            let theirs: String = reference.chars().take(80).collect();
            return Verdict::unknown(format!(
                "the look-up found another order: `{path}` is `{theirs}`, not `{}`",
                ours.join("` or `")
            ));
        }
    }
    let erp_order_number = settings.erp_order_number_path.as_ref().and_then(|path| path.find_text(body));
    Verdict::AlreadyThere(Acceptance { erp_order_id: Some(id), erp_order_number, ..Acceptance::default() })
}
