//! The host's own types → the contract's. Texts and bytes are borrowed: each is copied once, into the guest's memory.

use super::types;
use crate::domain::{
    Address, Buyer, Decimal, Instant, Line, LineKind, Order, Pair, Payment, PaymentState, Totals,
    call::{Context, PreviousOutcome, Purpose},
    verdict::{DefaultVerdict, Response},
};

/// Lists of borrowed texts that the contract's records point into; lives as long as they do.
pub(in crate::plugin) struct Lists<'a> {
    streets: Vec<Vec<&'a str>>,
    options: Vec<Vec<types::PairParam<'a>>>,
    extras: Vec<Vec<types::PairParam<'a>>>,
    custom_fields: Vec<types::PairParam<'a>>,
    order_extra: Vec<types::PairParam<'a>>,
    buyer_extra: Vec<types::PairParam<'a>>,
    totals_extra: Vec<types::PairParam<'a>>,
    payment_extras: Vec<Vec<types::PairParam<'a>>>,
    address_extras: Vec<Vec<types::PairParam<'a>>>,
}

pub(in crate::plugin) fn pairs(pairs: &[Pair]) -> Vec<types::PairParam<'_>> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

pub(in crate::plugin) fn texts(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn item<T>(lists: &[Vec<T>], index: usize) -> &[T] {
    lists.get(index).map_or(&[], Vec::as_slice)
}

/// Billing address first, then the delivery addresses.
fn addresses(order: &Order) -> impl Iterator<Item = &Address> {
    order.billing_address.iter().chain(&order.delivery_addresses)
}

impl<'a> Lists<'a> {
    /// Collects the lists of an order. An empty list costs no allocation.
    pub(in crate::plugin) fn of(order: &'a Order) -> Self {
        Self {
            streets: addresses(order).map(|address| texts(&address.street)).collect(),
            address_extras: addresses(order).map(|address| pairs(&address.extra)).collect(),
            options: order.lines.iter().map(|line| pairs(&line.options)).collect(),
            extras: order.lines.iter().map(|line| pairs(&line.extra)).collect(),
            custom_fields: pairs(&order.custom_fields),
            order_extra: pairs(&order.extra),
            buyer_extra: pairs(&order.buyer.extra),
            totals_extra: pairs(&order.totals.extra),
            payment_extras: order.payments.iter().map(|payment| pairs(&payment.extra)).collect(),
        }
    }

    /// The order's lists of records, which in turn point into `self`.
    pub(in crate::plugin) fn records<'b>(&'b self, order: &'b Order) -> Records<'b> {
        let mut addresses: Vec<_> = addresses(order)
            .enumerate()
            .map(|(index, from)| address(from, item(&self.streets, index), item(&self.address_extras, index)))
            .collect();
        let billing = order.billing_address.is_some().then(|| addresses.remove(0));
        let lines = order.lines.iter().enumerate();
        let payments = order.payments.iter().enumerate();
        Records {
            billing,
            deliveries: addresses,
            lines: lines
                .map(|(index, from)| line(from, item(&self.options, index), item(&self.extras, index)))
                .collect(),
            payments: payments.map(|(index, from)| payment(from, item(&self.payment_extras, index))).collect(),
            lists: self,
        }
    }
}

/// The contract's records of an order.
pub(in crate::plugin) struct Records<'b> {
    billing: Option<types::Address<'b>>,
    deliveries: Vec<types::Address<'b>>,
    lines: Vec<types::Line<'b>>,
    payments: Vec<types::Payment<'b>>,
    lists: &'b Lists<'b>,
}

impl<'b> Records<'b> {
    /// The order as the contract has it.
    pub(in crate::plugin) fn order(&'b self, order: &'b Order) -> types::Order<'b> {
        types::Order {
            shop_order_id: &order.shop_order_id,
            order_number: &order.order_number,
            source: &order.source,
            channel: &order.channel,
            location: &order.location,
            status: &order.status,
            placed_at: order.placed_at.as_str(),
            modified_at: order.modified_at.as_ref().map(Instant::as_str),
            paid_at: order.paid_at.as_ref().map(Instant::as_str),
            payment_state: payment_state(order.payment_state),
            currency: &order.currency,
            prices_include_tax: order.prices_include_tax,
            buyer: buyer(&order.buyer, &self.lists.buyer_extra),
            billing_address: self.billing.clone(),
            delivery_addresses: &self.deliveries,
            lines: &self.lines,
            payments: &self.payments,
            totals: totals(&order.totals, &self.lists.totals_extra),
            buyer_reference: &order.buyer_reference,
            buyer_note: &order.buyer_note,
            staff_note: &order.staff_note,
            custom_fields: &self.lists.custom_fields,
            raw_json: &order.raw_json,
            extra: &self.lists.order_extra,
        }
    }
}

fn decimal(decimal: &Option<Decimal>) -> Option<&str> {
    decimal.as_ref().map(Decimal::as_str)
}

fn payment_state(state: PaymentState) -> types::PaymentState {
    match state {
        PaymentState::Unknown => types::PaymentState::Unknown,
        PaymentState::Unpaid => types::PaymentState::Unpaid,
        PaymentState::Authorised => types::PaymentState::Authorised,
        PaymentState::PartlyPaid => types::PaymentState::PartlyPaid,
        PaymentState::Paid => types::PaymentState::Paid,
        PaymentState::Refunded => types::PaymentState::Refunded,
    }
}

fn line_kind(kind: LineKind) -> types::LineKind {
    match kind {
        LineKind::Product => types::LineKind::Product,
        LineKind::Shipping => types::LineKind::Shipping,
        LineKind::Discount => types::LineKind::Discount,
        LineKind::Fee => types::LineKind::Fee,
        LineKind::Surcharge => types::LineKind::Surcharge,
        LineKind::Gift => types::LineKind::Gift,
        LineKind::Comment => types::LineKind::Comment,
        LineKind::Rounding => types::LineKind::Rounding,
        LineKind::Other => types::LineKind::Other,
    }
}

fn address<'b>(from: &'b Address, street: &'b [&'b str], extra: &'b [types::PairParam<'b>]) -> types::Address<'b> {
    types::Address {
        code: from.code.as_deref(),
        company: &from.company,
        first_name: &from.first_name,
        last_name: &from.last_name,
        street,
        city: &from.city,
        region: &from.region,
        postal_code: &from.postal_code,
        country: &from.country,
        phone: &from.phone,
        email: &from.email,
        extra,
    }
}

fn buyer<'b>(from: &'b Buyer, extra: &'b [types::PairParam<'b>]) -> types::Buyer<'b> {
    types::Buyer {
        customer_id: from.customer_id.as_deref(),
        account_code: from.account_code.as_deref(),
        company: &from.company,
        first_name: &from.first_name,
        last_name: &from.last_name,
        email: &from.email,
        phone: &from.phone,
        tax_number: from.tax_number.as_deref(),
        extra,
    }
}

fn line<'b>(from: &'b Line, options: &'b [types::PairParam<'b>], extra: &'b [types::PairParam<'b>]) -> types::Line<'b> {
    types::Line {
        id: &from.id,
        kind: line_kind(from.kind),
        kind_text: from.kind_text.as_deref(),
        parent: from.parent,
        sku: from.sku.as_deref(),
        description: &from.description,
        quantity: from.quantity.as_str(),
        unit: from.unit.as_deref(),
        unit_price_net: decimal(&from.unit_price_net),
        unit_price_gross: decimal(&from.unit_price_gross),
        discount: decimal(&from.discount),
        tax_rate: decimal(&from.tax_rate),
        tax_amount: decimal(&from.tax_amount),
        tax_code: from.tax_code.as_deref(),
        total_net: decimal(&from.total_net),
        total_gross: decimal(&from.total_gross),
        options,
        note: &from.note,
        delivery_address: from.delivery_address,
        extra,
    }
}

fn payment<'b>(from: &'b Payment, extra: &'b [types::PairParam<'b>]) -> types::Payment<'b> {
    types::Payment {
        method: &from.method,
        title: &from.title,
        reference: &from.reference,
        amount: decimal(&from.amount),
        state: payment_state(from.state),
        paid_at: from.paid_at.as_ref().map(Instant::as_str),
        extra,
    }
}

fn totals<'b>(from: &'b Totals, extra: &'b [types::PairParam<'b>]) -> types::Totals<'b> {
    types::Totals {
        net: decimal(&from.net),
        tax: decimal(&from.tax),
        gross: from.gross.as_str(),
        shipping: decimal(&from.shipping),
        discount: decimal(&from.discount),
        extra,
    }
}

/// The context's list of texts.
pub(in crate::plugin) fn logins(context: &Context) -> Vec<&str> {
    texts(&context.logins)
}

/// The context as the contract has it; `logins` comes from [`logins`].
pub(in crate::plugin) fn context<'b>(from: &'b Context, logins: &'b [&'b str]) -> types::Context<'b> {
    types::Context {
        purpose: match from.purpose {
            Purpose::Create => types::Purpose::Create,
            Purpose::LookUp => types::Purpose::LookUp,
            Purpose::Update => types::Purpose::Update,
            Purpose::Cancel => types::Purpose::Cancel,
        },
        connection: &from.connection,
        settings: &from.settings,
        pass: from.pass,
        attempt: from.attempt,
        step: from.step,
        idempotency_key: &from.idempotency_key,
        document_number: from.document_number,
        mapped_at: &from.mapped_at,
        shop_time_zone: &from.shop_time_zone,
        erp_time_zone: &from.erp_time_zone,
        request_id: &from.request_id,
        previous: from.previous.as_ref().map(|previous| types::Previous {
            outcome: match previous.outcome {
                PreviousOutcome::Delivered => types::PreviousOutcome::Delivered,
                PreviousOutcome::Failed => types::PreviousOutcome::Failed,
                PreviousOutcome::Unknown => types::PreviousOutcome::Unknown,
            },
            erp_order_id: previous.erp_order_id.as_deref(),
            erp_order_number: previous.erp_order_number.as_deref(),
            state: &previous.state,
            extra: &[],
        }),
        logins,
        extra: &[],
    }
}

/// Lists of a response.
pub(in crate::plugin) struct ResponseLists<'a> {
    headers: Vec<types::PairParam<'a>>,
    names: Vec<&'a str>,
}

impl<'a> ResponseLists<'a> {
    /// Collects them.
    pub(in crate::plugin) fn of(response: &'a Response) -> Self {
        let (headers, names) = match response {
            Response::Http { headers, .. } => (pairs(headers), Vec::new()),
            Response::FilesWritten { names: list } | Response::DeadlinePassed { listing: list } => {
                (Vec::new(), texts(list))
            }
            Response::AnswerFile { .. } => (Vec::new(), Vec::new()),
        };
        Self { headers, names }
    }

    /// The response as the contract has it.
    pub(in crate::plugin) fn response<'b>(
        &'b self,
        from: &'b Response,
        default: DefaultVerdict,
    ) -> types::Response<'b> {
        use types::ResponseContent as Content;
        types::Response {
            content: match from {
                Response::Http { status, body, .. } => {
                    Content::Http(types::HttpResponse { status: *status, headers: &self.headers, body, extra: &[] })
                }
                Response::FilesWritten { .. } => {
                    Content::FilesWritten(types::FilesWritten { names: &self.names, extra: &[] })
                }
                Response::AnswerFile { folder, name, bytes } => {
                    Content::AnswerFile(types::AnswerFile { folder, name, bytes, extra: &[] })
                }
                Response::DeadlinePassed { .. } => {
                    Content::DeadlinePassed(types::DeadlinePassed { listing: &self.names, extra: &[] })
                }
            },
            default_verdict: match default {
                DefaultVerdict::Accepted => types::DefaultVerdict::Accepted,
                DefaultVerdict::Rejected => types::DefaultVerdict::Rejected,
                DefaultVerdict::RetryLater => types::DefaultVerdict::RetryLater,
                DefaultVerdict::Unknown => types::DefaultVerdict::Unknown,
            },
            extra: &[],
        }
    }
}
