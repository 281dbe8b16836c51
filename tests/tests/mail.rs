//! The mail room against a real SMTP server.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{sync::Arc, time::Duration};

use orderdock::{
    domain::clock::{Clock, Millis},
    notify::{Mail, MailError, Mailer, Security, SmtpMailer, SmtpServer},
};
use orderdock_port::Port;
use orderdock_tests::mail::{Fault, MailCatcher, Options, read_index};

struct Fixed;

impl Clock for Fixed {
    fn now_ms(&self) -> Millis {
        1_790_000_000_000
    }
    fn since_boot(&self) -> Duration {
        Duration::ZERO
    }
}

fn mailer(catcher: &MailCatcher, login: Option<(&str, &str)>) -> SmtpMailer {
    let server = SmtpServer {
        host: "127.0.0.1".into(),
        port: catcher.address().port(),
        security: Security::None,
        login: login.map(|(user, password)| (user.to_owned(), password.to_owned().into())),
        time_limit: Duration::from_secs(5),
        ca_pem: None,
    };
    SmtpMailer::new(&server, Arc::new(Fixed)).unwrap()
}

fn mail() -> Mail {
    Mail {
        message_id: "pass-1@orderdock".into(),
        from: "Orderdock <orders@example.com>".into(),
        to: vec!["staff@example.com".into(), "Chef <chef@example.com>".into()],
        subject: "Order 7 of Müller & Søn failed\r\nBcc: evil@example.com".into(),
        text: format!(".\nÄ line that is long: {}\n.dot\n", "x".repeat(200)),
        html: "<p>Müller &amp; Søn</p>".into(),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let catcher = MailCatcher::start(folder.path()).await.unwrap();
    mailer(&catcher, None).send(&mail()).await.unwrap();
    let mails = catcher.mails();
    assert_eq!(mails.len(), 1);
    let caught = &mails[0];
    assert_eq!(caught.from, "orders@example.com");
    assert_eq!(caught.to, ["staff@example.com", "chef@example.com"], "no header made a receiver");
    assert_eq!(caught.subject(), "Order 7 of Müller & Søn failed  Bcc: evil@example.com");
    assert_eq!(caught.header("Bcc"), None);
    assert_eq!(caught.header("Message-ID").unwrap(), "<pass-1@orderdock>");
    assert_eq!(caught.header("Auto-Submitted").unwrap(), "auto-generated");
    assert_eq!(caught.header("Date").unwrap(), "Mon, 21 Sep 2026 14:13:20 +0000");
    assert_eq!(caught.text().trim_end(), mail().text.trim_end());
    assert_eq!(caught.html().trim_end(), mail().html);
    assert_eq!(read_index(folder.path()).unwrap(), mails, "the file tells the same");
}

#[tokio::test]
async fn failures_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let catcher = MailCatcher::start(folder.path()).await.unwrap();
    let mailer = mailer(&catcher, None);
    catcher.set_fault(Fault::Later);
    assert!(matches!(mailer.send(&mail()).await, Err(MailError::Temporary(_))));
    catcher.set_fault(Fault::Never);
    let error = mailer.send(&mail()).await.unwrap_err();
    assert!(matches!(&error, MailError::Permanent(text) if text.contains("no such mailbox")), "{error}");
    catcher.set_fault(Fault::DropBeforeData);
    assert!(matches!(mailer.send(&mail()).await, Err(MailError::Temporary(_))));
    assert!(catcher.mails().is_empty());
    catcher.set_fault(Fault::DropAfterData);
    assert!(matches!(mailer.send(&mail()).await, Err(MailError::Temporary(_))));
    catcher.set_fault(Fault::None);
    mailer.send(&mail()).await.unwrap();
    let ids: Vec<_> = catcher.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1], "a repeat can be seen as one");
}

#[tokio::test]
async fn nobody_there_and_bad_addresses() {
    let folder = tempfile::tempdir().unwrap();
    let catcher = MailCatcher::start(folder.path()).await.unwrap();
    let sender = mailer(&catcher, None);
    let bad = Mail { to: vec!["nobody".into()], ..mail() };
    assert!(matches!(sender.send(&bad).await, Err(MailError::Permanent(_))));
    let none = Mail { to: vec![], ..mail() };
    assert!(matches!(sender.send(&none).await, Err(MailError::Permanent(_))));
    // Nobody listens there.
    let closed = Port::free().unwrap();
    let server = SmtpServer {
        host: "127.0.0.1".into(),
        port: closed.number(),
        security: Security::None,
        login: None,
        time_limit: Duration::from_secs(5),
        ca_pem: None,
    };
    let lonely = SmtpMailer::new(&server, Arc::new(Fixed)).unwrap();
    assert!(matches!(lonely.send(&mail()).await, Err(MailError::Temporary(_))));
    // A server that can't do STARTTLS gets no mail in the clear.
    let server = SmtpServer { port: catcher.address().port(), security: Security::StartTls, ..server };
    let strict = SmtpMailer::new(&server, Arc::new(Fixed)).unwrap();
    assert!(strict.send(&mail()).await.is_err());
    assert!(catcher.mails().is_empty());
}

#[tokio::test]
async fn log_in_is_asked_for_and_given() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { login: Some(("dock".into(), "s3cret".into())), ..Options::default() };
    let catcher = MailCatcher::start_with(folder.path(), 0, options).await.unwrap();
    mailer(&catcher, Some(("dock", "s3cret"))).send(&mail()).await.unwrap();
    assert_eq!(catcher.mails()[0].user.as_deref(), Some("dock"));
    let error = mailer(&catcher, Some(("dock", "guessed"))).send(&mail()).await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(_)), "a person can mend a password: {error}");
    assert!(!error.to_string().contains("guessed"), "{error}");
    assert_eq!(catcher.mails().len(), 1);
}
