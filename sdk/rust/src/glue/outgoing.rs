//! From the types that authors see to the contract's generated ones.

use super::each;
use crate::bindings::orderdock::plugin::types as wit;

impl From<crate::SecretEncoding> for wit::SecretEncoding {
    fn from(it: crate::SecretEncoding) -> Self {
        match it {
            crate::SecretEncoding::None => Self::None,
            crate::SecretEncoding::Json => Self::Json,
            crate::SecretEncoding::Xml => Self::Xml,
            crate::SecretEncoding::Url => Self::Url,
            crate::SecretEncoding::Base64 => Self::Base64,
        }
    }
}

impl From<crate::Secret> for wit::Secret {
    fn from(it: crate::Secret) -> Self {
        Self { slot: it.slot, encode: it.encode.into() }
    }
}

impl From<crate::Segment> for wit::Segment {
    fn from(it: crate::Segment) -> Self {
        match it {
            crate::Segment::Bytes(it) => Self::Bytes(it),
            crate::Segment::Secret(it) => Self::Secret(it.into()),
        }
    }
}

impl From<crate::Header> for wit::Header {
    fn from(it: crate::Header) -> Self {
        Self { name: it.name, value: each(it.value) }
    }
}

impl From<crate::Repeat> for wit::Repeat {
    fn from(it: crate::Repeat) -> Self {
        match it {
            crate::Repeat::Never => Self::Never,
            crate::Repeat::Always => Self::Always,
            crate::Repeat::WithKey(it) => Self::WithKey(it),
        }
    }
}

impl From<crate::HttpDelivery> for wit::HttpDelivery {
    fn from(it: crate::HttpDelivery) -> Self {
        Self {
            method: it.method,
            path: it.path,
            query: it.query,
            headers: each(it.headers),
            body: each(it.body),
            content_type: it.content_type,
            repeat: it.repeat.into(),
            sensitive: it.sensitive,
            extra: it.extra,
        }
    }
}

impl From<crate::File> for wit::File {
    fn from(it: crate::File) -> Self {
        Self { name: it.name, content: each(it.content), extra: it.extra }
    }
}

impl From<crate::FileDelivery> for wit::FileDelivery {
    fn from(it: crate::FileDelivery) -> Self {
        Self { files: each(it.files), trigger: it.trigger.map(Into::into), extra: it.extra }
    }
}

impl From<crate::DeliveryContent> for wit::DeliveryContent {
    fn from(it: crate::DeliveryContent) -> Self {
        match it {
            crate::DeliveryContent::Http(it) => Self::Http(it.into()),
            crate::DeliveryContent::Files(it) => Self::Files(it.into()),
        }
    }
}

impl From<crate::Delivery> for wit::Delivery {
    fn from(it: crate::Delivery) -> Self {
        Self { content: it.content.into(), state: it.state, notes: it.notes, extra: it.extra }
    }
}

impl From<crate::RejectionClass> for wit::RejectionClass {
    fn from(it: crate::RejectionClass) -> Self {
        match it {
            crate::RejectionClass::Data => Self::Data,
            crate::RejectionClass::Settings => Self::Settings,
            crate::RejectionClass::NotForUs => Self::NotForUs,
        }
    }
}

impl From<crate::Rejection> for wit::Rejection {
    fn from(it: crate::Rejection) -> Self {
        Self { class: it.class.into(), message: it.message, field: it.field, extra: it.extra }
    }
}

impl From<crate::Acceptance> for wit::Acceptance {
    fn from(it: crate::Acceptance) -> Self {
        Self {
            erp_order_id: it.erp_order_id,
            erp_order_number: it.erp_order_number,
            message: it.message,
            warnings: it.warnings,
            extra: it.extra,
        }
    }
}

impl From<crate::RefusalClass> for wit::RefusalClass {
    fn from(it: crate::RefusalClass) -> Self {
        match it {
            crate::RefusalClass::Data => Self::Data,
            crate::RefusalClass::Settings => Self::Settings,
            crate::RefusalClass::Erp => Self::Erp,
        }
    }
}

impl From<crate::Refusal> for wit::Refusal {
    fn from(it: crate::Refusal) -> Self {
        Self {
            message: it.message,
            class: it.class.into(),
            field: it.field,
            partial_id: it.partial_id,
            extra: it.extra,
        }
    }
}

impl From<crate::Postponement> for wit::Postponement {
    fn from(it: crate::Postponement) -> Self {
        Self { after: it.after, message: it.message, extra: it.extra }
    }
}

impl From<crate::FileMeaning> for wit::FileMeaning {
    fn from(it: crate::FileMeaning) -> Self {
        match it {
            crate::FileMeaning::Success => Self::Success,
            crate::FileMeaning::Failure => Self::Failure,
            crate::FileMeaning::Gone => Self::Gone,
            crate::FileMeaning::Any => Self::Any,
        }
    }
}

impl From<crate::FileCheck> for wit::FileCheck {
    fn from(it: crate::FileCheck) -> Self {
        Self { folder: it.folder, pattern: it.pattern, meaning: it.meaning.into(), extra: it.extra }
    }
}

impl From<crate::Poll> for wit::Poll {
    fn from(it: crate::Poll) -> Self {
        Self { delivery: it.delivery.into(), after: it.after, extra: it.extra }
    }
}

impl From<crate::AnswerCheck> for wit::AnswerCheck {
    fn from(it: crate::AnswerCheck) -> Self {
        match it {
            crate::AnswerCheck::Files(it) => Self::Files(each(it)),
            crate::AnswerCheck::Poll(it) => Self::Poll(it.into()),
        }
    }
}

impl From<crate::Awaiting> for wit::Awaiting {
    fn from(it: crate::Awaiting) -> Self {
        Self { ticket: it.ticket, deadline: it.deadline, state: it.state, check: it.check.into(), extra: it.extra }
    }
}

impl From<crate::Waiting> for wit::Waiting {
    fn from(it: crate::Waiting) -> Self {
        Self { after: it.after, extra: it.extra }
    }
}

impl From<crate::Doubt> for wit::Doubt {
    fn from(it: crate::Doubt) -> Self {
        Self { message: it.message, extra: it.extra }
    }
}

impl From<crate::Login> for wit::Login {
    fn from(it: crate::Login) -> Self {
        Self { slot: it.slot, value: it.value, seconds: it.seconds, extra: it.extra }
    }
}

impl From<crate::NextCall> for wit::NextCall {
    fn from(it: crate::NextCall) -> Self {
        Self { delivery: it.delivery.into(), remember: each(it.remember), extra: it.extra }
    }
}

impl From<crate::Verdict> for wit::Verdict {
    fn from(it: crate::Verdict) -> Self {
        match it {
            crate::Verdict::Accepted(it) => Self::Accepted(it.into()),
            crate::Verdict::AlreadyThere(it) => Self::AlreadyThere(it.into()),
            crate::Verdict::Rejected(it) => Self::Rejected(it.into()),
            crate::Verdict::RetryLater(it) => Self::RetryLater(it.into()),
            crate::Verdict::NotFound => Self::NotFound,
            crate::Verdict::AwaitingAnswer(it) => Self::AwaitingAnswer(it.into()),
            crate::Verdict::StillWaiting(it) => Self::StillWaiting(it.into()),
            crate::Verdict::NotMine => Self::NotMine,
            crate::Verdict::Unknown(it) => Self::Unknown(it.into()),
            crate::Verdict::Next(it) => Self::Next(it.into()),
        }
    }
}

impl From<crate::DeliveryKind> for wit::DeliveryKind {
    fn from(it: crate::DeliveryKind) -> Self {
        match it {
            crate::DeliveryKind::Http => Self::Http,
            crate::DeliveryKind::Files => Self::Files,
        }
    }
}

impl From<crate::Purpose> for wit::Purpose {
    fn from(it: crate::Purpose) -> Self {
        match it {
            crate::Purpose::Create => Self::Create,
            crate::Purpose::LookUp => Self::LookUp,
            crate::Purpose::Update => Self::Update,
            crate::Purpose::Cancel => Self::Cancel,
        }
    }
}

impl From<crate::NamedNeed> for wit::NamedNeed {
    fn from(it: crate::NamedNeed) -> Self {
        Self { name: it.name, help: it.help, required: it.required, extra: it.extra }
    }
}

impl From<crate::Description> for wit::Description {
    fn from(it: crate::Description) -> Self {
        Self {
            name: it.name,
            version: it.version,
            publisher: it.publisher,
            erp: it.erp,
            help: it.help,
            settings_schema: it.settings_schema,
            purposes: each(it.purposes),
            deliveries: each(it.deliveries),
            secrets: each(it.secrets),
            tables: each(it.tables),
            folders: each(it.folders),
            extra: it.extra,
        }
    }
}
