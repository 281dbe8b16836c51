//! A mail server that catches: every mail lies with its envelope in a file of its own, in the order of arrival. What
//! lies there is what the tests believe.

use std::{
    fs, io,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use orderdock_port::Port;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Larger mails are refused (`SIZE`, RFC 1870).
const LARGEST: usize = 4 << 20;

/// What the server does wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// 451 at RCPT.
    Later,
    /// 550 at RCPT.
    Never,
    /// That many milliseconds before each answer.
    Slow(u64),
    /// Keeps the mail, then hangs up instead of saying so: the sender can't know.
    DropAfterData,
    /// Keeps the mail, and says nothing until the sender goes away.
    SilentAfterData,
    /// Hangs up when the data begins; nothing is kept.
    DropBeforeData,
}

/// What the server asks for.
#[derive(Clone, Default)]
pub struct Options {
    /// Offers STARTTLS with this, and takes mail only after it.
    pub tls: Option<TlsAcceptor>,
    /// Speaks TLS from the first byte, without STARTTLS.
    pub wrapped: bool,
    /// Takes mail only from this user with this password.
    pub login: Option<(String, String)>,
}

/// One mail as it was caught.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caught {
    /// From 1.
    pub number: usize,
    /// File beside the index.
    pub file: String,
    /// MAIL FROM.
    pub from: String,
    /// RCPT TO.
    pub to: Vec<String>,
    /// It came over TLS.
    pub tls: bool,
    /// Who had logged in.
    pub user: Option<String>,
    /// The mail; only in memory.
    #[serde(skip)]
    pub raw: String,
}

struct State {
    dir: PathBuf,
    options: Options,
    login: Mutex<Option<(String, String)>>,
    heard_in_plain: Mutex<Vec<String>>,
    fault: Mutex<Fault>,
    caught: Mutex<Vec<Caught>>,
    count: watch::Sender<usize>,
}

/// A running server; stops when dropped.
pub struct MailCatcher {
    port: Port,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for MailCatcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl MailCatcher {
    /// Starts on a free port of 127.0.0.1, without TLS and log-in.
    ///
    /// # Errors
    /// When the folder or the port can't be had.
    pub async fn start(dir: &Path) -> io::Result<Self> {
        Self::start_with(dir, 0, Options::default()).await
    }

    /// Starts on this port (0 = a free one) with these options.
    ///
    /// # Errors
    /// When the folder or the port can't be had.
    pub async fn start_with(dir: &Path, port: u16, options: Options) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let caught = read_index(dir)?;
        let port = Port::take(port)?;
        let state = Arc::new(State {
            dir: dir.to_owned(),
            login: Mutex::new(options.login.clone()),
            options,
            heard_in_plain: Mutex::default(),
            fault: Mutex::default(),
            count: watch::Sender::new(caught.len()),
            caught: Mutex::new(caught),
        });
        let task = listen(&port, &state)?;
        Ok(Self { port, state, task })
    }

    /// Goes down: connections are refused.
    pub async fn down(&mut self) {
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }

    /// Is back where it was.
    ///
    /// # Errors
    /// When it was not down.
    pub fn up(&mut self) -> io::Result<()> {
        self.task = listen(&self.port, &self.state)?;
        Ok(())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// What it does wrong from now on.
    pub fn set_fault(&self, fault: Fault) {
        *self.state.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Who may log in from now on.
    pub fn set_login(&self, user: &str, password: &str) {
        *self.state.login.lock().unwrap_or_else(PoisonError::into_inner) = Some((user.to_owned(), password.to_owned()));
    }

    /// Every line that came without TLS around it: what anybody on the way could have read.
    #[must_use]
    pub fn heard_in_plain(&self) -> Vec<String> {
        self.state.heard_in_plain.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All mails so far.
    #[must_use]
    pub fn mails(&self) -> Vec<Caught> {
        self.state.caught.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are at least that many; gives up after `limit` with what there is.
    pub async fn wait_for(&self, count: usize, limit: Duration) -> Vec<Caught> {
        let mut seen = self.state.count.subscribe();
        // On time-out the caller's assertion shows what is missing.
        let _ = tokio::time::timeout(limit, seen.wait_for(|now| *now >= count)).await;
        self.mails()
    }
}

fn listen(port: &Port, state: &Arc<State>) -> io::Result<JoinHandle<()>> {
    let (listener, shared) = (TcpListener::from_std(port.listen()?)?, state.clone());
    Ok(tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let state = shared.clone();
            tokio::spawn(async move {
                // A client that hangs up is its own business.
                let _ = converse(socket, &state).await;
            });
        }
    }))
}

/// The mails that lie in a folder, whoever caught them.
///
/// # Errors
/// When the folder can't be read.
pub fn read_index(dir: &Path) -> io::Result<Vec<Caught>> {
    let text = match fs::read_to_string(dir.join("index.jsonl")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    text.lines()
        .map(|line| {
            let mut caught: Caught = serde_json::from_str(line)?;
            caught.raw = fs::read_to_string(dir.join(&caught.file))?;
            Ok(caught)
        })
        .collect()
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

#[derive(Default)]
struct Session {
    from: Option<String>,
    to: Vec<String>,
    tls: bool,
    user: Option<String>,
}

async fn converse(socket: TcpStream, state: &State) -> io::Result<()> {
    let mut stream: BufReader<Box<dyn Stream>> = BufReader::new(Box::new(socket));
    let mut session = Session::default();
    if let (true, Some(acceptor)) = (state.options.wrapped, &state.options.tls) {
        stream = BufReader::new(Box::new(acceptor.accept(stream.into_inner()).await?));
        session.tls = true;
    }
    say(&mut stream, state, "220 mail catcher").await?;
    while let Some(line) = hear(&mut stream).await? {
        if !session.tls {
            state.heard_in_plain.lock().unwrap_or_else(PoisonError::into_inner).push(line.clone());
        }
        let fault = state.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let tls_missing = state.options.tls.is_some() && !session.tls;
        let login_missing =
            state.login.lock().unwrap_or_else(PoisonError::into_inner).is_some() && session.user.is_none();
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" | "HELO" => {
                let mut lines = vec!["mail catcher".to_owned(), format!("SIZE {LARGEST}"), "8BITMIME".to_owned()];
                if tls_missing {
                    lines.push("STARTTLS".to_owned());
                } else if state.login.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
                    lines.push("AUTH PLAIN LOGIN".to_owned());
                }
                let last = lines.len() - 1;
                let answer: Vec<_> = lines
                    .iter()
                    .enumerate()
                    .map(|(at, line)| format!("250{}{line}", if at == last { ' ' } else { '-' }))
                    .collect();
                say(&mut stream, state, &answer.join("\r\n")).await?;
            }
            "STARTTLS" if tls_missing => {
                say(&mut stream, state, "220 go on").await?;
                // What was said before TLS is forgotten (RFC 3207 section 4.2).
                if let Some(acceptor) = &state.options.tls {
                    let secured = acceptor.accept(stream.into_inner()).await?;
                    stream = BufReader::new(Box::new(secured));
                    session = Session { tls: true, ..Session::default() };
                }
            }
            "AUTH" if !tls_missing => {
                let user = authenticate(&mut stream, state, rest).await?;
                match user {
                    Some(user) => {
                        session.user = Some(user);
                        say(&mut stream, state, "235 welcome").await?;
                    }
                    None => say(&mut stream, state, "535 wrong user or password").await?,
                }
            }
            "MAIL" if tls_missing => say(&mut stream, state, "530 STARTTLS first").await?,
            "MAIL" if login_missing => say(&mut stream, state, "530 log in first").await?,
            "MAIL" => {
                session.from = Some(path(rest));
                session.to.clear();
                say(&mut stream, state, "250 ok").await?;
            }
            "RCPT" if session.from.is_none() => say(&mut stream, state, "503 MAIL first").await?,
            "RCPT" if fault == Fault::Later => say(&mut stream, state, "451 try again later").await?,
            "RCPT" if fault == Fault::Never => say(&mut stream, state, "550 no such mailbox").await?,
            "RCPT" => {
                session.to.push(path(rest));
                say(&mut stream, state, "250 ok").await?;
            }
            "DATA" if session.to.is_empty() => say(&mut stream, state, "503 RCPT first").await?,
            "DATA" if fault == Fault::DropBeforeData => return Ok(()),
            "DATA" => {
                say(&mut stream, state, "354 go on, end with a dot").await?;
                let Some(raw) = data(&mut stream).await? else {
                    return say(&mut stream, state, "552 too large").await;
                };
                let number = keep(state, &mut session, raw)?;
                if fault == Fault::DropAfterData {
                    return Ok(());
                }
                if fault == Fault::SilentAfterData {
                    while hear(&mut stream).await?.is_some() {}
                    return Ok(());
                }
                say(&mut stream, state, &format!("250 kept as {number:04}")).await?;
            }
            "RSET" => {
                session.from = None;
                session.to.clear();
                say(&mut stream, state, "250 ok").await?;
            }
            "NOOP" => say(&mut stream, state, "250 ok").await?,
            "QUIT" => return say(&mut stream, state, "221 bye").await,
            _ => say(&mut stream, state, "502 not known").await?,
        }
    }
    Ok(())
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, state: &State, line: &str) -> io::Result<()> {
    let fault = state.fault.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Fault::Slow(ms) = fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    if (&mut *stream).take(8_192).read_until(b'\n', &mut line).await? == 0 {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
}

/// Lines up to the dot, without the doubled dots (RFC 5321 section 4.5.2); none when it is too large.
async fn data<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> io::Result<Option<Vec<u8>>> {
    let mut raw = Vec::new();
    loop {
        let mut line = Vec::new();
        let left = u64::try_from(LARGEST + 3 - raw.len()).unwrap_or(0);
        if (&mut *stream).take(left).read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(Some(raw));
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        if raw.len() > LARGEST {
            return Ok(None);
        }
    }
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    state: &State,
    rest: &str,
) -> io::Result<Option<String>> {
    let decode = |text: &str| {
        BASE64_STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    };
    let (kind, first) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut ask = async |prompt: &str| -> io::Result<String> {
        say(&mut *stream, state, &format!("334 {prompt}")).await?;
        Ok(hear(&mut *stream).await?.unwrap_or_default())
    };
    let (user, password) = if kind.eq_ignore_ascii_case("PLAIN") {
        let text = if first.is_empty() { ask("").await? } else { first.to_owned() };
        let text = decode(&text);
        let mut parts = text.split('\0').skip(1);
        (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned())
    } else {
        let user = if first.is_empty() { ask("VXNlcm5hbWU6").await? } else { first.to_owned() };
        let password = ask("UGFzc3dvcmQ6").await?;
        (decode(&user), decode(&password))
    };
    let login = state.login.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let good = login.is_some_and(|login| login == (user.clone(), password));
    Ok(good.then_some(user))
}

/// The address between the angle brackets of `FROM:<…>`.
fn path(rest: &str) -> String {
    rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(rest, |(address, _)| address).to_owned()
}

fn keep(state: &State, session: &mut Session, raw: Vec<u8>) -> io::Result<usize> {
    let mut all = state.caught.lock().unwrap_or_else(PoisonError::into_inner);
    let number = all.len() + 1;
    let file = format!("{number:04}.eml");
    let mut out = fs::File::create(state.dir.join(&file))?;
    out.write_all(&raw)?;
    out.sync_all()?;
    let caught = Caught {
        number,
        file,
        from: session.from.take().unwrap_or_default(),
        to: std::mem::take(&mut session.to),
        tls: session.tls,
        user: session.user.clone(),
        raw: String::from_utf8_lossy(&raw).into_owned(),
    };
    let mut index = fs::OpenOptions::new().create(true).append(true).open(state.dir.join("index.jsonl"))?;
    writeln!(index, "{}", serde_json::to_string(&caught)?)?;
    index.sync_all()?;
    all.push(caught);
    state.count.send_replace(number);
    Ok(number)
}

impl Caught {
    /// A header, unfolded and with encoded words (RFC 2047) decoded.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        header(&self.raw, name)
    }

    /// The subject, decoded.
    #[must_use]
    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    /// The plain text part, decoded.
    #[must_use]
    pub fn text(&self) -> String {
        part(&self.raw, "text/plain").unwrap_or_default()
    }

    /// The HTML part, decoded.
    #[must_use]
    pub fn html(&self) -> String {
        part(&self.raw, "text/html").unwrap_or_default()
    }
}

fn header(entity: &str, name: &str) -> Option<String> {
    let head = entity.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    unfolded.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| words(value.trim()))
    })
}

/// Decodes encoded words; white space between two of them does not count.
fn words(value: &str) -> String {
    let (mut out, mut rest, mut after_word) = (String::new(), value, false);
    while let Some((before, tail)) = rest.split_once("=?") {
        let mut parts = tail.splitn(3, '?');
        let (Some(_charset), Some(kind), Some(tail)) = (parts.next(), parts.next(), parts.next()) else { break };
        let Some((encoded, tail)) = tail.split_once("?=") else { break };
        if !(after_word && before.trim().is_empty()) {
            out.push_str(before);
        }
        let bytes = match kind {
            "B" | "b" => BASE64_STANDARD.decode(encoded).unwrap_or_default(),
            _ => quoted(&encoded.replace('_', " ")),
        };
        out.push_str(&String::from_utf8_lossy(&bytes));
        (rest, after_word) = (tail, true);
    }
    out + rest
}

fn part(entity: &str, wanted: &str) -> Option<String> {
    let kind = header(entity, "Content-Type").unwrap_or_default();
    let (_, body) = entity.split_once("\r\n\r\n")?;
    if kind.starts_with("multipart/") {
        let boundary = kind.split_once("boundary=")?.1.split(';').next()?.trim().trim_matches('"');
        let body = format!("\r\n{body}");
        return body
            .split(&format!("\r\n--{boundary}"))
            .skip(1)
            .find_map(|inner| part(inner.strip_prefix("\r\n")?, wanted));
    }
    if !kind.starts_with(wanted) {
        return None;
    }
    let bytes = match header(entity, "Content-Transfer-Encoding").unwrap_or_default().as_str() {
        "quoted-printable" => quoted(&body.replace("=\r\n", "")),
        "base64" => BASE64_STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap_or_default(),
        _ => body.as_bytes().to_vec(),
    };
    Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let hex = |digit: Option<u8>| digit.and_then(|d| char::from(d).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (byte, hex(ahead.next()), hex(ahead.next())) {
            (b'=', Some(high), Some(low)) => {
                out.push(high * 16 + low);
                bytes = ahead;
            }
            _ => out.push(byte),
        }
    }
    out
}
