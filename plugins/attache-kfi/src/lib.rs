//! Writes each order as a keystroke file (KFI) for Attaché, and reads what Attaché did with it from the folders to
//! which it moves the file.
//!
//! A KFI file types into an order screen, so nothing that a customer wrote may press a key: [`texts`] makes every value
//! harmless before [`mod@write`] puts it into one of the three formats.

pub mod answer;
pub mod charge;
pub mod customer;
pub mod date;
pub mod header;
pub mod lines;
pub mod price;
pub mod record;
pub mod settings;
pub mod texts;
pub mod write;

use orderdock_plugin::{
    Context, Delivery, DeliveryKind, Description, File, NamedNeed, Order, Plugin, PreviousOutcome, Purpose, Rejection,
    Response, Verdict, export_plugin,
};

pub use settings::Settings;

/// The plugin.
pub struct AttacheKfi;

impl Plugin for AttacheKfi {
    type Settings = Settings;

    fn describe() -> Description {
        let table = |name: &str, help: &str| NamedNeed::optional(name, help);
        Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            publisher: "Orderdock".to_owned(),
            erp: "Attaché".to_owned(),
            help:
                "Writes one keystroke file (KFI) per order into Attaché's inbox: XML by default, standard and variable \
                   position on demand. Attaché moves the file when it is done; an error file in the failure folder \
                   refuses the order in Attaché's own words. What differs from site to site is a setting."
                    .to_owned(),
            purposes: vec![Purpose::Create],
            deliveries: vec![DeliveryKind::Files],
            tables: vec![
                table("customers", "Customer id or e-mail address (lower case) → Attaché customer code"),
                table("skus", "The shop's SKU → Attaché product code"),
                table("charges", "SKU of a shipping, fee, surcharge or discount line → sundry or service code"),
                table("taxes", "The shop's tax code, or else the rate in percent → Attaché tax code"),
                table("countries", "Country code of two letters → country as Attaché has it"),
            ],
            folders: vec![
                NamedNeed::required(
                    answer::FAILURE,
                    "Where Attaché puts a file that it refused, with an .err file beside it; usually `Failure`",
                ),
                NamedNeed::optional(
                    answer::SUCCESS,
                    "Where Attaché puts a file that it imported; needed by the setting `success_folder`",
                ),
            ],
            ..Description::default()
        }
    }

    fn map_order(order: Order, context: Context<Settings>) -> Result<Delivery, Rejection> {
        let settings = &context.settings;
        settings.check()?;
        if context.purpose != Purpose::Create {
            return Err(Rejection::settings(
                "attache-kfi can only bring new orders: look up, change or cancel the order in Attaché by hand",
            ));
        }
        if order.order_number.trim().is_empty() {
            return Err(Rejection::data("the order has no order number").field("order_number"));
        }
        let (record, report) = record::of(&order, &context)?;
        let text = write::write(&record, settings)?;
        let name = file_name(&order, &context);
        match settings.encoding.encode_owned(text, settings.bom) {
            Ok(bytes) => {
                Ok(Delivery::files(vec![File::new(name.clone(), bytes)]).state(name).notes(report.into_notes()))
            }
            Err(error) => Err(Rejection::data(error.to_string())),
        }
    }

    fn parse_response(order: Order, context: Context<Settings>, state: Vec<u8>, response: Response) -> Verdict {
        answer::read(&order, &context, &state, &response)
    }
}

/// The name of the order's file. After an unknown outcome it is that of the file in doubt, so that a second write is seen
/// where the first still lies.
fn file_name(order: &Order, context: &Context<Settings>) -> String {
    let in_doubt = context.previous.as_ref().filter(|previous| previous.outcome == PreviousOutcome::Unknown);
    match in_doubt.map(|previous| std::str::from_utf8(&previous.state)) {
        Some(Ok(name)) if !name.is_empty() => name.to_owned(),
        _ => context.settings.file_name.build(order, context),
    }
}

export_plugin!(AttacheKfi);
