//! The unattended Attaché of the demo: a run over the inbox every half second, which refuses one order.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    cast::{ATTACHE_WORDS, ERR_FILE},
    connections::{Food, Line},
};
use crate::{
    erp::attache::{Attache, Fate},
    stage::Stage,
};

/// Between two runs.
const EVERY: Duration = Duration::from_millis(500);

/// A run that goes on until it is dropped.
pub struct UnattendedRun {
    stop: Arc<AtomicBool>,
}

impl UnattendedRun {
    /// Begins, if one of the connections is Attaché's; the folders are made.
    ///
    /// # Errors
    /// When they can't be made.
    pub fn of(stage: &Stage, lines: &[Line]) -> anyhow::Result<Option<Self>> {
        lines.iter().find(|line| line.food == Food::Kfi).map(|line| Self::begin(stage, line)).transpose()
    }

    fn begin(stage: &Stage, line: &Line) -> anyhow::Result<Self> {
        let inbox = line.inbox(stage);
        std::fs::create_dir_all(&inbox)?;
        let judge =
            Box::new(
                |name: &str, _bytes: &[u8]| {
                    if name.starts_with(ERR_FILE) { Fate::Failure(ATTACHE_WORDS.to_owned()) } else { Fate::Success }
                },
            );
        let attache = Attache::new(&inbox, judge)?.watching(line.ending());
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Err(error) = attache.run() {
                    tracing::warn!(%error, "a run of the fake Attaché failed");
                }
                std::thread::sleep(EVERY);
            }
        });
        Ok(Self { stop })
    }
}

impl Drop for UnattendedRun {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
