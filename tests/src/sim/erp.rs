//! The ERP, and the network to it. It keeps a ledger of its own: what it accepted, of which pass, when. That ledger is the
//! judge of double sends, so the ERP never refuses a double by itself unless it knows requests again by their key.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use orderdock::{
    destination::http::{Answer, Evidence, Exchange, Gate, HttpSender, Request},
    domain::transport::{Phase, TransportFailure},
};
use serde_json::{Value, json};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, sleep_until, timeout_at},
};

use super::{
    run::Scene,
    world::{Away, Fate},
};

/// How long an order that the ERP took may stay invisible after our request ended: what the connection says of it.
pub const SETTLING: Duration = Duration::from_secs(60);

/// How long the ERP knows a key again.
pub const KEY_LIFE_S: u32 = 900;

/// An order that the ERP accepted.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The shop's key of it.
    pub order: String,
    /// The pass that sent it.
    pub pass: u32,
    /// The ERP's id.
    pub id: String,
    /// From when on it can be found.
    visible: Instant,
    key: String,
    at: Instant,
}

/// The ERP.
#[derive(Default)]
pub struct Erp {
    accepted: Mutex<Vec<Accepted>>,
    /// Keys whose request was refused: an ERP that knows keys decides once for each.
    refused: Mutex<BTreeSet<String>>,
}

impl Erp {
    /// What it accepted of an order.
    pub fn of(&self, order: &str) -> Vec<Accepted> {
        let all = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|it| it.order == order).cloned().collect()
    }

    /// How many orders it accepted.
    pub fn count(&self) -> usize {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether it takes the request, as it would or as it did before.
    fn takes(&self, scene: &Scene, request: &Wanted, would: bool) -> bool {
        if !scene.plan.keys {
            return would;
        }
        let known = self.of(&request.order).iter().any(|it| it.key == request.key);
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if !known && !would {
            refused.insert(request.key.clone());
        }
        known || (would && !refused.contains(&request.key))
    }

    /// It took a file: each is an order.
    pub fn take_file(&self, scene: &Scene, file: &Wanted) {
        let mut all = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let id = format!("ERP-{}", all.len() + 1);
        scene.trace.note(format_args!("erp TOOK the file of {}/{} as {id}", file.order, file.pass));
        let Wanted { order, pass, key } = file.clone();
        all.push(Accepted { order, pass, id, visible: Instant::now(), key, at: Instant::now() });
    }

    fn accept(&self, scene: &Scene, request: &Wanted, visible: Instant) -> String {
        let mut all = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        let life = Duration::from_secs(u64::from(KEY_LIFE_S));
        if scene.plan.keys
            && let Some(known) = all.iter().find(|it| it.key == request.key && it.at.elapsed() < life)
        {
            scene.trace.note(format_args!("erp knows {}/{} again", request.order, request.pass));
            return known.id.clone();
        }
        let id = format!("ERP-{}", all.len() + 1);
        scene.trace.note(format_args!("erp ACCEPTED {}/{} as {id}", request.order, request.pass));
        let Wanted { order, pass, key } = request.clone();
        all.push(Accepted { order, pass, id: id.clone(), visible, key, at: Instant::now() });
        id
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Wanted {
    order: String,
    pass: u32,
    key: String,
}

/// One host's network.
pub struct Wire {
    /// Where it leads.
    pub scene: Arc<Scene>,
    /// Whose it is.
    pub fate: Arc<Fate>,
    /// Its name in the trace.
    pub host: String,
}

/// What becomes of a request once it left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Accept,
    AcceptThenSilence,
    AcceptThen500,
    Late,
    Refuse,
    Fail500,
    Busy,
    Vanish,
}

#[async_trait]
impl HttpSender for Wire {
    async fn send(&self, request: Request, gate: Gate) -> Exchange {
        let (scene, dice) = (&self.scene, &self.scene.dice);
        self.fate.alive().await;
        let began = Instant::now();
        let deadline = began + request.time_limit;
        let failed = |phase, failure| Exchange { evidence: evidence(phase), result: Err(failure) };
        sleep(dice.time(1, if self.breaks() { 20_000 } else { 30 })).await;
        scene.strike(&self.fate, &self.host);
        self.fate.alive().await;
        if scene.is_away(Away::Erp) || (self.breaks() && dice.chance(300)) {
            return failed(Phase::Connect, TransportFailure::Connect("refused".to_owned()));
        }
        if Instant::now() >= deadline {
            let limit = request.time_limit.as_millis() as u64;
            return failed(Phase::Connect, TransportFailure::TimedOut(limit));
        }
        if !gate() {
            scene.trace.note(format_args!("{} gate closed", self.host));
            return failed(Phase::Connect, TransportFailure::LeaseShort);
        }
        // From here on nobody can call it back: what follows happens whether the host lives or not.
        let (answer, heard) = oneshot::channel();
        let settled = deadline + SETTLING;
        if request.method == "GET" {
            tokio::spawn(look_up(Arc::clone(scene), request.url.path().to_owned(), self.breaks(), answer));
        } else {
            let wanted = wanted(&request.body);
            scene.trace.note(format_args!("{} SENT {}/{}", self.host, wanted.order, wanted.pass));
            tokio::spawn(create(Arc::clone(scene), wanted, self.draw(), deadline, settled, answer));
        }
        let result = match timeout_at(deadline, heard).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(TransportFailure::Lost("the connection was closed".to_owned())),
            Err(_) => Err(TransportFailure::TimedOut(request.time_limit.as_millis() as u64)),
        };
        self.fate.alive().await;
        let phase = if result.is_ok() { Phase::Body } else { Phase::Sent };
        Exchange { evidence: evidence(phase), result }
    }
}

impl Wire {
    fn breaks(&self) -> bool {
        self.scene.in_trouble() && self.scene.plan.erp > 0 && self.scene.dice.chance(self.scene.plan.erp)
    }

    fn draw(&self) -> End {
        let dice = &self.scene.dice;
        if self.breaks() {
            return dice.pick(&[
                End::AcceptThenSilence,
                End::AcceptThenSilence,
                End::AcceptThen500,
                End::Late,
                End::Late,
                End::Fail500,
                End::Busy,
                End::Vanish,
            ]);
        }
        if self.scene.in_trouble() && dice.chance(self.scene.plan.refusals) { End::Refuse } else { End::Accept }
    }
}

async fn create(
    scene: Arc<Scene>,
    wanted: Wanted,
    end: End,
    deadline: Instant,
    settled: Instant,
    answer: oneshot::Sender<Answer>,
) {
    let dice = &scene.dice;
    // An ERP that is late works on after we stopped waiting, but not longer than its settling time says.
    let done = match end {
        End::Late => {
            let left = settled.saturating_duration_since(Instant::now()).as_millis() as u64;
            Instant::now() + dice.time(left / 3, left.saturating_sub(1))
        }
        _ => Instant::now() + dice.time(1, 3_000),
    };
    sleep_until(done).await;
    let reaches = !matches!(end, End::Fail500 | End::Busy | End::Vanish);
    let (status, body) = if reaches && scene.erp.takes(&scene, &wanted, end != End::Refuse) {
        let latest = if end == End::Accept { Instant::now() + SETTLING } else { settled };
        let left = latest.saturating_duration_since(Instant::now()).as_millis() as u64;
        let visible = Instant::now() + if dice.chance(300) { dice.time(0, left) } else { Duration::ZERO };
        let id = scene.erp.accept(&scene, &wanted, visible);
        (201, json!({ "id": id }))
    } else {
        scene.trace.note(format_args!("erp {end:?} {}/{}", wanted.order, wanted.pass));
        (if reaches { 422 } else { 429 }, Value::Null)
    };
    let (status, body) = match end {
        End::AcceptThen500 | End::Fail500 => (500, Value::Null),
        _ => (status, body),
    };
    let silent = matches!(end, End::AcceptThenSilence | End::Vanish);
    if silent && dice.chance(500) {
        // The connection stays open, and nothing comes.
        sleep_until(deadline + Duration::from_secs(1)).await;
    }
    if !silent {
        sleep(dice.time(0, 500)).await;
        // Who does not listen any more does not hear it.
        let _ = answer.send(made(status, &body));
    }
}

/// A look-up: what is visible by now.
async fn look_up(scene: Arc<Scene>, path: String, breaks: bool, answer: oneshot::Sender<Answer>) {
    sleep(scene.dice.time(1, 2_000)).await;
    if breaks {
        let _ = answer.send(made(500, &Value::Null));
        return;
    }
    let order = path.rsplit('/').next().unwrap_or_default().to_owned();
    let found = scene.erp.of(&order).into_iter().find(|it| it.visible <= Instant::now());
    let answered = match found {
        Some(it) => made(200, &json!({ "id": it.id })),
        None => made(404, &Value::Null),
    };
    let _ = answer.send(answered);
}

/// Reads what the plugin wrote.
pub fn wanted(body: &[u8]) -> Wanted {
    let read: BTreeMap<String, Value> = serde_json::from_slice(body).unwrap();
    Wanted {
        order: read["order"].as_str().unwrap().to_owned(),
        pass: read["pass"].as_u64().unwrap() as u32,
        key: read["key"].as_str().unwrap().to_owned(),
    }
}

fn made(status: u16, body: &Value) -> Answer {
    Answer { status, headers: Vec::new(), body: Bytes::from(body.to_string()) }
}

fn evidence(phase: Phase) -> Evidence {
    Evidence { phase, times: Vec::new(), sent_bytes: 0, received_bytes: 0, peer: None }
}
