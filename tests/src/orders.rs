//! Orders for the fakes: generated ones that are awkward in every everyday way, and three captured from real shops.

use serde_json::{Map, Value, json};

use crate::shop::ShopKind;

/// Companies as they really are.
const COMPANIES: &[&str] = &[
    "Müller & Søn <Ltd>",
    "O'Neill \"Best\" Supplies",
    "Société Générale de Fournitures Industrielles & Agricoles SA",
    "株式会社サンプル",
    "Acme, Inc.",
    "",
    "Ärzte-Bedarf GmbH & Co. KG",
    "Smith <script>alert(1)</script>",
];
const NAMES: &[(&str, &str)] = &[
    ("Jörg", "O'Neill"),
    ("Zoë", "Ångström"),
    ("Anne-Marie", "de la Cruz"),
    ("José", "Núñez"),
    ("Łukasz", "Żółć"),
    ("李", "小龍"),
    ("X Æ", "A-12"),
];
const STREETS: &[(&str, &str, &str, &str, &str)] = &[
    ("Straße 1", "Köln", "", "50667", "DE"),
    ("12 High St\u{b}Unit 4", "Dubbo", "NSW", "2830", "AU"),
    ("Rue de l'Église, 5 <bât. B>", "Liège", "", "4000", "BE"),
    ("P.O. Box 7 & 8", "Wagga Wagga", "NSW", "2650", "AU"),
    ("1 Infinite Loop", "Cupertino", "CA", "95014", "US"),
];
const NOTES: &[&str] = &[
    "",
    "Please leave at the door 🚪, thanks!",
    "Call first: 0400 000 000, ask for \"Jo\"",
    "<F9> then press Enter, please",
    "line one\nline two\r\nline three\ttabbed",
    "€ 5 off was promised, see e-mail; \u{b}really",
    "{\"looks\": \"like json\"} ]]> &amp; </Note>",
    "=HYPERLINK(\"http://example.test\")",
];
const PRODUCTS: &[(&str, &str, i64)] = &[
    ("MUG-RED", "Mug, red", 1299),
    ("BOOK/1", "The \"Big\" Book & More", 2140),
    ("ÄÖÜ-9", "Schraube M8 × 20 mm", 7),
    ("A,B;C", "Comma, semicolon; and 'quotes'", 999_999),
    ("PEN 0.5", "Pen <fine>", 150),
    ("GIFT🎁", "Gift box 🎁", 495),
    ("0012", "Leading zeros", 1),
];

/// SplitMix64: small, seeded, the same on every machine.
pub struct Dice(u64);

impl Dice {
    /// A die with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `count`, which is not 0.
    pub fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap_or(0)
    }

    /// One of them; there must be one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// One article of an order; amounts in cents.
#[derive(Clone, Debug)]
pub struct Item {
    /// Article code.
    pub sku: String,
    /// Name.
    pub name: String,
    /// How many.
    pub quantity: i64,
    /// Price of one without tax, cents.
    pub price: i64,
    /// Reduction of the line, cents.
    pub discount: i64,
}

impl Item {
    fn before(&self) -> i64 {
        self.quantity * self.price
    }
    fn after(&self) -> i64 {
        self.before() - self.discount
    }
}

/// A person's address.
#[derive(Clone, Debug)]
pub struct Person {
    /// Company.
    pub company: String,
    /// Given name.
    pub first: String,
    /// Family name.
    pub last: String,
    /// Street.
    pub street: String,
    /// City.
    pub city: String,
    /// State.
    pub state: String,
    /// Postal code.
    pub postcode: String,
    /// Country.
    pub country: String,
    /// E-mail.
    pub email: String,
}

/// An order in nobody's shape.
#[derive(Clone, Debug)]
pub struct Plain {
    /// Place in the run, from 0.
    pub index: usize,
    /// Number, where the shop has its own numbers.
    pub number: Option<String>,
    /// Buyer and address.
    pub buyer: Person,
    /// Lines.
    pub items: Vec<Item>,
    /// Delivery, cents.
    pub shipping: i64,
    /// Tax in percent.
    pub tax_percent: i64,
    /// Reduction of the whole order, cents. EvolutionX only: WooCommerce spreads it over the lines.
    pub discount: i64,
    /// The buyer's note.
    pub note: String,
    /// The buyer's reference.
    pub reference: String,
    /// Currency.
    pub currency: String,
}

/// Cents as the shops write them.
#[must_use]
pub fn money(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", (cents / 100).abs(), (cents % 100).abs())
}

/// Makes orders: the same seed gives the same orders.
#[must_use]
pub fn generate(seed: u64, count: usize) -> Vec<Plain> {
    let mut dice = Dice(seed ^ 0x5eed);
    (0..count).map(|index| plain(&mut dice, index)).collect()
}

fn plain(dice: &mut Dice, index: usize) -> Plain {
    let (first, last) = *dice.pick(NAMES);
    let (street, city, state, postcode, country) = *dice.pick(STREETS);
    let lines = match index % 25 {
        7 => 60,
        _ => 1 + dice.below(8),
    };
    let items = (0..lines)
        .map(|_| {
            let (sku, name, price) = *dice.pick(PRODUCTS);
            let quantity = 1 + i64::try_from(dice.below(12)).unwrap_or(0);
            let discount = if dice.below(4) == 0 { quantity * price / 10 } else { 0 };
            Item { sku: sku.to_owned(), name: name.to_owned(), quantity, price, discount }
        })
        .collect();
    Plain {
        index,
        number: None,
        buyer: Person {
            company: (*dice.pick(COMPANIES)).to_owned(),
            first: first.to_owned(),
            last: last.to_owned(),
            street: street.to_owned(),
            city: city.to_owned(),
            state: state.to_owned(),
            postcode: postcode.to_owned(),
            country: country.to_owned(),
            email: format!("buyer{index}@example.test"),
        },
        items,
        shipping: *dice.pick(&[0, 500, 1250, 9995]),
        tax_percent: *dice.pick(&[0, 10, 19, 20]),
        discount: if dice.below(6) == 0 { 100 } else { 0 },
        note: (*dice.pick(NOTES)).to_owned(),
        reference: if dice.below(3) == 0 { format!("PO {}/{}", index, dice.below(1000)) } else { String::new() },
        currency: (*dice.pick(&["AUD", "EUR", "USD", "GBP"])).to_owned(),
    }
}

impl Plain {
    fn tax_of(&self, cents: i64) -> i64 {
        (cents * self.tax_percent + 50) / 100
    }

    /// What the buyer pays, cents, in the EvolutionX shape.
    #[must_use]
    pub fn total_evo(&self) -> i64 {
        let goods: i64 = self.items.iter().map(Item::after).sum();
        goods + self.shipping - self.discount + self.tax_evo()
    }

    fn tax_evo(&self) -> i64 {
        self.items.iter().map(|item| self.tax_of(item.after())).sum::<i64>() + self.tax_of(self.shipping)
    }

    /// The order in a shop's shape, without what the shop itself adds (id, status, dates).
    #[must_use]
    pub fn body(&self, shop: ShopKind) -> Value {
        match shop {
            ShopKind::Evo => self.evo(),
            ShopKind::Woo => self.woo(),
        }
    }

    fn evo(&self) -> Value {
        let buyer = &self.buyer;
        let address = json!({
            "company": buyer.company, "first_name": buyer.first, "last_name": buyer.last, "address1": buyer.street, "address2": "",
            "city": buyer.city, "state": buyer.state, "postcode": buyer.postcode, "country": buyer.country, "phone": "+49 30 1",
        });
        let lines: Vec<Value> = self
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                json!({
                    "id": index + 1, "sku": item.sku, "name": item.name, "quantity": item.quantity, "unit": "each",
                    "price": money(item.price), "discount": money(item.discount), "tax_rate": self.tax_percent.to_string(),
                    "tax": money(self.tax_of(item.after())), "total": money(item.after()), "note": "",
                })
            })
            .collect();
        let goods: i64 = self.items.iter().map(Item::after).sum();
        let mut body = json!({
            "customer": {
                "id": 500 + self.index, "name": format!("{} {}", buyer.first, buyer.last), "company": buyer.company,
                "email": buyer.email, "account_number": format!("ACC{:04}", self.index % 10_000),
            },
            "po_reference": self.reference, "note": self.note, "currency": self.currency,
            "subtotal": money(goods), "shipping_amount": money(self.shipping), "shipping_tax": money(self.tax_of(self.shipping)),
            "discount": money(self.discount), "tax": money(self.tax_evo()), "total": money(self.total_evo()),
            "shipping_method": "FLAT", "shipping_method_name": "Flat rate", "source": "storefront",
            "payment_status": "paid", "payment_method": "card", "payment_reference": format!("pay_{}", self.index),
            "billing_address": address, "shipping_address": address, "lines": lines,
        });
        if let Some(number) = &self.number {
            body["order_number"] = json!(number);
        }
        body
    }

    fn woo(&self) -> Value {
        let buyer = &self.buyer;
        let address = json!({
            "first_name": buyer.first, "last_name": buyer.last, "company": buyer.company, "address_1": buyer.street, "address_2": "",
            "city": buyer.city, "state": buyer.state, "postcode": buyer.postcode, "country": buyer.country, "phone": "+49 30 1",
        });
        let mut billing = address.clone();
        billing["email"] = json!(buyer.email);
        let taxes = |cents: i64| {
            if self.tax_percent == 0 {
                json!([])
            } else {
                json!([{"id": 1, "total": money(cents), "subtotal": money(cents)}])
            }
        };
        let lines: Vec<Value> = self
            .items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                #[expect(clippy::cast_precision_loss, reason = "the real shop serves this price through a float too")]
                let price = item.after() as f64 / 100.0 / item.quantity as f64;
                json!({
                    "id": 100 * self.index + index + 1, "name": item.name, "product_id": 10 + index, "variation_id": 0, "quantity": item.quantity,
                    "tax_class": "", "subtotal": money(item.before()), "subtotal_tax": money(self.tax_of(item.before())),
                    "total": money(item.after()), "total_tax": money(self.tax_of(item.after())), "taxes": taxes(self.tax_of(item.after())),
                    "meta_data": [], "sku": item.sku, "price": price, "image": {"id": "", "src": ""}, "parent_name": null,
                })
            })
            .collect();
        let goods: i64 = self.items.iter().map(Item::after).sum();
        let tax = self.items.iter().map(|item| self.tax_of(item.after())).sum::<i64>() + self.tax_of(self.shipping);
        let discount: i64 = self.items.iter().map(|item| item.discount).sum();
        let tax_lines = if self.tax_percent == 0 {
            json!([])
        } else {
            json!([{"id": 77, "rate_code": "TAX-1", "rate_id": 1, "label": "Tax", "compound": false, "tax_total": money(tax),
                "shipping_tax_total": money(self.tax_of(self.shipping)), "rate_percent": self.tax_percent, "meta_data": []}])
        };
        let mut body = json!({
            "parent_id": 0, "currency": self.currency, "version": "7.9.0", "prices_include_tax": false,
            "discount_total": money(discount), "discount_tax": "0.00", "shipping_total": money(self.shipping),
            "shipping_tax": money(self.tax_of(self.shipping)), "cart_tax": money(tax - self.tax_of(self.shipping)),
            "total": money(goods + self.shipping + tax), "total_tax": money(tax), "customer_id": 0, "order_key": "wc_order_DUMMY",
            "billing": billing, "shipping": address, "payment_method": "bacs", "payment_method_title": "Bank", "transaction_id": "",
            "created_via": "checkout", "customer_note": self.note, "date_completed": null, "date_completed_gmt": null,
            "date_paid": "2026-11-22T02:19:18", "date_paid_gmt": "2026-11-22T01:19:18", "meta_data": [], "line_items": lines,
            "tax_lines": tax_lines,
            "shipping_lines": [{"id": 9, "method_title": "Flat", "method_id": "flat_rate", "instance_id": "", "total": money(self.shipping),
                "total_tax": money(self.tax_of(self.shipping)), "taxes": [], "meta_data": []}],
            "fee_lines": [], "coupon_lines": [], "refunds": [], "is_editable": false, "needs_payment": false, "needs_processing": true,
            "currency_symbol": "",
        });
        if !self.reference.is_empty() {
            body["meta_data"] = json!([{"id": 5, "key": "po_number", "value": self.reference}]);
        }
        if let Some(number) = &self.number {
            body["number"] = json!(number);
        }
        body
    }
}

/// The three orders captured from real shops (WooCommerce 7.9.0, Vendure 3.6.3, Medusa 2.15.2), converted by hand into a
/// shape that the fake serves. Names and amounts are the captured ones.
///
/// # Panics
/// When a committed file is not JSON.
#[must_use]
pub fn captured(shop: ShopKind) -> Vec<Value> {
    let texts: [&str; 3] = match shop {
        ShopKind::Evo => [
            include_str!("../fixtures/orders/woocommerce.evo.json"),
            include_str!("../fixtures/orders/vendure.evo.json"),
            include_str!("../fixtures/orders/medusa.evo.json"),
        ],
        ShopKind::Woo => [
            include_str!("../fixtures/orders/woocommerce.woo.json"),
            include_str!("../fixtures/orders/vendure.woo.json"),
            include_str!("../fixtures/orders/medusa.woo.json"),
        ],
    };
    texts
        .into_iter()
        .map(|text| Value::Object(serde_json::from_str::<Map<_, _>>(text).expect("a captured order is JSON")))
        .collect()
}
