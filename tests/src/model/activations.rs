//! Activations: one at a time, each decided upon the one before it.

use async_trait::async_trait;
use orderdock::{
    domain::id::ConnectionId,
    ledger::{
        Result,
        activations::{Activation, Activations, NewActivation},
        connections::ConnectionState,
    },
};

use super::{
    ModelLedger,
    connections::{no_connection, refused, revision_of},
};

#[async_trait]
impl Activations for ModelLedger {
    async fn activate(&self, wish: NewActivation) -> Result<Activation> {
        let (mut state, at_ms) = self.transaction();
        if !state.releases.iter().any(|it| it.digest == wish.release) {
            return refused("the plugin release is not in the ledger");
        }
        let known = state.connection(&wish.connection).filter(|it| it.record.state != ConnectionState::Removed);
        let Some(connection) = known else { return Err(no_connection(&wish.connection)) };
        let old = connection.record.activation.clone();
        if old.number != wish.instead_of {
            return refused("another activation came in between");
        }
        let mut settings = connection.settings.clone();
        let mut tables = connection.tables.clone();
        let settings_revision = revision_of(&mut settings, &wish.plugin_settings);
        let tables_revision = revision_of(&mut tables, &wish.tables);
        if (&wish.release, settings_revision, tables_revision)
            == (&old.release, old.settings_revision, old.tables_revision)
        {
            return refused("that is in force already");
        }
        (connection.settings, connection.tables) = (settings, tables);
        let new = Activation {
            number: connection.activations.len() as u32 + 1,
            kind: wish.kind,
            repeats: wish.repeats,
            release: wish.release,
            settings_revision,
            tables_revision,
            by: wish.by,
            at_ms,
            why: wish.why,
        };
        connection.activations.push(new.clone());
        connection.record.activation = new.clone();
        connection.record.config = wish.config;
        connection.record.revision += 1;
        state.change += 1;
        Ok(new)
    }

    async fn activations(&self, id: &ConnectionId) -> Result<Vec<Activation>> {
        let (mut state, _) = self.transaction();
        let mut all = state.connection(id).map(|it| it.activations.clone()).unwrap_or_default();
        all.reverse();
        Ok(all)
    }
}
