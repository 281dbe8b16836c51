//! Releases that this host never had, got ready in the background.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{super::work::Shared, at_work::AtWork};

/// Gets releases ready.
#[derive(Default)]
pub struct Readying {
    /// Connections whose release this host can't get ready, and why.
    in_vain: Mutex<BTreeMap<String, String>>,
    /// Somebody is at it.
    alone: Arc<tokio::sync::Mutex<()>>,
}

impl Readying {
    /// By name, the connections whose release this host can't get ready, and why.
    pub fn in_vain(&self) -> BTreeMap<String, String> {
        self.in_vain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gets ready what the connections at work map with, one after the other, while orders flow: a host that joins a fleet with a
    /// thousand of them would otherwise start only when all are compiled. An order that comes before waits for its own.
    pub fn begin(self: &Arc<Self>, shared: &Arc<Shared>, at_work: &Arc<AtWork>) {
        let Ok(alone) = Arc::clone(&self.alone).try_lock_owned() else { return };
        let (here, shared, at_work) = (Arc::clone(self), Arc::clone(shared), Arc::clone(at_work));
        shared.tasks.clone().spawn(async move {
            let _alone = alone;
            let (mapper, mut in_vain) = (&shared.parts.mapper, BTreeMap::new());
            for lane in at_work.lanes() {
                for release in lane.releases().filter(|release| !mapper.knows(release)) {
                    let Some(ready) = shared.stop.run_until_cancelled(mapper.prepare(release)).await else {
                        return;
                    };
                    if let Err(error) = ready {
                        tracing::error!(connection = %lane.record.name, %error, "a release can't be got ready");
                        in_vain.insert(lane.record.name.clone(), error.to_string());
                    }
                }
            }
            *here.in_vain.lock().unwrap_or_else(PoisonError::into_inner) = in_vain;
        });
    }
}
