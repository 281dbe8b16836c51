//! Connections, releases, intents: what an administrator decides.

use std::collections::BTreeSet;

use async_trait::async_trait;
use orderdock::{
    domain::{
        call::{Description, Tables},
        clock::Millis,
        id::{ConnectionId, Digest, HostId, ShopId},
        pass::PassState,
        random,
    },
    ledger::{
        LedgerError, Result,
        activations::{Activation, ActivationKind},
        connections::{
            Applied, ConnectionDraft, ConnectionRecord, ConnectionState, Connections, Intent, LeftIntent,
            ReleaseRecord, SealedSecret, ShopChange,
        },
    },
};
use serde_json::Value;

use super::{
    ModelLedger,
    state::{Connection, Release, State},
};

pub fn no_connection(id: &ConnectionId) -> LedgerError {
    LedgerError::NotFound { what: format!("connection {id}") }
}

pub fn refused<T>(why: &str) -> Result<T> {
    Err(LedgerError::Refused(why.to_owned()))
}

fn by_whom(by: &str, why: &str) -> String {
    if why.is_empty() { format!("by {by}") } else { format!("{why} (by {by})") }
}

/// The revision that says this, new or old.
pub fn revision_of<T: Clone + PartialEq>(all: &mut Vec<T>, body: &T) -> u32 {
    let at = all.iter().rposition(|known| known == body).unwrap_or_else(|| {
        all.push(body.clone());
        all.len() - 1
    });
    at as u32 + 1
}

impl ModelLedger {
    fn create(&self, state: &mut State, draft: &ConnectionDraft, now: Millis) -> Applied {
        let id = ConnectionId(random::id(self.random.as_ref(), now));
        let shop_id = self.shop_of(state, draft, now);
        let activation = Activation {
            number: 1,
            kind: ActivationKind::Applied,
            repeats: None,
            release: draft.release.clone(),
            settings_revision: 1,
            tables_revision: 1,
            by: draft.by.clone(),
            at_ms: now,
            why: draft.why.clone(),
        };
        let record = ConnectionRecord {
            id: id.clone(),
            name: draft.name.clone(),
            state: ConnectionState::Active,
            state_why: String::new(),
            state_since_ms: now,
            shop_id,
            shop: draft.shop.clone(),
            config: draft.config.clone(),
            take_from_ms: draft.take_from_ms.unwrap_or(now),
            activation: activation.clone(),
            canary: None,
            revision: 1,
            swept_once: false,
            quarantine: None,
            destination: None,
            shut: None,
        };
        state.connections.push(Connection {
            record,
            secrets: draft.secrets.clone(),
            settings: vec![draft.plugin_settings.clone()],
            tables: vec![draft.tables.clone()],
            activations: vec![activation],
            last_document: 0,
            created_ms: now,
        });
        state.change += 1;
        Applied { connection: id, created: true, changes: vec!["connection".to_owned()] }
    }

    fn shop_of(&self, state: &mut State, draft: &ConnectionDraft, now: Millis) -> ShopId {
        let known = state.shops.iter().find(|(_, shop)| shop == &draft.shop).map(|(id, _)| id.clone());
        known.unwrap_or_else(|| {
            let id = ShopId(random::id(self.random.as_ref(), now));
            state.shops.push((id.clone(), draft.shop.clone()));
            id
        })
    }

    fn change(
        &self,
        state: &mut State,
        draft: &ConnectionDraft,
        old: &ConnectionRecord,
        now: Millis,
    ) -> Result<Applied> {
        let mut changes = Vec::new();
        let mut shop_id = old.shop_id.clone();
        let mut take_from_ms = draft.take_from_ms.unwrap_or(old.take_from_ms);
        if draft.shop != old.shop {
            match draft.shop_change {
                None => return refused("the shop would change: say --same-shop or --other-shop"),
                Some(ShopChange::Same) => {
                    if state.shops.iter().any(|(_, shop)| shop == &draft.shop) {
                        return refused("that is known as another shop already");
                    }
                    for (_, shop) in state.shops.iter_mut().filter(|(id, _)| id == &shop_id) {
                        shop.clone_from(&draft.shop);
                    }
                }
                Some(ShopChange::Other) => {
                    let busy = state.passes.iter().any(|(key, it)| {
                        key.order.connection == old.id
                            && !it.state.is_closed()
                            && state.orders.get(&key.order).is_some_and(|seen| seen.last_pass == key.pass)
                    });
                    let owed = state
                        .effects
                        .iter()
                        .any(|it| it.pass.order.connection == old.id && it.is_owed() && !it.is_mail());
                    if busy || owed {
                        return refused("it has open orders, or the old shop is still owed something");
                    }
                    shop_id = self.shop_of(state, draft, now);
                    take_from_ms = draft.take_from_ms.unwrap_or(now);
                }
            }
            changes.push("shop".to_owned());
        }
        changes.extend(differences(&old.config, &draft.config));
        if take_from_ms != old.take_from_ms {
            changes.push("take_from".to_owned());
        }
        let Some(connection) = state.connection(&old.id) else { return Err(no_connection(&old.id)) };
        let settings_revision = revision_of(&mut connection.settings, &draft.plugin_settings);
        let tables_revision = revision_of(&mut connection.tables, &draft.tables);
        let was = &old.activation;
        let differing = [
            ("plugin release", draft.release != was.release),
            ("settings", settings_revision != was.settings_revision),
            ("tables", tables_revision != was.tables_revision),
        ];
        let activated: Vec<_> =
            differing.iter().filter(|(_, differs)| *differs).map(|(word, _)| (*word).to_owned()).collect();
        if !activated.is_empty() {
            connection.activations.push(Activation {
                number: connection.activations.len() as u32 + 1,
                kind: ActivationKind::Applied,
                repeats: None,
                release: draft.release.clone(),
                settings_revision,
                tables_revision,
                by: draft.by.clone(),
                at_ms: now,
                why: draft.why.clone(),
            });
        }
        changes.extend(activated);
        if marks(&connection.secrets) != marks(&draft.secrets) {
            connection.secrets.clone_from(&draft.secrets);
            changes.push("secrets".to_owned());
        }
        if !changes.is_empty() {
            let record = &mut connection.record;
            record.shop_id = shop_id;
            record.shop.clone_from(&draft.shop);
            record.config.clone_from(&draft.config);
            record.take_from_ms = take_from_ms;
            record.revision += 1;
            if let Some(newest) = connection.activations.last() {
                record.activation.clone_from(newest);
            }
            state.change += 1;
        }
        Ok(Applied { connection: old.id.clone(), created: false, changes })
    }
}

fn marks(secrets: &[SealedSecret]) -> BTreeSet<(&str, &str)> {
    secrets.iter().map(|secret| (secret.slot.as_str(), secret.fingerprint.as_str())).collect()
}

fn differences(old: &Value, new: &Value) -> Vec<String> {
    match (old.as_object(), new.as_object()) {
        _ if old == new => Vec::new(),
        (Some(old), Some(new)) => {
            let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            names.into_iter().filter(|name| old.get(*name) != new.get(*name)).cloned().collect()
        }
        _ => vec!["config".to_owned()],
    }
}

impl State {
    fn set_connection_state(
        &mut self,
        id: &ConnectionId,
        to: ConnectionState,
        by: &str,
        why: &str,
        now: Millis,
    ) -> Result<()> {
        if to == ConnectionState::Removed {
            let under_way = self.passes.iter().any(|(key, it)| {
                &key.order.connection == id && !it.state.is_closed() && it.state != PassState::Waiting
            });
            if under_way {
                return refused("orders of this connection are under way; pause it and wait until they have ended");
            }
        }
        let known =
            self.connection(id).filter(|it| it.record.state != ConnectionState::Removed || to == it.record.state);
        let Some(known) = known else { return Err(no_connection(id)) };
        let (was, since) = (known.record.state, known.record.state_since_ms);
        if was == to {
            return Ok(());
        }
        known.record.state = to;
        known.record.state_why = by_whom(by, why);
        known.record.state_since_ms = now;
        known.record.revision += 1;
        self.change += 1;
        match to {
            ConnectionState::Removed => self.end_for_good(id, now),
            ConnectionState::Active if was == ConnectionState::Paused => {
                self.give_back(id, now - since);
            }
            // Until now the host's pause counted.
            ConnectionState::Paused if was == ConnectionState::Active => {
                if let Some((_, host_since)) = &self.host_pause {
                    let lost = now - since.max(*host_since);
                    self.give_back(id, lost);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A pause uses up no retry or answer time.
    fn give_back(&mut self, id: &ConnectionId, lost_ms: Millis) {
        for (key, pass) in &mut self.passes {
            if &key.order.connection == id && pass.closed_ms.is_none() {
                pass.retry_since_ms = pass.retry_since_ms.map(|it| it + lost_ms);
                pass.deadline_ms = pass.deadline_ms.map(|it| it + lost_ms);
            }
        }
    }

    /// What waits ends where people see it, and what was owed to the shop is cancelled with its reason.
    fn end_for_good(&mut self, id: &ConnectionId, now: Millis) {
        const WHY: &str = "the connection was removed";
        for (key, pass) in &mut self.passes {
            if &key.order.connection == id && pass.state == PassState::Waiting {
                pass.state = PassState::Withdrawn;
                pass.state_ms = now;
                pass.closed_ms = Some(now);
                pass.because = WHY.to_owned();
            }
        }
        for effect in &mut self.effects {
            if &effect.pass.order.connection == id && effect.is_owed() && !effect.is_mail() {
                effect.state = "cancelled";
                effect.detail = WHY.to_owned();
                effect.done_ms = Some(now);
            }
        }
    }
}

#[async_trait]
impl Connections for ModelLedger {
    async fn now_ms(&self) -> Result<Millis> {
        Ok(self.clock.now_ms())
    }

    async fn change_number(&self) -> Result<u64> {
        Ok(self.transaction().0.change)
    }

    async fn apply_connection(&self, draft: ConnectionDraft) -> Result<Applied> {
        let (mut state, now) = self.transaction();
        if !state.releases.iter().any(|it| it.digest == draft.release) {
            return refused("the plugin release is not in the ledger");
        }
        let known = state
            .connections
            .iter()
            .find(|it| it.record.name == draft.name && it.record.state != ConnectionState::Removed)
            .map(|it| it.record.clone());
        match known {
            None => Ok(self.create(&mut state, &draft, now)),
            Some(old) => self.change(&mut state, &draft, &old, now),
        }
    }

    async fn connections(&self, removed: bool) -> Result<Vec<ConnectionRecord>> {
        let (state, _) = self.transaction();
        let mut all: Vec<_> = state
            .connections
            .iter()
            .filter(|it| removed || it.record.state != ConnectionState::Removed)
            .map(|it| {
                let mut record = it.record.clone();
                record.swept_once = state
                    .sweeps
                    .iter()
                    .any(|(of, at, sweep)| of == &record.id && at == &record.shop_id && sweep.error.is_none());
                record.shut = state.shut(&record.id);
                (it.created_ms, record)
            })
            .collect();
        all.sort_by(|(a_ms, a), (b_ms, b)| (&a.name, a_ms).cmp(&(&b.name, b_ms)));
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }

    async fn set_connection_state(&self, id: &ConnectionId, state: ConnectionState, by: &str, why: &str) -> Result<()> {
        let (mut all, now) = self.transaction();
        all.set_connection_state(id, state, by, why, now)
    }

    async fn set_host_pause(&self, paused: bool, by: &str, why: &str) -> Result<()> {
        let (mut state, now) = self.transaction();
        let since = state.host_pause.as_ref().map(|(_, since)| *since);
        if let (false, Some(since)) = (paused, since) {
            let active: Vec<_> = state.connections.iter().map(|it| it.record.clone()).collect();
            for record in active.into_iter().filter(|record| record.state == ConnectionState::Active) {
                state.give_back(&record.id, now - since.max(record.state_since_ms));
            }
        }
        state.host_pause = paused.then(|| (by_whom(by, why), since.unwrap_or(now)));
        state.change += 1;
        Ok(())
    }

    async fn host_pause(&self) -> Result<Option<String>> {
        Ok(self.transaction().0.host_pause.as_ref().map(|(why, _)| why.clone()))
    }

    async fn host_paused_since_ms(&self) -> Result<Option<Millis>> {
        Ok(self.transaction().0.host_pause.as_ref().map(|(_, since)| *since))
    }

    async fn secrets(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        Ok(self.transaction().0.connection(id).map(|it| it.secrets.clone()).unwrap_or_default())
    }

    async fn remember_login(&self, id: &ConnectionId, secret: SealedSecret, until_ms: Millis) -> Result<()> {
        self.transaction().0.logins.insert((id.clone(), secret.slot.clone()), (secret, until_ms));
        Ok(())
    }

    async fn forget_login(&self, id: &ConnectionId, slot: &str) -> Result<()> {
        self.transaction().0.logins.remove(&(id.clone(), slot.to_owned()));
        Ok(())
    }

    async fn logins(&self, id: &ConnectionId) -> Result<Vec<SealedSecret>> {
        let (state, now) = self.transaction();
        let mine = state.logins.iter().filter(|((of, _), (_, until))| of == id && *until > now);
        Ok(mine.map(|(_, (secret, _))| secret.clone()).collect())
    }

    async fn plugin_settings(&self, id: &ConnectionId, revision: u32) -> Result<Value> {
        let (mut state, _) = self.transaction();
        let known = state.connection(id).and_then(|it| it.settings.get(revision as usize - 1).cloned());
        known.ok_or_else(|| LedgerError::NotFound { what: format!("revision {revision} of connection {id}") })
    }

    async fn tables(&self, id: &ConnectionId, revision: u32) -> Result<Tables> {
        let (mut state, _) = self.transaction();
        let known = state.connection(id).and_then(|it| it.tables.get(revision as usize - 1).cloned());
        known.ok_or_else(|| LedgerError::NotFound { what: format!("revision {revision} of connection {id}") })
    }

    async fn add_release(&self, digest: &Digest, bytes: &[u8], description: &Description, by: &str) -> Result<bool> {
        let (mut state, now) = self.transaction();
        if state.releases.iter().any(|it| &it.digest == digest) {
            return Ok(false);
        }
        state.releases.push(Release {
            digest: digest.clone(),
            bytes: bytes.to_vec(),
            description: description.clone(),
            by: by.to_owned(),
            added_ms: now,
        });
        state.change += 1;
        Ok(true)
    }

    async fn releases(&self) -> Result<Vec<ReleaseRecord>> {
        let (state, _) = self.transaction();
        let mut all: Vec<_> = state
            .releases
            .iter()
            .map(|it| ReleaseRecord {
                digest: it.digest.clone(),
                description: it.description.clone(),
                size: it.bytes.len() as u64,
                by: it.by.clone(),
                added_ms: it.added_ms,
            })
            .collect();
        all.sort_by(|a, b| b.added_ms.cmp(&a.added_ms).then_with(|| a.digest.cmp(&b.digest)));
        Ok(all)
    }

    async fn release_record(&self, digest: &Digest) -> Result<Option<ReleaseRecord>> {
        Ok(self.releases().await?.into_iter().find(|it| &it.digest == digest))
    }

    async fn release_bytes(&self, digest: &Digest) -> Result<Option<Vec<u8>>> {
        Ok(self.transaction().0.releases.iter().find(|it| &it.digest == digest).map(|it| it.bytes.clone()))
    }

    async fn leave_intent(&self, connection: &ConnectionId, intent: Intent, by: &str) -> Result<i64> {
        let (mut state, left_ms) = self.transaction();
        if state.connection(connection).is_none_or(|it| it.record.state == ConnectionState::Removed) {
            return Err(no_connection(connection));
        }
        state.last_intent += 1;
        let number = state.last_intent;
        let left = LeftIntent { number, connection: connection.clone(), intent, by: by.to_owned(), left_ms };
        state.intents.push((left, None));
        state.change += 1;
        Ok(number)
    }

    async fn take_intents(&self, _: &HostId, lease_ms: Millis) -> Result<Vec<LeftIntent>> {
        let (mut state, now) = self.transaction();
        let free = state.intents.iter_mut().filter(|(_, taken)| taken.is_none_or(|at| at < now - lease_ms));
        Ok(free
            .map(|(left, taken)| {
                *taken = Some(now);
                left.clone()
            })
            .collect())
    }

    async fn end_intent(&self, number: i64) -> Result<()> {
        self.transaction().0.intents.retain(|(left, _)| left.number != number);
        Ok(())
    }

    async fn give_back_intent(&self, number: i64) -> Result<()> {
        let (mut state, _) = self.transaction();
        for (_, taken) in state.intents.iter_mut().filter(|(left, _)| left.number == number) {
            *taken = None;
        }
        Ok(())
    }
}
