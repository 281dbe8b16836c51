//! Who buys, who sells, who gets the invoice, and where the goods go.

use orderdock_plugin::{Address, Context, Order};

use crate::Settings;
use crate::element::Element;

/// The first text that is not blank.
fn first<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    texts.into_iter().find(|text| !text.trim().is_empty())
}

/// Given and family name.
fn person(first_name: &str, last_name: &str) -> String {
    [first_name, last_name].join(" ").trim().to_owned()
}

/// The buyer. A guest's name is taken from the addresses, because UBL asks for a buyer.
pub fn buyer(order: &Order, settings: &Settings, out: &mut Element) {
    let buyer = &order.buyer;
    let name = person(&buyer.first_name, &buyer.last_name);
    let addresses: Vec<&Address> = order.billing_address.iter().chain(&order.delivery_addresses).collect();
    let people: Vec<String> = addresses.iter().map(|address| person(&address.first_name, &address.last_name)).collect();
    let known = addresses
        .iter()
        .zip(&people)
        .flat_map(|(address, person)| [address.company.as_str(), person.as_str(), address.email.as_str()]);
    let shown = first([buyer.company.as_str(), name.as_str()].into_iter().chain(known).chain([buyer.email.as_str()]));
    out.group("cac:BuyerCustomerParty", &[], |out| {
        out.optional("cbc:SupplierAssignedAccountID", buyer.account_code.as_deref());
        out.group("cac:Party", &[], |out| {
            identification(buyer.customer_id.as_deref(), out);
            party_name(Some(shown.unwrap_or("guest")), out);
            if let Some(billing) = &order.billing_address {
                out.group("cac:PostalAddress", &[], |out| address(billing, out));
            }
            tax_number(buyer.tax_number.as_deref(), settings, out);
            legal_name(&buyer.company, out);
            contact(&name, &buyer.phone, &buyer.email, out);
            person_names(&buyer.first_name, &buyer.last_name, out);
        });
    });
}

/// The merchant, from the settings.
pub fn seller(context: &Context<Settings>, out: &mut Element) {
    let settings = &context.settings;
    let name = first([settings.seller_name.as_deref().unwrap_or_default(), context.connection.as_str(), "seller"]);
    out.group("cac:SellerSupplierParty", &[], |out| {
        out.group("cac:Party", &[], |out| {
            identification(settings.seller_id.as_deref(), out);
            party_name(name, out);
            tax_number(settings.seller_tax_number.as_deref(), settings, out);
        });
    });
}

/// Who gets the invoice.
pub fn invoicee(billing: &Address, out: &mut Element) {
    out.group("cac:AccountingCustomerParty", &[], |out| {
        out.group("cac:Party", &[], |out| party(billing, true, out));
    });
}

/// One place where goods go; its ID counts from 1, and lines refer to it.
pub fn delivery(index: usize, place: &Address, out: &mut Element) {
    out.group("cac:Delivery", &[], |out| {
        out.text("cbc:ID", &index.saturating_add(1).to_string());
        out.group("cac:DeliveryAddress", &[], |out| address(place, out));
        out.group("cac:DeliveryParty", &[], |out| party(place, false, out));
    });
}

/// A line's place among several; the header has the people there.
pub fn line_delivery(index: usize, place: &Address, out: &mut Element) {
    out.group("cac:Delivery", &[], |out| {
        out.text("cbc:ID", &index.saturating_add(1).to_string());
        out.group("cac:DeliveryAddress", &[], |out| address(place, out));
    });
}

fn party(of: &Address, with_address: bool, out: &mut Element) {
    let name = person(&of.first_name, &of.last_name);
    party_name(first([of.company.as_str(), name.as_str()]), out);
    if with_address {
        out.group("cac:PostalAddress", &[], |out| address(of, out));
    }
    legal_name(&of.company, out);
    contact(&name, &of.phone, &of.email, out);
    person_names(&of.first_name, &of.last_name, out);
}

fn identification(id: Option<&str>, out: &mut Element) {
    out.group("cac:PartyIdentification", &[], |out| out.optional("cbc:ID", id));
}

fn party_name(name: Option<&str>, out: &mut Element) {
    out.group("cac:PartyName", &[], |out| out.optional("cbc:Name", name));
}

fn tax_number(number: Option<&str>, settings: &Settings, out: &mut Element) {
    if let Some(number) = number.filter(|number| !number.is_empty()) {
        out.group("cac:PartyTaxScheme", &[], |out| {
            out.text("cbc:CompanyID", number);
            out.group("cac:TaxScheme", &[], |out| out.text("cbc:ID", &settings.tax_scheme));
        });
    }
}

fn legal_name(company: &str, out: &mut Element) {
    out.group("cac:PartyLegalEntity", &[], |out| out.text("cbc:RegistrationName", company));
}

fn contact(name: &str, phone: &str, email: &str, out: &mut Element) {
    out.group("cac:Contact", &[], |out| {
        out.text("cbc:Name", name);
        out.text("cbc:Telephone", phone);
        out.text("cbc:ElectronicMail", email);
    });
}

fn person_names(first_name: &str, last_name: &str, out: &mut Element) {
    out.group("cac:Person", &[], |out| {
        out.text("cbc:FirstName", first_name);
        out.text("cbc:FamilyName", last_name);
    });
}

/// Two street lines have elements of their own, more become address lines.
fn address(address: &Address, out: &mut Element) {
    let mut street = address.street.iter();
    out.optional("cbc:ID", address.code.as_deref());
    out.optional("cbc:StreetName", street.next().map(String::as_str));
    out.optional("cbc:AdditionalStreetName", street.next().map(String::as_str));
    out.text("cbc:CityName", &address.city);
    out.text("cbc:PostalZone", &address.postal_code);
    out.text("cbc:CountrySubentity", &address.region);
    for line in street {
        out.group("cac:AddressLine", &[], |out| out.text("cbc:Line", line));
    }
    out.group("cac:Country", &[], |out| out.text("cbc:IdentificationCode", &address.country));
}
