//! Hosts that share a database: who lives, who is being emptied, and whose turn it is where only one may act.
//!
//! What is done for one order is kept apart by the leases of [`super::passes`] and [`super::effects`]; here is what concerns
//! a whole host or a whole connection. A ledger that serves a single host need not implement anything.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::{LedgerError, Result};
use crate::domain::{
    clock::Millis,
    id::{ConnectionId, HostId},
};

/// What a host says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// Which; kept over restarts.
    pub host: HostId,
    /// What people call it.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Orders that it works on.
    pub in_hand: u32,
    /// It has just started: a wish to empty it is fulfilled by that.
    pub first: bool,
}

/// A host as the others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRow {
    /// Which.
    pub id: HostId,
    /// What people call it.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// When it started.
    pub started_ms: Millis,
    /// Its last sign of life.
    pub seen_ms: Millis,
    /// When it ended in good order, if it did.
    pub ended_ms: Option<Millis>,
    /// Orders that it worked on then.
    pub in_hand: u32,
    /// Why it takes nothing new, if it shall not.
    pub drain: Option<String>,
}

/// What a host learns when it gives a sign of life.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Why it shall take nothing new.
    pub drain: Option<String>,
    /// The turns that it has, renewed.
    pub turns: Vec<String>,
}

/// What woke a host before its timer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wake {
    /// An administrator changed something.
    Changed,
    /// An order of this connection is waiting.
    Work(ConnectionId),
}

/// Hosts that share a database.
#[async_trait]
pub trait Fleet {
    /// Gives a sign of life; renews this host's turns for `lease_ms`.
    async fn sign_of_life(&self, sign: &Sign, lease_ms: Millis) -> Result<Standing> {
        let _alone = (sign, lease_ms);
        Ok(Standing::default())
    }

    /// This host ends in good order: its turns are free.
    async fn leave(&self, host: &HostId) -> Result<()> {
        let _alone = host;
        Ok(())
    }

    /// Gives back all turns of this host.
    async fn end_turns(&self, host: &HostId) -> Result<()> {
        let _alone = host;
        Ok(())
    }

    /// Takes the turn to do something, or keeps it: false while another host has it.
    async fn take_turn(&self, subject: &str, host: &HostId, lease_ms: Millis) -> Result<bool> {
        let _alone = (subject, host, lease_ms);
        Ok(true)
    }

    /// All hosts that are known, by name.
    async fn hosts(&self) -> Result<Vec<HostRow>> {
        Ok(Vec::new())
    }

    /// Wishes that a host takes nothing new (why), or that it works again (none). Named by its name or its id; the host.
    ///
    /// # Errors
    /// `NotFound`; `Refused` when several hosts have that name.
    async fn drain(&self, host: &str, why: Option<String>) -> Result<HostRow> {
        let _alone = why;
        Err(LedgerError::NotFound { what: format!("host {host}") })
    }

    /// What wakes this host before its timers do. None where nothing can: a file has one host, and a pooler keeps nobody
    /// listening.
    fn wakes(&self) -> Option<broadcast::Receiver<Wake>> {
        None
    }
}
