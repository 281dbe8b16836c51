//! Posts each order as documented JSON to one address of the ERP, and reads the ERP's order id, its words and its
//! refusals from the answer by paths that the administrator sets.
//!
//! The form of the JSON is [`document`]; its JSON Schema is `order.schema.json` beside this crate's README.

pub mod answer;
pub mod document;
pub mod look_up;
pub mod request;
pub mod settings;
pub mod template;

use orderdock_plugin::{
    Context, Delivery, DeliveryKind, Description, Order, Plugin, Purpose, Rejection, Response, Verdict, export_plugin,
};

pub use settings::Settings;

/// The plugin.
pub struct JsonPost;

impl Plugin for JsonPost {
    type Settings = Settings;

    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            publisher: "Orderdock".to_owned(),
            erp: "any ERP or middleware that takes JSON by HTTP".to_owned(),
            help:
                "Posts each order as documented JSON below the destination's address. The ERP order id and the ERP's \
                   message are read from the answer by dot paths. Set a look-up so that an order whose outcome is \
                   unknown can be found by its number before anything is sent again."
                    .to_owned(),
            // The list can't depend on settings: a look-up without `lookup_path` is answered with a settings error.
            purposes: vec![Purpose::Create, Purpose::LookUp],
            deliveries: vec![DeliveryKind::Http],
            ..Description::default()
        }
    }

    fn map_order(order: Order, context: Context<Settings>) -> Result<Delivery, Rejection> {
        context.settings.check()?;
        match context.purpose {
            Purpose::Create => request::create(&order, &context),
            Purpose::LookUp => look_up::ask(&order, &context),
            Purpose::Update | Purpose::Cancel => {
                Err(Rejection::settings("json-post can't change or cancel an order in the ERP: do it there by hand"))
            }
        }
    }

    fn parse_response(order: Order, context: Context<Settings>, _state: Vec<u8>, response: Response) -> Verdict {
        if context.purpose == Purpose::LookUp {
            look_up::read(&order, &context, &response)
        } else {
            answer::read(&context.settings, &response)
        }
    }
}

export_plugin!(JsonPost);
