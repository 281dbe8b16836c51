//! The fake ERP's server: control API, orders, look-ups.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use orderdock_port::Port;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{
    answers::{LONGEST_SILENCE, Told, json_answer, oddly, tell},
    behaviour::{Behaviour, LookUp, Rule, Settings},
    ledger::{Ledger, State, sha256},
    wire::{self, Asked, Wire},
};

/// How to start.
#[derive(Clone, Default)]
pub struct Options {
    /// Port; 0 for a free one.
    pub port: u16,
    /// Serves TLS with this.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Leaves out the flush to disk of each accepted order: for measuring, not for judging.
    pub forgetful: bool,
}

struct Inner {
    ledger: Ledger,
    settings: Settings,
    rules: Vec<Rule>,
}

type Shared = Arc<Mutex<Inner>>;

/// A running fake ERP; stops when dropped.
pub struct FakeErp {
    port: Port,
    acceptor: Option<TlsAcceptor>,
    scheme: &'static str,
    dir: PathBuf,
    shared: Shared,
    task: tokio::task::JoinHandle<()>,
}

impl FakeErp {
    /// Starts on a free port with its ledger in `dir`, going on from what is there.
    ///
    /// # Errors
    /// When the folder or the port can't be used.
    pub async fn start(dir: &Path) -> anyhow::Result<Self> {
        Self::start_with(dir, Options::default()).await
    }

    /// The same with options.
    ///
    /// # Errors
    /// When the folder or the port can't be used.
    pub async fn start_with(dir: &Path, options: Options) -> anyhow::Result<Self> {
        let ledger = Ledger::open(dir, !options.forgetful)?;
        let shared: Shared = Arc::new(Mutex::new(Inner { ledger, settings: Settings::default(), rules: Vec::new() }));
        let port = Port::take(options.port)?;
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let acceptor = options.tls.map(TlsAcceptor::from);
        let task = listen(&port, acceptor.clone(), &shared)?;
        Ok(Self { port, acceptor, scheme, dir: dir.to_owned(), shared, task })
    }

    /// Goes down: what was under way is cut off, and connections are refused.
    pub async fn down(&mut self) {
        self.task.abort();
        let _aborted = (&mut self.task).await;
    }

    /// Is back where it was, with its ledger.
    ///
    /// # Errors
    /// When it was not down.
    pub fn up(&mut self) -> anyhow::Result<()> {
        self.task = listen(&self.port, self.acceptor.clone(), &self.shared)?;
        Ok(())
    }

    /// Base address for orders.
    #[must_use]
    pub fn base_address(&self) -> String {
        format!("{}://{}/api", self.scheme, self.port.address())
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Folder of the ledger.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it saw and did.
    #[must_use]
    pub fn state(&self) -> State {
        lock(&self.shared).ledger.state.clone()
    }

    /// Adds a rule in front of the others.
    pub fn rule(&self, key: &str, behaviour: Behaviour) {
        lock(&self.shared).rules.insert(0, Rule { key: key.to_owned(), times: None, behaviour });
    }

    /// Adds a rule that counts once.
    pub fn once(&self, key: &str, behaviour: Behaviour) {
        lock(&self.shared).rules.insert(0, Rule { key: key.to_owned(), times: Some(1), behaviour });
    }

    /// Forgets all rules: every order is accepted again, unless the settings say otherwise.
    pub fn behave(&self) {
        lock(&self.shared).rules.clear();
    }

    /// Changes what holds for all orders.
    pub fn set(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut lock(&self.shared).settings);
    }

    /// Serves until the process ends.
    pub async fn forever(mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for FakeErp {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Inner> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the fake is a judge with a clock of its own")]
fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn listen(port: &Port, acceptor: Option<TlsAcceptor>, shared: &Shared) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let listener = TcpListener::from_std(port.listen()?)?;
    Ok(tokio::spawn(accept(listener, acceptor, Arc::clone(shared))))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Shared) {
    // Dropped with the server: its connections end with it.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, shared) = (acceptor.clone(), Arc::clone(&shared));
        connections.spawn(async move {
            if let Err(error) = serve(stream, acceptor, shared).await {
                tracing::debug!(%error, "a connection of the fake ERP ended");
            }
        });
    }
}

async fn serve(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Shared) -> anyhow::Result<()> {
    let _ = stream.set_nodelay(true);
    let resets = {
        let inner = lock(&shared);
        inner.rules.iter().any(|rule| rule.key == "*" && rule.behaviour == Behaviour::ResetUnread)
    };
    if resets {
        lock(&shared).ledger.state.connections += 1;
        return Ok(Wire::Plain(stream).reset()?);
    }
    let mut wire = match acceptor {
        None => Wire::Plain(stream),
        Some(acceptor) => Wire::Tls(Box::new(acceptor.accept(stream).await?)),
    };
    let mut buffer = Vec::with_capacity(8 << 10);
    let mut counted = false;
    loop {
        let asked = match wire::read(&mut wire, &mut buffer).await {
            Ok(Some(asked)) => asked,
            Ok(None) => return Ok(()),
            Err(error) => {
                // Half a request counts as a connection: somebody began to send.
                if !counted {
                    lock(&shared).ledger.state.connections += 1;
                }
                return Err(error);
            }
        };
        if asked.path().starts_with("/_control/") {
            let answer = control(&shared, &asked);
            wire.write(&answer).await?;
        } else {
            if !counted {
                lock(&shared).ledger.state.connections += 1;
                counted = true;
            }
            if asked.method == "GET" {
                match look_up(&shared, &asked) {
                    Some(answer) => wire.write(&answer).await?,
                    None => {
                        wire.until_closed(LONGEST_SILENCE).await;
                        return Ok(());
                    }
                }
            } else {
                match order(&shared, &asked).await? {
                    Told::Whole(answer) => wire.write(&answer).await?,
                    Told::Oddly(behaviour, answer) => return oddly(wire, behaviour, answer).await,
                }
            }
        }
        if asked.closes() {
            wire.close().await;
            return Ok(());
        }
    }
}

/// The control API: see the methods' names. All answers are JSON.
fn control(shared: &Shared, asked: &Asked) -> Vec<u8> {
    let mut inner = lock(shared);
    let body = asked.body.as_slice();
    let done = match (asked.method.as_str(), asked.path()) {
        ("GET", "/_control/state") => serde_json::to_value(&inner.ledger.state),
        ("GET", "/_control/rules") => serde_json::to_value(&inner.rules),
        ("GET", "/_control/settings") => serde_json::to_value(&inner.settings),
        // Replaces all rules.
        ("PUT", "/_control/rules") => serde_json::from_slice(body).map(|rules| {
            inner.rules = rules;
            json!({})
        }),
        // Adds one in front.
        ("POST", "/_control/rules") => serde_json::from_slice(body).map(|rule| {
            inner.rules.insert(0, rule);
            json!({})
        }),
        // What is left out goes back to its default.
        ("PUT", "/_control/settings") => serde_json::from_slice(body).map(|settings| {
            inner.settings = settings;
            json!({})
        }),
        _ => return json_answer(404, &json!({"message": "the fake ERP has no such control"})),
    };
    match done {
        Ok(value) => json_answer(200, &value),
        Err(error) => json_answer(400, &json!({"message": error.to_string()})),
    }
}

/// `GET …?reference=KEY` lists, `GET …/KEY` shows one. None: no answer.
fn look_up(shared: &Shared, asked: &Asked) -> Option<Vec<u8>> {
    let mut inner = lock(shared);
    inner.ledger.state.look_ups += 1;
    let visible = i64::try_from(inner.settings.visible_after_ms).unwrap_or(i64::MAX);
    let before = match inner.settings.look_up {
        LookUp::Honest => now_ms().saturating_sub(visible),
        LookUp::Blind => i64::MIN,
        LookUp::Broken => return Some(json_answer(500, &json!({"message": "the look-up broke"}))),
        LookUp::Silent => return None,
    };
    let show = |order: &super::Accepted| json!({"order_id": order.id, "reference": order.key});
    Some(match asked.query("reference") {
        Some(key) => {
            let found: Vec<Value> = inner.ledger.find(&key, before).map(show).into_iter().collect();
            json_answer(200, &json!({"orders": found}))
        }
        None => {
            let last = asked.path().rsplit('/').next().unwrap_or_default();
            let key = url::form_urlencoded::parse(format!("k={}", last.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
                .unwrap_or_default();
            match inner.ledger.find(&key, before) {
                Some(order) => json_answer(200, &json!({"object": show(order)})),
                None => json_answer(404, &json!({"message": format!("no order {key}")})),
            }
        }
    })
}

async fn order(shared: &Shared, asked: &Asked) -> anyhow::Result<Told> {
    let (shared, target) = (Arc::clone(shared), asked.target.clone());
    let json_body: Option<Value> = serde_json::from_slice(&asked.body).ok();
    let (behaviour, key, idempotency_key, known) = {
        let mut inner = lock(&shared);
        let key = json_body
            .as_ref()
            .and_then(|body| inner.settings.key_paths.iter().find_map(|path| at(body, path)))
            .unwrap_or_else(|| sha256(&asked.body));
        let state = &mut inner.ledger.state;
        state.requests += 1;
        *state.requests_by_key.entry(key.clone()).or_default() += 1;
        let idempotency_key = asked.header(&inner.settings.idempotency_header).map(str::to_owned);
        let same_key = |order: &&super::Accepted| {
            inner.settings.honours_idempotency_key
                && idempotency_key.is_some()
                && order.idempotency_key == idempotency_key
        };
        let known = inner.ledger.state.orders.iter().find(same_key).map(|order| order.id.clone());
        let double = inner.settings.refuses_duplicates && inner.ledger.find(&key, i64::MAX).is_some();
        let behaviour = if known.is_some() {
            Behaviour::accept()
        } else if double {
            Behaviour::Duplicate
        } else {
            pick(&mut inner, &key)
        };
        (behaviour, key, idempotency_key, known)
    };
    let mut id = known.clone();
    if known.is_none() && behaviour.accepts() {
        let (body, key) = (asked.body.clone(), key.clone());
        let writer = Arc::clone(&shared);
        // Flushing blocks; the other connections go on.
        let written = tokio::task::spawn_blocking(move || {
            lock(&writer).ledger.accept(&key, idempotency_key, &target, &body, now_ms())
        });
        id = Some(written.await??);
    }
    let id = id.or_else(|| lock(&shared).ledger.find(&key, i64::MAX).map(|order| order.id.clone())).unwrap_or_default();
    Ok(tell(behaviour, &id, &key))
}

/// The first rule that fits, used once more.
fn pick(inner: &mut Inner, key: &str) -> Behaviour {
    for rule in &mut inner.rules {
        if rule.times == Some(0) || !rule.fits(key) {
            continue;
        }
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        return rule.behaviour.clone();
    }
    inner.settings.otherwise.clone()
}

/// Text or number at a dot path.
fn at(body: &Value, path: &str) -> Option<String> {
    let mut value = body;
    for step in path.split('.') {
        value = value.get(step)?;
    }
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
