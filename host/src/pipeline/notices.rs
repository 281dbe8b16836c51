//! Mails about a connection as a whole: one when its ERP or its shop has been in trouble for a while, and one when that is
//! over. Never one for each order: those wait, and go out by themselves.

use std::sync::Arc;

use super::{
    heartbeat,
    lane::Lane,
    parts::millis,
    work::{Shared, Signals},
};
use crate::{
    domain::{
        breaker::{Health, TroubleKind},
        clock::Millis,
        time,
    },
    ledger::{
        LedgerError,
        destinations::{Notice, Subject},
        effects::EffectBody,
    },
    notify,
};

/// Tells of destinations: of those that are shut for long enough, and of those that were and are not any more. To be called
/// when what is known of them was just read.
///
/// # Errors
/// The ledger's.
pub async fn of_destinations(shared: &Shared, lanes: &[(Arc<Lane>, Arc<Signals>)]) -> Result<(), LedgerError> {
    let ledger = &shared.parts.ledger;
    let told = ledger.notices().await?;
    let now = ledger.now_ms().await?;
    for (lane, signals) in lanes {
        let id = &lane.record.id;
        let known = told.iter().find(|notice| &notice.connection == id && notice.subject == Subject::Destination);
        let shut = lane.shut(&shared.parts).and_then(|shut| Some((shut.opened_ms?, shut)));
        let changed = match (known, shut) {
            (None, Some((opened, shut))) if lane.takes() && is_long(lane, opened, now) => {
                let waiting = ledger.counts(id).await?.by_state.get("waiting").copied().unwrap_or(0);
                let notice = Notice { connection: id.clone(), subject: Subject::Destination, since_ms: shut.since_ms };
                ledger.raise_notice(&notice, mail(lane, in_trouble(lane, &shut, waiting))).await?
            }
            (Some(notice), None) => {
                let over = notify::Notice {
                    connection: lane.record.name.clone(),
                    subject: format!("{}: orders are sent to the ERP again", lane.record.name),
                    lines: vec![
                        format!(
                            "The ERP of connection {} works again; it did not since {}.",
                            lane.record.name,
                            time::rfc3339(notice.since_ms)
                        ),
                        "Orders that waited for it are being sent; nothing is to be done.".to_owned(),
                    ],
                };
                ledger.end_notice(id, Subject::Destination, mail(lane, over)).await?
            }
            _ => false,
        };
        if changed {
            signals.mails.notify_one();
        }
    }
    Ok(())
}

fn is_long(lane: &Lane, opened_ms: Millis, now: Millis) -> bool {
    now.saturating_sub(opened_ms) >= millis(lane.settings.breaker.mail_after.duration())
}

fn in_trouble(lane: &Lane, shut: &Health, waiting: u64) -> notify::Notice {
    let name = &lane.record.name;
    let (subject, who) = match shut.kind {
        TroubleKind::NoAnswer => ("the ERP does not answer", "Whoever runs the ERP and the network: see to it."),
        TroubleKind::SlowDown => {
            ("the ERP asks us to slow down", "If this happens often, set `requests_per_minute` under [destination].")
        }
        TroubleKind::NoAccess => (
            "the ERP refuses our access",
            "The administrator: check the credential. Once the right one is applied (`orderdock connection apply`), \
             orders are sent at once.",
        ),
    };
    let what = shut.what();
    let first = what.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let what = format!("{first}{}", what.chars().skip(1).collect::<String>());
    let waits = match waiting {
        0 => "No order waits for it at the moment; those that come are sent by themselves".to_owned(),
        1 => "1 order waits for it, and is sent by itself".to_owned(),
        many => format!("{many} orders wait for it, and are sent by themselves"),
    };
    notify::Notice {
        connection: name.clone(),
        subject: format!("{name}: {subject}"),
        lines: vec![
            format!("{what}."),
            format!(
                "{waits} when it works again; nothing is to be done in the shop. The next try is at {}.",
                time::rfc3339(shut.next_try_ms)
            ),
            who.to_owned(),
        ],
    }
}

/// Tells of a shop that could not be looked at for longer than a connection may and still be called alive, and of the end
/// of that. To be called by the host that looks at it.
///
/// # Errors
/// The ledger's.
pub async fn of_shop(shared: &Shared, signals: &Signals, lane: &Lane, alive: bool) -> Result<(), LedgerError> {
    let (ledger, id, name) = (&shared.parts.ledger, &lane.record.id, &lane.record.name);
    let changed = if alive {
        let over = notify::Notice {
            connection: name.clone(),
            subject: format!("{name}: the shop can be looked at again"),
            lines: vec![
                format!("The shop of connection {name} answers again."),
                "Orders that came meanwhile are taken now; nothing is to be done.".to_owned(),
            ],
        };
        ledger.end_notice(id, Subject::Shop, mail(lane, over)).await?
    } else {
        let sweeps = ledger.sweeps(id, &lane.record.shop_id, 1).await?;
        let now = ledger.now_ms().await?;
        let Some(error) = sweeps.first().and_then(|sweep| sweep.error.clone()) else { return Ok(()) };
        let allowed =
            std::time::Duration::from_millis(u64::try_from(heartbeat::freshness_ms(lane, now)).unwrap_or_default());
        let notice = Notice { connection: id.clone(), subject: Subject::Shop, since_ms: now };
        let trouble = notify::Notice {
            connection: name.clone(),
            subject: format!("{name}: the shop can't be looked at"),
            lines: vec![
                format!(
                    "The shop of connection {name} could not be looked at for more than {}: {error}.",
                    time::words(allowed)
                ),
                "It is tried again by itself; no order is lost, and those that come meanwhile are taken afterwards."
                    .to_owned(),
                "Whoever runs the shop, or the administrator if the credential is refused: see to it.".to_owned(),
            ],
        };
        ledger.raise_notice(&notice, mail(lane, trouble)).await?
    };
    if changed {
        signals.mails.notify_one();
    }
    Ok(())
}

/// What is owed to the connection's people; nothing if it names none.
fn mail(lane: &Lane, notice: notify::Notice) -> Option<EffectBody> {
    let failed = serde_json::to_value(notify::Item::Notice(notice)).unwrap_or_default();
    (!lane.settings.notify.to.is_empty()).then_some(EffectBody::Mail { failed })
}
