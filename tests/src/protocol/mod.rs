//! The protocol of claim, fence, write-ahead, send, crash, takeover, look-up, status write and reset, small enough that
//! every possible run of it can be gone through. It is the lifecycle's sections 3 and 4 without SQL, HTTP and clocks: a
//! pause is a worker to whom nothing happens for a while, time is the steps "lease over" and "settled".
//!
//! Two workers, one order, an ERP that may accept and lose its answer, a shop that may apply and lose its answer, staff
//! who reset, and one crash. Rules can be left out: then something must go wrong, or the rule would be needless.

pub mod explore;

use explore::Protocol;

/// Which rules are kept.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A move is guarded by the lease's token.
    pub fence: bool,
    /// The attempt is recorded before the first byte leaves.
    pub write_ahead: bool,
    /// The first byte leaves only under a living lease.
    pub gate: bool,
    /// "Absent" counts only when the request can no longer arrive.
    pub settling: bool,
    /// The ERP can be asked whether it has an order.
    pub look_up: bool,
    /// Crashes.
    pub crashes: u8,
    /// Resets by staff.
    pub resets: u8,
}

impl Default for Rules {
    fn default() -> Self {
        Self { fence: true, write_ahead: true, gate: true, settling: true, look_up: true, crashes: 1, resets: 1 }
    }
}

/// Most requests in one run.
const REQUESTS: usize = 3;

/// State of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Pass {
    None,
    Waiting,
    Claimed,
    Sending,
    Unknown,
    Delivered,
    Failed,
    GivenUp,
    Withdrawn,
}

impl Pass {
    fn is_closed(self) -> bool {
        matches!(self, Self::Delivered | Self::Failed | Self::GivenUp | Self::Withdrawn)
    }
}

/// Where a worker is in its journey. The number is its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Worker {
    Idle,
    Claimed,
    Recorded(u8),
    Sent(u8),
    Accepted(u8),
    Refused(u8),
    NoAnswer(u8),
    /// It took over a pass that was being sent.
    TookOver,
    /// It asks the ERP; whether that request can no longer arrive was noted before.
    Asks {
        settled: bool,
    },
    Found,
    Absent {
        settled: bool,
    },
    CannotTell,
}

/// A request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Request {
    Never,
    UnderWay,
    /// Accepted, and the answer is on its way back.
    Accepted,
    Refused,
    /// Nothing will come any more.
    Over,
}

/// The shop's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Status {
    New,
    InProgress,
    OnHold,
}

/// The worker that pays what the shop is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Payer {
    Idle,
    /// It has read this status.
    Read(Status),
    /// It wrote, and was told so.
    Wrote(Status),
    /// It left the shop as it was.
    Left,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The passes, the first one first. The last that is not `None` is the present one.
    passes: [Pass; 2],
    /// Who holds the present pass.
    holder: Option<u8>,
    /// Its lease is not over.
    lease: bool,
    /// The request that each pass is on.
    on: [Option<u8>; 2],
    /// Its attempt is open.
    open: [bool; 2],
    /// Something of the pass may have left.
    sent: [bool; 2],
    workers: [Worker; 2],
    requests: [Request; REQUESTS],
    /// Of which pass each request is.
    of: [u8; REQUESTS],
    /// How many were made.
    made: u8,
    /// What was recorded last can no longer arrive.
    settled: bool,
    /// How many orders of each pass the ERP has.
    erp: [u8; 2],
    /// A person said that the next pass is to be sent whatever the ERP has.
    confirmed_by_person: bool,
    shop: Status,
    /// The status that the shop is owed.
    owed: Option<Status>,
    /// A status other than new that the shop confirmed during the present pass.
    confirmed: bool,
    payer: Payer,
    crashes: u8,
    resets: u8,
    /// A worker without a lease moved a pass other than by a true answer.
    zombie: bool,
}

impl State {
    fn present(&self) -> usize {
        usize::from(self.passes[1] != Pass::None)
    }

    fn pass(&self) -> Pass {
        self.passes[self.present()]
    }

    /// Moves the present pass, with what its new state owes the shop.
    fn go(&mut self, to: Pass) {
        let at = self.present();
        self.passes[at] = to;
        if to != Pass::Claimed && to != Pass::Sending {
            self.holder = None;
            self.lease = false;
        }
        self.owe(to);
    }

    /// Which worker is which makes no difference, nor does what nobody will look at again: half the states, the same runs.
    fn in_one_form(mut self) -> Self {
        if self.workers[0] > self.workers[1] {
            self.workers.swap(0, 1);
            self.holder = self.holder.map(|holder| 1 - holder);
        }
        for at in 0..2 {
            if !self.open[at] && self.passes[at].is_closed() {
                self.on[at] = None;
            }
        }
        if self.pass().is_closed() {
            self.settled = false;
        }
        self
    }

    fn owe(&mut self, to: Pass) {
        match to {
            Pass::Delivered => self.owed = Some(Status::InProgress),
            Pass::Failed | Pass::GivenUp => self.owed = Some(Status::OnHold),
            _ => {}
        }
    }
}

impl Rules {
    /// A move under the lease: it happens if the worker holds the pass in the expected state, or if nobody looks.
    fn moves(&self, state: &State, worker: usize, from: Pass, to: Pass) -> State {
        let mut next = state.clone();
        let holds = state.holder == Some(worker as u8) && state.pass() == from;
        if holds || !self.fence {
            next.zombie |= !holds;
            next.go(to);
        }
        next
    }

    /// A true answer: under the lease, or by the attempt, wherever whoever took the pass over has brought it.
    fn answers(&self, state: &State, worker: usize, request: u8, to: Pass) -> State {
        let mut next = state.clone();
        next.workers[worker] = Worker::Idle;
        let at = usize::from(state.of[usize::from(request)]);
        let pass = state.passes[at];
        let on_it = state.on[at] == Some(request) && state.open[at];
        let may = matches!(pass, Pass::Sending | Pass::Unknown | Pass::GivenUp);
        let overtaken = at == 0 && state.sent[1];
        if on_it && may && !overtaken {
            next.open[at] = false;
            if at == state.present() {
                next.go(to);
            } else {
                next.passes[at] = to;
                next.owe(to);
                if to == Pass::Delivered && matches!(state.passes[1], Pass::Waiting | Pass::Claimed) {
                    next.passes[1] = Pass::Withdrawn;
                    next.holder = None;
                }
            }
        } else if !self.write_ahead && (state.holder == Some(worker as u8) || !self.fence) {
            next.go(to);
        }
        next
    }

    fn work(&self, state: &State, worker: usize, all: &mut Vec<(&'static str, State)>) {
        let me = worker as u8;
        let at = state.present();
        let mut step = |name: &'static str, pc: Worker, mut next: State| {
            next.workers[worker] = pc;
            all.push((name, next));
        };
        match state.workers[worker] {
            Worker::Idle => {
                let free = !state.lease;
                let claim = |to: Pass| {
                    let mut next = state.clone();
                    next.passes[at] = to;
                    next.holder = Some(me);
                    next.lease = true;
                    next
                };
                match state.pass() {
                    Pass::Waiting => step("claim", Worker::Claimed, claim(Pass::Claimed)),
                    Pass::Claimed if free => step("take over a claim", Worker::Claimed, claim(Pass::Claimed)),
                    Pass::Sending if free => step("take over a send", Worker::TookOver, claim(Pass::Sending)),
                    Pass::Unknown if free => {
                        step("claim a look", Worker::Asks { settled: state.settled }, claim(Pass::Unknown));
                    }
                    _ => {}
                }
            }
            // A pass after a doubt asks first.
            Worker::Claimed if self.look_up && at == 1 && state.passes[0] == Pass::GivenUp && state.erp[0] > 0 => {
                step(
                    "look first: it is there",
                    Worker::Idle,
                    self.moves(state, worker, Pass::Claimed, Pass::Delivered),
                );
            }
            Worker::Claimed => {
                if usize::from(state.made) == REQUESTS {
                    return;
                }
                let request = state.made;
                if !self.write_ahead {
                    let mut next = state.clone();
                    next.made += 1;
                    next.of[usize::from(request)] = at as u8;
                    step("go on without a record", Worker::Recorded(request), next);
                    return;
                }
                let mut next = self.moves(state, worker, Pass::Claimed, Pass::Sending);
                if next.passes[at] == Pass::Sending && (state.holder == Some(me) || !self.fence) {
                    next.made += 1;
                    next.of[usize::from(request)] = at as u8;
                    next.on[at] = Some(request);
                    next.open[at] = true;
                    next.sent[at] = true;
                    next.settled = false;
                    step("record the attempt", Worker::Recorded(request), next);
                } else {
                    step("lost before the record", Worker::Idle, next);
                }
            }
            Worker::Recorded(request) => {
                let begun = if self.write_ahead { Pass::Sending } else { Pass::Claimed };
                if (state.holder == Some(me) && state.lease) || !self.gate {
                    let mut next = state.clone();
                    next.requests[usize::from(request)] = Request::UnderWay;
                    step("send", Worker::Sent(request), next);
                }
                // No connection, or no time left: provably nothing was processed.
                let mut next = self.moves(state, worker, begun, Pass::Waiting);
                if next != *state {
                    next.on[at] = None;
                    next.open[at] = false;
                    next.sent[at] = false;
                    next.requests[usize::from(request)] = Request::Over;
                }
                step("not sent", Worker::Idle, next);
            }
            Worker::Sent(request) => {
                let mut next = state.clone();
                next.requests[usize::from(request)] = Request::Over;
                match state.requests[usize::from(request)] {
                    Request::Accepted => step("hear: accepted", Worker::Accepted(request), next),
                    Request::Refused => step("hear: refused", Worker::Refused(request), next),
                    _ => step("no answer in time", Worker::NoAnswer(request), state.clone()),
                }
            }
            Worker::Accepted(request) => {
                all.push(("settle: delivered", self.answers(state, worker, request, Pass::Delivered)));
            }
            Worker::Refused(request) => {
                all.push(("settle: failed", self.answers(state, worker, request, Pass::Failed)));
            }
            Worker::NoAnswer(_) => {
                let begun = if self.write_ahead { Pass::Sending } else { Pass::Claimed };
                step("settle: unknown", Worker::Idle, self.moves(state, worker, begun, Pass::Unknown));
            }
            Worker::TookOver => {
                step(
                    "it may have left: unknown",
                    Worker::Idle,
                    self.moves(state, worker, Pass::Sending, Pass::Unknown),
                );
            }
            Worker::Asks { settled } => {
                if self.look_up {
                    let there = state.erp[at] > 0 || (at == 1 && state.erp[0] > 0 && state.passes[0] == Pass::GivenUp);
                    let heard = if there { Worker::Found } else { Worker::Absent { settled } };
                    step("look up", heard, state.clone());
                }
                step("nobody can tell", Worker::CannotTell, state.clone());
            }
            Worker::Found => {
                step("settle: it is there", Worker::Idle, self.moves(state, worker, Pass::Unknown, Pass::Delivered));
            }
            Worker::Absent { settled } => {
                if settled || !self.settling {
                    let mut next = self.moves(state, worker, Pass::Unknown, Pass::Waiting);
                    if next != *state {
                        next.on[at] = None;
                        next.open[at] = false;
                    }
                    step("it is not there: again", Worker::Idle, next);
                } else {
                    step("not there yet", Worker::Idle, self.moves(state, worker, Pass::Unknown, Pass::Unknown));
                }
            }
            Worker::CannotTell => {
                step("give up", Worker::Idle, self.moves(state, worker, Pass::Unknown, Pass::GivenUp));
            }
        }
    }

    /// The ERP, the network and time.
    fn world(&self, state: &State, all: &mut Vec<(&'static str, State)>) {
        for request in 0..usize::from(state.made) {
            if state.requests[request] != Request::UnderWay {
                continue;
            }
            let mut arrives = |name: &'static str, accepts: bool, then: Request| {
                let mut next = state.clone();
                next.erp[usize::from(state.of[request])] += u8::from(accepts);
                next.requests[request] = then;
                all.push((name, next));
            };
            arrives("the ERP accepts", true, Request::Accepted);
            arrives("the ERP accepts, the answer is lost", true, Request::Over);
            arrives("the ERP refuses", false, Request::Refused);
            arrives("the request is lost", false, Request::Over);
        }
        if state.lease {
            let mut next = state.clone();
            next.lease = false;
            all.push(("the lease is over", next));
        }
        if !state.settled && state.sent[state.present()] && !state.requests.contains(&Request::UnderWay) {
            let recorded = state.workers.iter().any(|it| matches!(it, Worker::Recorded(_)));
            // A request that has not begun can still begin, as long as its lease lives: the gate sees to it.
            if !recorded || !state.lease {
                let mut next = state.clone();
                next.settled = true;
                all.push(("what was recorded can no longer arrive", next));
            }
        }
        for worker in 0..2 {
            if state.crashes > 0 && state.workers[worker] != Worker::Idle {
                let mut next = state.clone();
                next.workers[worker] = Worker::Idle;
                next.crashes -= 1;
                all.push(("a worker is killed", next));
            }
        }
    }

    /// What the shop is owed, and what its staff do.
    fn shop(&self, state: &State, all: &mut Vec<(&'static str, State)>) {
        match (state.payer, state.owed) {
            (Payer::Idle, Some(_)) => {
                let mut next = state.clone();
                next.payer = Payer::Read(state.shop);
                all.push(("read the shop", next));
            }
            (Payer::Read(read), Some(owed)) => {
                let mut next = state.clone();
                if read == owed {
                    next.payer = Payer::Wrote(owed);
                } else if read == Status::New || state.confirmed {
                    next.shop = owed;
                    let mut lost = next.clone();
                    lost.payer = Payer::Idle;
                    all.push(("write the status, the answer is lost", lost));
                    next.payer = Payer::Wrote(owed);
                } else {
                    next.payer = Payer::Left;
                }
                all.push(("write the status", next));
            }
            (Payer::Wrote(_) | Payer::Left, owed) => {
                let mut next = state.clone();
                next.payer = Payer::Idle;
                next.confirmed = true;
                let wrote = matches!(state.payer, Payer::Wrote(written) if owed == Some(written));
                if wrote || state.payer == Payer::Left {
                    next.owed = None;
                }
                all.push(("record that the shop was told", next));
            }
            (_, None) => {}
        }
        if state.resets > 0 && state.shop != Status::New {
            let mut next = state.clone();
            next.shop = Status::New;
            next.resets -= 1;
            all.push(("staff set it back to new", next));
        }
        // A single read: the next pass opens only when the last one is closed and nothing is owed or being written.
        let idle = state.owed.is_none() && state.payer == Payer::Idle;
        if state.present() == 0 && state.pass().is_closed() && idle && state.confirmed && state.shop == Status::New {
            let mut next = state.clone();
            next.passes[1] = Pass::Waiting;
            next.confirmed = false;
            next.settled = false;
            match state.pass() {
                Pass::Failed | Pass::Withdrawn => all.push(("seen new again: the next pass", next)),
                _ => {
                    next.confirmed_by_person = true;
                    all.push(("a person says: send it again", next));
                }
            }
        }
    }
}

impl Protocol for Rules {
    type State = State;

    fn start(&self) -> State {
        State {
            passes: [Pass::Waiting, Pass::None],
            holder: None,
            lease: false,
            on: [None; 2],
            open: [false; 2],
            sent: [false; 2],
            workers: [Worker::Idle; 2],
            requests: [Request::Never; REQUESTS],
            of: [0; REQUESTS],
            made: 0,
            settled: false,
            erp: [0; 2],
            confirmed_by_person: false,
            shop: Status::New,
            owed: None,
            confirmed: false,
            payer: Payer::Idle,
            crashes: self.crashes,
            resets: self.resets,
            zombie: false,
        }
    }

    fn next(&self, state: &State) -> Vec<(&'static str, State)> {
        let mut all = Vec::new();
        for worker in 0..2 {
            self.work(state, worker, &mut all);
        }
        self.world(state, &mut all);
        self.shop(state, &mut all);
        all.retain(|(_, next)| next != state);
        all.into_iter().map(|(name, next)| (name, next.in_one_form())).collect()
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        let [first, second] = state.erp;
        let together = if state.confirmed_by_person { 0 } else { second };
        if first + together > 1 || second > 1 {
            return Some("the ERP accepted the order twice, and no person had asked for it");
        }
        // Without the fence that is the very thing that is let happen; what comes of it is the question then.
        if state.zombie && self.fence {
            return Some("a worker that had lost its lease moved the pass");
        }
        let lies = |at: usize| state.passes[at] == Pass::Failed && state.erp[at] > 0;
        (lies(0) || lies(1)).then_some("a pass is called failed, and the ERP has the order")
    }

    fn ended_well(&self, state: &State) -> bool {
        // What is left when the requests of this small world are used up is waiting: claimed again and again.
        let used_up = usize::from(state.made) == REQUESTS;
        let told = state.owed.is_none() && state.payer == Payer::Idle;
        (state.pass().is_closed() && told) || (used_up && matches!(state.pass(), Pass::Waiting | Pass::Claimed))
    }
}
