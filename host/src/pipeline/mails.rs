//! Mails about failed passes: one batch per connection, with an id that every repeat of the batch keeps.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;

use super::{
    parts::{back_off, millis},
    work::{Shared, pause},
};
use crate::{
    config::ConnectionSettings,
    failpoint::{self, Point},
    ledger::{
        LedgerError,
        effects::{EffectBody, EffectEnd, MailBatch},
    },
    notify::{Composed, Item, Mail, MailError, compose},
};

/// A mail that could not be handed over for that long is given up and shown.
const GIVE_UP_AFTER_MS: i64 = 24 * 3_600_000;

/// Sends until stopped.
pub async fn run(shared: Arc<Shared>, wake: Arc<Notify>) {
    loop {
        if shared.stop.is_cancelled() {
            return;
        }
        let woken = wake.notified();
        let parts = &shared.parts;
        if shared.fleet.is_draining() {
            pause(&shared, Duration::from_secs(1)).await;
            continue;
        }
        let claimed =
            parts.ledger.claim_mails(&parts.host, millis(parts.pace.gather_mails), millis(parts.pace.lease)).await;
        match claimed {
            Ok(batches) if !batches.is_empty() => {
                for batch in batches {
                    if let Err(error) = send(&shared, &batch).await {
                        tracing::error!(mail = %batch.mail, %error, "what became of a mail could not be recorded");
                    }
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "mails could not be claimed");
                pause(&shared, Duration::from_secs(1)).await;
            }
        }
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            () = woken => pause(&shared, parts.pace.gather_mails).await,
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

async fn send(shared: &Shared, batch: &MailBatch) -> Result<(), LedgerError> {
    let parts = &shared.parts;
    let end = match (&parts.mailer, receivers(shared, batch).await?) {
        (None, _) => EffectEnd::NotNeeded("no mail server is configured (section [smtp])".to_owned()),
        (Some(_), (_, to)) if to.is_empty() => EffectEnd::NotNeeded("the connection names no receiver".to_owned()),
        (Some(mailer), (from, to)) => {
            let items: Vec<Item> = batch
                .members
                .iter()
                .filter_map(|(_, owed)| match &owed.body {
                    EffectBody::Mail { failed } => serde_json::from_value(failed.clone()).ok(),
                    _ => None,
                })
                .collect();
            let Composed { subject, text, html } = compose(&items);
            let message_id = format!("{}@orderdock", batch.mail);
            let mail = Mail { message_id, from, to, subject, text, html };
            match mailer.send(&mail).await {
                Ok(()) => {
                    failpoint::here::<LedgerError>(Point::MailSent).await?;
                    EffectEnd::Done
                }
                Err(MailError::Permanent(why)) => EffectEnd::GivenUp(why),
                Err(MailError::Temporary(why)) => later(shared, batch, why).await?,
            }
        }
    };
    if let EffectEnd::GivenUp(why) = &end {
        tracing::error!(mail = %batch.mail, %why, "a mail is given up");
    }
    parts.ledger.finish_mails(batch, end).await
}

async fn later(shared: &Shared, batch: &MailBatch, why: String) -> Result<EffectEnd, LedgerError> {
    let now = shared.parts.ledger.now_ms().await?;
    let since = batch.members.iter().map(|(_, owed)| owed.since_ms).min().unwrap_or(now);
    if now.saturating_sub(since) >= GIVE_UP_AFTER_MS {
        return Ok(EffectEnd::GivenUp(why));
    }
    let tries = batch.members.iter().map(|(_, owed)| owed.tries).max().unwrap_or(0);
    let wait = back_off(tries, &batch.mail, None);
    tracing::warn!(mail = %batch.mail, %why, wait_s = wait.as_secs(), "the mail server did not take a mail");
    Ok(EffectEnd::Retry { not_before_ms: now.saturating_add(millis(wait)), error: why })
}

async fn receivers(shared: &Shared, batch: &MailBatch) -> Result<(String, Vec<String>), LedgerError> {
    let all = shared.parts.ledger.connections(true).await?;
    let settings = all
        .into_iter()
        .find(|record| record.id == batch.connection)
        .and_then(|record| serde_json::from_value::<ConnectionSettings>(record.config).ok());
    Ok(match settings {
        Some(settings) => {
            let from = settings.notify.from.clone().unwrap_or_else(|| shared.parts.mail_from.clone());
            (from, settings.notify.to.clone())
        }
        None => (shared.parts.mail_from.clone(), Vec::new()),
    })
}
