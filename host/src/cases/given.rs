//! What a case gives, in the host's own types.

use orderdock_plugin as sdk;

use crate::domain::{
    call::{self, Context},
    verdict as host,
};

/// A case's context as the host has it.
#[must_use]
pub fn context(given: &sdk::Context<String>) -> Context {
    Context {
        purpose: match given.purpose {
            sdk::Purpose::Create => call::Purpose::Create,
            sdk::Purpose::LookUp => call::Purpose::LookUp,
            sdk::Purpose::Update => call::Purpose::Update,
            sdk::Purpose::Cancel => call::Purpose::Cancel,
        },
        connection: given.connection.clone(),
        settings: given.settings.clone(),
        pass: given.pass,
        attempt: given.attempt,
        step: given.step,
        idempotency_key: given.idempotency_key.clone(),
        document_number: given.document_number,
        mapped_at: given.mapped_at.to_string(),
        shop_time_zone: given.shop_time_zone.clone(),
        erp_time_zone: given.erp_time_zone.clone(),
        request_id: given.request_id.clone(),
        previous: given.previous.as_ref().map(|previous| call::Previous {
            outcome: match previous.outcome {
                sdk::PreviousOutcome::Delivered => call::PreviousOutcome::Delivered,
                sdk::PreviousOutcome::Failed => call::PreviousOutcome::Failed,
                sdk::PreviousOutcome::Unknown => call::PreviousOutcome::Unknown,
            },
            erp_order_id: previous.erp_order_id.clone(),
            erp_order_number: previous.erp_order_number.clone(),
            state: previous.state.clone(),
        }),
        logins: given.logins.clone(),
    }
}

/// An answer as the host has it, and what the host concludes of it by itself.
#[must_use]
pub fn response(given: &sdk::Response) -> (host::Response, host::DefaultVerdict) {
    let content = match given.content.clone() {
        sdk::ResponseContent::Http(answer) => {
            host::Response::Http { status: answer.status, headers: answer.headers, body: answer.body }
        }
        sdk::ResponseContent::FilesWritten(written) => host::Response::FilesWritten { names: written.names },
        sdk::ResponseContent::AnswerFile(file) => {
            host::Response::AnswerFile { folder: file.folder, name: file.name, bytes: file.bytes }
        }
        sdk::ResponseContent::DeadlinePassed(passed) => host::Response::DeadlinePassed { listing: passed.listing },
    };
    let default = match given.default_verdict {
        sdk::DefaultVerdict::Accepted => host::DefaultVerdict::Accepted,
        sdk::DefaultVerdict::Rejected => host::DefaultVerdict::Rejected,
        sdk::DefaultVerdict::RetryLater => host::DefaultVerdict::RetryLater,
        sdk::DefaultVerdict::Unknown => host::DefaultVerdict::Unknown,
    };
    (content, default)
}
