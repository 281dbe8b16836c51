//! Activations: with which release, plugin settings and look-up tables a connection maps, and with which it did before.
//!
//! An activation never changes. Whatever changes one of the three makes the next one: `connection apply`,
//! `plugin activate`, and going back, which is a new activation of what an old one said.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Result;
use crate::domain::{
    call::Tables,
    clock::Millis,
    id::{ConnectionId, Digest},
};

/// What made an activation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivationKind {
    /// A connection's file.
    #[default]
    Applied,
    /// `plugin activate`.
    Activated,
    /// Back to an earlier one.
    RolledBack,
    /// Tried with some new orders: not in force.
    Canary,
    /// A canary that stood the test.
    Promoted,
}

/// An immutable record: from then on this connection maps with this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activation {
    /// Counts up per connection.
    pub number: u32,
    /// What made it.
    pub kind: ActivationKind,
    /// The earlier activation that it repeats.
    pub repeats: Option<u32>,
    /// The release.
    pub release: Digest,
    /// Revision of the plugin's settings.
    pub settings_revision: u32,
    /// Revision of the look-up tables.
    pub tables_revision: u32,
    /// Who.
    pub by: String,
    /// When.
    pub at_ms: Millis,
    /// Why.
    pub why: String,
}

/// What is to be activated.
#[derive(Clone, Debug)]
pub struct NewActivation {
    /// For which connection.
    pub connection: ConnectionId,
    /// The activation in force that this was decided upon: if another one is by now, nothing happens.
    pub instead_of: u32,
    /// What makes it.
    pub kind: ActivationKind,
    /// The earlier activation that it repeats.
    pub repeats: Option<u32>,
    /// The release.
    pub release: Digest,
    /// The plugin's settings. Content that was there before keeps its revision.
    pub plugin_settings: Value,
    /// Look-up tables. Content that was there before keeps its revision.
    pub tables: Tables,
    /// The connection's config with all three in it, so that an export says what is in force.
    pub config: Value,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What was in force before: going back takes it up again. What was gone back to counts as what it repeats, so that going
/// back twice goes back further. `all` is newest first.
#[must_use]
pub fn before<'a>(all: &'a [Activation], in_force: &Activation) -> Option<&'a Activation> {
    let mut anchor = in_force.number;
    // Each repeats an older one, so this ends.
    while let Some(older) = all.iter().find(|it| it.number == anchor).and_then(|it| it.repeats) {
        if older >= anchor {
            break;
        }
        anchor = older;
    }
    all.iter().find(|it| it.number < anchor && it.kind != ActivationKind::Canary && !it.maps_as(in_force))
}

impl Activation {
    /// Whether both say the same release, settings and tables.
    #[must_use]
    pub fn maps_as(&self, other: &Self) -> bool {
        (&self.release, self.settings_revision, self.tables_revision)
            == (&other.release, other.settings_revision, other.tables_revision)
    }
}

/// Activations.
#[async_trait]
pub trait Activations {
    /// Puts a release with its settings and tables in force, in one transaction. Passes that were mapped before keep what
    /// they are pinned to.
    ///
    /// # Errors
    /// `NotFound` for the connection; `Refused` when the release is not in the ledger, another activation came in between, or
    /// the very same is in force.
    async fn activate(&self, wish: NewActivation) -> Result<Activation>;

    /// Every activation of a connection, newest first.
    async fn activations(&self, id: &ConnectionId) -> Result<Vec<Activation>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(number: u32, release: &str, repeats: Option<u32>) -> Activation {
        let kind = ActivationKind::Activated;
        let (by, why) = ("Ann".to_owned(), String::new());
        let (settings_revision, tables_revision) = (1, 1);
        Activation {
            number,
            kind,
            repeats,
            release: release.into(),
            settings_revision,
            tables_revision,
            by,
            at_ms: 0,
            why,
        }
    }

    #[test]
    fn going_back_twice_goes_back_further() {
        let mut all = vec![one(3, "c", None), one(2, "b", None), one(1, "a", None)];
        assert_eq!(before(&all, &all[0]).map(|it| it.number), Some(2));
        all.insert(0, one(4, "b", Some(2)));
        assert_eq!(before(&all, &all[0]).map(|it| it.number), Some(1));
        all.insert(0, one(5, "a", Some(1)));
        assert_eq!(before(&all, &all[0]), None);
    }

    #[test]
    fn what_was_only_tried_is_not_gone_back_to() {
        let tried = Activation { kind: ActivationKind::Canary, ..one(2, "b", None) };
        let all = vec![
            one(4, "d", None),
            Activation { kind: ActivationKind::Promoted, ..one(3, "b", Some(2)) },
            tried,
            one(1, "a", None),
        ];
        assert_eq!(before(&all, &all[0]).map(|it| it.number), Some(3));
        assert_eq!(before(&all, &all[1]).map(|it| it.number), Some(1));
        assert_eq!(before(&all[2..], &one(5, "e", None)).map(|it| it.number), Some(1));
    }

    #[test]
    fn what_maps_the_same_is_not_gone_back_to() {
        let all = vec![one(3, "b", None), one(2, "b", None), one(1, "a", None)];
        assert_eq!(before(&all, &all[0]).map(|it| it.number), Some(1));
    }
}
