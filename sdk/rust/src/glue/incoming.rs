//! From the contract's generated types to the ones that authors see.

use orderdock_order as canonical;
use orderdock_order::{Decimal, Instant};

use super::each;
use crate::bindings::orderdock::plugin::types as wit;

fn decimal(text: Option<String>) -> Option<Decimal> {
    text.map(Decimal::trusted)
}

fn instant(text: Option<String>) -> Option<Instant> {
    text.map(Instant::trusted)
}

impl From<wit::PaymentState> for canonical::PaymentState {
    fn from(it: wit::PaymentState) -> Self {
        match it {
            wit::PaymentState::Unknown => Self::Unknown,
            wit::PaymentState::Unpaid => Self::Unpaid,
            wit::PaymentState::Authorised => Self::Authorised,
            wit::PaymentState::PartlyPaid => Self::PartlyPaid,
            wit::PaymentState::Paid => Self::Paid,
            wit::PaymentState::Refunded => Self::Refunded,
        }
    }
}

impl From<wit::LineKind> for canonical::LineKind {
    fn from(it: wit::LineKind) -> Self {
        match it {
            wit::LineKind::Product => Self::Product,
            wit::LineKind::Shipping => Self::Shipping,
            wit::LineKind::Discount => Self::Discount,
            wit::LineKind::Fee => Self::Fee,
            wit::LineKind::Surcharge => Self::Surcharge,
            wit::LineKind::Gift => Self::Gift,
            wit::LineKind::Comment => Self::Comment,
            wit::LineKind::Rounding => Self::Rounding,
            wit::LineKind::Other => Self::Other,
        }
    }
}

impl From<wit::Purpose> for crate::Purpose {
    fn from(it: wit::Purpose) -> Self {
        match it {
            wit::Purpose::Create => Self::Create,
            wit::Purpose::LookUp => Self::LookUp,
            wit::Purpose::Update => Self::Update,
            wit::Purpose::Cancel => Self::Cancel,
        }
    }
}

impl From<wit::PreviousOutcome> for crate::PreviousOutcome {
    fn from(it: wit::PreviousOutcome) -> Self {
        match it {
            wit::PreviousOutcome::Delivered => Self::Delivered,
            wit::PreviousOutcome::Failed => Self::Failed,
            wit::PreviousOutcome::Unknown => Self::Unknown,
        }
    }
}

impl From<wit::DefaultVerdict> for crate::DefaultVerdict {
    fn from(it: wit::DefaultVerdict) -> Self {
        match it {
            wit::DefaultVerdict::Accepted => Self::Accepted,
            wit::DefaultVerdict::Rejected => Self::Rejected,
            wit::DefaultVerdict::RetryLater => Self::RetryLater,
            wit::DefaultVerdict::Unknown => Self::Unknown,
        }
    }
}

impl From<wit::Address> for canonical::Address {
    fn from(it: wit::Address) -> Self {
        Self {
            code: it.code,
            company: it.company,
            first_name: it.first_name,
            last_name: it.last_name,
            street: it.street,
            city: it.city,
            region: it.region,
            postal_code: it.postal_code,
            country: it.country,
            phone: it.phone,
            email: it.email,
            extra: it.extra,
        }
    }
}

impl From<wit::Buyer> for canonical::Buyer {
    fn from(it: wit::Buyer) -> Self {
        Self {
            customer_id: it.customer_id,
            account_code: it.account_code,
            company: it.company,
            first_name: it.first_name,
            last_name: it.last_name,
            email: it.email,
            phone: it.phone,
            tax_number: it.tax_number,
            extra: it.extra,
        }
    }
}

impl From<wit::Line> for canonical::Line {
    fn from(it: wit::Line) -> Self {
        Self {
            id: it.id,
            kind: it.kind.into(),
            kind_text: it.kind_text,
            parent: it.parent,
            sku: it.sku,
            description: it.description,
            quantity: Decimal::trusted(it.quantity),
            unit: it.unit,
            unit_price_net: decimal(it.unit_price_net),
            unit_price_gross: decimal(it.unit_price_gross),
            discount: decimal(it.discount),
            tax_rate: decimal(it.tax_rate),
            tax_amount: decimal(it.tax_amount),
            tax_code: it.tax_code,
            total_net: decimal(it.total_net),
            total_gross: decimal(it.total_gross),
            options: it.options,
            note: it.note,
            delivery_address: it.delivery_address,
            extra: it.extra,
        }
    }
}

impl From<wit::Payment> for canonical::Payment {
    fn from(it: wit::Payment) -> Self {
        Self {
            method: it.method,
            title: it.title,
            reference: it.reference,
            amount: decimal(it.amount),
            state: it.state.into(),
            paid_at: instant(it.paid_at),
            extra: it.extra,
        }
    }
}

impl From<wit::Totals> for canonical::Totals {
    fn from(it: wit::Totals) -> Self {
        Self {
            net: decimal(it.net),
            tax: decimal(it.tax),
            gross: Decimal::trusted(it.gross),
            shipping: decimal(it.shipping),
            discount: decimal(it.discount),
            extra: it.extra,
        }
    }
}

impl From<wit::Order> for canonical::Order {
    fn from(it: wit::Order) -> Self {
        Self {
            shop_order_id: it.shop_order_id,
            order_number: it.order_number,
            source: it.source,
            channel: it.channel,
            location: it.location,
            status: it.status,
            placed_at: Instant::trusted(it.placed_at),
            modified_at: instant(it.modified_at),
            paid_at: instant(it.paid_at),
            payment_state: it.payment_state.into(),
            currency: it.currency,
            prices_include_tax: it.prices_include_tax,
            buyer: it.buyer.into(),
            billing_address: it.billing_address.map(Into::into),
            delivery_addresses: each(it.delivery_addresses),
            lines: each(it.lines),
            payments: each(it.payments),
            totals: it.totals.into(),
            buyer_reference: it.buyer_reference,
            buyer_note: it.buyer_note,
            staff_note: it.staff_note,
            custom_fields: it.custom_fields,
            raw_json: it.raw_json,
            extra: it.extra,
        }
    }
}

impl From<wit::Previous> for crate::Previous {
    fn from(it: wit::Previous) -> Self {
        Self {
            outcome: it.outcome.into(),
            erp_order_id: it.erp_order_id,
            erp_order_number: it.erp_order_number,
            state: it.state,
            extra: it.extra,
        }
    }
}

impl From<wit::Context> for crate::Context<String> {
    fn from(it: wit::Context) -> Self {
        Self {
            purpose: it.purpose.into(),
            connection: it.connection,
            settings: it.settings,
            pass: it.pass,
            attempt: it.attempt,
            step: it.step,
            idempotency_key: it.idempotency_key,
            document_number: it.document_number,
            mapped_at: Instant::trusted(it.mapped_at),
            shop_time_zone: it.shop_time_zone,
            erp_time_zone: it.erp_time_zone,
            request_id: it.request_id,
            previous: it.previous.map(Into::into),
            logins: it.logins,
            extra: it.extra,
        }
    }
}

impl From<wit::HttpResponse> for crate::HttpResponse {
    fn from(it: wit::HttpResponse) -> Self {
        Self { status: it.status, headers: it.headers, body: it.body, extra: it.extra }
    }
}

impl From<wit::FilesWritten> for crate::FilesWritten {
    fn from(it: wit::FilesWritten) -> Self {
        Self { names: it.names, extra: it.extra }
    }
}

impl From<wit::AnswerFile> for crate::AnswerFile {
    fn from(it: wit::AnswerFile) -> Self {
        Self { folder: it.folder, name: it.name, bytes: it.bytes, extra: it.extra }
    }
}

impl From<wit::DeadlinePassed> for crate::DeadlinePassed {
    fn from(it: wit::DeadlinePassed) -> Self {
        Self { listing: it.listing, extra: it.extra }
    }
}

impl From<wit::ResponseContent> for crate::ResponseContent {
    fn from(it: wit::ResponseContent) -> Self {
        match it {
            wit::ResponseContent::Http(it) => Self::Http(it.into()),
            wit::ResponseContent::FilesWritten(it) => Self::FilesWritten(it.into()),
            wit::ResponseContent::AnswerFile(it) => Self::AnswerFile(it.into()),
            wit::ResponseContent::DeadlinePassed(it) => Self::DeadlinePassed(it.into()),
        }
    }
}

impl From<wit::Response> for crate::Response {
    fn from(it: wit::Response) -> Self {
        Self { content: it.content.into(), default_verdict: it.default_verdict.into(), extra: it.extra }
    }
}
