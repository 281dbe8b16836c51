//! The closing: a table of everything, one of each thing to look at, and what to type next.

use std::collections::BTreeMap;

use anyhow::Context as _;

use super::{
    cast::{self, REFUSED, SILENT},
    connections::{Food, Line},
    facts::Facts,
    screen::Screen,
};
use crate::stage::Stage;

/// Shows what became of everything.
///
/// # Errors
/// When something of the stage can't be asked.
pub async fn show(stage: &Stage, screen: &mut Screen, lines: &[Line], facts: &Facts) -> anyhow::Result<()> {
    screen.chapter("What became of all orders", "");
    let rows = lines.iter().map(|line| {
        let mut states = BTreeMap::<&str, usize>::new();
        for row in facts.of(line) {
            *states.entry(row.state()).or_default() += 1;
        }
        let count = |state: &str| states.get(state).copied().unwrap_or(0);
        let other = facts.of(line).count() - count("delivered") - count("failed") - count("given_up");
        vec![
            line.name.to_owned(),
            count("delivered").to_string(),
            count("failed").to_string(),
            count("given_up").to_string(),
            other.to_string(),
            lies(stage, line, facts),
        ]
    });
    let head = ["connection", "delivered", "failed", "unknown, given up", "other", "what lies in the back office"];
    screen.table(&head, rows.collect());
    for line in lines {
        one_of_each(stage, screen, line, facts).await?;
    }
    let Some(json) = lines.iter().find(|line| line.food == Food::Json) else { return Ok(()) };
    screen.title(&format!("One order's life:  orderdock order show {REFUSED} --connection {}", json.name));
    screen.quote(&stage.orderdock(&["order", "show", REFUSED, "--connection", json.name]).await?, 60);
    screen.title(&format!("Why is it not delivered?  orderdock order why {SILENT} --connection {}", json.name));
    screen.quote(&stage.orderdock(&["order", "why", SILENT, "--connection", json.name]).await?, 12);
    if let Some(mail) = facts.mails.iter().find(|mail| mail.text().contains(REFUSED)) {
        screen.title(&format!("The mail to {}", mail.to.join(", ")));
        screen.quote(&format!("Subject: {}\n\n{}", mail.subject(), mail.text().replace('\r', "")), 24);
    }
    Ok(())
}

fn lies(stage: &Stage, line: &Line, facts: &Facts) -> String {
    let files = |place: &str| {
        let entries = std::fs::read_dir(line.inbox(stage).join(place)).into_iter().flatten().flatten();
        entries.filter(|entry| entry.path().extension().is_some_and(|ending| ending == line.ending())).count()
    };
    match line.food {
        Food::Json => format!("{} orders", facts.erp.len()),
        Food::Xml => format!("{} XML files", files("")),
        Food::Kfi => format!("{} files in Success, {} in Failure", files("Success"), files("Failure")),
    }
}

/// The most awkward order, as it arrived.
async fn one_of_each(stage: &Stage, screen: &Screen, line: &Line, facts: &Facts) -> anyhow::Result<()> {
    let number = cast::showpiece(line);
    let pass = facts.order(line, number).and_then(|row| row.pass).unwrap_or(1);
    let (place, text) = match line.food {
        Food::Json => {
            let order =
                facts.erp.iter().find(|order| order.key == number).context("the showpiece is not in the ERP")?;
            let body: serde_json::Value = serde_json::from_str(&order.body)?;
            (format!("{} at the ERP", order.id), one_line_each(&body))
        }
        Food::Xml | Food::Kfi => {
            let inbox = line.inbox(stage);
            let name = line.file_of(number, pass);
            let file = if line.food == Food::Kfi { inbox.join("Success").join(&name) } else { inbox.join(&name) };
            let bytes = std::fs::read(&file).with_context(|| format!("{} can't be read", file.display()))?;
            (name, indented(&String::from_utf8_lossy(&bytes)))
        }
    };
    screen.title(&format!("{}: order {number} as it arrived ({place})", line.name));
    screen.quote(&text, 36);
    let told = stage.orderdock_json(&["order", "show", number, "--connection", line.name]).await?;
    let timeline = told.get("timeline").and_then(serde_json::Value::as_array).into_iter().flatten();
    for text in timeline.filter_map(|entry| entry.get("text").and_then(serde_json::Value::as_str)) {
        if let Some(note) = text.strip_prefix("The plugin notes: ") {
            screen.say(format!("In the timeline: {note}"));
        }
    }
    Ok(())
}

/// JSON with a line for each field, and for each element of a list.
fn one_line_each(body: &serde_json::Value) -> String {
    let Some(fields) = body.as_object() else { return body.to_string() };
    let mut text = String::from("{\n");
    for (name, value) in fields {
        match value.as_array() {
            Some(list) if !list.is_empty() => {
                text.push_str(&format!("  \"{name}\": [\n"));
                list.iter().for_each(|one| text.push_str(&format!("    {}\n", spaced(one))));
                text.push_str("  ]\n");
            }
            _ => text.push_str(&format!("  \"{name}\": {}\n", spaced(value))),
        }
    }
    text.push('}');
    text
}

/// JSON in one line, with a space after each field, so that it can be wrapped.
fn spaced(value: &serde_json::Value) -> String {
    match value.as_object() {
        Some(fields) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
            format!("{{{}}}", fields.join(", "))
        }
        None => value.to_string(),
    }
}

/// XML in one line, made readable; other text as it is.
fn indented(text: &str) -> String {
    if !text.trim_start().starts_with("<?xml") || text.lines().count() > 5 {
        return text.to_owned();
    }
    let mut reader = quick_xml::Reader::from_str(text);
    let mut writer = quick_xml::Writer::new_with_indent(Vec::new(), b' ', 2);
    loop {
        match reader.read_event() {
            Ok(quick_xml::events::Event::Eof) => break,
            Ok(event) => {
                if writer.write_event(event).is_err() {
                    return text.to_owned();
                }
            }
            Err(_) => return text.to_owned(),
        }
    }
    String::from_utf8_lossy(&writer.into_inner()).into_owned()
}

/// What to type, while everything runs on.
///
/// # Errors
/// When something of the stage does not run.
pub fn explore(stage: &Stage, screen: &Screen, lines: &[Line]) -> anyhow::Result<()> {
    let first = lines.first().context("no connection")?;
    screen.line("\nEverything runs on, until Ctrl-C. In another terminal:\n");
    screen.line(format!("  export ORDERDOCK_CONFIG={}", stage.config().display()));
    screen.line(format!("  alias orderdock={}\n", stage.program("orderdock").display()));
    for (command, why) in [
        ("orderdock order list --limit 10".to_owned(), "the newest orders"),
        ("orderdock order list --state failed".to_owned(), "those that need a person"),
        (format!("orderdock order show {} --connection {}", cast::showpiece(first), first.name), "one order's life"),
        ("orderdock order why 4711".to_owned(), "why an order is missing"),
        (format!("orderdock connection show {}", first.name), "a connection"),
        ("orderdock plugin list".to_owned(), "the plugins"),
        ("orderdock log --limit 5".to_owned(), "what was sent and answered"),
        ("orderdock check".to_owned(), "look at everything"),
    ] {
        screen.line(format!("  {command:64} # {why}"));
    }
    let control = stage.shop_address(crate::shop::ShopKind::Evo)?.replace("/evo", "/control");
    screen.line("\nPlace five more orders, and make Orderdock look now:\n");
    let body =
        format!("{{\"shop\":{},\"account\":\"{}\",\"count\":5}}", serde_json::to_string(&first.shop)?, first.account);
    screen.line(format!("  curl -s {control}/generate -H 'content-type: application/json' -d '{body}'"));
    screen.line(format!("  orderdock sync {}", first.name));
    screen.line(format!("\nFiles: {}", stage.folder().display()));
    Ok(())
}
