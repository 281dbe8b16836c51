//! The contract's types → the host's own. Texts and bytes are moved, not copied. What the content means is checked later,
//! in `check`; here only `extra` is looked at: names that nobody knows are reported for the log.

use secrecy::SecretString;

use super::types;
use crate::domain::{
    call::{DeliveryKind, NamedNeed, Purpose},
    delivery::{
        Delivery, DeliveryContent, FileDelivery, FileOut, Header, HttpDelivery, Rejection, RejectionClass, Repeat,
        SecretEncoding, Segment,
    },
    verdict::{Acceptance, AnswerCheck, Awaiting, FailureClass, FileCheck, FileMeaning, Login, Refusal, Verdict},
};
use crate::plugin::contract::{Lifted, RawDescription};

/// Takes results apart and collects the `extra` names that nobody knows. Contract 0.1 knows none.
#[derive(Debug, Default)]
pub(super) struct Lift {
    /// `place: name`, in order of appearance.
    unknown: Vec<String>,
}

/// How many unknown names are reported; more would only flood the log.
const UNKNOWN_REPORTED: usize = 20;

impl Lift {
    /// Takes a whole result apart.
    pub(super) fn all<T>(take: impl FnOnce(&mut Self) -> T) -> Lifted<T> {
        let mut lift = Self::default();
        let value = take(&mut lift);
        Lifted { value, unknown: lift.unknown }
    }

    fn extra(&mut self, place: &str, extra: &[types::PairResult]) {
        for (name, _) in extra {
            if self.unknown.len() < UNKNOWN_REPORTED {
                self.unknown.push(format!("{place}: {}", crate::plugin::log::cut(name, 60)));
            }
        }
    }

    pub(super) fn delivery(&mut self, from: types::Delivery) -> Delivery {
        self.extra("delivery.extra", &from.extra);
        let content = match from.content {
            types::DeliveryContent::Http(http) => DeliveryContent::Http(self.http(http)),
            types::DeliveryContent::Files(files) => {
                self.extra("delivery.files.extra", &files.extra);
                DeliveryContent::Files(FileDelivery {
                    files: files.files.into_iter().map(|file| self.file(file)).collect(),
                    trigger: files.trigger.map(|file| self.file(file)),
                })
            }
        };
        Delivery { content, state: from.state, notes: from.notes }
    }

    fn http(&mut self, from: types::HttpDelivery) -> HttpDelivery {
        self.extra("delivery.http.extra", &from.extra);
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

    fn file(&mut self, from: types::File) -> FileOut {
        self.extra("delivery.files.file.extra", &from.extra);
        FileOut { name: from.name, content: segments(from.content) }
    }

    pub(super) fn rejection(&mut self, from: types::Rejection) -> Rejection {
        self.extra("rejection.extra", &from.extra);
        Rejection {
            class: match from.class {
                types::RejectionClass::Data => RejectionClass::Data,
                types::RejectionClass::Settings => RejectionClass::Settings,
                types::RejectionClass::NotForUs => RejectionClass::NotForUs,
            },
            message: from.message,
            field: from.field,
        }
    }

    pub(super) fn verdict(&mut self, from: types::Verdict) -> Verdict {
        match from {
            types::Verdict::Accepted(acceptance) => Verdict::Accepted(self.acceptance(acceptance)),
            types::Verdict::AlreadyThere(acceptance) => Verdict::AlreadyThere(self.acceptance(acceptance)),
            types::Verdict::Rejected(refusal) => {
                self.extra("verdict.rejected.extra", &refusal.extra);
                Verdict::Rejected(Refusal {
                    message: refusal.message,
                    class: match refusal.class {
                        types::RefusalClass::Data => FailureClass::Data,
                        types::RefusalClass::Settings => FailureClass::Settings,
                        types::RefusalClass::Erp => FailureClass::Erp,
                    },
                    field: refusal.field,
                    partial_id: refusal.partial_id,
                })
            }
            types::Verdict::RetryLater(later) => {
                self.extra("verdict.retry-later.extra", &later.extra);
                Verdict::RetryLater { after_s: later.after, message: later.message }
            }
            types::Verdict::NotFound => Verdict::NotFound,
            types::Verdict::AwaitingAnswer(awaiting) => {
                self.extra("verdict.awaiting-answer.extra", &awaiting.extra);
                Verdict::AwaitingAnswer(Awaiting {
                    ticket: awaiting.ticket,
                    deadline_s: awaiting.deadline,
                    state: awaiting.state,
                    check: self.check(awaiting.check),
                })
            }
            types::Verdict::StillWaiting(waiting) => {
                self.extra("verdict.still-waiting.extra", &waiting.extra);
                Verdict::StillWaiting { after_s: waiting.after }
            }
            types::Verdict::NotMine => Verdict::NotMine,
            types::Verdict::Unknown(doubt) => {
                self.extra("verdict.unknown.extra", &doubt.extra);
                Verdict::Unknown { message: doubt.message }
            }
            types::Verdict::Next(next) => {
                self.extra("verdict.next.extra", &next.extra);
                Verdict::Next {
                    delivery: Box::new(self.delivery(next.delivery)),
                    remember: next.remember.into_iter().map(|login| self.login(login)).collect(),
                }
            }
        }
    }

    fn login(&mut self, from: types::Login) -> Login {
        self.extra("verdict.next.remember.extra", &from.extra);
        Login { slot: from.slot, value: SecretString::from(from.value), seconds: from.seconds }
    }

    fn acceptance(&mut self, from: types::Acceptance) -> Acceptance {
        self.extra("verdict.accepted.extra", &from.extra);
        Acceptance {
            erp_order_id: from.erp_order_id,
            erp_order_number: from.erp_order_number,
            message: from.message,
            warnings: from.warnings,
        }
    }

    fn check(&mut self, from: types::AnswerCheck) -> AnswerCheck {
        match from {
            types::AnswerCheck::Files(checks) => AnswerCheck::Files(
                checks
                    .into_iter()
                    .map(|check| {
                        self.extra("verdict.awaiting-answer.check.extra", &check.extra);
                        FileCheck {
                            folder: check.folder,
                            pattern: check.pattern,
                            meaning: match check.meaning {
                                types::FileMeaning::Success => FileMeaning::Success,
                                types::FileMeaning::Failure => FileMeaning::Failure,
                                types::FileMeaning::Gone => FileMeaning::Gone,
                                types::FileMeaning::Any => FileMeaning::Any,
                            },
                        }
                    })
                    .collect(),
            ),
            types::AnswerCheck::Poll(poll) => {
                self.extra("verdict.awaiting-answer.poll.extra", &poll.extra);
                AnswerCheck::Poll { delivery: Box::new(self.delivery(poll.delivery)), after_s: poll.after }
            }
        }
    }

    pub(super) fn description(&mut self, from: types::Description) -> RawDescription {
        self.extra("description.extra", &from.extra);
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
            secrets: self.needs("description.secrets.extra", from.secrets),
            tables: self.needs("description.tables.extra", from.tables),
            folders: self.needs("description.folders.extra", from.folders),
        }
    }

    fn needs(&mut self, place: &str, from: Vec<types::NamedNeed>) -> Vec<NamedNeed> {
        from.into_iter()
            .map(|need| {
                self.extra(place, &need.extra);
                NamedNeed { name: need.name, help: need.help, required: need.required }
            })
            .collect()
    }
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
