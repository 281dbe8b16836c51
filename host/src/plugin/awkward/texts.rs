//! Awkward texts, in every place where an order has one.

use super::Awkward;
use crate::domain::Order;

/// What a text may be, with a name for it.
fn texts() -> Vec<(&'static str, String)> {
    let long = |piece: &str, characters: usize| piece.chars().cycle().take(characters).collect::<String>();
    vec![
        ("empty", String::new()),
        ("spaces only", "   \t ".to_owned()),
        ("control characters", "a\u{1}b\u{b}c\u{1f}d\u{7f}e\u{85}f".to_owned()),
        ("a NUL", "before\0after".to_owned()),
        ("line breaks of every kind", "one\ntwo\r\nthree\rfour\u{2028}five".to_owned()),
        ("emoji", "🎁 gift for 👩‍👩‍👧‍👦 in 🏴󠁧󠁢󠁳󠁣󠁴󠁿".to_owned()),
        ("right to left", "שלום עולם \u{202e}txt.exe\u{202c} مرحبا".to_owned()),
        ("combining marks", long("Z\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}", 400)),
        ("East Asian", "株式会社サンプル 東京都千代田区 ㈱".to_owned()),
        ("beyond the first plane", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠮷野家 \u{10fffd}".to_owned()),
        ("no characters at all", "\u{feff}\u{200b}\u{fffe}\u{ffff}\u{fdd0}".to_owned()),
        ("20,000 characters", long("The quick brown fox jumps over the lazy dog. ", 20_000)),
        ("20,000 wide characters", long("漢字🎁", 20_000)),
        ("one word of 5,000 characters", long("x", 5_000)),
        ("markup", "<script>alert(1)</script> &amp; ]]> <!-- --> <?xml?> <F9>".to_owned()),
        ("quotes", "O'Neill \"Best\" `Supplies` \\ \\n \\u0000 «x»".to_owned()),
        ("separators", "a,b;c|d\te:f=g&h~i^j*k'l+m".to_owned()),
        ("a spreadsheet formula", "=HYPERLINK(\"http://example.test\";\"click\")".to_owned()),
        ("a path", "../../etc/passwd\\..\\con.txt:stream".to_owned()),
        ("an SQL fragment", "'; drop table orders; --".to_owned()),
        ("JSON", "{\"total\": 0, \"a\": [1, 2, {}]}".to_owned()),
        ("placeholders", "${jndi:ldap://x} {{7*7}} %s %n %00 $(id) {0}".to_owned()),
        ("words that mean something to programs", "null".to_owned()),
        ("looks like a number", "-0.1e309".to_owned()),
        ("looks like a date", "31.02.2026".to_owned()),
    ]
}

/// Puts one into an order.
type Puts = fn(&mut Order, &str);

/// Where a text may be: the places that plugins treat alike together.
const PLACES: [(&str, Puts); 9] = [
    ("the order's number and ids", |order, text| {
        order.shop_order_id = text.to_owned();
        order.order_number = text.to_owned();
    }),
    ("names", |order, text| {
        for buyer in [&mut order.buyer.company, &mut order.buyer.first_name, &mut order.buyer.last_name] {
            *buyer = text.to_owned();
        }
        for address in order.billing_address.iter_mut().chain(&mut order.delivery_addresses) {
            address.company = text.to_owned();
            address.first_name = text.to_owned();
            address.last_name = text.to_owned();
        }
    }),
    ("addresses", |order, text| {
        for address in order.billing_address.iter_mut().chain(&mut order.delivery_addresses) {
            address.street = vec![text.to_owned(), text.to_owned()];
            for field in [&mut address.city, &mut address.region, &mut address.postal_code] {
                *field = text.to_owned();
            }
        }
    }),
    ("e-mail, phone and codes", |order, text| {
        for field in [&mut order.buyer.email, &mut order.buyer.phone] {
            *field = text.to_owned();
        }
        for field in [&mut order.buyer.customer_id, &mut order.buyer.account_code, &mut order.buyer.tax_number] {
            *field = Some(text.to_owned());
        }
        for address in order.billing_address.iter_mut().chain(&mut order.delivery_addresses) {
            address.code = Some(text.to_owned());
            address.email = text.to_owned();
            address.phone = text.to_owned();
        }
    }),
    ("lines", |order, text| {
        for line in &mut order.lines {
            line.description = text.to_owned();
            line.note = text.to_owned();
            line.unit = Some(text.to_owned());
            line.options = vec![(text.to_owned(), text.to_owned())];
        }
    }),
    ("article and tax codes", |order, text| {
        for line in &mut order.lines {
            line.sku = Some(text.to_owned());
            line.tax_code = Some(text.to_owned());
            line.kind_text = Some(text.to_owned());
        }
    }),
    ("notes and references", |order, text| {
        for field in [&mut order.buyer_note, &mut order.staff_note, &mut order.buyer_reference] {
            *field = text.to_owned();
        }
        for payment in &mut order.payments {
            payment.method = text.to_owned();
            payment.title = text.to_owned();
            payment.reference = text.to_owned();
        }
    }),
    ("the shop's own fields", |order, text| {
        order.custom_fields = vec![(text.to_owned(), text.to_owned()), (text.to_owned(), String::new())];
        order.channel = text.to_owned();
        order.location = text.to_owned();
        order.status = text.to_owned();
    }),
    ("countries and currency", |order, text| {
        order.currency = text.to_owned();
        for address in order.billing_address.iter_mut().chain(&mut order.delivery_addresses) {
            address.country = text.to_owned();
        }
    }),
];

/// Each text in each place.
pub(super) fn orders() -> Vec<Awkward> {
    let texts = texts();
    PLACES
        .iter()
        .flat_map(|(place, put)| {
            texts.iter().map(move |(name, text)| Awkward::of(format!("{place}: {name}"), |order| put(order, text)))
        })
        .collect()
}
