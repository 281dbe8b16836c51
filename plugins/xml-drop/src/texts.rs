//! Makes every text of the order fit for XML and for the file's encoding, and reports what was changed where.

use std::borrow::Cow;

use orderdock_plugin::charset::{self, Charset};
use orderdock_plugin::place::{self, BadText};
use orderdock_plugin::xml;
use orderdock_plugin::{Order, Part, Place, Rejection, Report};

use crate::Settings;

/// Cleans all texts by the settings.
///
/// # Errors
/// A rejection of class data that names the field, where a policy says refuse.
pub fn fit_all(order: &mut Order, settings: &Settings, report: &mut Report) -> Result<(), Rejection> {
    let charset = settings.encoding.charset();
    place::each_text(order, |place, text| {
        if let Some(changed) = fit(text, charset, settings, place, report)? {
            *text = changed;
        }
        Ok::<(), BadText>(())
    })?;
    // Their names are data too; the visit above shows the values only.
    for (index, (name, _)) in order.custom_fields.iter_mut().enumerate() {
        let place = Place::new(Part::CustomField(index), "name");
        if let Some(changed) = fit(name, charset, settings, place, report)? {
            *name = changed;
        }
    }
    Ok(())
}

/// The text in its new form; none where nothing had to change.
fn fit(
    text: &str,
    charset: Charset,
    settings: &Settings,
    place: Place<'_>,
    report: &mut Report,
) -> Result<Option<String>, BadText> {
    let cleaned = xml::clean(text, settings.illegal_characters, place, report)?;
    let fitted = match settings.missing_letters.before_writing() {
        Some(missing) => match charset::fit(&cleaned, charset, missing, place, report)? {
            Cow::Owned(fitted) => Some(fitted),
            Cow::Borrowed(_) => None,
        },
        None => None,
    };
    Ok(match (fitted, cleaned) {
        (Some(fitted), _) => Some(fitted),
        (None, Cow::Owned(cleaned)) => Some(cleaned),
        (None, Cow::Borrowed(_)) => None,
    })
}
