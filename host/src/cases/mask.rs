//! Personal data out of a captured order, by rule: names, companies, addresses, e-mail, phones, tax numbers, references and
//! notes. The mask keeps what mappings stumble over: lengths, upper and lower case, digits as digits, spaces and
//! punctuation, accents, control characters, and letters beyond Latin as other letters of the same script. Equal words
//! become equal words, so that what was the same before is the same after.

use sha2::{Digest as _, Sha256};

use crate::domain::Order;

/// An order without personal data.
#[derive(Debug)]
pub struct Masked {
    /// It.
    pub order: Order,
    /// What was masked, as field paths.
    pub fields: Vec<String>,
    /// Free texts that were left, as field paths: a person looks at them.
    pub left: Vec<String>,
    mask: Mask,
    /// Texts that were masked and what they became, longest first.
    known: Vec<(String, String)>,
}

impl Masked {
    /// The order as it is.
    #[must_use]
    pub fn nothing(order: &Order) -> Self {
        let mask = Mask { salt: String::new() };
        Self { order: order.clone(), fields: Vec::new(), left: Vec::new(), mask, known: Vec::new() }
    }

    /// Another text, such as an answer of the ERP, with the same words masked in it.
    #[must_use]
    pub fn text(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

/// Masks an order. `salt` makes the words of one order hard to guess; the same salt gives the same words. Fields in `keep`
/// (paths, or the beginning of paths) stay as they are.
#[must_use]
pub fn mask(order: &Order, salt: &str, keep: &[String]) -> Masked {
    let mut masked = Masked {
        order: order.clone(),
        fields: Vec::new(),
        left: Vec::new(),
        mask: Mask { salt: salt.to_owned() },
        known: Vec::new(),
    };
    let mut order = order.clone();
    let raw = std::mem::take(&mut order.raw_json);
    each_personal(&mut order, &mut |path, text| {
        let kept = keep.iter().any(|wanted| path == *wanted || path.starts_with(&format!("{wanted}.")));
        if text.is_empty() || kept {
            return;
        }
        let became = masked.mask.text(text);
        masked.known.push((std::mem::replace(text, became.clone()), became));
        masked.fields.push(path);
    });
    // Short ones would be found inside of other words.
    masked.known.retain(|(from, to)| from.chars().count() >= 3 && from != to);
    masked.known.sort_by_key(|(from, _)| std::cmp::Reverse(from.len()));
    masked.known.dedup();
    let mut left = Vec::new();
    for (name, value) in &mut order.custom_fields {
        let personal = is_personal(name) && !keep.iter().any(|wanted| wanted == "custom_fields");
        let became = if personal { masked.mask.text(value) } else { masked.text(value) };
        if became != *value {
            masked.fields.push(format!("custom_fields.{name}"));
            *value = became;
        } else if !value.is_empty() {
            left.push(format!("custom_fields.{name}"));
        }
    }
    left.extend((0..order.lines.len()).filter_map(|index| {
        let options = order.lines.get(index).is_some_and(|line| !line.options.is_empty());
        options.then(|| format!("lines[{index}].options"))
    }));
    if !raw.is_empty() && !keep.iter().any(|wanted| wanted == "raw_json") {
        order.raw_json = masked.raw(&raw);
        masked.fields.push("raw_json".to_owned());
    } else {
        order.raw_json = raw;
    }
    masked.left = left;
    masked.order = order;
    masked
}

/// Shows every personal text of an order with its path.
fn each_personal(order: &mut Order, look: &mut dyn FnMut(String, &mut String)) {
    let buyer = &mut order.buyer;
    for (name, text) in [
        ("company", &mut buyer.company),
        ("first_name", &mut buyer.first_name),
        ("last_name", &mut buyer.last_name),
        ("email", &mut buyer.email),
        ("phone", &mut buyer.phone),
    ] {
        look(format!("buyer.{name}"), text);
    }
    if let Some(number) = &mut buyer.tax_number {
        look("buyer.tax_number".to_owned(), number);
    }
    let addresses = order.billing_address.iter_mut().map(|address| ("billing_address".to_owned(), address)).chain(
        order.delivery_addresses.iter_mut().enumerate().map(|(index, it)| (format!("delivery_addresses[{index}]"), it)),
    );
    for (place, address) in addresses {
        for (name, text) in [
            ("company", &mut address.company),
            ("first_name", &mut address.first_name),
            ("last_name", &mut address.last_name),
            ("city", &mut address.city),
            ("postal_code", &mut address.postal_code),
            ("phone", &mut address.phone),
            ("email", &mut address.email),
        ] {
            look(format!("{place}.{name}"), text);
        }
        for (index, line) in address.street.iter_mut().enumerate() {
            look(format!("{place}.street[{index}]"), line);
        }
    }
    for (index, line) in order.lines.iter_mut().enumerate() {
        look(format!("lines[{index}].note"), &mut line.note);
    }
    for (index, payment) in order.payments.iter_mut().enumerate() {
        look(format!("payments[{index}].reference"), &mut payment.reference);
    }
    for (name, text) in [
        ("buyer_reference", &mut order.buyer_reference),
        ("buyer_note", &mut order.buyer_note),
        ("staff_note", &mut order.staff_note),
    ] {
        look(name.to_owned(), text);
    }
}

/// Names of personal fields in a shop's own JSON, without `_` and `-`, in lower case; longer names that begin so too.
const PERSONAL: [&str; 30] = [
    "firstname",
    "lastname",
    "fullname",
    "displayname",
    "username",
    "nickname",
    "surname",
    "givenname",
    "familyname",
    "company",
    "email",
    "mail",
    "phone",
    "telephone",
    "mobile",
    "fax",
    "address",
    "street",
    "city",
    "postcode",
    "postal",
    "zip",
    "note",
    "comment",
    "customernote",
    "customerip",
    "useragent",
    "birth",
    "vatnumber",
    "iban",
];

fn is_personal(name: &str) -> bool {
    let flat: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    PERSONAL.iter().any(|start| flat.starts_with(start) || flat.ends_with(start)) || flat == "ip" || flat == "taxnumber"
}

impl Masked {
    /// The shop's own JSON: the values of personal fields, and what was masked elsewhere, wherever it stands. Numbers, order
    /// and spaces stay as they are, and so does a text that is no JSON at all.
    fn raw(&self, raw: &str) -> String {
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        let mut key = String::new();
        while let Some(at) = rest.find('"') {
            let (before, string) = rest.split_at(at);
            out.push_str(before);
            let Some(length) = literal(string) else { break };
            let (text, after) = string.split_at(length);
            if after.trim_start().starts_with(':') {
                key = text.trim_matches('"').to_owned();
                out.push_str(text);
            } else {
                out.push_str(&self.value(&key, text));
            }
            rest = after;
        }
        out + rest
    }

    fn value(&self, key: &str, literal: &str) -> String {
        let Ok(text) = serde_json::from_str::<String>(literal) else { return self.text(literal) };
        let became = if is_personal(key) { self.mask.text(&text) } else { self.text(&text) };
        // What did not change keeps its own spelling.
        if became == text { literal.to_owned() } else { serde_json::Value::String(became).to_string() }
    }
}

/// Length of the JSON string at the beginning of a text, with its quotes.
fn literal(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at.saturating_add(1)),
            _ => {}
        }
    }
    None
}

/// The rule for one text.
#[derive(Debug)]
struct Mask {
    salt: String,
}

impl Mask {
    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut word = String::new();
        // The last part of an address of mail or web is kept: checks look at it.
        let kept = text.contains('@').then(|| text.rfind('.')).flatten();
        for (at, letter) in text.char_indices() {
            if letter.is_alphanumeric() && kept.is_none_or(|dot| at < dot) {
                word.push(letter);
                continue;
            }
            self.word(&std::mem::take(&mut word), &mut out);
            out.push(letter);
        }
        self.word(&word, &mut out);
        out
    }

    fn word(&self, word: &str, out: &mut String) {
        if word.is_empty() {
            return;
        }
        let mut seed = Sha256::new();
        seed.update(&self.salt);
        seed.update([0]);
        seed.update(word.to_lowercase());
        let seed = seed.finalize();
        let pick = |index: usize| u32::from(seed.get(index % 32).copied().unwrap_or_default()) + index as u32;
        for (index, letter) in word.chars().enumerate() {
            out.push(other(letter, pick(index)));
        }
    }
}

/// Another character of the same kind and the same length in UTF-8.
fn other(letter: char, pick: u32) -> char {
    let from = |first: u8, count: u32| char::from(first.saturating_add(u8::try_from(pick % count).unwrap_or(0)));
    match letter {
        'a'..='z' => from(b'a', 26),
        'A'..='Z' => from(b'A', 26),
        '0'..='9' => from(b'0', 10),
        // Accents, umlauts and the like say little about a person and much to a mapping.
        '\u{80}'..='\u{24f}' => letter,
        _ => {
            let neighbour = char::from_u32((letter as u32 & !0x1f) | (pick & 0x1f));
            neighbour.filter(|found| found.is_alphanumeric() && found.len_utf8() == letter.len_utf8()).unwrap_or(letter)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Order {
        serde_json::from_value(serde_json::json!({
            "shop_order_id": "7", "order_number": "WEB-7", "placed_at": "2026-01-02T03:04:05Z", "currency": "EUR",
            "buyer": {"first_name": "Jürgen", "last_name": "Müller", "email": "j.mueller@example.org", "phone": "+49 170 1234567"},
            "billing_address": {"company": "Müller & Søn\u{8} <Ltd>", "street": ["Hauptstraße 5"], "city": "Köln", "country": "DE"},
            "lines": [{"id": "1", "quantity": "1", "sku": "MUG", "note": "for 王小明"}], "totals": {"gross": "12.90"},
            "custom_fields": [["delivery-slot", "AM"], ["contact-phone", "555"]],
            "raw_json": "{\"billing\": {\"first_name\": \"J\\u00fcrgen\", \"x\": \"Dear M\u{fc}ller\"}, \"total\": 12.90, \"items\": [{\"sku\": \"MUG\"}]}"
        }))
        .unwrap()
    }

    #[test]
    fn nothing_personal_is_left_and_what_matters_stays() {
        let order = order();
        let masked = mask(&order, "salt", &[]);
        let text = serde_json::to_string(&masked.order).unwrap();
        for personal in ["rgen", "ller", "mueller", "1234567", "Hauptstra", "王小明", "555"] {
            assert!(!text.contains(personal), "{personal} is still in {text}");
        }
        let company = &masked.order.billing_address.as_ref().unwrap().company;
        let before = &order.billing_address.as_ref().unwrap().company;
        assert_eq!(company.len(), before.len());
        assert!(company.contains('\u{8}') && company.contains("& ") && company.contains('ø') && company.contains('<'));
        assert!(masked.order.buyer.email.ends_with(".org") && masked.order.buyer.email.contains('@'));
        // The same word is the same word.
        assert!(company.starts_with(masked.order.buyer.last_name.as_str()));
        assert_eq!(masked.order.lines[0].sku.as_deref(), Some("MUG"));
        assert_eq!(masked.left, ["custom_fields.delivery-slot"]);
        assert!(masked.order.raw_json.contains("12.90") && masked.order.raw_json.contains("\"sku\": \"MUG\""));
        assert!(masked.fields.contains(&"buyer.phone".to_owned()));
        assert_eq!(masked.text("unknown buyer Müller"), format!("unknown buyer {}", masked.order.buyer.last_name));
    }

    #[test]
    fn the_same_order_gives_the_same_words_and_another_salt_others() {
        let order = order();
        let one = mask(&order, "a", &[]).order;
        assert_eq!(one, mask(&order, "a", &[]).order);
        assert_ne!(one.buyer.last_name, mask(&order, "b", &[]).order.buyer.last_name);
        let kept = mask(&order, "a", &["buyer.last_name".to_owned()]).order;
        assert_eq!(kept.buyer.last_name, "Müller");
    }
}
