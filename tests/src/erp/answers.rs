//! The answers' bytes, the broken ones among them.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    behaviour::Behaviour,
    wire::{self, Wire},
};

/// Longest that a silent answer is held open.
pub(super) const LONGEST_SILENCE: Duration = Duration::from_secs(900);

/// What is said to an order.
pub(super) enum Told {
    /// In one piece, properly.
    Whole(Vec<u8>),
    /// With this fault; the bytes are the honest answer.
    Oddly(Behaviour, Vec<u8>),
}

/// A JSON answer in one piece.
pub(super) fn json_answer(status: u16, value: &Value) -> Vec<u8> {
    wire::answer(status, &[("content-type", "application/json")], value.to_string().as_bytes())
}

/// The answer's bytes.
pub(super) fn tell(behaviour: Behaviour, id: &str, key: &str) -> Told {
    let created = || json!({"object": {"order_id": id}, "message": "created"});
    let whole = match &behaviour {
        Behaviour::Accept { status, body } => {
            let body = body.as_ref().map_or_else(created, |body| filled(body, id, key));
            json_answer(status.unwrap_or(201), &body)
        }
        Behaviour::Refuse { status, message } => json_answer(*status, &json!({"message": message})),
        Behaviour::Say { status, content_type, body } => {
            wire::answer(*status, &[("content-type", content_type)], body.as_bytes())
        }
        Behaviour::ErrorInside { message } => {
            json_answer(200, &json!({"error": {"message": message}, "message": message}))
        }
        Behaviour::Location => wire::answer(204, &[("location", &format!("/api/orders/{id}"))], b""),
        Behaviour::Duplicate => {
            json_answer(409, &json!({"object": {"order_id": id}, "message": format!("order {key} already exists")}))
        }
        Behaviour::Throttle { retry_after } => wire::answer(
            429,
            &[("retry-after", retry_after), ("content-type", "application/json")],
            b"{\"message\":\"slow down\"}",
        ),
        Behaviour::Unavailable => wire::answer(503, &[("content-type", "text/plain")], b"unavailable"),
        Behaviour::Broken { message: Some(message), .. } => json_answer(500, &json!({"message": message})),
        Behaviour::Broken { message: None, .. } => wire::answer(500, &[], b""),
        Behaviour::Gateway { status } => {
            wire::answer(*status, &[("content-type", "text/html")], b"<html>Bad gateway</html>")
        }
        Behaviour::Html { status } => wire::answer(
            *status,
            &[("content-type", "text/html")],
            b"<!doctype html><title>Welcome</title><p>Please log in",
        ),
        Behaviour::Redirect { status } => wire::answer(*status, &[("location", "/api/elsewhere")], b""),
        Behaviour::Informational => {
            let mut bytes = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".to_vec();
            bytes.extend(json_answer(201, &created()));
            bytes
        }
        Behaviour::TooLong => {
            let body = created().to_string();
            let declared = (body.len() / 2).to_string();
            let head = wire::head(201, &[("content-type", "application/json"), ("content-length", &declared)]);
            return Told::Oddly(behaviour, format!("{head}\r\n{body}").into_bytes());
        }
        _ => return Told::Oddly(behaviour, json_answer(201, &created())),
    };
    Told::Whole(whole)
}

/// `{id}` and `{key}` in all texts.
fn filled(body: &Value, id: &str, key: &str) -> Value {
    match body {
        Value::String(text) => Value::String(text.replace("{id}", id).replace("{key}", key)),
        Value::Array(items) => items.iter().map(|item| filled(item, id, key)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), filled(value, id, key))).collect())
        }
        other => other.clone(),
    }
}

/// Answers that break a rule or take their time; each ends the connection.
pub(super) async fn oddly(mut wire: Wire, behaviour: Behaviour, answer: Vec<u8>) -> anyhow::Result<()> {
    match behaviour {
        Behaviour::Silence => {
            wire.until_closed(LONGEST_SILENCE).await;
            return Ok(());
        }
        Behaviour::Reset | Behaviour::ResetUnread => return Ok(wire.reset()?),
        Behaviour::Cut => wire.write(answer.get(..answer.len().saturating_sub(7)).unwrap_or_default()).await?,
        Behaviour::CutChunks => {
            wire.write(b"HTTP/1.1 201 Fake\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"obj\r\n").await?;
        }
        Behaviour::Garbage => wire.write(b"\x16\x03\x01 this is not HTTP at all\r\n\r\n").await?,
        Behaviour::Switch => {
            wire.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n").await?;
        }
        Behaviour::Drip => {
            for byte in answer {
                wire.write(&[byte]).await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Behaviour::Endless { declared } => {
            let framing = if declared { ("content-length", "1000000000") } else { ("x-endless", "yes") };
            wire.write(format!("{}\r\n", wire::head(200, &[framing])).as_bytes()).await?;
            let piece = vec![b'x'; 100_000];
            for _ in 0..10_000 {
                wire.write(&piece).await?;
            }
        }
        Behaviour::Slow { ms } => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            wire.write(&answer).await?;
        }
        _ => wire.write(&answer).await?,
    }
    wire.close().await;
    Ok(())
}
