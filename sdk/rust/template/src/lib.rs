//! The smallest useful plugin: posts number, buyer and lines of an order as JSON, and reads the ERP's id from the answer.

use orderdock_plugin::{
    Acceptance, Context, Delivery, DeliveryKind, Description, DotPath, HttpDelivery, LineKind, Order, Plugin, Rejection,
    Response, ResponseContent, Verdict, export_plugin,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The plugin.
pub struct MyPlugin;

/// What the administrator sets for a connection. Each comment becomes help in the settings form.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Path below the destination's base address.
    #[serde(default = "default_path")]
    path: String,
}

fn default_path() -> String {
    "orders".to_owned()
}

impl Plugin for MyPlugin {
    type Settings = Settings;

    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            publisher: "Example Ltd".to_owned(),
            erp: "Example ERP".to_owned(),
            help: "Posts each order as JSON.".to_owned(),
            deliveries: vec![DeliveryKind::Http],
            ..Description::default()
        }
    }

    fn map_order(order: Order, context: Context<Settings>) -> Result<Delivery, Rejection> {
        let mut lines = Vec::new();
        for (index, line) in order.lines.iter().enumerate().filter(|(_, line)| line.kind == LineKind::Product) {
            let Some(sku) = &line.sku else {
                return Err(
                    Rejection::data(format!("line {} has no SKU", index + 1)).field(format!("lines[{index}].sku"))
                );
            };
            lines.push(serde_json::json!({ "sku": sku, "quantity": line.quantity }));
        }
        let body = serde_json::json!({ "number": order.order_number, "buyer": order.buyer.email, "lines": lines });
        Ok(Delivery::http(HttpDelivery::new("POST", context.settings.path).body("application/json", body.to_string())))
    }

    fn parse_response(_: Order, _: Context<Settings>, _: Vec<u8>, response: Response) -> Verdict {
        let ResponseContent::Http(answer) = &response.content else { return response.by_default(None) };
        let text = |path: &str| DotPath::new(path).ok()?.find_text(&answer.body);
        match response.by_default(text("message")) {
            Verdict::Accepted(accepted) => match text("id") {
                Some(id) => Verdict::Accepted(Acceptance { erp_order_id: Some(id), ..accepted }),
                // A log-in page is a success too, as far as its status goes: only an id says that the ERP has the order.
                None => Verdict::unknown("the answer says yes but names no order"),
            },
            other => other,
        }
    }
}

export_plugin!(MyPlugin);

#[cfg(test)]
mod tests {
    use super::MyPlugin;

    #[test]
    fn cases() {
        orderdock_plugin::testing::run_cases::<MyPlugin>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
