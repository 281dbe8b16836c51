//! Statements for PostgreSQL, many in one message.
//!
//! A statement with bound values is a way to the server and back by itself, and that costs both sides more than most of the
//! statements do. So the server is given each text once for a connection (`prepare`), and a message names them one after the
//! other with their values as literals (`execute`): a whole transaction, from its `begin` to its `commit`, is one way there and
//! back. Behind a pooler, where the next transaction may meet another session, the texts go themselves, with their values in.

use std::{collections::HashMap, fmt::Write as _};

use super::{
    database::Value,
    dialect::{self, each_part},
};

/// One statement for one or more rows.
pub struct Far<'a> {
    /// Its text, for one row.
    pub sql: &'a str,
    /// The values of each row.
    pub rows: Vec<&'a [Value]>,
    /// It is a guard: the message breaks off there unless it changes as many rows.
    pub guard: bool,
}

/// The texts that a connection has given its server.
#[derive(Default)]
pub struct Texts {
    /// By whether they are for many rows, and whether they are guards.
    known: [HashMap<String, Known>; 4],
    count: usize,
    named: u64,
}

/// A text that the server was given.
struct Known {
    /// Its name there; without one, it goes itself.
    name: Option<String>,
    text: String,
}

/// A connection keeps no more of them. There are some hundred.
const MOST: usize = 512;

impl Texts {
    /// Makes room before a message; `before` takes from the server what it need not keep any more.
    pub fn make_room(&mut self, before: &mut String) {
        if self.count >= MOST {
            let names = self.known.iter().flat_map(HashMap::values).filter_map(|known| known.name.as_ref());
            names.for_each(|name| {
                let _ = writeln!(before, "deallocate {name};");
            });
            self.forget();
        }
    }

    /// Adds a statement to `message`, and to `before` what the server has to be told first.
    pub fn add(&mut self, far: &Far<'_>, pooled: bool, before: &mut String, message: &mut String) {
        let many = far.rows.len() > 1 && goes_over_rows(far.sql);
        let Some(kind) = self.known.get_mut(usize::from(many) + 2 * usize::from(far.guard)) else { return };
        if !kind.contains_key(far.sql) {
            let text = whole(far, many);
            let name = (!pooled).then(|| {
                self.named += 1;
                let name = format!("od_{}", self.named);
                prepare(&name, &text, far, many, before);
                name
            });
            self.count += 1;
            kind.insert(far.sql.to_owned(), Known { name, text });
        }
        let Some(known) = kind.get(far.sql) else { return };
        let values = |number: usize, typed: bool, into: &mut String| match far.rows.first() {
            Some(first) if number == first.len() + 1 => write_int(far.rows.len() as u64, into),
            Some(_) if many => array(far.rows.iter().filter_map(|row| row.get(number.checked_sub(1)?)), into),
            Some(first) => {
                if let Some(value) = number.checked_sub(1).and_then(|at| first.get(at)) {
                    literal(value, typed, into);
                }
            }
            None => {}
        };
        match &known.name {
            None => each_part(&known.text, message, |number, into| values(number, true, into)),
            Some(name) => {
                message.push_str("execute ");
                message.push_str(name);
                let count = far.rows.first().map_or(0, |row| row.len()) + usize::from(far.guard);
                for number in 1..=count {
                    message.push(if number == 1 { '(' } else { ',' });
                    values(number, false, message);
                }
                message.push_str(if count == 0 { "" } else { ")" });
            }
        }
        message.push_str(";\n");
    }

    /// Gives all texts anew, under new names: what the server was told is stale, or it may not know it.
    pub fn forget(&mut self) {
        self.known.iter_mut().for_each(HashMap::clear);
        self.count = 0;
    }
}

/// Whether a text can be made over for many rows; others are only ever given one.
pub fn goes_over_rows(sql: &str) -> bool {
    !["with", "select"].iter().any(|word| sql.trim_start().starts_with(word))
}

/// A statement's text as the server is given it.
fn whole(far: &Far<'_>, many: bool) -> String {
    let own = dialect::postgres(far.sql);
    let columns = far.rows.first().copied().unwrap_or_default();
    let text = match many {
        false => own.into_owned(),
        true => {
            let (mut table, mut names) = (String::from("unnest("), String::from("r ("));
            for (index, value) in columns.iter().enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                let _ = write!(table, "{comma}${}::{}[]", index + 1, kind(value));
                let _ = write!(names, "{comma}column{}", index + 1);
            }
            dialect::over_rows(&own, &format!("{table}) as {names})"))
        }
    };
    match far.guard {
        false => text,
        true => dialect::guarded(&text, columns.len() + 1),
    }
}

fn prepare(name: &str, text: &str, far: &Far<'_>, many: bool, into: &mut String) {
    let _ = write!(into, "prepare {name}");
    let list = if many { "[]" } else { "" };
    let kinds = far.rows.first().copied().unwrap_or_default().iter().map(|value| format!("{}{list}", kind(value)));
    let kinds: Vec<String> = kinds.chain(far.guard.then(|| "bigint".to_owned())).collect();
    if !kinds.is_empty() {
        let _ = write!(into, " ({})", kinds.join(", "));
    }
    let _ = writeln!(into, " as {text};");
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Int(_) => "bigint",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytea",
    }
}

/// Writes a statement with its values as literals.
pub fn inline(sql: &str, values: &[Value], into: &mut String) {
    each_part(sql, into, |number, into| {
        if let Some(value) = number.checked_sub(1).and_then(|at| values.get(at)) {
            literal(value, true, into);
        }
    });
}

fn write_int(it: impl std::fmt::Display, into: &mut String) {
    let _ = write!(into, "{it}");
}

/// A value as a literal that no text can break out of: `standard_conforming_strings` is checked when we connect. Where a
/// statement is executed by its name its kind is known.
fn literal(value: &Value, typed: bool, into: &mut String) {
    match value {
        Value::Int(Some(it)) if typed => {
            // In brackets: a minus behind a minus would begin a comment.
            let _ = write!(into, "({it})");
        }
        Value::Int(Some(it)) => write_int(it, into),
        Value::Text(Some(it)) => quoted(it, into),
        Value::Bytes(Some(it)) => {
            into.push_str("'\\x");
            into.push_str(&hex::encode(it));
            into.push('\'');
        }
        Value::Int(None) | Value::Text(None) | Value::Bytes(None) => into.push_str("null"),
    }
    if typed {
        let _ = write!(into, "::{}", kind(value));
    }
}

fn quoted(text: &str, into: &mut String) {
    into.push('\'');
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '\0']) {
        let (plain, from) = rest.split_at(at);
        into.push_str(plain);
        into.push_str(if from.starts_with('\'') { "''" } else { "\u{fffd}" });
        rest = from.get(1..).unwrap_or_default();
    }
    into.push_str(rest);
    into.push('\'');
}

/// The values of a column as a literal of an array
/// (<https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>).
fn array<'a>(column: impl Iterator<Item = &'a Value>, into: &mut String) {
    let mut text = String::from("{");
    for (index, value) in column.enumerate() {
        if index > 0 {
            text.push(',');
        }
        match value {
            Value::Int(Some(it)) => write_int(it, &mut text),
            Value::Text(Some(it)) => {
                text.push('"');
                for character in it.chars() {
                    if matches!(character, '"' | '\\') {
                        text.push('\\');
                    }
                    text.push(character);
                }
                text.push('"');
            }
            Value::Bytes(Some(it)) => {
                text.push_str("\"\\\\x");
                text.push_str(&hex::encode(it));
                text.push('"');
            }
            Value::Int(None) | Value::Text(None) | Value::Bytes(None) => text.push_str("null"),
        }
    }
    text.push('}');
    quoted(&text, into);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::sql::database::values_of;

    #[test]
    fn a_literal_can_not_be_broken_out_of() {
        let mut sql = String::new();
        let values = values_of![-5_i64, "it's $2; '' \\' --\0", &[0_u8, 255][..], None::<i64>, None::<&str>];
        inline("update a set b = b -$1, c = $2, d = $3, e = $4, f = $5", &values, &mut sql);
        assert_eq!(
            sql,
            "update a set b = b -(-5)::bigint, c = 'it''s $2; '''' \\'' --\u{fffd}'::text, d = '\\x00ff'::bytea, \
             e = null::bigint, f = null::text"
        );
    }

    #[test]
    fn a_text_is_prepared_once_and_executed_by_its_name() {
        let mut texts = Texts::default();
        let one = values_of![7_i64, "it's", None::<&str>];
        let two = values_of![-8_i64, "\"\\ null", Some("x")];
        let sql = "update a set b = $2, c = $3 where d = $1";
        let message = |texts: &mut Texts, rows: Vec<&[Value]>, guard, pooled| {
            let (mut before, mut message) = (String::new(), String::new());
            texts.add(&Far { sql, rows, guard }, pooled, &mut before, &mut message);
            (before, message)
        };
        assert_eq!(
            message(&mut texts, vec![&one], false, false),
            (
                "prepare od_1 (bigint, text, text) as update a set b = $2, c = $3 where d = $1;\n".to_owned(),
                "execute od_1(7,'it''s',null);\n".to_owned()
            )
        );
        assert_eq!(message(&mut texts, vec![&one], false, false).0, "");
        assert_eq!(
            message(&mut texts, vec![&one, &two], true, false),
            (
                "prepare od_2 (bigint[], text[], text[], bigint) as with moved as (update a set b = r.column2, c = \
                 r.column3 from unnest($1::bigint[], $2::text[], $3::text[]) as r (column1, column2, column3) where d = \
                 r.column1 returning 1) select 1 / (case when (select count(*) from moved) = $4 then 1 else 0 end) as \
                 held;\n"
                    .to_owned(),
                "execute od_2('{7,-8}','{\"it''s\",\"\\\"\\\\ null\"}','{null,\"x\"}',2);\n".to_owned()
            )
        );
        let pooled = message(&mut Texts::default(), vec![&one], false, true);
        assert_eq!(
            pooled,
            (String::new(), "update a set b = 'it''s'::text, c = null::text where d = (7)::bigint;\n".to_owned())
        );
    }
}
