//! Faults that the fake shop plays on request: everything that shops' servers really do on bad days.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};

use super::{
    ledger::Event,
    world::{ShopKind, World},
};

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Play {
    /// This status with a JSON message, nothing done.
    Status(u16),
    /// 429 with `Retry-After` as given (seconds or a date), nothing done.
    TooMany(String),
    /// 200 with an HTML page, nothing done.
    Html,
    /// Done, but only the first half of the JSON is answered, as a complete HTTP message.
    Truncated,
    /// Done, but the connection breaks in the middle of the answer.
    Cut,
    /// Done, but the connection breaks before anything is answered.
    ApplyThenCut,
    /// Done, and answered after so many milliseconds.
    Slow(u64),
    /// Waits so many milliseconds, and only then does what was asked.
    Late(u64),
    /// Answers spaces for ever, fast, nothing done.
    Endless,
    /// Answers a byte every 50 ms for ever, nothing done.
    Drip,
    /// 200 with an empty list that is a lie.
    EmptyList,
    /// 200 with this text.
    Body(String),
}

/// A fault and what it meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Only this shop system.
    #[serde(default)]
    pub shop: Option<ShopKind>,
    /// Only this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only where path and query hold this.
    #[serde(default)]
    pub target: String,
    /// How many requests it meets.
    #[serde(default = "one")]
    pub times: u32,
    /// How many matching requests pass before.
    #[serde(default)]
    pub skip: u32,
    /// What goes wrong.
    pub play: Play,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// A fault for the next request whose path and query hold `target`.
    #[must_use]
    pub fn next(target: &str, play: Play) -> Self {
        Self { shop: None, method: None, target: target.to_owned(), times: 1, skip: 0, play }
    }
}

/// Notes each request down and plays the first fault that meets it.
pub async fn play(State((world, shop)): State<(Arc<World>, ShopKind)>, request: Request, next: Next) -> Response {
    let method = request.method().to_string();
    let target = request.uri().to_string();
    let play = {
        let mut inner = world.lock();
        let mut found = None;
        for fault in &mut inner.faults {
            let meets = fault.shop.is_none_or(|only| only == shop)
                && fault.method.as_ref().is_none_or(|only| *only == method)
                && target.contains(&fault.target);
            if meets && fault.times > 0 {
                if fault.skip > 0 {
                    fault.skip -= 1;
                    continue;
                }
                fault.times -= 1;
                found = Some(fault.play.clone());
                break;
            }
        }
        inner.faults.retain(|fault| fault.times > 0);
        let fault = found.as_ref().map(|play| format!("{play:?}"));
        inner.record(Event::Request { shop, method, target, fault });
        found
    };
    match play {
        None => next.run(request).await,
        Some(Play::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, [(header::CONTENT_TYPE, "application/json")], r#"{"message":"a fault was asked for"}"#)
                .into_response()
        }
        Some(Play::TooMany(after)) => {
            let after = HeaderValue::from_str(&after).unwrap_or(HeaderValue::from_static("1"));
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, after)], r#"{"message":"Too Many Attempts."}"#)
                .into_response()
        }
        Some(Play::Html) => (
            [(header::CONTENT_TYPE, "text/html")],
            "<!doctype html><html><head><title>Briefly unavailable for scheduled maintenance</title></head></html>",
        )
            .into_response(),
        Some(Play::Truncated) => {
            let whole = body_of(next.run(request).await).await;
            json_answer(Body::from(whole.slice(..whole.len() / 2)))
        }
        Some(Play::Cut) => {
            let whole = body_of(next.run(request).await).await;
            let half = whole.slice(..whole.len() / 2);
            json_answer(broken_after(vec![half]))
        }
        Some(Play::ApplyThenCut) => {
            let _ = body_of(next.run(request).await).await;
            json_answer(broken_after(Vec::new()))
        }
        Some(Play::Slow(ms)) => {
            let answer = next.run(request).await;
            tokio::time::sleep(Duration::from_millis(ms)).await;
            answer
        }
        Some(Play::Late(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        Some(Play::Endless) => json_answer(Body::from_stream(stream::repeat_with(|| {
            Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 65_536]))
        }))),
        Some(Play::Drip) => json_answer(Body::from_stream(stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        }))),
        Some(Play::EmptyList) => {
            json_answer(Body::from(if shop == ShopKind::Evo { r#"{"data":[],"meta":{"cursor":null}}"# } else { "[]" }))
        }
        Some(Play::Body(text)) => json_answer(Body::from(text)),
    }
}

async fn body_of(answer: Response) -> Bytes {
    to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default()
}

fn json_answer(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A body that ends in an error, which makes the server drop the connection.
fn broken_after(chunks: Vec<Bytes>) -> Body {
    let good = chunks.into_iter().map(Ok);
    let end = std::iter::once(Err(std::io::Error::other("cut on purpose")));
    Body::from_stream(stream::iter(good.chain(end)))
}
