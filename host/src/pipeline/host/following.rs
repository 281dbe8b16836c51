//! Following what changes in the ledger: connections, pauses, what people left, the wish that this host be emptied.

use std::{collections::HashSet, sync::PoisonError, time::Duration};

use futures_util::{StreamExt as _, stream};

use super::{
    super::{
        breaker, fleet,
        lane::{Lane, LaneError},
        work,
    },
    Host,
    at_work::TakenUp,
};
use crate::{
    domain::{id::ConnectionId, problem::Problem},
    ledger::{LedgerError, connections::ConnectionRecord, fleet::Wake, standstill::Standstill},
};

/// How long until a connection that could not be opened, or an intent that could not be carried out, is tried again.
const OPEN_AGAIN: Duration = Duration::from_secs(5);

/// Connections that are opened at the same time: each takes a few questions to the ledger.
const OPENED_AT_ONCE: usize = 16;

/// How often the ledger is looked after.
const TEND_EVERY: Duration = Duration::from_secs(1);

/// The ledger is read that often even if nobody has changed anything: another host may have left an intent behind.
const FOLLOW_AT_LEAST: Duration = Duration::from_secs(10);

impl Host {
    /// Follows what changes in the ledger, and looks after it, until the host stops or its ledger has ended.
    pub(super) async fn lead(&self) {
        let shared = &self.shared;
        let mut wakes = shared.parts.ledger.wakes();
        let mut seen = None;
        let mut again = shared.parts.clock.since_boot();
        let (mut still, mut tended) = (None, None);
        while !shared.stop.is_cancelled() {
            if tended.is_none_or(|at| shared.parts.clock.since_boot() >= at) {
                tended = Some(shared.parts.clock.since_boot() + TEND_EVERY);
                self.tend(&mut still).await;
            }
            match shared.parts.ledger.change_number().await {
                Ok(number) if seen == Some(number) && shared.parts.clock.since_boot() < again => {}
                Ok(number) => match self.follow().await {
                    Ok(opened) => {
                        seen = Some(number);
                        // What could not be opened may only have met a moment's trouble.
                        let wait = if opened { FOLLOW_AT_LEAST } else { OPEN_AGAIN };
                        again = shared.parts.clock.since_boot() + wait;
                    }
                    Err(error) => {
                        tracing::error!(%error, "connections could not be read");
                        work::pause(shared, OPEN_AGAIN).await;
                    }
                },
                Err(error) => tracing::error!(%error, "the ledger can't be asked for changes"),
            }
            if self.carrying.was_put_off() {
                again = again.min(shared.parts.clock.since_boot() + OPEN_AGAIN);
            }
            tokio::select! {
                biased;
                wake = fleet::pause_or_wake(shared, shared.parts.pace.notice_every, &mut wakes) => match wake {
                    Some(Wake::Work(connection)) => self.at_work.work_came(&connection),
                    // The change's number, which is looked at next, tells what it was.
                    Some(Wake::Changed) | None => {}
                },
                () = shared.parts.ledger.ended() => break,
            }
        }
    }

    /// Looks after the ledger. When a standstill is over, everything is looked at at once.
    async fn tend(&self, still: &mut Option<Standstill>) {
        let ledger = &self.shared.parts.ledger;
        if let Err(error) = ledger.tend().await {
            tracing::error!(%error, "the ledger could not be looked after");
        }
        breaker::watch(&self.shared, &self.at_work.all()).await;
        let now = ledger.standstill();
        if now.is_some() == still.is_some() {
            return;
        }
        match &now {
            Some(why) => tracing::error!(%why, "nothing is taken or sent"),
            None => {
                tracing::info!("orders are taken and sent again");
                self.at_work.look_everywhere();
                self.mails.notify_one();
            }
        }
        *still = now;
    }

    /// Takes up what changed. Whether every connection is at work as the ledger has it.
    async fn follow(&self) -> Result<bool, LedgerError> {
        let ledger = &self.shared.parts.ledger;
        let me = &self.shared.parts.host;
        let drain = ledger.hosts().await?.into_iter().find(|host| &host.id == me).and_then(|host| host.drain);
        if self.shared.fleet.set_draining(drain.is_some()) {
            match &drain {
                Some(why) => tracing::info!(%why, "nothing new is taken; what is under way ends"),
                None => tracing::info!("at work again"),
            }
        }
        if drain.is_some() {
            self.at_work.end_all();
            return Ok(true);
        }
        let host_paused = ledger.host_pause().await?.is_some();
        let records = ledger.connections(false).await?;
        let known: HashSet<&ConnectionId> = records.iter().map(|record| &record.id).collect();
        self.at_work.end_all_but(&known);
        self.trouble
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|name, _| records.iter().any(|record| &record.name == name));
        let mut opened = true;
        let each: Vec<_> = records.iter().map(|record| self.follow_one(record, host_paused)).collect();
        let mut opening = stream::iter(each).buffer_unordered(OPENED_AT_ONCE);
        while let Some(one) = opening.next().await {
            opened &= one;
        }
        drop(opening);
        self.readying.begin(&self.shared, &self.at_work);
        self.at_work.something_came();
        self.carrying.take_up(&self.at_work, &records).await?;
        Ok(opened)
    }

    /// Whether the connection is at work as the ledger has it.
    async fn follow_one(&self, record: &ConnectionRecord, host_paused: bool) -> bool {
        let with = TakenUp { revision: record.revision, host_paused };
        let before = self.at_work.find(&record.id).map(|(lane, _)| lane);
        if let Some(lane) = &before
            && self.at_work.taken_up(&record.id) == Some(with)
        {
            breaker::say(&self.shared.parts, lane, record).await;
            return true;
        }
        let name = &record.name;
        match self.open(record.clone(), before.as_deref()).await {
            Ok(lane) => {
                breaker::say(&self.shared.parts, &lane, &lane.record).await;
                self.trouble.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
                if self.at_work.take_up(lane, with, &self.shared, &self.mails) {
                    tracing::info!(connection = %name, "connection at work");
                } else {
                    tracing::info!(connection = %name, "took up a change");
                }
                true
            }
            Err(error) => {
                tracing::error!(connection = %name, %error, "the connection can't work; it goes on as it was, if it was");
                self.trouble.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), error.to_string());
                false
            }
        }
    }

    /// Opens a connection; one that is at work goes on as it was until what is put in its place is ready here.
    async fn open(&self, record: ConnectionRecord, before: Option<&Lane>) -> Result<Lane, LaneError> {
        let parts = &self.shared.parts;
        if let Some(before) = before {
            let tried = record.canary.as_ref().map(|canary| &canary.activation.release);
            for release in [Some(&record.activation.release), tried].into_iter().flatten() {
                if !before.releases().any(|known| known == release) {
                    parts.mapper.prepare(release).await.map_err(|error| LaneError::Problems {
                        name: record.name.clone(),
                        problems: vec![Problem::new("plugin.release", error.to_string())],
                    })?;
                }
            }
        }
        Lane::open_after(parts, record, before).await
    }
}
