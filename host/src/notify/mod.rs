//! Mail: one for a failed pass, grouped when many fail together; one for the trouble of a whole connection. The only place with lettre.

mod compose;
mod smtp;

use async_trait::async_trait;

pub use compose::{Composed, FailedOrder, Item, Notice, compose};
pub use smtp::{Security, SmtpMailer, SmtpServer};

use crate::failpoint::Breakable;

/// A mail, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The same for every repeat of this mail: `<…@…>` without the angle brackets.
    pub message_id: String,
    /// Sender, as RFC 5322 mailbox.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, with the same content.
    pub html: String,
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// Trying again later can help (4xx, no connection, lost answer).
    #[error("the mail server did not take the mail: {0}")]
    Temporary(String),
    /// It never will (5xx, bad address).
    #[error("the mail server refused the mail for good: {0}")]
    Permanent(String),
}

impl Breakable for MailError {
    fn not_done(why: String) -> Self {
        Self::Temporary(why)
    }

    fn answer_lost(why: String) -> Self {
        Self::Temporary(why)
    }
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail to the server.
    ///
    /// # Errors
    /// Whether a repeat can help. After `Temporary` the server may have taken it: the repeat has the same Message-ID.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
