//! The order as Attaché will see it, before it becomes text of one of the three formats.

use orderdock_plugin::{Context, Order, Rejection, Report};

use crate::settings::Section;
use crate::texts::Texts;
use crate::{Settings, header, lines};

/// A field and its value, harmless and fitting. Empty where the order has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'s> {
    /// Name, from the settings.
    pub name: &'s str,
    /// Value.
    pub value: String,
}

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineType {
    /// A product, service or sundry line.
    Of(Section),
    /// A line of text.
    Comment,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'s> {
    /// What it is.
    pub kind: LineType,
    /// Name of its element.
    pub element: &'s str,
    /// Its fields in the order of writing.
    pub fields: Vec<Field<'s>>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'s> {
    /// Fields of the header in the order of writing.
    pub header: Vec<Field<'s>>,
    /// Lines.
    pub lines: Vec<Line<'s>>,
}

/// Makes the record, and says what was changed or left out.
///
/// # Errors
/// When something in the order or the settings stands against it.
pub fn of<'s>(order: &Order, context: &'s Context<Settings>) -> Result<(Record<'s>, Report), Rejection> {
    let settings = &context.settings;
    if let Some(currency) = &settings.currency
        && !currency.eq_ignore_ascii_case(&order.currency)
    {
        let text = format!("the order is in {}, this connection takes orders in {currency} only", order.currency);
        return Err(Rejection::data(text).field("currency"));
    }
    let mut texts = Texts::new(settings);
    let mut header = header::of(order, context, &mut texts)?;
    let (lines, discount) = lines::of(order, settings, &mut texts)?;
    if let Some(discount) = discount {
        match header.iter_mut().find(|field| field.name == "discount") {
            Some(field) => field.value = discount,
            None => {
                let text = "`field_order.header` must list `discount`: `line_kind.discount.kind` puts it there";
                return Err(Rejection::settings(text).field("settings.field_order.header"));
            }
        }
    }
    Ok((Record { header, lines }, texts.report))
}

/// The fields of a section: a fixed value, else what `value` gives for the name.
///
/// # Errors
/// Those of `value`.
pub fn fields<'s>(
    settings: &'s Settings,
    section: Section,
    mut value: impl FnMut(&str) -> Result<String, Rejection>,
) -> Result<Vec<Field<'s>>, Rejection> {
    let (_, fixed) = settings.section(section);
    let one = |name: &'s str| {
        let value = match fixed.get(name) {
            Some(fixed) => fixed.clone(),
            None => value(name)?,
        };
        Ok(Field { name, value })
    };
    settings.fields(section).into_iter().map(one).collect()
}
