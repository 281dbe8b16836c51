//! Answers of the API: JSON with a sentence in `error` and, for bad input, every problem with its place.

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{domain::problem::Problem, ledger::LedgerError};

/// Why a request was not done.
pub enum Refused {
    /// No or a wrong token.
    Token,
    /// No such thing.
    NotFound(String),
    /// The body is wrong; all problems.
    Problems(Vec<Problem>),
    /// The order has gone its way already.
    Late(Value),
    /// The ledger.
    Ledger(LedgerError),
}

impl From<LedgerError> for Refused {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotFound { what } => Self::NotFound(format!("there is no {what}")),
            other => Self::Ledger(other),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, body) = match self {
            Self::Token => (
                StatusCode::UNAUTHORIZED,
                json!({ "error": "send the connection's token as `Authorization: Bearer …`; the connection must exist and be of kind push" }),
            ),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, json!({ "error": what })),
            Self::Problems(problems) => {
                (StatusCode::UNPROCESSABLE_ENTITY, json!({ "error": "the order can't be read", "problems": problems }))
            }
            Self::Late(body) => (StatusCode::CONFLICT, body),
            Self::Ledger(error) => {
                // What the database said is for the log, not for whoever asks.
                tracing::error!(%error, "a request could not be done");
                let body = json!({ "error": "the ledger can't be used at the moment; send the same again later" });
                (StatusCode::SERVICE_UNAVAILABLE, body)
            }
        };
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(axum::http::header::WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Bearer"));
        }
        response
    }
}
