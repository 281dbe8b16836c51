//! What the demo claims, each checked against the ledgers of the fakes: what is not there did not happen.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    cast::{self, ERP_WORDS, Fate, REFUSED, SILENT},
    connections::{Food, Line},
    facts::{Facts, Row},
    screen::Screen,
};
use crate::{
    shop::ShopKind,
    stage::{Stage, books::Booked},
};

/// Claims, and what is wrong with each.
#[derive(Default)]
pub struct Claims {
    all: Vec<(String, Vec<String>)>,
}

impl Claims {
    fn claim(&mut self, words: impl Into<String>, wrong: Vec<String>) {
        self.all.push((words.into(), wrong));
    }

    /// Prints them. Answers whether all hold.
    #[must_use]
    pub fn show(&self, screen: &Screen) -> bool {
        for (words, wrong) in &self.all {
            screen.claim(words, wrong);
        }
        self.all.iter().all(|(_, wrong)| wrong.is_empty())
    }
}

/// An order of a connection in both books.
struct Pair<'a> {
    line: &'a Line,
    row: &'a Row,
    booked: &'a Booked,
}

impl Pair<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.line.name, self.row.order_number)
    }

    fn wrong(&self, what: impl std::fmt::Display) -> String {
        format!("{}: {what}", self.name())
    }

    fn delivered(&self) -> bool {
        self.row.state() == "delivered"
    }
}

/// Checks everything.
#[must_use]
pub fn check(stage: &Stage, lines: &[Line], placed: u64, facts: &Facts) -> Claims {
    let mut claims = Claims::default();
    let mut pairs = Vec::new();
    let mut unseen = Vec::new();
    for line in lines {
        for booked in facts.shop.of_account(line.shop, line.account) {
            let id = booked.key.id.to_string();
            match facts.of(line).find(|row| row.shop_order_id == id) {
                Some(row) => pairs.push(Pair { line, row, booked }),
                None => unseen.push(format!("{} {} was not seen", line.name, booked.number)),
            }
        }
    }
    if pairs.len() as u64 != placed {
        unseen.push(format!("{placed} were placed, {} are in both books", pairs.len()));
    }
    claims.claim(format!("each of the {placed} orders that the shop offered was seen and decided on"), unseen);

    let ends = pairs.iter().filter_map(|pair| {
        let expected = cast::fate(pair.line, &pair.row.order_number).state();
        let state = pair.row.state();
        (state != expected).then(|| pair.wrong(format!("{state} instead of {expected} ({})", pair.row.because)))
    });
    claims.claim("every order ended as it should; only those that met trouble on purpose were held", ends.collect());

    back_office(stage, lines, facts, &pairs, &mut claims);
    shop_side(&pairs, &mut claims);
    scenes(lines, facts, &mut claims);
    mails(facts, &pairs, &mut claims);
    claims
}

/// What lies in the back offices.
fn back_office(stage: &Stage, lines: &[Line], facts: &Facts, pairs: &[Pair<'_>], claims: &mut Claims) {
    for line in lines {
        let own = || pairs.iter().filter(|pair| pair.line == line);
        if line.food == Food::Json {
            let mut wrong = Vec::new();
            let mut times = BTreeMap::<&str, u32>::new();
            for order in &facts.erp {
                *times.entry(&order.key).or_default() += 1;
            }
            for pair in own() {
                let number = pair.row.order_number.as_str();
                let has = times.remove(number).unwrap_or(0);
                let due = u32::from(pair.delivered() || number == SILENT);
                if has != due {
                    wrong.push(pair.wrong(format!("{} ({has} times in the ERP, {due} expected)", pair.row.state())));
                }
                let came = facts.erp_requests.get(number).copied().unwrap_or(0);
                let passes = u64::from(pair.row.pass.unwrap_or(0));
                if came > passes {
                    wrong.push(pair.wrong(format!("sent {came} times in {passes} passes")));
                }
            }
            wrong.extend(times.into_keys().map(|number| format!("{number} is in the ERP, and nobody ordered it")));
            claims
                .claim(format!("{}: each order is in the ERP once, and was sent once for each pass", line.name), wrong);
            let wrong = own().filter(|pair| pair.delivered()).filter_map(|pair| {
                let erp = facts.erp.iter().find(|order| order.key == pair.row.order_number)?;
                let told = pair.booked.references.iter().map(|(_, value)| value).collect::<Vec<_>>();
                let known = pair.row.erp_order_id.as_ref();
                let agree = told == [&erp.id] && known == Some(&erp.id);
                (!agree).then(|| pair.wrong(format!("{} in the ERP, {known:?} here, {told:?} in the shop", erp.id)))
            });
            claims.claim(
                format!("{}: the ERP's order id is at each delivered order, as its seller reference", line.name),
                wrong.collect(),
            );
        } else {
            let mut files = file_names(stage, line);
            let mut wrong = Vec::new();
            for pair in own() {
                let name = line.file_of(&pair.row.order_number, pair.row.pass.unwrap_or(0));
                let place = match (line.food, cast::fate(line, &pair.row.order_number)) {
                    (_, Fate::Held) => continue,
                    (Food::Kfi, Fate::Refused) => format!("Failure/{name}"),
                    (Food::Kfi, _) => format!("Success/{name}"),
                    _ => name,
                };
                if !files.remove(&place) {
                    wrong.push(pair.wrong(format!("{} without the file {place}", pair.row.state())));
                }
            }
            files.retain(|name| !name.ends_with(".err"));
            wrong.extend(files.into_iter().map(|name| format!("{name} belongs to no order")));
            claims.claim(format!("{}: there is one file for each order that was sent, and no other", line.name), wrong);
        }
        if line.food == Food::Xml {
            let wrong = own().filter_map(|pair| {
                let file = line.inbox(stage).join(line.file_of(&pair.row.order_number, pair.row.pass.unwrap_or(0)));
                let text = std::fs::read_to_string(&file).ok()?;
                not_well_formed(&text).map(|why| pair.wrong(format!("not well-formed XML: {why}")))
            });
            claims.claim(format!("{}: every file is well-formed XML", line.name), wrong.collect());
        }
    }
}

/// Names of files below the inbox, with `Success/` or `Failure/` before.
fn file_names(stage: &Stage, line: &Line) -> BTreeSet<String> {
    let inbox = line.inbox(stage);
    let mut names = BTreeSet::new();
    for place in ["", "Success/", "Failure/"] {
        for entry in std::fs::read_dir(inbox.join(place)).into_iter().flatten().flatten() {
            if entry.path().is_file() {
                names.insert(format!("{place}{}", entry.file_name().to_string_lossy()));
            }
        }
    }
    names
}

fn not_well_formed(text: &str) -> Option<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut depth = 0_i64;
    let mut elements = 0;
    loop {
        match reader.read_event() {
            Err(error) => return Some(error.to_string()),
            Ok(quick_xml::events::Event::Eof) if depth == 0 && elements > 0 => return None,
            Ok(quick_xml::events::Event::Eof) => return Some("it ends too early".to_owned()),
            Ok(quick_xml::events::Event::Start(_)) => (depth, elements) = (depth + 1, elements + 1),
            Ok(quick_xml::events::Event::End(_)) => depth -= 1,
            Ok(_) => {}
        }
    }
}

/// What the shop was told.
fn shop_side(pairs: &[Pair<'_>], claims: &mut Claims) {
    let status = pairs.iter().filter_map(|pair| {
        let due = if pair.delivered() { pair.line.success() } else { pair.line.failure() };
        let is = pair.booked.status();
        (is != due).then(|| pair.wrong(format!("\"{is}\" in the shop instead of \"{due}\"")))
    });
    claims.claim("the shop shows the right status for every order", status.collect());

    let writes = pairs.iter().filter_map(|pair| {
        let written = pair.booked.our_statuses();
        let passes = pair.row.pass.unwrap_or(0) as usize;
        // A file is handed over first (In Progress) and may be refused later (On Hold).
        let most = if pair.line.food == Food::Kfi { 2 * passes } else { passes };
        (written.is_empty() || written.len() > most).then(|| pair.wrong(format!("statuses written: {written:?}")))
    });
    claims.claim("no status was written more often than an order's passes ask for", writes.collect());

    let notes = pairs.iter().filter_map(|pair| match pair.booked.our_notes().find(|note| note.mailed_buyer) {
        Some(note) => Some(pair.wrong(format!("the buyer was mailed: {}", note.text))),
        None => (pair.booked.our_notes().next().is_none()).then(|| pair.wrong("no note")),
    });
    claims.claim("every order carries a note for staff, and no buyer was mailed", notes.collect());

    let stamps = pairs.iter().filter(|pair| pair.line.shop == ShopKind::Evo && pair.delivered());
    let wrong = stamps.filter(|pair| pair.booked.stamp_s.is_none()).map(|pair| pair.wrong("not stamped"));
    let wrong: Vec<_> = wrong.collect();
    if pairs.iter().any(|pair| pair.line.shop == ShopKind::Evo) {
        claims.claim("EvolutionX: every delivered order is stamped \"backoffice processed\"", wrong);
    }
}

/// What was told in the chapters before.
fn scenes(lines: &[Line], facts: &Facts, claims: &mut Claims) {
    for line in lines {
        let booked = |number: &str| facts.shop.numbered(line.shop, line.account, number);
        let note = |number: &str, words: &str| {
            let has = booked(number).is_some_and(|order| order.our_notes().any(|note| note.text.contains(words)));
            (!has).then(|| format!("{number} has no note with \"{words}\""))
        };
        match line.food {
            Food::Json => {
                let mut wrong: Vec<String> = note(REFUSED, ERP_WORDS).into_iter().collect();
                let statuses = booked(REFUSED).map(Booked::our_statuses).unwrap_or_default();
                if statuses != [line.failure(), line.success()] {
                    wrong.push(format!("{REFUSED}: statuses written: {statuses:?}"));
                }
                if facts.order(line, REFUSED).and_then(|row| row.pass) != Some(2) {
                    wrong.push(format!("{REFUSED} was not delivered by its second pass"));
                }
                claims.claim(
                    format!("{REFUSED}: refused with the ERP's words, held, sent again by staff, delivered"),
                    wrong,
                );
                let mut wrong: Vec<String> = note(SILENT, "may exist in the ERP").into_iter().collect();
                if facts.erp_requests.get(SILENT) != Some(&1) {
                    wrong.push(format!("{SILENT} came to the ERP {:?} times", facts.erp_requests.get(SILENT)));
                }
                claims.claim(format!("{SILENT}: held as unknown, said so, and never sent a second time"), wrong);
            }
            Food::Kfi => {
                let wrong = note(cast::ERR_FILE, cast::ATTACHE_WORDS).into_iter().collect();
                claims.claim(format!("{}: held with the words of Attaché's .err file", cast::ERR_FILE), wrong);
            }
            Food::Xml => {}
        }
    }
}

/// Each failed pass is mailed once, and nothing else is.
fn mails(facts: &Facts, pairs: &[Pair<'_>], claims: &mut Claims) {
    let mut wrong = Vec::new();
    for pair in pairs {
        let number = &pair.row.order_number;
        let failed_passes = usize::from(!pair.delivered()) + usize::from(number == REFUSED);
        let to = format!("staff@{}.example", pair.line.account);
        let own = facts.mails.iter().filter(|mail| mail.to.contains(&to));
        let told: usize = own.map(|mail| mail.text().matches(&format!("Order {number} of ")).count()).sum();
        if told != failed_passes {
            wrong.push(pair.wrong(format!("{told} mails for {failed_passes} failed passes")));
        }
    }
    claims.claim("staff got one mail for each failed pass, and none for anything else", wrong);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_that_no_reader_takes_is_noticed() {
        assert_eq!(not_well_formed("<?xml version=\"1.0\"?><a><b x=\"1\">&lt;</b><c/></a>"), None);
        for broken in ["", "no XML", "<a><b></a>", "<a>", "<a><b></b>", "<a b=></a"] {
            assert!(not_well_formed(broken).is_some(), "{broken}");
        }
    }

    #[test]
    fn one_claim_that_does_not_hold_is_enough() {
        let mut claims = Claims::default();
        claims.claim("this holds", Vec::new());
        assert!(claims.show(&Screen::new()));
        claims.claim("this does not", vec!["order 7 was lost".to_owned()]);
        assert!(!claims.show(&Screen::new()));
    }
}
