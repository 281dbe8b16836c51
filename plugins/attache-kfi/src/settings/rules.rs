//! What the JSON Schema can't say about the settings.

use orderdock_plugin::kfi::{self, KfiWriter, Unsafe};
use orderdock_plugin::{Charset, Rejection, Report};

use crate::texts::unmasked;

use super::{ChargeKind, Format, OrderNote, OrderNumberField, Section, Settings};

/// What is wrong: setting and sentence.
type Wrong = Vec<(String, String)>;

impl Settings {
    /// Checks what the schema can't say.
    ///
    /// # Errors
    /// A rejection of class settings that names all that is wrong; its field is the first.
    pub fn check(&self) -> Result<(), Rejection> {
        let mut wrong = Wrong::new();
        self.check_file(&mut wrong);
        self.check_names(&mut wrong);
        self.check_values(&mut wrong);
        let Some((field, _)) = wrong.first() else { return Ok(()) };
        let field = format!("settings.{field}");
        let texts: Vec<String> = wrong.iter().map(|(setting, text)| format!("`{setting}` {text}")).collect();
        Err(Rejection::settings(texts.join("; ")).field(field))
    }

    fn check_file(&self, wrong: &mut Wrong) {
        let mut say = |setting: &str, text: &str| wrong.push((setting.to_owned(), text.to_owned()));
        if !self.file_name.as_str().to_ascii_lowercase().ends_with(".kfi") {
            say("file_name", "must end in `.kfi`");
        }
        if self.bom && self.encoding != Charset::Utf8 {
            say("bom", "is only for UTF-8");
        }
        for (list, tokens) in self.tokens.all() {
            for token in tokens {
                if let Err(error) = KfiWriter::new("\n").token(&self.filled(token)) {
                    say(&format!("tokens.{list}"), &format!("can't be written: {error}"));
                }
            }
        }
        if self.err_pattern.as_ref().is_some_and(|pattern| pattern.matches("{message}").count() != 1) {
            say("err_pattern", "must have {message} once");
        }
    }

    /// A token with the object id in its place.
    pub(crate) fn filled(&self, token: &str) -> String {
        token.replace("{object_id}", &self.object_id.to_string())
    }

    fn check_names(&self, wrong: &mut Wrong) {
        for section in [Section::Header, Section::Product, Section::Service, Section::Sundry] {
            let (listed, _) = self.section(section);
            let setting = format!("field_order.{}", section.name());
            for (index, name) in listed.iter().enumerate() {
                if listed.iter().take(index).any(|other| other == name) {
                    wrong.push((setting.clone(), format!("has `{name}` twice")));
                }
            }
            for (index, name) in self.fields(section).into_iter().enumerate() {
                if !is_name(name) {
                    let text = format!("has `{}`: a field's name has letters, digits and `_`", name.escape_debug());
                    wrong.push((setting.clone(), text));
                } else if index >= listed.len() && self.format == Format::Standard {
                    wrong.push((setting.clone(), format!("must list `{name}`: the standard format goes by position")));
                }
            }
        }
        if let Some(comment) = &self.comment_line {
            for (setting, name) in [("comment_line.element", &comment.element), ("comment_line.field", &comment.field)]
            {
                if !is_name(name) {
                    wrong.push((setting.to_owned(), "must have letters, digits and `_` only".to_owned()));
                }
            }
        }
    }

    fn check_values(&self, wrong: &mut Wrong) {
        if self.order_note == OrderNote::Field && self.note_field.is_none() {
            wrong.push(("note_field".to_owned(), "is needed with order_note = \"field\"".to_owned()));
        }
        if self.order_note == OrderNote::CommentLine && self.comment_line.is_none() {
            wrong.push(("comment_line".to_owned(), "is needed with order_note = \"comment-line\"".to_owned()));
        }
        self.check_overlaps(wrong);
        for (name, charge) in self.line_kind.all() {
            if charge.kind == ChargeKind::HeaderDiscount && name != "discount" {
                let text = "can't be `header-discount`: only discounts can".to_owned();
                wrong.push((format!("line_kind.{name}.kind"), text));
            }
        }
        let mut values: Vec<(String, &str)> = Vec::new();
        for section in [Section::Header, Section::Product, Section::Service, Section::Sundry] {
            let (_, fixed) = self.section(section);
            values
                .extend(fixed.iter().map(|(name, value)| (format!("fixed.{}.{name}", section.name()), value.as_str())));
        }
        let charges = self.line_kind.all();
        for (name, charge) in &charges {
            values.extend(charge.code.as_deref().map(|code| (format!("line_kind.{name}.code"), code)));
        }
        values.extend(self.default_customer.as_deref().map(|code| ("default_customer".to_owned(), code)));
        for (setting, value) in values {
            if let Some(problem) = self.problem(value) {
                wrong.push((setting, problem));
            }
        }
    }

    /// A field that tells whose order it is and which may hold nothing else.
    fn check_overlaps(&self, wrong: &mut Wrong) {
        let numbers: &[&str] = match self.order_number_field {
            OrderNumberField::Reference => &["reference"],
            OrderNumberField::Ordernumber => &["ordernumber"],
            OrderNumberField::Both => &["reference", "ordernumber"],
        };
        let taken = |name: &str| name == "customercode" || numbers.contains(&name);
        let note = self.note_field.as_deref().map(|name| ("note_field".to_owned(), name));
        let reference = self.buyer_reference_field.as_deref().map(|name| ("buyer_reference_field".to_owned(), name));
        for (setting, name) in note.into_iter().chain(reference).filter(|(_, name)| taken(name)) {
            wrong.push((setting, format!("can't be `{name}`, which identifies the order")));
        }
        if self.note_field.is_some() && self.note_field == self.buyer_reference_field {
            wrong.push(("note_field".to_owned(), "and `buyer_reference_field` can't be one field".to_owned()));
        }
        for name in self.fixed.header.keys().filter(|name| numbers.contains(&name.as_str())) {
            wrong.push((format!("fixed.header.{name}"), "can't be fixed: it holds the web order's number".to_owned()));
        }
    }

    /// Why a code from the settings or a table can't be written; none if it can. Such values are never changed.
    pub(crate) fn problem(&self, value: &str) -> Option<String> {
        if let Err(bad) = kfi::safe(&unmasked(value), self.form(), Unsafe::Refuse, "it", &mut Report::new()) {
            return Some(bad.problem);
        }
        if value.trim().is_empty() {
            return Some("is empty".to_owned());
        }
        let letter =
            value.chars().find(|letter| !self.encoding.has(*letter) || !orderdock_plugin::xml::holds(*letter))?;
        Some(format!("holds U+{:04X}, which {} can't hold", u32::from(letter), self.encoding.name()))
    }
}

/// A name that is good for XML and for a head row.
fn is_name(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_read_from_nothing() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        settings.check().unwrap();
        assert_eq!(settings, Settings::default());
    }

    #[test]
    fn nothing_takes_the_place_of_the_order_number() {
        for settings in [
            serde_json::json!({ "note_field": "reference" }),
            serde_json::json!({ "buyer_reference_field": "customercode" }),
            serde_json::json!({ "order_number_field": "both", "fixed": { "header": { "ordernumber": "1" } } }),
            serde_json::json!({ "note_field": "po", "buyer_reference_field": "po" }),
        ] {
            let read: Settings = serde_json::from_value(settings.clone()).unwrap();
            assert!(read.check().is_err(), "{settings}");
        }
        let free = serde_json::json!({ "buyer_reference_field": "ordernumber", "order_number_field": "reference" });
        serde_json::from_value::<Settings>(free).unwrap().check().unwrap();
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let settings: Settings = serde_json::from_value(serde_json::json!({
            "format": "standard",
            "file_name": "{order_number}.txt",
            "encoding": "windows-1252", "bom": true,
            "tokens": { "after_line": ["F9><F6"] },
            "err_pattern": "Error",
            "field_order": { "header": ["customercode", "customercode", "a b"] },
            "fixed": { "header": { "srep1": "W,B" }, "productline": {} },
            "order_note": "field",
            "line_kind": { "shipping": { "kind": "header-discount" }, "fee": { "code": "<F9>" } },
            "default_customer": " ",
        }))
        .unwrap();
        let refused = settings.check().unwrap_err();
        assert_eq!(refused.field.as_deref(), Some("settings.file_name"));
        for word in [
            "`file_name`",
            "`bom`",
            "tokens.after_line",
            "err_pattern",
            "twice",
            "`a b`",
            "must list `srep1`",
            "fixed.header.srep1",
            "note_field",
            "line_kind.shipping.kind",
            "line_kind.fee.code",
            "default_customer",
        ] {
            assert!(refused.message.contains(word), "{word}: {}", refused.message);
        }
    }
}
