//! A trial before a connection is used: two made-up orders are mapped, and what the plugin wants written must have a name
//! of its own for each (lifecycle section 6). Nothing is sent.

mod past;

use std::sync::Arc;

use serde_json::json;

use crate::{
    config::ConnectionSettings,
    destination::Destination,
    domain::{
        Order,
        call::{Context, Purpose, Tables},
        delivery::{Delivery, DeliveryContent, FileDelivery},
        id::Digest,
        problem::Problem,
    },
    plugin::Mapper,
};

pub use past::past_orders;

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// What must be mended before orders are sent.
    pub problems: Vec<Problem>,
    /// Why something could not be tried. It need not be wrong: a made-up order may lack what the plugin insists on.
    pub remarks: Vec<String>,
}

/// When the made-up orders are placed and mapped: for both the same, because time alone does not tell orders apart.
const WHEN: &str = "2026-01-02T03:04:05Z";

/// Tries the names of a folder's files; an HTTP destination has none.
pub async fn file_names(
    mapper: &dyn Mapper,
    release: &Digest,
    settings: &ConnectionSettings,
    plugin_settings: &str,
    tables: &Arc<Tables>,
    destination: &Destination,
) -> Found {
    let Destination::Folder(folder) = destination else { return Found::default() };
    let mut names = Vec::new();
    for nth in [1, 2] {
        let sample = match sample(nth) {
            Ok(order) => Arc::new(order),
            Err(why) => return Found { remarks: vec![why], ..Found::default() },
        };
        let context = context(nth, settings, plugin_settings);
        let why = match mapper.map_order(release, sample, context, Arc::clone(tables)).await.result {
            Ok(Ok(Delivery { content: DeliveryContent::Files(files), .. })) => {
                names.push(files);
                continue;
            }
            Ok(Ok(_)) => return Found::default(),
            Ok(Err(rejection)) => format!("the plugin refused it: {}", rejection.message),
            Err(fault) => fault.to_string(),
        };
        let remark = format!("the names of files could not be tried with a made-up order: {why}");
        return Found { remarks: vec![remark], ..Found::default() };
    }
    let problems = match names.as_slice() {
        [one, other] => constant(one, other, folder.settings().constant_trigger.as_deref()),
        _ => Vec::new(),
    };
    Found { problems, ..Found::default() }
}

/// Names that do not come from the order. Only the trigger's may be constant, and only if the destination says so: the
/// host then waits while it is there.
fn constant(one: &FileDelivery, other: &FileDelivery, constant_trigger: Option<&str>) -> Vec<Problem> {
    let in_both =
        |name: &str| other.files.iter().chain(&other.trigger).any(|file| file.name.eq_ignore_ascii_case(name));
    let mut problems = Vec::new();
    for file in one.files.iter().filter(|file| in_both(&file.name)) {
        let message = format!(
            "the file `{}` would have the same name for every order: the second one could not be told from the first",
            file.name.escape_default()
        );
        let hint = "let the name hold the order number, the shop's order id or the document number";
        problems.push(Problem::new("plugin.settings", message).hint(hint));
    }
    let trigger = one.trigger.as_ref().map(|file| file.name.as_str());
    if let Some(trigger) = trigger.filter(|name| in_both(name) && constant_trigger != Some(*name)) {
        let trigger = trigger.escape_default();
        let message =
            format!("the trigger `{trigger}` has the same name for every order, which the folder does not know of");
        let hint = format!(
            "set `constant_trigger = \"{trigger}\"` in [destination.settings], so that the host waits while it is there"
        );
        problems.push(Problem::new("plugin.settings", message).hint(hint));
    }
    problems
}

fn context(nth: u64, settings: &ConnectionSettings, plugin_settings: &str) -> Context {
    Context {
        purpose: Purpose::Create,
        connection: settings.name.clone(),
        settings: plugin_settings.to_owned(),
        pass: 1,
        attempt: 1,
        step: 0,
        idempotency_key: format!("trial-{nth}"),
        document_number: nth,
        mapped_at: WHEN.to_owned(),
        shop_time_zone: settings.time_zones.shop.clone(),
        erp_time_zone: settings.time_zones.erp.clone(),
        request_id: format!("trial-{nth}"),
        previous: None,
        logins: Vec::new(),
    }
}

/// An everyday order. The two of a trial differ in nothing but their ids and numbers.
fn sample(nth: u64) -> Result<Order, String> {
    let address = json!({
        "company": "Example Ltd", "first_name": "Anna", "last_name": "Example", "street": ["High Street 1"],
        "city": "London", "postal_code": "N1 9GU", "country": "GB", "email": "anna@example.test",
    });
    let order = json!({
        "shop_order_id": format!("{}", 70_000 + nth),
        "order_number": format!("TRIAL-{nth}"),
        "source": "trial",
        "status": "new",
        "placed_at": WHEN,
        "modified_at": WHEN,
        "paid_at": WHEN,
        "payment_state": "paid",
        "currency": "EUR",
        "buyer": {
            "customer_id": "77", "account_code": "C77", "company": "Example Ltd", "first_name": "Anna",
            "last_name": "Example", "email": "anna@example.test", "phone": "+44 20 7946 0000",
        },
        "billing_address": address,
        "delivery_addresses": [address],
        "lines": [{
            "id": "1", "kind": "product", "sku": "A-1", "description": "Chair", "quantity": "1", "unit": "each",
            "unit_price_net": "10.00", "unit_price_gross": "11.90", "tax_rate": "19", "tax_amount": "1.90",
            "total_net": "10.00", "total_gross": "11.90",
        }],
        "payments": [{ "method": "card", "title": "Card", "amount": "11.90", "state": "paid", "paid_at": WHEN }],
        "totals": { "net": "10.00", "tax": "1.90", "gross": "11.90" },
        "buyer_reference": "PO-77",
    });
    serde_json::from_value(order).map_err(|error| format!("the made-up order can't be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::FileOut;

    fn files(names: &[&str], trigger: Option<&str>) -> FileDelivery {
        let file = |name: &str| FileOut { name: name.to_owned(), content: Vec::new() };
        FileDelivery { files: names.iter().map(|name| file(name)).collect(), trigger: trigger.map(file) }
    }

    #[test]
    fn the_made_up_orders_differ_in_their_names_only() {
        let (one, mut other) = (sample(1).unwrap(), sample(2).unwrap());
        assert!(one.shop_order_id != other.shop_order_id && one.order_number != other.order_number);
        (other.shop_order_id, other.order_number) = (one.shop_order_id.clone(), one.order_number.clone());
        assert_eq!(one, other);
    }

    #[test]
    fn constant_names_are_told_and_a_declared_trigger_is_not() {
        let told = |one: &FileDelivery, other: &FileDelivery, trigger| {
            let problems = constant(one, other, trigger);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&files(&["1.xml"], Some("1.go")), &files(&["2.xml"], Some("2.go")), None),
            Vec::<String>::new()
        );
        let said = told(&files(&["1.xml", "Head.csv"], None), &files(&["2.xml", "head.CSV"], None), None);
        assert!(said.len() == 1 && said[0].contains("`Head.csv`") && said[0].contains("order number"), "{said:?}");
        let (one, other) = (files(&["1.xml"], Some("go")), files(&["2.xml"], Some("go")));
        let said = told(&one, &other, Some("run"));
        assert!(said.len() == 1 && said[0].contains("constant_trigger = \"go\""), "{said:?}");
        assert_eq!(told(&one, &other, Some("go")), Vec::<String>::new());
        // What is the trigger of one may not be a file of another.
        assert_eq!(told(&files(&["x"], None), &files(&["2.xml"], Some("x")), Some("x")).len(), 1);
    }
}
