//! A publisher's signature of a release, as it is kept.

use serde::{Deserialize, Serialize};

/// A signature, with what is needed to hold it against a release at any later time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseSignature {
    /// In base64.
    pub signature: String,
    /// The text that was signed; none where it was the component itself.
    pub payload: Option<String>,
    /// The manifest that the text is about.
    pub manifest: Option<String>,
}
