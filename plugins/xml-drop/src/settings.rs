//! What the administrator sets for a connection.

use orderdock_plugin::charset::{Charset, Missing};
use orderdock_plugin::file_name::{FileNameError, FileNameTemplate};
use orderdock_plugin::xml::Illegal;
use orderdock_plugin::{Context, Order, Rejection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the file looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Orderdock's own layout, described by `plain-order.xsd`: carries everything.
    #[default]
    Plain,
    /// OASIS UBL 2.1 Order.
    Ubl,
}

/// Encoding of the file; the XML declaration names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-8 after a byte order mark.
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// Latin-1 proper: no euro sign, no curly quotes.
    #[serde(rename = "iso-8859-1")]
    Iso8859_1,
    /// Windows, Western Europe.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl Encoding {
    /// The character set.
    #[must_use]
    pub const fn charset(self) -> Charset {
        match self {
            Self::Utf8 | Self::Utf8Bom => Charset::Utf8,
            Self::Iso8859_1 => Charset::Iso8859_1,
            Self::Windows1252 => Charset::Windows1252,
        }
    }
}

/// What becomes of a letter that the encoding does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MissingLetters {
    /// A numeric character reference (`&#8364;`): correct XML that loses nothing, and nothing needs to be told.
    #[default]
    Reference,
    /// Its usual spelling (`ł` → `l`, `€` → `EUR`), else `?`; the order's timeline says so.
    Transliterate,
    /// `?`; the order's timeline says so.
    Replace,
    /// The order is refused.
    Refuse,
}

impl MissingLetters {
    /// The policy for texts before they are written; none where the writer's references do it.
    #[must_use]
    pub const fn before_writing(self) -> Option<Missing> {
        match self {
            Self::Reference => None,
            Self::Transliterate => Some(Missing::Transliterate),
            Self::Replace => Some(Missing::Replace),
            Self::Refuse => Some(Missing::Refuse),
        }
    }
}

/// Name of a trigger file: unlike the order's file it may be the same for all orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TriggerName(FileNameTemplate);

impl TriggerName {
    /// The name for this order and call.
    #[must_use]
    pub fn build<S>(&self, order: &Order, context: &Context<S>) -> String {
        self.0.build(order, context)
    }
}

impl TryFrom<String> for TriggerName {
    type Error = FileNameError;
    fn try_from(text: String) -> Result<Self, FileNameError> {
        FileNameTemplate::trigger(text).map(Self)
    }
}

impl From<TriggerName> for String {
    fn from(name: TriggerName) -> Self {
        name.0.into()
    }
}

/// The settings. All have defaults.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What the file looks like.
    pub layout: Layout,
    /// Name of the file. Values: {order_number}, {shop_order_id}, {document_number}, {pass}, {connection}, {date},
    /// {time}; at least one of the first three.
    // So that the host's check of settings refuses a constant name before the first order does.
    #[schemars(extend("pattern" = r"\{(order_number|shop_order_id|document_number)\}"))]
    pub file_name: FileNameTemplate,
    /// Name of a trigger file that is written last. The same values, or a constant name. Example: `{order_number}.go`.
    pub trigger: Option<TriggerName>,
    /// What the trigger file holds.
    pub trigger_text: String,
    /// Encoding of the file.
    pub encoding: Encoding,
    /// What becomes of characters that XML can't hold at all, such as a vertical tab.
    pub illegal_characters: Illegal,
    /// What becomes of letters that the encoding does not have.
    pub missing_letters: MissingLetters,
    /// Whether an order with a product line without SKU is refused. A file has no answer in which the ERP could
    /// complain, so this is on.
    pub require_sku: bool,

    /// UBL: name of the selling company. Default: the connection's name.
    pub seller_name: Option<String>,
    /// UBL: the seller's identification.
    pub seller_id: Option<String>,
    /// UBL: the seller's tax number.
    pub seller_tax_number: Option<String>,
    /// UBL: `CustomizationID`, if the reader asks for one.
    pub customization_id: Option<String>,
    /// UBL: `ProfileID`, if the reader asks for one.
    pub profile_id: Option<String>,
    /// UBL: tax scheme of all taxes. Example: `VAT`, `GST`.
    #[schemars(length(min = 1))]
    pub tax_scheme: String,
    /// UBL: code of the unit where the shop names none (UN/ECE recommendation 20).
    #[schemars(length(min = 1))]
    pub default_unit: String,
    /// UBL: shipping, fees, surcharges and discounts become order lines too, instead of charges and allowances.
    pub charges_as_lines: bool,
    /// UBL: names of the shop's own fields to write, each as a note `name: value`.
    pub custom_fields: Vec<String>,
}

/// The documented defaults are constants that a test reads.
fn known<T, E>(read: Result<T, E>) -> T {
    read.unwrap_or_else(|_| unreachable!())
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            layout: Layout::Plain,
            // The document number is inherited by a pass after an unknown outcome, and new after a failure: the same
            // send has the same name, another has another.
            file_name: known(FileNameTemplate::new("order-{order_number}-{document_number}.xml")),
            trigger: None,
            trigger_text: String::new(),
            encoding: Encoding::Utf8,
            illegal_characters: Illegal::Drop,
            missing_letters: MissingLetters::Reference,
            require_sku: true,
            seller_name: None,
            seller_id: None,
            seller_tax_number: None,
            customization_id: None,
            profile_id: None,
            tax_scheme: "VAT".to_owned(),
            default_unit: "EA".to_owned(),
            charges_as_lines: false,
            custom_fields: Vec::new(),
        }
    }
}

impl Settings {
    /// Checks what the schema can't say.
    ///
    /// # Errors
    /// A rejection of class settings.
    pub fn check(&self) -> Result<(), Rejection> {
        for (name, text) in [("tax_scheme", &self.tax_scheme), ("default_unit", &self.default_unit)] {
            if text.trim().is_empty() {
                return Err(
                    Rejection::settings(format!("`{name}` must not be empty")).field(format!("settings.{name}"))
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid() {
        let settings = Settings::default();
        settings.check().unwrap();
        assert_eq!(settings.file_name.as_str(), "order-{order_number}-{document_number}.xml");
    }
}
