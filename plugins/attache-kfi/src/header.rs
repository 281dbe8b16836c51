//! The header: who ordered, where it goes, when.

use std::collections::BTreeSet;

use orderdock_plugin::{Address, Context, LineKind, Order, Part, Place, Rejection};

use crate::date::DateFrom;
use crate::record::{Field, fields};
use crate::settings::{OrderNote, OrderNumberField, Section};
use crate::texts::{Texts, refused};
use crate::{Settings, customer};

/// What the timeline says of a text that has no field. The place follows.
pub const NOT_SENT: &str = "did not send, because no field is set for it:";

/// The header's fields.
///
/// # Errors
/// When a value can't be made.
pub fn of<'s>(
    order: &Order,
    context: &'s Context<Settings>,
    texts: &mut Texts<'_>,
) -> Result<Vec<Field<'s>>, Rejection> {
    let settings = &context.settings;
    let delivery = delivery(order)?;
    let note = Place::new(Part::Order, "buyer_note");
    let has_note = !order.buyer_note.trim().is_empty();
    match settings.order_note {
        OrderNote::Hold if has_note => {
            let text = "the buyer wrote a note: read it, then remove it in the shop or enter the order by hand";
            return Err(refused(note, text));
        }
        OrderNote::Report if has_note => texts.report.at(NOT_SENT, note),
        _ => {}
    }
    let reference = Place::new(Part::Order, "buyer_reference");
    if settings.buyer_reference_field.is_none() && !order.buyer_reference.trim().is_empty() {
        texts.report.at(NOT_SENT, reference);
    }
    let fields = fields(settings, Section::Header, |name| {
        let number = Place::new(Part::Order, "order_number");
        if settings.order_note == OrderNote::Field && settings.note_field.as_deref() == Some(name) {
            return texts.text(name, note, &order.buyer_note);
        }
        if settings.buyer_reference_field.as_deref() == Some(name) {
            return texts.text(name, reference, &order.buyer_reference);
        }
        match (name, settings.order_number_field) {
            ("reference", OrderNumberField::Reference | OrderNumberField::Both)
            | ("ordernumber", OrderNumberField::Ordernumber | OrderNumberField::Both) => {
                return texts.code(name, number, &order.order_number);
            }
            _ => {}
        }
        match name {
            "customercode" => customer::code(order, settings, texts, name),
            "date" => Ok(settings.date_format.write(
                match settings.date_from {
                    DateFrom::PlacedAt => &order.placed_at,
                    DateFrom::MappedAt => &context.mapped_at,
                },
                &settings.utc_offset,
            )),
            _ => match &delivery {
                Some((index, address)) => of_address(name, *index, address, order, texts),
                None if name == "customerphonedocument" => {
                    texts.text(name, Place::new(Part::Buyer, "phone"), &order.buyer.phone)
                }
                None => Ok(String::new()),
            },
        }
    })?;
    // Without a customer or a number the file could neither be imported nor found again.
    for (name, place) in [("customercode", "customercode"), (number_field(settings), "the web order's number")] {
        if !fields.iter().any(|field| field.name == name && !field.value.is_empty()) {
            let text = format!("`field_order.header` must list `{name}`, which holds {place}");
            return Err(Rejection::settings(text).field("settings.field_order.header"));
        }
    }
    Ok(fields)
}

fn number_field(settings: &Settings) -> &'static str {
    match settings.order_number_field {
        OrderNumberField::Reference | OrderNumberField::Both => "reference",
        OrderNumberField::Ordernumber => "ordernumber",
    }
}

fn of_address(
    name: &str,
    index: usize,
    address: &Address,
    order: &Order,
    texts: &mut Texts<'_>,
) -> Result<String, Rejection> {
    let place = |field| Place::new(Part::DeliveryAddress(index), field);
    let person = [(place("first_name"), address.first_name.as_str()), (place("last_name"), address.last_name.as_str())];
    match name {
        "deliveryaddresscode" => {
            address.code.as_deref().map_or(Ok(String::new()), |code| texts.code(name, place("code"), code))
        }
        "deliveryname" if address.company.trim().is_empty() => texts.joined(name, &person),
        "deliveryname" => texts.text(name, place("company"), &address.company),
        "contactdocument" => texts.joined(name, &person),
        "deliveryaddressline1" | "deliveryaddressline2" => {
            let street = |at: usize| Place { index: Some(at), ..place("street") };
            let parts: Vec<(Place<'_>, &str)> =
                address.street.iter().enumerate().map(|(at, line)| (street(at), line.as_str())).collect();
            let (first, rest) = parts.split_at(parts.len().min(1));
            if name == "deliveryaddressline1" {
                return texts.joined(name, first);
            }
            if let [_, third, ..] = rest {
                texts.report.at("joined the street lines from the second on, because Attaché has two:", third.0);
            }
            texts.joined(name, rest)
        }
        "deliverysuburb" => texts.text(name, place("city"), &address.city),
        "deliverystate" => texts.text(name, place("region"), &address.region),
        "deliverypostcode" => texts.text(name, place("postal_code"), &address.postal_code),
        "deliverycountry" => match orderdock_plugin::tables::find("countries", &address.country) {
            Some(country) => {
                texts.known_code(name, &format!("look-up table `countries`, entry `{}`", address.country), &country)
            }
            None => texts.text(name, place("country"), &address.country),
        },
        "customerphonedocument" if address.phone.trim().is_empty() => {
            texts.text(name, Place::new(Part::Buyer, "phone"), &order.buyer.phone)
        }
        "customerphonedocument" => texts.text(name, place("phone"), &address.phone),
        _ => Ok(String::new()),
    }
}

/// The address to which everything goes; none for an order that is not shipped.
fn delivery(order: &Order) -> Result<Option<(usize, &Address)>, Rejection> {
    let goods = || order.lines.iter().enumerate().filter(|(_, line)| line.kind == LineKind::Product);
    let wanted: BTreeSet<u32> = goods().map(|(_, line)| line.delivery_address.unwrap_or(0)).collect();
    if wanted.len() > 1 {
        let text = "the order goes to several addresses, and an Attaché order has one: divide it in the shop";
        return Err(Rejection::data(text).field("delivery_addresses"));
    }
    let index = wanted.first().and_then(|index| usize::try_from(*index).ok()).unwrap_or(0);
    match order.delivery_addresses.get(index) {
        Some(address) => Ok(Some((index, address))),
        None if index == 0 => Ok(None),
        None => {
            let line = goods().next().map_or(0, |(line, _)| line);
            Err(refused(Place::line(line, "delivery_address"), "there is no such delivery address"))
        }
    }
}
