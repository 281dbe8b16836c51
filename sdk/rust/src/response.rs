//! What came back from the destination, and what the host makes of it.

use orderdock_order::Pair;
use serde::{Deserialize, Serialize};

use crate::{Acceptance, Refusal, RefusalClass, Verdict};

/// What the host would conclude by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultVerdict {
    /// 2xx, or the files were written.
    Accepted,
    /// 4xx other than 429, and 307, 308.
    Rejected,
    /// 429, or 503 where the connection trusts it.
    RetryLater,
    /// Anything else.
    Unknown,
}

/// A complete HTTP answer, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Headers in the order received, names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Pair>,
    /// Body.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::bytes_form")]
    pub body: Vec<u8>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl HttpResponse {
    /// The first header of this name (lower case).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, with U+FFFD where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

/// The files of the delivery lie in their folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesWritten {
    /// Their names, the trigger last.
    pub names: Vec<String>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// A file that appeared in an answer folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerFile {
    /// Slot of the folder, as the connection names it. Example: `failure`.
    pub folder: String,
    /// Name of the file.
    pub name: String,
    /// Content.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::bytes_form")]
    pub bytes: Vec<u8>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// The deadline of an awaited answer passed, and a good look after it found no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadlinePassed {
    /// What lay in the answer folders, as `slot/name`, at most 1,000.
    pub listing: Vec<String>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseContent {
    /// An HTTP answer.
    Http(HttpResponse),
    /// Files were written.
    FilesWritten(FilesWritten),
    /// An answer file appeared.
    AnswerFile(AnswerFile),
    /// No answer came in time.
    DeadlinePassed(DeadlinePassed),
}

/// What came back, and what the host makes of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// What came back.
    #[serde(flatten)]
    pub content: ResponseContent,
    /// The host's own reading; the verdict wins over it.
    pub default_verdict: DefaultVerdict,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

impl Response {
    /// The host's own reading as a verdict, with these words where the ERP said some.
    ///
    /// A plugin that has nothing to add answers with this.
    #[must_use]
    pub fn by_default(&self, message: Option<String>) -> Verdict {
        let said = |otherwise: String| message.clone().unwrap_or(otherwise);
        match self.default_verdict {
            DefaultVerdict::Accepted => {
                Verdict::Accepted(Acceptance { message: message.clone(), ..Acceptance::default() })
            }
            DefaultVerdict::Rejected => Verdict::Rejected(Refusal::new(
                RefusalClass::Data,
                said(format!("the ERP refused it: {}", self.said())),
            )),
            DefaultVerdict::RetryLater => {
                Verdict::retry_later(None, said(format!("the ERP asks to come back later: {}", self.said())))
            }
            DefaultVerdict::Unknown => {
                Verdict::unknown(said(format!("the ERP's answer does not tell: {}", self.said())))
            }
        }
    }

    /// One short clause on what came back.
    fn said(&self) -> String {
        match &self.content {
            ResponseContent::Http(answer) => format!("HTTP status {}", answer.status),
            ResponseContent::FilesWritten(written) => format!("{} files written", written.names.len()),
            ResponseContent::AnswerFile(file) => format!("file {} in folder {}", file.name, file.folder),
            ResponseContent::DeadlinePassed(_) => "no answer in time".to_owned(),
        }
    }
}
