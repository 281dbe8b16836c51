//! Mail by SMTP.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{
        Mailbox, MultiPart,
        header::{HeaderName, HeaderValue},
    },
    transport::smtp::{
        Error as SmtpError, PoolConfig,
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use secrecy::{ExposeSecret, SecretString};

use super::{Mail, MailError, Mailer};
use crate::domain::{certificate, clock::Clock, problem::Problem};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Upgraded before anything is said (RFC 3207); a server that can't is refused.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// None; config allows it to this machine only.
    None,
}

/// The mail server.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Protection.
    pub security: Security,
    /// User and password.
    pub login: Option<(String, SecretString)>,
    /// For each step of the conversation, and four times that for the whole.
    pub time_limit: Duration,
    /// A certificate authority beside the usual ones, as PEM.
    pub ca_pem: Option<Vec<u8>>,
}

/// Sends each mail over a fresh connection: mails are rare, and an idle connection that died would look like a failure.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    clock: Arc<dyn Clock>,
    whole_limit: Duration,
    server: String,
}

impl SmtpMailer {
    /// Prepares; connects only when a mail is sent.
    ///
    /// # Errors
    /// When the certificate authority is not PEM or TLS can't be set up.
    pub fn new(server: &SmtpServer, clock: Arc<dyn Clock>) -> Result<Self, Problem> {
        let tls = match server.security {
            Security::None => Tls::None,
            Security::StartTls => Tls::Required(tls(server)?),
            Security::Tls => Tls::Wrapper(tls(server)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.host.clone())
            .port(server.port)
            .tls(tls)
            .timeout(Some(server.time_limit))
            .pool_config(PoolConfig::new().min_idle(0).max_size(4).idle_timeout(Duration::ZERO));
        if let Some((user, password)) = &server.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            clock,
            whole_limit: server.time_limit.saturating_mul(4),
            server: format!("{}:{}", server.host, server.port),
        })
    }

    /// Says hello to the server, logs in, and leaves: for `orderdock check`.
    ///
    /// # Errors
    /// As for sending.
    pub async fn check(&self) -> Result<(), MailError> {
        match tokio::time::timeout(self.whole_limit, self.transport.test_connection()).await {
            Err(_) => Err(self.too_slow()),
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(MailError::Temporary(format!("{} hung up", self.server))),
            Ok(Err(error)) => Err(self.classify(&error)),
        }
    }

    fn too_slow(&self) -> MailError {
        MailError::Temporary(format!("{} took longer than {} s", self.server, self.whole_limit.as_secs()))
    }

    /// Only a complete 5xx answer is for good. A broken certificate or a refused log-in is temporary: a person can mend
    /// it, and the mail is worth waiting for (given up after 24 h by the outbox).
    fn classify(&self, error: &SmtpError) -> MailError {
        let mut text = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            let inner_text = inner.to_string();
            if !text.contains(&inner_text) {
                text = format!("{text}: {inner_text}");
            }
            source = inner.source();
        }
        let text = text.replace(['\r', '\n'], " ");
        let login = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
        let reason = if login {
            format!("the log-in was refused: look at `smtp.user` and `smtp.password` ({text})")
        } else if text.contains("STARTTLS is not supported") {
            // The library has sent nothing but its greeting: no credential, no mail.
            "it offers no STARTTLS, and nothing is sent to it unprotected: mend the server, or set `smtp.security` to \
             \"tls\" with the port for it (usually 465)"
                .to_owned()
        } else if text.contains("No compatible authentication mechanism") {
            format!("it offers no log-in that is known here: leave `smtp.user` out, or mend the server ({text})")
        } else {
            certificate::explain(&text, "smtp.ca_file").unwrap_or(text)
        };
        let said = format!("{}: {reason}", self.server);
        if error.is_permanent() && !login { MailError::Permanent(said) } else { MailError::Temporary(said) }
    }

    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let mailbox = |text: &str| {
            one_line(text)
                .parse::<Mailbox>()
                .map_err(|error| MailError::Permanent(format!("`{}` is not a mail address: {error}", one_line(text))))
        };
        let moment = u64::try_from(self.clock.now_ms()).unwrap_or(0);
        let mut builder = Message::builder()
            .from(mailbox(&mail.from)?)
            .subject(one_line(&mail.subject))
            .message_id(Some(format!("<{}>", one_line(&mail.message_id).replace(['<', '>', ' '], ""))))
            .date(std::time::UNIX_EPOCH + Duration::from_millis(moment))
            // RFC 3834: an absence notice must not answer.
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        if mail.to.is_empty() {
            return Err(MailError::Permanent("nobody is named to receive it".to_owned()));
        }
        for to in &mail.to {
            builder = builder.to(mailbox(to)?);
        }
        builder
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|error| MailError::Permanent(format!("the mail can't be built: {error}")))
    }
}

/// How a certificate begins in PEM (RFC 7468).
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";
const PEM_HINT: &str = "expected a block that begins with `-----BEGIN CERTIFICATE-----`";

/// Control characters become spaces, so that no text can begin a header of its own.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

fn tls(server: &SmtpServer) -> Result<TlsParameters, Problem> {
    let failed = |error: SmtpError| Problem::new("smtp", format!("TLS can't be set up: {error}"));
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &server.ca_pem {
        // The library takes a text without a certificate in it, and then trusts nothing more than before.
        if !pem.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
            return Err(Problem::new("smtp.ca_file", "holds no certificate in PEM form").hint(PEM_HINT));
        }
        let unusable = |error: SmtpError| Problem::new("smtp.ca_file", error.to_string()).hint(PEM_HINT);
        builder = builder.add_root_certificate(Certificate::from_pem(pem).map_err(unusable)?);
    }
    builder.build_rustls().map_err(failed)
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        match tokio::time::timeout(self.whole_limit, self.transport.send(message)).await {
            Err(_) => Err(self.too_slow()),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.classify(&error)),
        }
    }
}
