//! Where in the order a text stands, in staff's words and as a field path.

use std::fmt;

use orderdock_order::{Address, Order};

use crate::Rejection;

/// Which part of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The order itself.
    Order,
    /// Who ordered.
    Buyer,
    /// Where the invoice goes.
    BillingAddress,
    /// Where the goods go, by index.
    DeliveryAddress(usize),
    /// A line, by index.
    Line(usize),
    /// A payment, by index.
    Payment(usize),
    /// One of the shop's own fields, by index; the place's field is its name.
    CustomField(usize),
    /// Somewhere else, in words: a file, a setting.
    Elsewhere,
}

/// Where a text stands. `Display` gives staff's words (`line 3 description`), [`Place::path`] the path of the contract
/// (`lines[2].description`). A plain text is a place too: `"file order.xml".into()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Which part.
    pub part: Part,
    /// Name of the field, in the contract's names (snake case).
    pub field: &'a str,
    /// Index in the field, where it is a list.
    pub index: Option<usize>,
}

impl<'a> Place<'a> {
    /// A field of a part.
    #[must_use]
    pub const fn new(part: Part, field: &'a str) -> Self {
        Self { part, field, index: None }
    }

    /// A field of a line.
    #[must_use]
    pub const fn line(index: usize, field: &'a str) -> Self {
        Self::new(Part::Line(index), field)
    }

    /// The path in the order, for [`Rejection::field`]; none for a place outside of it.
    #[must_use]
    pub fn path(&self) -> Option<String> {
        let field = self.field;
        let path = match self.part {
            Part::Order => field.to_owned(),
            Part::Buyer => format!("buyer.{field}"),
            Part::BillingAddress => format!("billing_address.{field}"),
            Part::DeliveryAddress(index) => format!("delivery_addresses[{index}].{field}"),
            Part::Line(index) => format!("lines[{index}].{field}"),
            Part::Payment(index) => format!("payments[{index}].{field}"),
            Part::CustomField(index) => format!("custom_fields[{index}]"),
            Part::Elsewhere => return None,
        };
        Some(match self.index {
            Some(index) => format!("{path}[{index}]"),
            None => path,
        })
    }
}

impl<'a> From<&'a str> for Place<'a> {
    fn from(words: &'a str) -> Self {
        Self::new(Part::Elsewhere, words)
    }
}

impl<'a> From<&'a String> for Place<'a> {
    fn from(words: &'a String) -> Self {
        Self::from(words.as_str())
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Order => {}
            Part::Buyer => f.write_str("buyer ")?,
            Part::BillingAddress => f.write_str("billing address ")?,
            Part::DeliveryAddress(0) => f.write_str("delivery address ")?,
            Part::DeliveryAddress(index) => write!(f, "delivery address {} ", index + 1)?,
            Part::Line(index) => write!(f, "line {} ", index + 1)?,
            Part::Payment(index) => write!(f, "payment {} ", index + 1)?,
            Part::CustomField(_) => return write!(f, "custom field {}", self.field),
            Part::Elsewhere => return f.write_str(self.field),
        }
        for (index, word) in self.field.split('_').enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

/// A text that may not be sent as it is. Becomes a rejection of class data that names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} {problem}: correct it in the shop")]
pub struct BadText {
    /// Where, in staff's words.
    pub place: String,
    /// Path in the order, if it is there.
    pub path: Option<String>,
    /// What is wrong. Example: `holds U+000B, which XML can't hold`.
    pub problem: String,
}

impl BadText {
    /// Says what is wrong where.
    #[must_use]
    pub fn new(place: Place<'_>, problem: String) -> Self {
        Self { place: place.to_string(), path: place.path(), problem }
    }
}

impl From<BadText> for Rejection {
    fn from(bad: BadText) -> Self {
        let rejection = Self::data(bad.to_string());
        match bad.path {
            Some(path) => rejection.field(path),
            None => rejection,
        }
    }
}

/// Shows every text of the order that people typed or that goes into documents, with its place. `raw_json`, codes of
/// fixed form (currency, instants, decimals) and `extra` are left out.
///
/// # Errors
/// The first error of `visit`.
pub fn each_text<E>(
    order: &mut Order,
    mut visit: impl FnMut(Place<'_>, &mut String) -> Result<(), E>,
) -> Result<(), E> {
    macro_rules! fields {
        ($part:expr, $of:expr, $($field:ident),+) => {
            $(visit(Place::new($part, stringify!($field)), &mut $of.$field)?;)+
        };
    }
    macro_rules! optional {
        ($part:expr, $of:expr, $($field:ident),+) => {
            $(if let Some(text) = &mut $of.$field {
                visit(Place::new($part, stringify!($field)), text)?;
            })+
        };
    }
    fields!(Part::Order, order, shop_order_id, order_number, channel, location, status);
    fields!(Part::Order, order, buyer_reference, buyer_note, staff_note);
    optional!(Part::Buyer, order.buyer, customer_id, account_code, tax_number);
    fields!(Part::Buyer, order.buyer, company, first_name, last_name, email, phone);
    let mut address = |part: Part, address: &mut Address| -> Result<(), E> {
        optional!(part, address, code);
        fields!(part, address, company, first_name, last_name, city, region, postal_code, country, phone, email);
        for (index, street) in address.street.iter_mut().enumerate() {
            visit(Place { part, field: "street", index: Some(index) }, street)?;
        }
        Ok(())
    };
    if let Some(billing) = &mut order.billing_address {
        address(Part::BillingAddress, billing)?;
    }
    for (index, delivery) in order.delivery_addresses.iter_mut().enumerate() {
        address(Part::DeliveryAddress(index), delivery)?;
    }
    for (index, line) in order.lines.iter_mut().enumerate() {
        let part = Part::Line(index);
        fields!(part, line, id, description, note);
        optional!(part, line, kind_text, sku, unit, tax_code);
        for (name, value) in &mut line.options {
            visit(Place::new(part, "option_name"), name)?;
            visit(Place::new(part, "option"), value)?;
        }
    }
    for (index, payment) in order.payments.iter_mut().enumerate() {
        fields!(Part::Payment(index), payment, method, title, reference);
    }
    for (index, (name, value)) in order.custom_fields.iter_mut().enumerate() {
        visit(Place::new(Part::CustomField(index), name), value)?;
    }
    Ok(())
}
