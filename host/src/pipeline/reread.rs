//! A person wants a stored answer read again, with another release or with the settings in force now: where a plugin
//! trapped or misread an answer, the outcome is *unknown* although the ERP has spoken (lifecycle section 5).
//!
//! Nothing is sent. The pass keeps its pins; only the verdict is new.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    journey::{Journey, Outcome, Stopped},
    lane::Lane,
    lease::Held,
    parts::Parts,
    settle::Settled,
    verdict::Heard,
    work::Signals,
};
use crate::{
    domain::{
        Pair,
        call::Purpose,
        id::{Digest, PassKey},
        transport::{self, Phase},
        verdict::{DefaultVerdict, Response, Verdict},
    },
    ledger::{
        LedgerError,
        passes::{Asked, Doubtful, Guard, Pins},
    },
};

/// What a person asked for.
pub struct Wish {
    /// Whose answer.
    pub pass: PassKey,
    /// With which release; none = the one in force.
    pub release: Option<Digest>,
    /// Who asked.
    pub by: String,
}

/// Reads the answer that a pass is in doubt about. What came of it is on the order's timeline in any case.
///
/// # Errors
/// The ledger's; `Lost` when the pass moved on meanwhile.
pub async fn reread(parts: &Arc<Parts>, lane: &Arc<Lane>, signals: &Arc<Signals>, wish: Wish) -> Outcome<()> {
    let release = wish.release.clone().unwrap_or_else(|| lane.record.activation.release.clone());
    let short: String = release.as_str().chars().take(8).collect();
    let asked = format!("{} had the ERP's stored answer read again, with release {short}", wish.by);
    let told = match try_to(parts, lane, signals, &wish, &release, &asked).await {
        Ok(None) => return Ok(()),
        Ok(Some(why)) => why,
        Err(Stopped::Ledger(LedgerError::Lost { .. })) => "the order moved on meanwhile".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(parts.ledger.note(&wish.pass, vec![format!("{asked}; nothing changes: {told}")]).await?)
}

/// `None` when the pass was settled; else why not.
async fn try_to(
    parts: &Arc<Parts>,
    lane: &Arc<Lane>,
    signals: &Arc<Signals>,
    wish: &Wish,
    release: &Digest,
    asked: &str,
) -> Outcome<Option<String>> {
    let Some(Doubtful { pass, attempt, answered, answer }) = parts.ledger.doubtful(&wish.pass).await? else {
        return Ok(Some("it is not in doubt".to_owned()));
    };
    let (response, retry_after_s) = match answer.as_ref().map(stored_response) {
        Some(Ok(stored)) => stored,
        Some(Err(why)) => return Ok(Some(why)),
        None => return Ok(Some("no complete answer of the ERP is kept".to_owned())),
    };
    let Some(pinned) = pass.pins.clone() else { return Ok(Some("it was never mapped".to_owned())) };
    if let Some(why) = unknown_release(parts, release).await? {
        return Ok(Some(why));
    }
    let mut journey = Journey {
        parts: Arc::clone(parts),
        lane: Arc::clone(lane),
        signals: Arc::clone(signals),
        held: Arc::new(Held::none(&pass.key)),
        sent_before: pass.sent,
        pass,
        attempt: None,
        order: None,
        logins: Mutex::default(),
        claimed_logins: Mutex::default(),
        payment: None,
        quarantine: None,
        mapping: None,
    };
    // State goes only to the release that made it.
    let state = match &journey.pass.sealed_state {
        Some(sealed) if *release == pinned.release => journey.unseal(release.as_str(), sealed)?,
        _ => Vec::new(),
    };
    let default = match (&response, journey.destination(None)) {
        (Response::Http { status, .. }, Ok(destination)) => transport::read_status(*status, destination.trusts_503()),
        (Response::Http { status, .. }, Err(_)) => transport::read_status(*status, false),
        (Response::FilesWritten { .. }, _) => DefaultVerdict::Accepted,
        _ => DefaultVerdict::Unknown,
    };
    journey.pass.pins = Some(reading_pins(lane, pinned, release));
    let heard = journey.ask_meaning(Purpose::Create, state, response, default, retry_after_s).await?;
    let shown = json!({ "attempt": answered, "verdict": heard.shown() });
    let (settled, outcome) = match verdict(&journey, heard) {
        Ok(settles) => settles,
        Err(why) => return Ok(Some(why)),
    };
    let Settled { to, effects, mut timeline } = settled;
    timeline.insert(0, asked.to_owned());
    let row = Asked {
        step: journey.pass.step,
        purpose: Purpose::Create,
        phase: Phase::Body,
        began_ms: journey.now_ms().await?,
        outcome,
        request: json!({ "read_again": answered, "by": wish.by }),
        answer: shown,
        mapping: Value::Null,
    };
    let guard = Guard::Reread(attempt.token);
    journey.settle_reread(guard, Settled { to, effects, timeline }, row).await?;
    journey.pay().await;
    Ok(None)
}

/// What the answer is read with: settings and tables in force belong to the release in force, any other release gets
/// those that the order was mapped with.
fn reading_pins(lane: &Lane, pinned: Pins, release: &Digest) -> Pins {
    let now = &lane.record.activation;
    let mut pins = Pins { release: release.clone(), ..pinned };
    if *release == now.release {
        pins.settings_revision = now.settings_revision;
        pins.tables_revision = now.tables_revision;
    }
    pins
}

/// Loads a release that is not in use. Why it can't be.
async fn unknown_release(parts: &Parts, release: &Digest) -> Outcome<Option<String>> {
    if parts.mapper.knows(release) {
        return Ok(None);
    }
    let Some(bytes) = parts.ledger.release_bytes(release).await? else {
        return Ok(Some(format!("there is no release {release}")));
    };
    Ok(parts.mapper.admit(&bytes).await.err().map(|error| error.to_string()))
}

/// Where a verdict on a stored answer leads. Only a final one settles: to wait for something, or to call again, would take
/// the release that the order is pinned to.
fn verdict(journey: &Journey, heard: Heard) -> Result<(Settled, &'static str), String> {
    Ok(match heard.verdict {
        Ok(Verdict::Accepted(acceptance)) => {
            (journey.setting(|setting| setting.delivered(acceptance, false)), "accepted")
        }
        Ok(Verdict::AlreadyThere(acceptance)) => {
            (journey.setting(|setting| setting.delivered(acceptance, true)), "already there")
        }
        Ok(Verdict::Rejected(refusal)) => (journey.setting(|setting| setting.refused(refusal)), "rejected"),
        Ok(Verdict::Unknown { message }) => return Err(format!("it still can't tell: {message}")),
        Ok(Verdict::RetryLater { message, .. }) => {
            return Err(format!("it says that the ERP did nothing and asks to come back ({message}): send it again"));
        }
        Ok(_) => return Err("it wants more than this answer: look in the ERP, or send it again".to_owned()),
        Err(fault) => return Err(fault),
    })
}

/// An answer as it was kept, in the form in which a plugin gets it, with the seconds that it asked to wait.
///
/// # Errors
/// Why it can't be read again.
pub fn stored_response(kept: &Value) -> Result<(Response, Option<u32>), String> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(names) = kept.get("placed").and_then(Value::as_array) {
        let names = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return Ok((Response::FilesWritten { names }, None));
    }
    if let (Some(folder), Some(name)) = (text(kept, "folder"), text(kept, "name")) {
        let bytes = stored_bytes(kept, "text")?;
        return Ok((Response::AnswerFile { folder, name, bytes }, None));
    }
    if let Some(listing) = kept.get("listing").and_then(Value::as_array) {
        let listing = listing.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        return Ok((Response::DeadlinePassed { listing }, None));
    }
    let none = || "the ERP gave no complete answer".to_owned();
    let answer = kept.get("answer").ok_or_else(none)?;
    let status = answer.get("status").and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok());
    let status = status.ok_or_else(none)?;
    let headers: Vec<Pair> =
        answer.get("headers").cloned().and_then(|all| serde_json::from_value(all).ok()).unwrap_or_default();
    let after = headers.iter().find(|(name, _)| name == "retry-after").and_then(|(_, value)| value.trim().parse().ok());
    let body = stored_bytes(answer, "body")?;
    Ok((Response::Http { status, headers, body }, after))
}

/// The bytes of something that was kept whole: beside the text where the text does not hold them.
fn stored_bytes(kept: &Value, text: &str) -> Result<Vec<u8>, String> {
    if let Some(note) = kept.get("note").and_then(Value::as_str) {
        return Err(format!("its answer is not whole in the ledger: {note}"));
    }
    let wrong = || "its stored answer is damaged".to_owned();
    match (kept.get("bytes").and_then(Value::as_str), kept.get(text).and_then(Value::as_str)) {
        (Some(bytes), _) => STANDARD.decode(bytes).map_err(|_| wrong()),
        (None, Some(text)) => Ok(text.as_bytes().to_vec()),
        (None, None) => Err("its answer was not kept".to_owned()),
    }
}

/// Bytes as they are kept: text for people, and the bytes themselves where the text does not hold them.
pub fn kept(bytes: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(bytes).into_owned(), Some(STANDARD.encode(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_as_it_came() {
        for bytes in [b"{\"id\":7}".as_slice(), b"Bestellung \xfcbernommen", b""] {
            let (text, exact) = kept(bytes);
            let headers = json!([["retry-after", "9"]]);
            let stored = json!({ "answer": { "status": 200, "headers": headers, "body": text, "bytes": exact } });
            let headers = vec![("retry-after".to_owned(), "9".to_owned())];
            let expected = Response::Http { status: 200, headers, body: bytes.to_vec() };
            assert_eq!(stored_response(&stored).unwrap(), (expected, Some(9)));
        }
        let cut = json!({ "answer": { "status": 200, "body": "{", "note": "only the first 1 of 9 bytes are kept" } });
        assert!(stored_response(&cut).unwrap_err().contains("only the first 1 of 9"));
        let login = json!({ "answer": { "status": 200, "note": "not kept: the answer holds a login" } });
        assert!(stored_response(&login).unwrap_err().contains("not kept"));
        assert!(stored_response(&json!({ "failure": { "timed_out": 5 } })).is_err());
    }
}
