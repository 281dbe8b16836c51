//! What a mail about failed orders says: who must do what, in sentences, on a phone as well as on a desk.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// One failed pass of one order. Kept with the effect that owes its mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedOrder {
    /// The number people use.
    pub order_number: String,
    /// The shop's key.
    pub shop_order_id: String,
    /// Who bought.
    pub buyer: String,
    /// Total, as a decimal text.
    pub total: String,
    /// ISO 4217.
    pub currency: String,
    /// What happened, in one sentence.
    pub what: String,
    /// Who must act: "The shop's staff", "The administrator".
    pub who_must_act: String,
    /// What to do, in one sentence.
    pub what_to_do: String,
    /// Which pass failed.
    pub pass: u32,
    /// The connection's name.
    pub connection: String,
    /// Where more can be read; empty = nowhere.
    pub link: String,
}

/// Something about a connection as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The connection's name.
    pub connection: String,
    /// In a few words.
    pub subject: String,
    /// Sentences.
    pub lines: Vec<String>,
}

/// What a mail is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Item {
    /// A failed pass. First, because it has fields that a notice lacks.
    Order(Box<FailedOrder>),
    /// A connection.
    Notice(Notice),
}

/// A composed mail, still without sender and receivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML with the same content.
    pub html: String,
}

/// More orders than that are counted, not listed: nobody reads on, and mail servers have limits.
const LISTED: usize = 50;

/// Longest text of a field, in characters: an ERP's answer may be a novel.
const FIELD: usize = 600;

/// One mail for all of these, in their order; what is about a connection comes first.
#[must_use]
pub fn compose(items: &[Item]) -> Composed {
    let (mut orders, mut notices) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Order(order) => orders.push(order.as_ref()),
            Item::Notice(notice) => notices.push(notice),
        }
    }
    let subject = subject(&orders, &notices);
    let (mut text, mut cards) = (String::new(), String::new());
    for notice in &notices {
        let separator = if text.is_empty() { "" } else { "\n" };
        text.push_str(separator);
        for line in &notice.lines {
            let line = clean(line);
            let _ = writeln!(text, "{line}");
            let _ = write!(cards, "<p>{}</p>", escape(&line));
        }
    }
    let intro = match orders.len() {
        0 => String::new(),
        1 => "This order needs attention:".to_owned(),
        count => format!("These {count} orders need attention:"),
    };
    if !intro.is_empty() {
        let separator = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{separator}{intro}");
        let _ = write!(cards, "<p>{intro}</p>");
    }
    for order in orders.iter().copied().take(LISTED) {
        write_text(&mut text, order);
        write_card(&mut cards, order);
    }
    let more = orders.len().saturating_sub(LISTED);
    let more =
        if more == 0 { String::new() } else { format!("… and {more} more: `orderdock order list` shows all.") };
    let foot = if orders.is_empty() {
        "This is mailed once; and again when it is over."
    } else {
        "Each failed pass is mailed once. An order that is set back to new in the shop goes again."
    };
    if !more.is_empty() {
        let _ = write!(text, "\n{more}\n");
        let _ = write!(cards, "<p>{}</p>", escape(&more));
    }
    let _ = write!(text, "\n-- \n{foot}\nOrderdock\n");
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{title}</title></head>\
         <body style=\"margin:0;padding:16px;font:16px/1.5 sans-serif;color:#222;max-width:640px\">\
         {cards}<p style=\"color:#555;font-size:14px\">{foot}<br>Orderdock</p></body></html>",
        title = escape(&subject),
    );
    Composed { subject, text, html }
}

fn subject(orders: &[&FailedOrder], notices: &[&Notice]) -> String {
    let connection = orders.first().map(|order| clean(&order.connection)).unwrap_or_default();
    match orders {
        // Of several the last one is how it is now.
        [] => short(&notices.last().map(|notice| clean(&notice.subject)).unwrap_or_default(), 120),
        [one] => short(&format!("Order {} failed: {}", clean(&one.order_number), clean(&one.what)), 120),
        many if many.iter().all(|order| clean(&order.connection) == connection) => {
            short(&format!("{} orders of {connection} failed", many.len()), 120)
        }
        many => format!("{} orders failed", many.len()),
    }
}

fn write_text(out: &mut String, order: &FailedOrder) {
    let _ = write!(
        out,
        "\nOrder {} of {} ({} {})\n{}\n{}: {}\nConnection {}, pass {}, shop id {}.\n",
        clean(&order.order_number),
        clean(&order.buyer),
        clean(&order.total),
        clean(&order.currency),
        clean(&order.what),
        clean(&order.who_must_act),
        clean(&order.what_to_do),
        clean(&order.connection),
        order.pass,
        clean(&order.shop_order_id),
    );
    if let Some(link) = link(order) {
        let _ = writeln!(out, "{link}");
    }
}

fn write_card(out: &mut String, order: &FailedOrder) {
    let field = |text: &str| escape(&clean(text));
    let _ = write!(
        out,
        "<div style=\"border-left:4px solid #b00020;padding:4px 12px;margin:16px 0;overflow-wrap:anywhere\">\
         <p style=\"margin:4px 0\"><b>Order {}</b> of {} ({} {})</p><p style=\"margin:4px 0\">{}</p>\
         <p style=\"margin:4px 0\"><b>{}:</b> {}</p>\
         <p style=\"margin:4px 0;color:#555;font-size:14px\">Connection {}, pass {}, shop id {}.",
        field(&order.order_number),
        field(&order.buyer),
        field(&order.total),
        field(&order.currency),
        field(&order.what),
        field(&order.who_must_act),
        field(&order.what_to_do),
        field(&order.connection),
        order.pass,
        field(&order.shop_order_id),
    );
    if let Some(link) = link(order) {
        let _ = write!(out, " <a href=\"{}\">Show the order</a>", escape(&link));
    }
    out.push_str("</p></div>");
}

/// Only web links: any other scheme could run something.
fn link(order: &FailedOrder) -> Option<String> {
    let web = order.link.starts_with("https://") || order.link.starts_with("http://");
    (web && !order.link.contains(|c: char| c.is_whitespace() || c.is_control())).then(|| order.link.clone())
}

/// One line, no control characters, not endless.
fn clean(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    short(&line.split_whitespace().collect::<Vec<_>>().join(" "), FIELD)
}

fn short(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(number: &str) -> FailedOrder {
        FailedOrder {
            order_number: number.into(),
            shop_order_id: "id-7".into(),
            buyer: "Müller & Søn <Ltd>".into(),
            total: "119.00".into(),
            currency: "EUR".into(),
            what: "The ERP refused the order: unknown SKU \"A-1\".".into(),
            who_must_act: "The shop's staff".into(),
            what_to_do: "Correct the SKU, then set the order to New Order.".into(),
            pass: 1,
            connection: "north".into(),
            link: "http://127.0.0.1:8190/orders/north/id-7".into(),
        }
    }

    #[test]
    fn one_order_reads_as_sentences() {
        let mail = compose(&[Item::Order(Box::new(order("1001")))]);
        assert_eq!(mail.subject, "Order 1001 failed: The ERP refused the order: unknown SKU \"A-1\".");
        assert_eq!(
            mail.text,
            "This order needs attention:\n\nOrder 1001 of Müller & Søn <Ltd> (119.00 EUR)\n\
             The ERP refused the order: unknown SKU \"A-1\".\n\
             The shop's staff: Correct the SKU, then set the order to New Order.\n\
             Connection north, pass 1, shop id id-7.\nhttp://127.0.0.1:8190/orders/north/id-7\n\n-- \n\
             Each failed pass is mailed once. An order that is set back to new in the shop goes again.\nOrderdock\n"
        );
        assert!(mail.html.contains("Müller &amp; Søn &lt;Ltd&gt;"));
        assert!(!mail.html.contains("<Ltd>"));
    }

    #[test]
    fn many_are_grouped_and_the_rest_counted() {
        let orders: Vec<_> = (0..60).map(|n| Item::Order(Box::new(order(&n.to_string())))).collect();
        let mail = compose(&orders);
        assert_eq!(mail.subject, "60 orders of north failed");
        assert!(mail.text.contains("Order 49 of") && !mail.text.contains("Order 50 of"));
        assert!(mail.text.contains("… and 10 more"));
        let mut mixed = vec![order("1"), order("2")];
        mixed[1].connection = "south".into();
        let mixed: Vec<_> = mixed.into_iter().map(|it| Item::Order(Box::new(it))).collect();
        assert_eq!(compose(&mixed).subject, "2 orders failed");
    }

    #[test]
    fn nothing_can_leave_its_place() {
        let mut bad = order("1\r\nBcc: x@example.com");
        bad.what = format!("{}\n<script>alert(1)</script>", "x".repeat(10_000));
        bad.link = "javascript:alert(1)".into();
        let mail = compose(&[Item::Order(Box::new(bad))]);
        assert!(!mail.subject.contains(['\r', '\n']));
        assert!(mail.subject.chars().count() <= 120);
        assert!(!mail.html.contains("<script>") && !mail.html.contains("javascript:"));
        assert!(mail.html.len() < 5_000);
    }

    #[test]
    fn what_is_about_a_connection_comes_first_and_is_read_back() {
        let notice = Notice {
            connection: "north".into(),
            subject: "north: the ERP does not answer".into(),
            lines: vec!["It has not answered since noon (<refused>).".into(), "3 orders wait.".into()],
        };
        let items = [Item::Order(Box::new(order("1001"))), Item::Notice(notice)];
        let stored = serde_json::to_string(&items).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Item>>(&stored).unwrap(), items);
        let alone = compose(&items[1..]);
        assert_eq!(alone.subject, "north: the ERP does not answer");
        assert!(alone.text.starts_with("It has not answered since noon (<refused>).\n3 orders wait.\n\n-- \n"));
        assert!(alone.html.contains("noon (&lt;refused&gt;)"), "{}", alone.html);
        let both = compose(&items);
        assert!(both.subject.starts_with("Order 1001 failed"), "{}", both.subject);
        assert!(both.text.contains("3 orders wait.\n\nThis order needs attention:\n\nOrder 1001"), "{}", both.text);
    }
}
