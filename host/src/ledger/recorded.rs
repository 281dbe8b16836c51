//! What is on record of passes so that they can be run again: replays and shadow runs read it, in batches, and change
//! nothing. JSON stays text here: whoever runs many passes reads it on many threads.

use async_trait::async_trait;

use super::Result;
use crate::domain::{
    clock::Millis,
    id::{ConnectionId, PassKey},
    pass::PassState,
};

/// A pass that was mapped, with its bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Which.
    pub key: PassKey,
    /// The number that people use.
    pub order_number: String,
    /// How it stands.
    pub state: PassState,
    /// The order as it was mapped last, as canonical JSON.
    pub order: String,
    /// Evidence of the last mapping, where nothing was sent after it.
    pub evidence: Option<String>,
    /// The step that is stored.
    pub step: u32,
    /// Its delivery, as JSON without the plugin's state.
    pub delivery: Option<String>,
    /// What was tried, in the order of time.
    pub tries: Vec<Try>,
}

/// One try of a pass, or one look at an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// Its number within the pass.
    pub number: u32,
    /// Its step.
    pub step: u32,
    /// Evidence of the mapping that it was made for; none for a repeat.
    pub mapping: Option<String>,
    /// What came back and how it was read.
    pub answer: Option<String>,
}

/// What is on record.
#[async_trait]
pub trait Recorded {
    /// The last passes of orders of a connection that were mapped, whose bodies are kept and whose state is at least as
    /// young as `since_ms`: newest first, at most `limit`.
    async fn mapped_passes(&self, connection: &ConnectionId, since_ms: Millis, limit: u32) -> Result<Vec<PassKey>> {
        let _none = (connection, since_ms, limit);
        Ok(Vec::new())
    }

    /// Passes of one connection; those whose bodies expired are left out.
    async fn recordings(&self, passes: &[PassKey]) -> Result<Vec<Recording>> {
        let _none = passes;
        Ok(Vec::new())
    }

    /// Notes the file that a connection was applied from.
    async fn note_file(&self, connection: &ConnectionId, file: &str) -> Result<()> {
        let _none = (connection, file);
        Ok(())
    }

    /// The file that a connection was applied from last.
    async fn file_of(&self, connection: &ConnectionId) -> Result<Option<String>> {
        let _none = connection;
        Ok(None)
    }
}
