//! What a run is made of: one seed's dice, the clocks, the trace, and which faults there are.

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use orderdock::domain::{
    clock::{Clock, Millis},
    random::Random,
};
use tokio::{sync::Notify, time::Instant};

/// When every run begins: 2026-01-01T00:00:00Z.
pub const EPOCH_MS: Millis = 1_767_225_600_000;

/// All of a run's randomness: SplitMix64.
#[derive(Debug)]
pub struct Dice(Mutex<u64>);

impl Dice {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)))
    }

    fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    pub fn between(&self, low: u64, high: u64) -> u64 {
        low + self.next() % (high.saturating_sub(low) + 1)
    }

    /// True so many times in a thousand.
    pub fn chance(&self, per_mille: u64) -> bool {
        self.between(0, 999) < per_mille
    }

    /// One of them.
    pub fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.between(0, of.len() as u64 - 1) as usize]
    }

    /// A time, in milliseconds.
    pub fn time(&self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(self.between(low_ms, high_ms))
    }
}

impl Random for Dice {
    fn bytes(&self) -> [u8; 16] {
        ((u128::from(self.next()) << 64) | u128::from(self.next())).to_be_bytes()
    }
}

/// A clock over tokio's paused time. The database's begins without an offset; a host's own may be wrong, and both may be set
/// by somebody. Time since boot goes on whatever they do.
#[derive(Debug)]
pub struct SimClock {
    start: Instant,
    offset_ms: AtomicI64,
}

impl SimClock {
    /// Off by so much from the database's.
    #[must_use]
    pub fn new(start: Instant, offset_ms: Millis) -> Self {
        Self { start, offset_ms: AtomicI64::new(offset_ms) }
    }

    /// Somebody sets it on, or back.
    pub fn jump(&self, by_ms: Millis) {
        self.offset_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> Millis {
        EPOCH_MS + self.offset_ms.load(Ordering::SeqCst) + self.start.elapsed().as_millis() as Millis
    }

    fn since_boot(&self) -> Duration {
        self.start.elapsed()
    }
}

/// What happened, as a hash; and in words if somebody wants to read it.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty one; it keeps its lines when it is to be read.
    #[must_use]
    pub fn new(start: Instant, keep: bool) -> Self {
        let lines = keep.then(Vec::new);
        Self { start, kept: Mutex::new(Kept { hash: 0xcbf2_9ce4_8422_2325, events: 0, lines }) }
    }

    /// Notes an event.
    pub fn note(&self, event: fmt::Arguments<'_>) {
        let line = format!("{:>9.3} {event}", self.start.elapsed().as_secs_f64());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        for byte in line.bytes() {
            kept.hash = (kept.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        kept.events += 1;
        if let Some(lines) = &mut kept.lines {
            lines.push(line);
        }
    }

    /// Hash, number of events, and the events if they were kept.
    pub fn take(&self) -> (u64, u64, Vec<String>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (kept.hash, kept.events, kept.lines.take().unwrap_or_default())
    }
}

/// Whether a host lives. Everything that it does to others goes through a seam that asks this; so a host that is dead or
/// paused does nothing and learns nothing, wherever its tasks stand.
#[derive(Debug)]
pub struct Fate {
    life: Mutex<Life>,
    // Not a watch channel: that one wakes its waiters in an order of its own, another one in each run.
    changed: Notify,
}

/// How a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// At work.
    Running,
    /// Stopped, with everything that it has in mind.
    Paused,
    /// Gone for good.
    Dead,
}

impl Default for Fate {
    fn default() -> Self {
        Self { life: Mutex::new(Life::Running), changed: Notify::new() }
    }
}

impl Fate {
    /// Changes it; the dead stay dead.
    pub fn set(&self, life: Life) {
        {
            let mut now = self.life.lock().unwrap_or_else(PoisonError::into_inner);
            if *now == Life::Dead {
                return;
            }
            *now = life;
        }
        self.changed.notify_waiters();
    }

    /// How it is.
    #[must_use]
    pub fn now(&self) -> Life {
        *self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on when the host runs: after a pause later, after its death never.
    pub async fn alive(&self) {
        loop {
            let changed = self.changed.notified();
            match self.now() {
                Life::Running => return,
                Life::Paused | Life::Dead => changed.await,
            }
        }
    }

    /// Goes on when the host is dead.
    pub async fn dead(&self) {
        loop {
            let changed = self.changed.notified();
            match self.now() {
                Life::Dead => return,
                Life::Paused | Life::Running => changed.await,
            }
        }
    }
}

/// What decides when somebody sets a clock.
#[must_use]
pub fn jump_dice(seed: u64) -> Dice {
    Dice::new(seed ^ 0x00c1_0c45)
}

/// From this seed on a run may have several connections, folders and outages. Those before it tell the story that they told
/// when there was none of that.
pub const WIDER: u64 = 1_000;

/// What decides about connections and outages.
fn wider_dice(seed: u64) -> Dice {
    Dice::new(seed ^ 0x0a7a_6e5e)
}

/// What can be away altogether.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// The shop does not answer.
    Shop,
    /// The ERP can't be reached, and takes no file.
    Erp,
    /// The database can't be used by anybody.
    Database,
    /// The mail server takes nothing.
    Mail,
    /// The folder of the files is not mounted.
    Folder,
}

/// A time in which something is away.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    /// What.
    pub what: Away,
    /// Since when, counted from the beginning.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

/// Which faults a run has, and how often, in a thousand. Each seed turns some on and others off: with all of them on at
/// once, the common ones would hide the rare ones.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Hosts.
    pub hosts: usize,
    /// Orders.
    pub orders: usize,
    /// How long things go wrong.
    pub trouble: Duration,
    /// Hosts are killed.
    pub crashes: bool,
    /// Hosts are stopped for up to this long.
    pub pause: Option<Duration>,
    /// Hosts are killed or stopped in the middle of a call, in a thousand calls that change something.
    pub strikes: u64,
    /// The database can't be used, or does not confirm a commit.
    pub ledger: u64,
    /// The shop fails, before or after it did what was asked.
    pub shop: u64,
    /// The shop takes up to this long to take a call, and again to answer it: under half a minute together.
    pub shop_slow_ms: u64,
    /// The shop's lists show what was true up to this long ago.
    pub list_lag_ms: u64,
    /// The ERP fails, before or after it took the order, or is silent.
    pub erp: u64,
    /// The ERP refuses what it could take.
    pub refusals: u64,
    /// Mail is not taken.
    pub mail: u64,
    /// Staff reset, correct, hold and archive.
    pub staff: bool,
    /// Some orders can't be mapped until staff correct them, in a thousand.
    pub bad_orders: u64,
    /// The plugin can look orders up.
    pub look_up: bool,
    /// The ERP knows a request again by its key.
    pub keys: bool,
    /// The shop can filter lists by status.
    pub list_by_status: bool,
    /// The shop lists notes back.
    pub notes_listed: bool,
    /// The shop says who did something.
    pub names_actors: bool,
    /// A host's clock may be off by so much.
    pub skew_ms: u64,
    /// Somebody sets the database's clock.
    pub jumps: bool,
    /// How many connections there are, each with orders of its own.
    pub connections: usize,
    /// The last of them drops files.
    pub files: bool,
    /// The ERP takes a set's data without waiting for its trigger, in a thousand.
    pub hasty: u64,
    /// What is away for a while.
    pub outages: Vec<Outage>,
}

impl Plan {
    /// What a seed stands for.
    #[must_use]
    pub fn of(dice: &Dice, seed: u64) -> Self {
        let sometimes = |per_mille: u64| if dice.chance(500) { per_mille } else { 0 };
        Self {
            hosts: dice.between(1, 3) as usize,
            orders: dice.between(1, 5) as usize,
            trouble: dice.time(120_000, 900_000),
            crashes: dice.chance(500),
            pause: dice.chance(500).then(|| dice.time(5_000, 90_000)),
            strikes: sometimes(dice.pick(&[10, 50, 150])),
            ledger: sometimes(dice.pick(&[2, 10, 50])),
            shop: sometimes(dice.pick(&[20, 100, 300])),
            shop_slow_ms: dice.pick(&[50, 50, 2_000, 14_000]),
            list_lag_ms: dice.pick(&[0, 5_000, 55_000]),
            erp: sometimes(dice.pick(&[50, 200, 500, 900])),
            refusals: sometimes(100),
            mail: sometimes(300),
            staff: dice.chance(600),
            bad_orders: sometimes(200),
            look_up: dice.chance(700),
            keys: dice.chance(250),
            list_by_status: dice.chance(600),
            notes_listed: dice.chance(600),
            names_actors: dice.chance(600),
            skew_ms: dice.pick(&[0, 0, 2_000, 600_000]),
            // Of dice of its own, so that the seeds without it tell the story that they told before there were jumps.
            jumps: jump_dice(seed).chance(300),
            connections: 1,
            files: false,
            hasty: 0,
            outages: Vec::new(),
        }
        .wider(seed)
    }

    fn wider(self, seed: u64) -> Self {
        if seed < WIDER {
            return self;
        }
        let dice = wider_dice(seed);
        let connections = dice.between(1, 3) as usize;
        let mut outages = Vec::new();
        let most = self.trouble.as_millis() as u64;
        for what in [Away::Shop, Away::Erp, Away::Database, Away::Mail, Away::Folder] {
            let mut again = dice.chance(500);
            while again {
                let from = dice.time(0, most);
                let until = (from + dice.time(1_000, 400_000)).min(self.trouble);
                outages.push(Outage { what, from, until });
                again = dice.chance(300);
            }
        }
        let orders = self.orders + dice.between(0, 2 * connections as u64) as usize;
        Self { connections, files: dice.chance(600), hasty: dice.pick(&[0, 0, 50]), orders, outages, ..self }
    }

    /// Whether something is away so long after the beginning.
    #[must_use]
    pub fn is_away(&self, what: Away, at: Duration) -> bool {
        self.outages.iter().any(|it| it.what == what && (it.from..it.until).contains(&at))
    }
}
