//! A plugin of contract 0.2: it shows what is different there, and sends back what it saw of the order.

wit_bindgen::generate!({ path: "../../../wit/0.2.0", world: "plugin", generate_all });

use exports::orderdock::plugin::mapper::{Context, Delivery, Description, Guest, Order, Rejection, Response, Verdict};
use orderdock::plugin::{
    log::{Level, log},
    tables,
    types::{
        DefaultVerdict, DeliveryContent, DeliveryKind, Doubt, HttpDelivery, Purpose, Refusal, RefusalReason,
        RejectionReason, Repeat, Segment,
    },
};

struct Next;

impl Guest for Next {
    fn describe() -> Description {
        Description {
            name: "next".to_owned(),
            version: "0.1.0".to_owned(),
            publisher: "Orderdock".to_owned(),
            erp: "none".to_owned(),
            help: "Speaks contract 0.2.".to_owned(),
            settings_schema: "true".to_owned(),
            purposes: vec![Purpose::Create],
            deliveries: vec![DeliveryKind::Http],
            secrets: Vec::new(),
            tables: Vec::new(),
            folders: Vec::new(),
        }
    }

    fn map_order(order: Order, context: Context) -> Result<Delivery, Rejection> {
        log(Level::Info, "contract 0.2");
        let sku = order.lines.first().and_then(|line| line.sku.clone()).unwrap_or_default();
        let code = tables::find("skus", &sku);
        if context.settings.contains("reject") {
            let message = tables::missing("shipping", "Express", "shipping method");
            return Err(Rejection {
                reason: RejectionReason::Settings,
                message,
                field: Some("lines[0].sku".to_owned()),
            });
        }
        let street = order.delivery_addresses.first().map(|address| address.street.join(", ")).unwrap_or_default();
        let seen = format!(
            "{} {} {sku} {code:?} {street} {} {} {:?}",
            order.order_number, order.totals.gross, context.pass_number, context.attempt_number, order.custom_fields
        );
        Ok(Delivery {
            content: DeliveryContent::Http(HttpDelivery {
                method: "POST".to_owned(),
                path: "next".to_owned(),
                query: Vec::new(),
                headers: Vec::new(),
                body: vec![Segment::Bytes(seen.into_bytes())],
                content_type: Some("text/plain".to_owned()),
                repeat: Repeat::Never,
                sensitive: false,
            }),
            state: Vec::new(),
            notes: vec!["mapped by contract 0.2".to_owned()],
        })
    }

    /// The host's own sentence is good enough.
    fn parse_response(_: Order, _: Context, state: Vec<u8>, response: Response) -> Verdict {
        let message = format!("{} ({})", response.default_message, String::from_utf8_lossy(&state));
        match response.default_verdict {
            DefaultVerdict::Rejected => {
                Verdict::Rejected(Refusal { message, reason: RefusalReason::Erp, field: None, partial_id: None })
            }
            _ => Verdict::Unknown(Doubt { message }),
        }
    }
}

#[cfg(target_arch = "wasm32")]
export!(Next);
