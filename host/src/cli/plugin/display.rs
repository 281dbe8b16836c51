//! Deliveries, rejections and verdicts for the eyes: secrets as their slots, bodies as they read best.

use orderdock_plugin::{
    AnswerCheck, Delivery, DeliveryContent, File, HttpDelivery, Rejection, RejectionClass, Repeat, Segment, Verdict,
    testing::json_text,
};

use crate::cli::output::{Output, plain};

/// Lines of a body that are shown.
const LINES: usize = 120;

/// Headers whose value is a credential even where a plugin wrote it out.
const HIDDEN: [&str; 6] = ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-auth-token", "api-key"];

/// What would be sent.
pub fn delivery(delivery: &Delivery, output: Output) {
    match &delivery.content {
        DeliveryContent::Http(http) => self::http(http, output),
        DeliveryContent::Files(files) => {
            output.line("would write, in this order:");
            for file in &files.files {
                self::file(file, "file", output);
            }
            if let Some(trigger) = &files.trigger {
                self::file(trigger, "trigger", output);
            }
        }
    }
    if !delivery.state.is_empty() {
        output.line(format!("  state      {}", plain(&shown(&delivery.state))));
    }
    for note in &delivery.notes {
        output.line(format!("  note       {}", plain(note)));
    }
}

fn http(http: &HttpDelivery, output: Output) {
    let query = http.query.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    output.line(plain(&format!("would send {} {}{query}", http.method, http.path)));
    for header in &http.headers {
        let hidden = HIDDEN.contains(&header.name.to_ascii_lowercase().as_str());
        let literal = header.value.iter().any(|segment| matches!(segment, Segment::Bytes(_)));
        let value = if hidden && literal { "‹hidden›".to_owned() } else { text(&header.value) };
        output.line(plain(&format!("  {}: {value}", header.name)));
    }
    if let Some(kind) = &http.content_type {
        output.line(plain(&format!("  content-type: {kind}")));
    }
    output.line(match http.repeat {
        Repeat::Never => "  repeat     never by itself: an outcome that nobody knows is looked up".to_owned(),
        Repeat::Always => "  repeat     whenever the outcome is not known".to_owned(),
        Repeat::WithKey(seconds) => format!("  repeat     with its idempotency key, for {seconds} s"),
    });
    if http.sensitive {
        output.line("  sensitive  the answer is not stored");
    }
    if !http.body.is_empty() {
        output.line("");
        body(&http.body, output);
        output.line("");
    }
}

fn file(file: &File, kind: &str, output: Output) {
    let size: usize =
        file.content.iter().map(|segment| if let Segment::Bytes(bytes) = segment { bytes.len() } else { 0 }).sum();
    output.line(plain(&format!("  {kind:<10} {} ({size} bytes)", file.name)));
    output.line("");
    body(&file.content, output);
    output.line("");
}

/// A body with its secrets as slots; JSON indented, which it is not when it is sent, its numbers as they are.
fn body(content: &[Segment], output: Output) {
    let text = text(content);
    let pretty = if text.starts_with(['{', '[']) { json_text::pretty(&text) } else { text };
    let lines: Vec<&str> = pretty.lines().collect();
    for line in lines.iter().take(LINES) {
        output.line(format!("    {}", plain(line.trim_end_matches('\r'))));
    }
    if lines.len() > LINES {
        output.line(format!("    … {} more lines", lines.len() - LINES));
    }
}

fn text(content: &[Segment]) -> String {
    let piece = |segment: &Segment| match segment {
        Segment::Bytes(bytes) => shown(bytes),
        Segment::Secret(secret) => format!("‹secret {}›", secret.slot),
    };
    content.iter().map(piece).collect()
}

/// Bytes as text; those that are none as escapes.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string().replace("\\n", "\n"),
    }
}

/// Why an order can't be mapped.
pub fn rejection(rejection: &Rejection, output: Output) {
    let who = match rejection.class {
        RejectionClass::Data => "rejected: staff correct the order in the shop",
        RejectionClass::Settings => "rejected: the administrator corrects settings or tables",
        RejectionClass::NotForUs => "not for us: skipped, without a mail",
    };
    output.line(who);
    output.line(format!("  {}", plain(&rejection.message)));
    if let Some(field) = &rejection.field {
        output.line(format!("  field      {}", plain(field)));
    }
}

/// What an answer means.
pub fn verdict(verdict: &Verdict, output: Output) {
    let line = |name: &str, value: &Option<String>| {
        if let Some(value) = value {
            output.line(format!("  {name:<10} {}", plain(value)));
        }
    };
    match verdict {
        Verdict::Accepted(given) | Verdict::AlreadyThere(given) => {
            let there = matches!(verdict, Verdict::AlreadyThere(_));
            output.line(if there { "verdict: already there" } else { "verdict: accepted" });
            line("ERP id", &given.erp_order_id);
            line("ERP number", &given.erp_order_number);
            line("message", &given.message);
            for warning in &given.warnings {
                output.line(format!("  warning    {}", plain(warning)));
            }
        }
        Verdict::Rejected(given) => {
            let class = serde_json::to_value(given.class).unwrap_or_default();
            output.line(format!("verdict: rejected ({})", class.as_str().unwrap_or_default()));
            line("message", &Some(given.message.clone()));
            line("field", &given.field);
            line("partial id", &given.partial_id);
        }
        Verdict::RetryLater(given) => {
            let after =
                given.after.map_or("by the host's own back-off".to_owned(), |seconds| format!("after {seconds} s"));
            output.line(format!("verdict: retry later, {after}"));
            line("message", &Some(given.message.clone()));
        }
        Verdict::NotFound => output.line("verdict: not found"),
        Verdict::NotMine => output.line("verdict: not mine: the file belongs to another order"),
        Verdict::Unknown(given) => {
            output.line("verdict: unknown: the host looks the order up, or a person decides");
            line("message", &Some(given.message.clone()));
        }
        Verdict::StillWaiting(given) => {
            let after = given.after.map_or(String::new(), |seconds| format!(", look again after {seconds} s"));
            output.line(format!("verdict: still waiting{after}"));
        }
        Verdict::AwaitingAnswer(given) => {
            output.line(format!("verdict: awaiting an answer for {} s at most", given.deadline));
            line("ticket", &Some(given.ticket.clone()).filter(|ticket| !ticket.is_empty()));
            match &given.check {
                AnswerCheck::Files(checks) => {
                    for check in checks {
                        let meaning = serde_json::to_value(check.meaning).unwrap_or_default();
                        let meaning = meaning.as_str().unwrap_or_default();
                        output.line(plain(&format!("  watches    {}/{} ({meaning})", check.folder, check.pattern)));
                    }
                }
                AnswerCheck::Poll(poll) => {
                    output.line(format!("  asks every {} s:", poll.after));
                    delivery(&poll.delivery, output);
                }
            }
        }
        Verdict::Next(next) => {
            output.line("verdict: one more call");
            for login in &next.remember {
                output.line(plain(&format!("  remembers  ‹secret {}› for {} s", login.slot, login.seconds)));
            }
            delivery(&next.delivery, output);
        }
    }
}
