//! What the administrator sets for a connection. Whatever no public source tells about Attaché is here, with the default
//! that the README documents.

pub mod content;
pub mod form;
mod rules;

use std::collections::BTreeMap;

use orderdock_plugin::Charset;
use orderdock_plugin::FileNameTemplate;
use orderdock_plugin::charset::Missing;
use orderdock_plugin::kfi::{Form, Unsafe};
use orderdock_plugin::xml::Illegal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::{DateFormat, DateFrom, UtcOffset};
pub use content::{
    Charge, ChargeKind, CommentLine, FieldOrder, Fixed, LineDiscount, LineKinds, OrderNote, OrderNumberField, Price,
    Skus,
};
pub use form::{EmptyElements, Format, LineEnd, Tokens, TooLong, VariableRows, XmlUnsafe};

/// Whether the plugin waits for Attaché.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Attaché imports by itself (unattended); what it does with the file is the answer.
    #[default]
    Unattended,
    /// A written file is success. For sites where an operator starts each import: refusals show up on the screen only.
    FireAndForget,
}

/// What it means that our file left the inbox, where the success folder is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LeftInbox {
    /// Success at once, unless an error file lies in the failure folder. Unproven.
    #[default]
    AtOnce,
    /// Success at the deadline, if no error file came until then, with a warning. Unproven too, but slower error files
    /// are not missed.
    AtDeadline,
    /// Nothing: at the deadline the outcome is unknown, and a person decides.
    Never,
}

/// Who has to act on an error file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ErrClass {
    /// Attaché's staff: the text does not tell whose fault it is.
    #[default]
    Erp,
    /// Who keeps the orders in the shop.
    Data,
}

/// The settings. All are optional; charges (shipping, fees, discounts) hold their orders until they have a code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Which of the vendor's three formats is written.
    pub format: Format,
    /// Object id of the screen; 107 is the customer order in the published connectors.
    #[schemars(range(min = 1))]
    pub object_id: u32,
    /// Name of the file. Parts: {order_number}, {shop_order_id}, {document_number}, {pass}, {date}, {time},
    /// {connection}, {purpose}; it must end in `.kfi`.
    pub file_name: FileNameTemplate,

    /// Encoding of the file.
    pub encoding: Charset,
    /// Whether a byte order mark goes before UTF-8.
    pub bom: bool,
    /// What becomes of letters that the encoding does not have. In a code they refuse the order.
    pub missing_letters: Missing,
    /// What becomes of control characters that no text should have (vertical tab, bell).
    pub illegal_characters: Illegal,
    /// What ends a line of the file.
    pub line_end: LineEnd,
    /// Whether the XML is indented. Off: one line, because white space between elements may be typed.
    pub indent: bool,
    /// What becomes of XML elements without a value.
    pub empty_elements: EmptyElements,
    /// What becomes of `<`, `>` and line breaks in texts of the XML format.
    pub xml_unsafe: XmlUnsafe,
    /// What becomes of `,` `"` `<` `>`, line breaks and control characters in texts of the positional formats. In a code
    /// they refuse the order in any case.
    pub positional_unsafe: Unsafe,
    /// Most characters of a field, by the field's name. Example: deliveryname = 30. Fields without one are not limited.
    pub width: BTreeMap<String, u16>,
    /// What becomes of a text that is longer.
    pub too_long: TooLong,
    /// Tags and keys of the standard format.
    pub tokens: Tokens,
    /// Rows of the variable position format, of an order with several lines.
    pub variable_rows: VariableRows,

    /// Names of the fields of each part, in the order in which they are written.
    pub field_order: FieldOrder,
    /// Fields with the same value in every order.
    pub fixed: Fixed,
    /// Form of dates: DD, MM, YY or YYYY, with `/`, `.`, `-` or nothing between.
    pub date_format: DateFormat,
    /// Which moment gives the order's date.
    pub date_from: DateFrom,
    /// Fixed distance of the site's clock from UTC, for the order's date. Example: `+10:00`. Daylight saving is not
    /// followed.
    pub utc_offset: UtcOffset,
    /// Where the web order's number goes.
    pub order_number_field: OrderNumberField,
    /// Header field for the buyer's own purchase order reference. Without it the reference is not sent, and the timeline
    /// says so.
    pub buyer_reference_field: Option<String>,
    /// What becomes of the buyer's note.
    pub order_note: OrderNote,
    /// Header field for the buyer's note, with `order_note = "field"`.
    pub note_field: Option<String>,
    /// The element for a line of text. Without it such lines are not sent, and the timeline says so.
    pub comment_line: Option<CommentLine>,
    /// What lines become that are not products.
    pub line_kind: LineKinds,

    /// Customer code of orders whose buyer has no account code and is not in the look-up table `customers`. Without it
    /// such an order is refused.
    pub default_customer: Option<String>,
    /// Only orders in this currency are taken; others are refused. Example: `AUD`.
    pub currency: Option<String>,
    /// How SKUs become product codes.
    pub skus: Skus,
    /// Which price goes into product lines.
    pub price: Price,
    /// How the reduction of a line is written.
    pub line_discount: LineDiscount,
    /// Digits behind the point of a price that has to be computed by division. Prices of the shop are not rounded.
    #[schemars(range(max = 8))]
    pub price_decimals: u32,

    /// Whether the plugin waits for Attaché.
    pub mode: Mode,
    /// Minutes until no answer is expected any more.
    #[schemars(range(min = 1, max = 43200))]
    pub answer_deadline_minutes: u32,
    /// Whether the connection has the answer folder `success`, to which Attaché moves what it imported.
    pub success_folder: bool,
    /// What it means that our file left the inbox, where the success folder is not known.
    pub left_inbox: LeftInbox,
    /// Encoding of the error file.
    pub err_encoding: Charset,
    /// Line of the error file that holds the message, with {message} for it. Example: `Error: {message}`. Without it, or
    /// when no line fits, the whole text is the message.
    pub err_pattern: Option<String>,
    /// Who has to act on an error file.
    pub err_class: ErrClass,
}

/// The documented defaults are constants that a test reads.
fn known<T, E>(read: Result<T, E>) -> T {
    read.unwrap_or_else(|_| unreachable!())
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            format: Format::Xml,
            object_id: 107,
            file_name: known(FileNameTemplate::new("order_{time}_{order_number}_{pass}.kfi")),
            encoding: Charset::Utf8,
            bom: false,
            missing_letters: Missing::Transliterate,
            illegal_characters: Illegal::Drop,
            line_end: LineEnd::Crlf,
            indent: false,
            empty_elements: EmptyElements::Dropped,
            xml_unsafe: XmlUnsafe::Replace,
            positional_unsafe: Unsafe::Refuse,
            width: BTreeMap::new(),
            too_long: TooLong::Hold,
            tokens: Tokens::default(),
            variable_rows: VariableRows::RepeatHeader,
            field_order: FieldOrder::default(),
            fixed: Fixed::default(),
            date_format: known(DateFormat::new("DDMMYY")),
            date_from: DateFrom::PlacedAt,
            utc_offset: known(UtcOffset::new("+00:00")),
            order_number_field: OrderNumberField::Reference,
            buyer_reference_field: None,
            order_note: OrderNote::Report,
            note_field: None,
            comment_line: None,
            line_kind: LineKinds::default(),
            default_customer: None,
            currency: None,
            skus: Skus::Translate,
            price: Price::Net,
            line_discount: LineDiscount::Amount,
            price_decimals: 4,
            mode: Mode::Unattended,
            answer_deadline_minutes: 30,
            success_folder: false,
            left_inbox: LeftInbox::AtOnce,
            err_encoding: Charset::Utf8,
            err_pattern: None,
            err_class: ErrClass::Erp,
        }
    }
}

/// A part of the file with fields of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// The header.
    Header,
    /// A product line.
    Product,
    /// A service line.
    Service,
    /// A sundry line.
    Sundry,
}

impl Section {
    /// Name of the element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Product => "productline",
            Self::Service => "serviceline",
            Self::Sundry => "sundryline",
        }
    }
}

impl Settings {
    /// What is unsafe in this format.
    #[must_use]
    pub const fn form(&self) -> Form {
        match self.format {
            Format::Xml => Form::Xml,
            Format::Standard | Format::Variable => Form::Positional,
        }
    }

    /// The section's field names as listed, the section's fixed values.
    #[must_use]
    pub fn section(&self, section: Section) -> (&[String], &BTreeMap<String, String>) {
        let (order, fixed) = (&self.field_order, &self.fixed);
        match section {
            Section::Header => (&order.header, &fixed.header),
            Section::Product => (&order.productline, &fixed.productline),
            Section::Service => (&order.serviceline, &fixed.serviceline),
            Section::Sundry => (&order.sundryline, &fixed.sundryline),
        }
    }

    /// Every field of the section in the order of writing: those listed, then those that only have a value elsewhere in
    /// the settings.
    #[must_use]
    pub fn fields(&self, section: Section) -> Vec<&str> {
        let (listed, fixed) = self.section(section);
        let mut names: Vec<&str> = listed.iter().map(String::as_str).collect();
        let header = (section == Section::Header).then_some([&self.buyer_reference_field, &self.note_field]);
        let named = header.into_iter().flatten().flatten();
        for name in fixed.keys().chain(named) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }
}
