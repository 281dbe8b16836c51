//! What a plugin gave, in the SDK's types: a case keeps it in their form.

use orderdock_plugin as sdk;
use secrecy::ExposeSecret as _;

use crate::domain::{
    call::{self, DeliveryKind},
    delivery as host, verdict as host_verdict,
};

fn segments(given: Vec<host::Segment>) -> Vec<sdk::Segment> {
    given
        .into_iter()
        .map(|segment| match segment {
            host::Segment::Bytes(bytes) => sdk::Segment::Bytes(bytes),
            host::Segment::Secret { slot, encode } => sdk::Segment::secret(
                slot,
                match encode {
                    host::SecretEncoding::None => sdk::SecretEncoding::None,
                    host::SecretEncoding::Json => sdk::SecretEncoding::Json,
                    host::SecretEncoding::Xml => sdk::SecretEncoding::Xml,
                    host::SecretEncoding::Url => sdk::SecretEncoding::Url,
                    host::SecretEncoding::Base64 => sdk::SecretEncoding::Base64,
                },
            ),
        })
        .collect()
}

fn file(given: host::FileOut) -> sdk::File {
    sdk::File { name: given.name, content: segments(given.content), extra: Vec::new() }
}

/// A delivery.
pub(super) fn delivery(given: host::Delivery) -> sdk::Delivery {
    let content = match given.content {
        host::DeliveryContent::Http(http) => sdk::DeliveryContent::Http(sdk::HttpDelivery {
            method: http.method,
            path: http.path,
            query: http.query,
            headers: http
                .headers
                .into_iter()
                .map(|header| sdk::Header { name: header.name, value: segments(header.value) })
                .collect(),
            body: segments(http.body),
            content_type: http.content_type,
            repeat: match http.repeat {
                host::Repeat::Never => sdk::Repeat::Never,
                host::Repeat::Always => sdk::Repeat::Always,
                host::Repeat::WithKey(seconds) => sdk::Repeat::WithKey(seconds),
            },
            sensitive: http.sensitive,
            extra: Vec::new(),
        }),
        host::DeliveryContent::Files(files) => sdk::DeliveryContent::Files(sdk::FileDelivery {
            files: files.files.into_iter().map(file).collect(),
            trigger: files.trigger.map(file),
            extra: Vec::new(),
        }),
    };
    sdk::Delivery { content, state: given.state, notes: given.notes, extra: Vec::new() }
}

fn acceptance(given: host_verdict::Acceptance) -> sdk::Acceptance {
    sdk::Acceptance {
        erp_order_id: given.erp_order_id,
        erp_order_number: given.erp_order_number,
        message: given.message,
        warnings: given.warnings,
        extra: Vec::new(),
    }
}

/// A case's answer is made up, and so is the login in it.
fn login(given: host_verdict::Login) -> sdk::Login {
    let value = given.value.expose_secret().to_owned();
    sdk::Login { slot: given.slot, value, seconds: given.seconds, extra: Vec::new() }
}

/// A verdict.
pub(super) fn verdict(given: host_verdict::Verdict) -> sdk::Verdict {
    use host_verdict::Verdict as Host;
    match given {
        Host::Accepted(given) => sdk::Verdict::Accepted(acceptance(given)),
        Host::AlreadyThere(given) => sdk::Verdict::AlreadyThere(acceptance(given)),
        Host::Rejected(refusal) => sdk::Verdict::Rejected(sdk::Refusal {
            message: refusal.message,
            class: match refusal.class {
                host_verdict::FailureClass::Settings => sdk::RefusalClass::Settings,
                host_verdict::FailureClass::Erp => sdk::RefusalClass::Erp,
                _ => sdk::RefusalClass::Data,
            },
            field: refusal.field,
            partial_id: refusal.partial_id,
            extra: Vec::new(),
        }),
        Host::RetryLater { after_s, message } => sdk::Verdict::retry_later(after_s, message),
        Host::NotFound => sdk::Verdict::NotFound,
        Host::NotMine => sdk::Verdict::NotMine,
        Host::Unknown { message } => sdk::Verdict::unknown(message),
        Host::StillWaiting { after_s } => {
            sdk::Verdict::StillWaiting(sdk::Waiting { after: after_s, extra: Vec::new() })
        }
        Host::AwaitingAnswer(awaiting) => sdk::Verdict::AwaitingAnswer(sdk::Awaiting {
            ticket: awaiting.ticket,
            deadline: awaiting.deadline_s,
            state: awaiting.state,
            check: match awaiting.check {
                host_verdict::AnswerCheck::Files(checks) => sdk::AnswerCheck::Files(
                    checks
                        .into_iter()
                        .map(|check| {
                            let meaning = match check.meaning {
                                host_verdict::FileMeaning::Success => sdk::FileMeaning::Success,
                                host_verdict::FileMeaning::Failure => sdk::FileMeaning::Failure,
                                host_verdict::FileMeaning::Gone => sdk::FileMeaning::Gone,
                                host_verdict::FileMeaning::Any => sdk::FileMeaning::Any,
                            };
                            sdk::FileCheck::new(check.folder, check.pattern, meaning)
                        })
                        .collect(),
                ),
                host_verdict::AnswerCheck::Poll { delivery: question, after_s } => sdk::AnswerCheck::Poll(sdk::Poll {
                    delivery: delivery(*question),
                    after: after_s,
                    extra: Vec::new(),
                }),
            },
            extra: Vec::new(),
        }),
        Host::Next { delivery: call, remember } => sdk::Verdict::Next(sdk::NextCall {
            delivery: delivery(*call),
            remember: remember.into_iter().map(login).collect(),
            extra: Vec::new(),
        }),
    }
}

/// A description.
pub(super) fn description(given: call::Description) -> sdk::Description {
    let needs = |all: Vec<call::NamedNeed>| {
        let need = |one: call::NamedNeed| sdk::NamedNeed {
            name: one.name,
            help: one.help,
            required: one.required,
            extra: Vec::new(),
        };
        all.into_iter().map(need).collect()
    };
    sdk::Description {
        name: given.name,
        version: given.version,
        publisher: given.publisher,
        erp: given.erp,
        help: given.help,
        settings_schema: given.settings_schema.to_string(),
        purposes: given
            .purposes
            .into_iter()
            .map(|purpose| match purpose {
                call::Purpose::Create => sdk::Purpose::Create,
                call::Purpose::LookUp => sdk::Purpose::LookUp,
                call::Purpose::Update => sdk::Purpose::Update,
                call::Purpose::Cancel => sdk::Purpose::Cancel,
            })
            .collect(),
        deliveries: given
            .deliveries
            .into_iter()
            .map(|kind| match kind {
                DeliveryKind::Http => sdk::DeliveryKind::Http,
                DeliveryKind::Files => sdk::DeliveryKind::Files,
            })
            .collect(),
        secrets: needs(given.secrets),
        tables: needs(given.tables),
        folders: needs(given.folders),
        extra: Vec::new(),
    }
}

/// A rejection.
pub(super) fn rejection(given: host::Rejection) -> sdk::Rejection {
    sdk::Rejection {
        class: match given.class {
            host::RejectionClass::Data => sdk::RejectionClass::Data,
            host::RejectionClass::Settings => sdk::RejectionClass::Settings,
            host::RejectionClass::NotForUs => sdk::RejectionClass::NotForUs,
        },
        message: given.message,
        field: given.field,
        extra: Vec::new(),
    }
}
