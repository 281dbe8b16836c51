//! The contract's types → the host's own. Texts and bytes are moved, not copied. What the content means is checked later,
//! in `check`.

use secrecy::SecretString;

use super::types;
use crate::{
    domain::{
        call::{DeliveryKind, NamedNeed, Purpose},
        delivery::{
            Delivery, DeliveryContent, FileDelivery, FileOut, Header, HttpDelivery, Rejection, RejectionClass, Repeat,
            SecretEncoding, Segment,
        },
        verdict::{Acceptance, AnswerCheck, Awaiting, FailureClass, FileCheck, FileMeaning, Login, Refusal, Verdict},
    },
    plugin::contract::RawDescription,
};

pub(super) fn delivery(from: types::Delivery) -> Delivery {
    let content = match from.content {
        types::DeliveryContent::Http(request) => DeliveryContent::Http(http(request)),
        types::DeliveryContent::Files(files) => DeliveryContent::Files(FileDelivery {
            files: files.files.into_iter().map(file).collect(),
            trigger: files.trigger.map(file),
        }),
    };
    Delivery { content, state: from.state, notes: from.notes }
}

fn http(from: types::HttpDelivery) -> HttpDelivery {
    HttpDelivery {
        method: from.method,
        path: from.path,
        query: from.query,
        headers: from
            .headers
            .into_iter()
            .map(|header| Header { name: header.name, value: segments(header.value) })
            .collect(),
        body: segments(from.body),
        content_type: from.content_type,
        repeat: match from.repeat {
            types::Repeat::Never => Repeat::Never,
            types::Repeat::Always => Repeat::Always,
            types::Repeat::WithKey(seconds) => Repeat::WithKey(seconds),
        },
        sensitive: from.sensitive,
    }
}

fn file(from: types::File) -> FileOut {
    FileOut { name: from.name, content: segments(from.content) }
}

pub(super) fn rejection(from: types::Rejection) -> Rejection {
    Rejection {
        class: match from.reason {
            types::RejectionReason::Data => RejectionClass::Data,
            types::RejectionReason::Settings => RejectionClass::Settings,
            types::RejectionReason::NotForUs => RejectionClass::NotForUs,
        },
        message: from.message,
        field: from.field,
    }
}

pub(super) fn verdict(from: types::Verdict) -> Verdict {
    match from {
        types::Verdict::Accepted(given) => Verdict::Accepted(acceptance(given)),
        types::Verdict::AlreadyThere(given) => Verdict::AlreadyThere(acceptance(given)),
        types::Verdict::Rejected(refusal) => Verdict::Rejected(Refusal {
            message: refusal.message,
            class: match refusal.reason {
                types::RefusalReason::Data => FailureClass::Data,
                types::RefusalReason::Settings => FailureClass::Settings,
                types::RefusalReason::Erp => FailureClass::Erp,
            },
            field: refusal.field,
            partial_id: refusal.partial_id,
        }),
        types::Verdict::RetryLater(later) => Verdict::RetryLater { after_s: later.after, message: later.message },
        types::Verdict::NotFound => Verdict::NotFound,
        types::Verdict::AwaitingAnswer(awaiting) => Verdict::AwaitingAnswer(Awaiting {
            ticket: awaiting.ticket,
            deadline_s: awaiting.deadline,
            state: awaiting.state,
            check: check(awaiting.check),
        }),
        types::Verdict::StillWaiting(waiting) => Verdict::StillWaiting { after_s: waiting.after },
        types::Verdict::NotMine => Verdict::NotMine,
        types::Verdict::Unknown(doubt) => Verdict::Unknown { message: doubt.message },
        types::Verdict::Next(next) => Verdict::Next {
            delivery: Box::new(delivery(next.delivery)),
            remember: next.remember.into_iter().map(login).collect(),
        },
    }
}

fn login(from: types::Login) -> Login {
    Login { slot: from.slot, value: SecretString::from(from.value), seconds: from.seconds }
}

fn acceptance(from: types::Acceptance) -> Acceptance {
    Acceptance {
        erp_order_id: from.erp_order_id,
        erp_order_number: from.erp_order_number,
        message: from.message,
        warnings: from.warnings,
    }
}

fn check(from: types::AnswerCheck) -> AnswerCheck {
    match from {
        types::AnswerCheck::Files(checks) => AnswerCheck::Files(
            checks
                .into_iter()
                .map(|check| FileCheck {
                    folder: check.folder,
                    pattern: check.pattern,
                    meaning: match check.meaning {
                        types::FileMeaning::Success => FileMeaning::Success,
                        types::FileMeaning::Failure => FileMeaning::Failure,
                        types::FileMeaning::Gone => FileMeaning::Gone,
                        types::FileMeaning::Any => FileMeaning::Any,
                    },
                })
                .collect(),
        ),
        types::AnswerCheck::Poll(poll) => {
            AnswerCheck::Poll { delivery: Box::new(delivery(poll.delivery)), after_s: poll.after }
        }
    }
}

pub(super) fn description(from: types::Description) -> RawDescription {
    RawDescription {
        name: from.name,
        version: from.version,
        publisher: from.publisher,
        erp: from.erp,
        help: from.help,
        settings_schema: from.settings_schema,
        purposes: from.purposes.into_iter().map(purpose).collect(),
        deliveries: from
            .deliveries
            .into_iter()
            .map(|kind| match kind {
                types::DeliveryKind::Http => DeliveryKind::Http,
                types::DeliveryKind::Files => DeliveryKind::Files,
            })
            .collect(),
        secrets: needs(from.secrets),
        tables: needs(from.tables),
        folders: needs(from.folders),
    }
}

fn needs(from: Vec<types::NamedNeed>) -> Vec<NamedNeed> {
    from.into_iter().map(|need| NamedNeed { name: need.name, help: need.help, required: need.required }).collect()
}

fn purpose(from: types::Purpose) -> Purpose {
    match from {
        types::Purpose::Create => Purpose::Create,
        types::Purpose::LookUp => Purpose::LookUp,
        types::Purpose::Update => Purpose::Update,
        types::Purpose::Cancel => Purpose::Cancel,
    }
}

fn segments(from: Vec<types::Segment>) -> Vec<Segment> {
    from.into_iter()
        .map(|segment| match segment {
            types::Segment::Bytes(bytes) => Segment::Bytes(bytes),
            types::Segment::Secret(secret) => Segment::Secret {
                slot: secret.slot,
                encode: match secret.encode {
                    types::SecretEncoding::None => SecretEncoding::None,
                    types::SecretEncoding::Json => SecretEncoding::Json,
                    types::SecretEncoding::Xml => SecretEncoding::Xml,
                    types::SecretEncoding::Url => SecretEncoding::Url,
                    types::SecretEncoding::Base64 => SecretEncoding::Base64,
                },
            },
        })
        .collect()
}
