//! How much is handed to a plugin: CPU units grow with it, because reading and writing it is the plugin's work.

use crate::domain::{Address, Line, Order, Pair, call::Context};

/// Bytes of all texts of an order and its context.
pub(super) fn of(order: &Order, context: &Context) -> usize {
    let buyer = &order.buyer;
    let whole = [
        &order.shop_order_id,
        &order.order_number,
        &order.channel,
        &order.location,
        &order.status,
        &order.currency,
        &order.buyer_reference,
        &order.buyer_note,
        &order.staff_note,
        &order.raw_json,
        &buyer.company,
        &buyer.first_name,
        &buyer.last_name,
        &buyer.email,
        &buyer.phone,
        &context.settings,
    ];
    let codes = [&buyer.customer_id, &buyer.account_code, &buyer.tax_number];
    sum([
        sum(whole.map(String::len)),
        sum(codes.map(option)),
        pairs(&order.custom_fields),
        pairs(&order.extra),
        sum(order.billing_address.iter().chain(&order.delivery_addresses).map(address)),
        sum(order.lines.iter().map(line)),
        sum(order.payments.iter().map(|paid| sum([&paid.method, &paid.title, &paid.reference].map(|text| text.len())))),
    ])
}

fn address(address: &Address) -> usize {
    let texts = [
        &address.company,
        &address.first_name,
        &address.last_name,
        &address.city,
        &address.region,
        &address.postal_code,
        &address.country,
        &address.phone,
        &address.email,
    ];
    sum([sum(texts.map(String::len)), sum(address.street.iter().map(String::len)), option(&address.code)])
}

fn line(line: &Line) -> usize {
    let codes = [&line.sku, &line.unit, &line.tax_code, &line.kind_text];
    sum([line.id.len(), line.description.len(), line.note.len(), pairs(&line.options), sum(codes.map(option))])
}

fn option(text: &Option<String>) -> usize {
    text.as_ref().map_or(0, String::len)
}

fn pairs(pairs: &[Pair]) -> usize {
    sum(pairs.iter().map(|(name, value)| name.len().saturating_add(value.len())))
}

fn sum(lengths: impl IntoIterator<Item = usize>) -> usize {
    lengths.into_iter().fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::call::Purpose, plugin::awkward};

    fn context() -> Context {
        Context {
            purpose: Purpose::Create,
            connection: String::new(),
            settings: "{}".to_owned(),
            pass: 1,
            attempt: 1,
            step: 0,
            idempotency_key: String::new(),
            document_number: 1,
            mapped_at: awkward::WHEN.to_owned(),
            shop_time_zone: String::new(),
            erp_time_zone: String::new(),
            request_id: String::new(),
            previous: None,
            logins: Vec::new(),
        }
    }

    /// Wherever a shop puts a long text, the plugin gets units for reading it.
    #[test]
    fn a_long_text_counts_wherever_it_is() {
        let everyday = of(&awkward::everyday(3), &context());
        let long = awkward::orders().into_iter().filter(|one| one.name.ends_with(": 20,000 characters"));
        let mut places = 0;
        for one in long {
            let size = of(&one.order, &context());
            assert!(size > everyday + 20_000, "{}: {size}", one.name);
            places += 1;
        }
        assert_eq!(places, 9);
    }
}
