//! The host's own types → the contract's, as far as 0.2 differs: the order is that of 0.1.

use super::types;
use crate::{
    domain::{
        call::{Context, PreviousOutcome, Purpose},
        verdict::{DefaultVerdict, Response},
    },
    plugin::v0_1::lower::{pairs, texts},
};

/// The host's reading of an answer in a sentence for staff.
pub(super) fn sentence(response: &Response, default: DefaultVerdict) -> String {
    let said = match response {
        Response::Http { status, .. } => format!("HTTP status {status}"),
        Response::FilesWritten { names } => format!("{} files written", names.len()),
        Response::AnswerFile { folder, name, .. } => format!("file {name} in folder {folder}"),
        Response::DeadlinePassed { .. } => "no answer in time".to_owned(),
    };
    match default {
        DefaultVerdict::Accepted => format!("the ERP took it: {said}"),
        DefaultVerdict::Rejected => format!("the ERP refused it: {said}"),
        DefaultVerdict::RetryLater => format!("the ERP asks to come back later: {said}"),
        DefaultVerdict::Unknown => format!("the ERP's answer does not tell: {said}"),
    }
}

/// The context as the contract has it; `logins` are its texts.
pub(super) fn context<'b>(from: &'b Context, logins: &'b [&'b str]) -> types::Context<'b> {
    types::Context {
        purpose: match from.purpose {
            Purpose::Create => types::Purpose::Create,
            Purpose::LookUp => types::Purpose::LookUp,
            Purpose::Update => types::Purpose::Update,
            Purpose::Cancel => types::Purpose::Cancel,
        },
        connection: &from.connection,
        settings: &from.settings,
        pass_number: from.pass,
        attempt_number: from.attempt,
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
pub(super) struct ResponseLists<'a> {
    headers: Vec<(&'a str, &'a str)>,
    names: Vec<&'a str>,
}

impl<'a> ResponseLists<'a> {
    /// Collects them.
    pub(super) fn of(response: &'a Response) -> Self {
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
    pub(super) fn response<'b>(
        &'b self,
        from: &'b Response,
        default: DefaultVerdict,
        message: &'b str,
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
            default_message: message,
            extra: &[],
        }
    }
}
