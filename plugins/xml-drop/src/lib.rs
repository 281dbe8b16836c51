//! Writes each order as an XML file: an OASIS UBL 2.1 Order, or Orderdock's own plain layout (`plain-order.xsd`).
//!
//! Everyday orders hold what XML or an old character set can't: the texts are made fit first ([`texts`]), and what was
//! changed goes to the order's timeline. Then a layout writes them ([`plain`], [`ubl`]).

pub mod check;
pub mod element;
pub mod plain;
pub mod settings;
pub mod texts;
pub mod ubl;

use orderdock_plugin::xml::XmlStyle;
use orderdock_plugin::{
    Context, Delivery, DeliveryKind, Description, File, NamedNeed, Order, Plugin, Rejection, Report, export_plugin,
};

use element::Element;
pub use settings::Settings;
use settings::{Encoding, Layout};

/// The plugin.
pub struct XmlDrop;

impl Plugin for XmlDrop {
    type Settings = Settings;

    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            publisher: "Orderdock".to_owned(),
            erp: "any ERP that imports XML files".to_owned(),
            help: "Writes each order as one XML file into the destination's folder: an OASIS UBL 2.1 Order or a plain \
                   layout with a published schema, in the encoding that the ERP reads, with a trigger file if it wants \
                   one. The order counts as delivered when the files lie in the folder."
                .to_owned(),
            deliveries: vec![DeliveryKind::Files],
            tables: vec![
                NamedNeed::optional(
                    ubl::UNITS,
                    "UBL layout: the shop's unit → UN/ECE recommendation 20 code (each → EA).",
                ),
                NamedNeed::optional(
                    ubl::TAXES,
                    "UBL layout: the shop's tax code, or else the rate in percent → UN/ECE 5305 category (19 → S).",
                ),
            ],
            ..Description::default()
        }
    }

    fn map_order(mut order: Order, context: Context<Settings>) -> Result<Delivery, Rejection> {
        let settings = &context.settings;
        settings.check()?;
        let mut report = Report::new();
        texts::fit_all(&mut order, settings, &mut report)?;
        check::order(&order, settings)?;

        let style = XmlStyle { skip_empty: true, illegal: settings.illegal_characters, ..XmlStyle::default() };
        let mut element = Element::new(style);
        element.xml.declaration(settings.encoding.charset().name());
        match settings.layout {
            Layout::Plain => plain::write(&order, &context, &mut element),
            Layout::Ubl => ubl::write(&order, &context, &mut element)?,
        }
        let written = element.finish(&mut report)?;
        let bytes = settings.encoding.charset().encode_xml(written);
        let content = match settings.encoding {
            Encoding::Utf8Bom => [b"\xEF\xBB\xBF".as_slice(), &bytes].concat(),
            _ => bytes,
        };

        let file = settings.file_name.build(&order, &context);
        let trigger = settings.trigger.as_ref().map(|template| template.build(&order, &context));
        if trigger.as_deref().is_some_and(|trigger| trigger.eq_ignore_ascii_case(&file)) {
            let text = format!("the trigger file would have the same name as the order's file, `{file}`");
            return Err(Rejection::settings(text).field("settings.trigger"));
        }
        let trigger = trigger.map(|name| File::new(name, settings.trigger_text.as_str()));
        Ok(Delivery::files(vec![File::new(file, content)]).trigger(trigger).notes(report.into_notes()))
    }
}

export_plugin!(XmlDrop);
