//! `orderdock serve`: the host at work, until a signal ends it.
//!
//! The first signal stops taking and lets what is being sent end; the second stops at once. Nothing is lost either way.

use std::{future::Future, sync::Arc, time::Duration};

use clap::Args;
use sha2::{Digest as _, Sha256};
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{
    Failure,
    open::{self, Working},
    output::Output,
};
use crate::{
    admin::{self, Api, FiguresText, HealthCheck, Readiness, TokenCheck},
    config::HostSettings,
    failpoint,
    ledger::{LedgerError, connections::ConnectionRecord},
    pipeline::{
        host::{ConnectionHealth, Host},
        lane::secret_purpose,
        parts::Parts,
        standing,
    },
};

/// How long `/readyz` waits for the database.
const LEDGER_ANSWERS_IN: Duration = Duration::from_secs(3);

/// The host at work.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Print one JSON line with the address of the API when it is ready.
    #[arg(long)]
    announce: bool,
}

/// Works until stopped.
///
/// # Errors
/// What kept it from starting.
pub async fn run(arguments: &Arguments, settings: HostSettings, output: Output) -> Result<(), Failure> {
    open::logging(&settings);
    open::arm_failpoints()?;
    let Working { parts, database } = open::working(&settings).await?;
    let listener = tokio::net::TcpListener::bind(settings.listen).await.map_err(|error| {
        Failure::failed(format!("{} can't be listened on: {error}; set `listen` to a free port", settings.listen))
    })?;
    let address = listener.local_addr().map_err(|error| Failure::failed(error.to_string()))?;
    let host = Host::new(Arc::clone(&parts));
    let stop_api = CancellationToken::new();
    let api = Api {
        ledger: Arc::clone(&parts.ledger),
        token_check: token_check(Arc::clone(&parts)),
        health_check: health_check(Arc::clone(&parts), Arc::clone(&host), database.clone()),
        figures: figures(Arc::clone(&parts), Arc::clone(&host)),
        order_bytes: usize::try_from(settings.limits.order_bytes.0).unwrap_or(usize::MAX),
    };
    let mut api = tokio::spawn(admin::serve(listener, api, stop_api.clone()));
    tracing::info!(%address, %database, version = env!("CARGO_PKG_VERSION"), "orderdock is at work");
    if arguments.announce {
        let mut ready = serde_json::json!({ "listen": address.to_string(), "database": database });
        if let (Some(variable), Some(ready)) = (failpoint::VARIABLE, ready.as_object_mut()) {
            ready.insert("failpoints".to_owned(), variable.into());
        }
        output.line(ready.to_string());
    }
    watch_signals(Arc::clone(&host), settings.stop_grace.duration())?;
    notify_systemd(sd_notify::NotifyState::Ready);
    let worked = beside_the_api(host.run(), &mut api, || host.stop_now()).await.ok_or_else(|| {
        let advice = "start it again, and nothing is lost";
        Failure::failed(format!("the part of Orderdock that answers at {address} has broken off; {advice}"))
    })?;
    notify_systemd(sd_notify::NotifyState::Stopping);
    stop_api.cancel();
    match api.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the API ended badly"),
        Err(error) => tracing::warn!(%error, "the API ended badly"),
    }
    worked.map_err(|ended| Failure::failed(format!("{ended}; start it again, and nothing is lost")))
}

/// Works to the end, and gives what came of it. If the API ends before that, by a panic or by itself, everything is stopped
/// and there is no result: nobody could tell any more how this host is, and no order could be pushed to it.
async fn beside_the_api<T>(
    working: impl Future<Output = T>,
    api: &mut JoinHandle<std::io::Result<()>>,
    stop_now: impl FnOnce(),
) -> Option<T> {
    let mut working = std::pin::pin!(working);
    tokio::select! {
        biased;
        worked = &mut working => Some(worked),
        ended = api => {
            let why = ended
                .map_or_else(|error| error.to_string(), |ended| ended.err().map_or_else(String::new, |it| it.to_string()));
            tracing::error!(%why, "the API has ended, which is a bug of Orderdock; everything is stopped");
            stop_now();
            let _worked = working.await;
            None
        }
    }
}

fn watch_signals(host: Arc<Host>, grace: Duration) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::failed(format!("signals can't be watched: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        let in_hand = host.in_hand();
        tracing::info!(in_hand, "stopping: what is being sent ends first; a second signal stops at once");
        host.stop();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = tokio::time::sleep(grace) => tracing::warn!("what is being sent did not end in time (stop_grace)"),
        }
        host.stop_now();
    });
    Ok(())
}

fn notify_systemd(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!(%error, "systemd was not told");
    }
}

/// A push connection's own token. Digests are compared, so that time tells nothing about the token.
fn token_check(parts: Arc<Parts>) -> TokenCheck {
    Arc::new(move |record: ConnectionRecord, given: String| {
        let parts = Arc::clone(&parts);
        Box::pin(async move {
            if record.shop.kind != "push" {
                return false;
            }
            let Ok(secrets) = parts.ledger.secrets(&record.id).await else { return false };
            let purpose = |slot: &str| secret_purpose(&record.name, slot);
            secrets
                .iter()
                .filter(|secret| secret.slot == "shop.token")
                .filter_map(|secret| parts.sealer.open(&purpose(&secret.slot), &secret.sealed).ok())
                .any(|known| Sha256::digest(&known) == Sha256::digest(&given))
        })
    })
}

fn health_check(parts: Arc<Parts>, host: Arc<Host>, database: String) -> HealthCheck {
    Arc::new(move || {
        let (parts, host, database) = (Arc::clone(&parts), Arc::clone(&host), database.clone());
        Box::pin(async move {
            // Whoever asks has no patience of minutes, which many questions to a silent server would take.
            let asking = async { Ok::<_, LedgerError>((parts.ledger.host_pause().await?, host.health().await)) };
            let (paused, connections, ledger) = match tokio::time::timeout(LEDGER_ANSWERS_IN, asking).await {
                Ok(Ok((paused, connections))) => (paused, connections, None),
                Ok(Err(error)) => (None, Vec::new(), Some(error.to_string())),
                Err(_) => (None, Vec::new(), Some("the database does not answer".to_owned())),
            };
            let standstill = parts.ledger.standstill().map(|why| why.to_string());
            let ready = standstill.is_none() && ledger.is_none() && is_well(&connections);
            Readiness {
                ready,
                version: env!("CARGO_PKG_VERSION"),
                database,
                standstill,
                ledger,
                paused,
                in_hand: host.in_hand(),
                host: parts.host_name.clone(),
                draining: host.is_draining(),
                connections: serde_json::to_value(connections).unwrap_or_default(),
            }
        })
    })
}

/// Every connection at work does what it should.
fn is_well(connections: &[ConnectionHealth]) -> bool {
    connections.iter().all(|one| one.alive != Some(false) && one.trouble.is_none())
}

/// What `/metrics` answers; the error is for whoever asks.
fn figures(parts: Arc<Parts>, host: Arc<Host>) -> FiguresText {
    Arc::new(move || {
        let (parts, host) = (Arc::clone(&parts), Arc::clone(&host));
        Box::pin(async move {
            let asking = async {
                let health = host.health().await;
                let works = parts.ledger.standstill().is_none() && is_well(&health);
                standing::now(&parts, &host, &health, works).await
            };
            // What this process counted is told although the database is silent.
            let standing = match tokio::time::timeout(LEDGER_ANSWERS_IN, asking).await {
                Ok(standing) => standing,
                Err(_) => standing::without_ledger(&host),
            };
            parts.metrics.text(&standing).map_err(|error| error.to_string())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_host_whose_api_ends_stops_and_has_no_result() {
        let ends: [JoinHandle<std::io::Result<()>>; 3] = [
            tokio::spawn(async { panic!("a bug that the test put here") }),
            tokio::spawn(async { Err(std::io::Error::other("the socket is gone")) }),
            tokio::spawn(async { Ok(()) }),
        ];
        for mut api in ends {
            let (stop, stopped) = (CancellationToken::new(), std::cell::Cell::new(false));
            // What is under way is ended in good order before the process is.
            let working = async {
                stop.cancelled().await;
                stopped.set(true);
            };
            assert_eq!(beside_the_api(working, &mut api, || stop.cancel()).await, None);
            assert!(stopped.get());
        }
    }

    #[tokio::test]
    async fn a_host_that_has_ended_its_work_says_what_came_of_it() {
        let mut api: JoinHandle<std::io::Result<()>> = tokio::spawn(std::future::pending());
        assert_eq!(beside_the_api(async { 7 }, &mut api, || panic!("it is over")).await, Some(7));
        assert!(!api.is_finished(), "its end is the caller's");
        api.abort();
    }
}
