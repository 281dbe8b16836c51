//! The run itself.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use orderdock_postgres::Stop;
use tokio::time::{Instant, sleep};

use super::Verdict;
use crate::{
    crash::{
        cell::{Database, Route},
        judge, postgres,
    },
    erp::Behaviour,
    mail,
    orders::Dice,
    rig::{Rig, Signal},
    shop::{Fault, Play},
};

/// How long after the last blow everything may take to come to rest: a retry or two of each kind.
const QUIET: Duration = Duration::from_secs(240);

/// Orders that are looked at closely in the end; of the others the shop and the ERP tell.
const DETAILS: usize = 500;

/// A look-up that finds what the ERP accepted, quick retries, and time enough for a doubt to clear.
const CONNECTION: &str = r#"
    plugin.settings.lookup_path = "orders?reference={order_number}"
    plugin.settings.lookup_list_path = "orders"
    plugin.settings.lookup_order_id_path = "orders[0].order_id"
    plugin.settings.lookup_reference_path = "orders[0].reference"
    destination.settings.time_limit_s = 2
    unknown.lookup_for = "10m"
"#;

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long under fire.
    pub time: Duration,
    /// Chance.
    pub seed: u64,
    /// Orders a second, about.
    pub rate: usize,
    /// Where the ledger is; a PostgreSQL is struck too.
    pub database: Database,
    /// Show how far it is.
    pub bar: bool,
}

struct Storm {
    rig: Rig,
    dice: Dice,
    verdict: Verdict,
    orders: Vec<u64>,
    database: Database,
}

/// Runs, and judges.
pub async fn run(options: &Options) -> Verdict {
    let rig = Rig::bare_on(options.database.address().await).await;
    rig.add_plugin().await;
    rig.connect(CONNECTION).await;
    let verdict = Verdict { seed: options.seed, seconds: options.time.as_secs(), ..Verdict::default() };
    let mut storm =
        Storm { rig, dice: Dice::new(options.seed), verdict, orders: Vec::new(), database: options.database };
    let bar = if options.bar { ProgressBar::new(options.time.as_secs()) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} s  {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    storm.rig.serve().await;
    let began = Instant::now();
    let tick = Duration::from_millis(1_000) / u32::try_from(options.rate.clamp(1, 100)).unwrap_or(1);
    let mut next_sync = began;
    while began.elapsed() < options.time {
        storm.place();
        if Instant::now() >= next_sync {
            next_sync = Instant::now() + Duration::from_secs(1);
            storm.rig.run(&["sync", crate::rig::CONNECTION]).await;
        }
        storm.blow(options.rate).await;
        bar.set_position(began.elapsed().as_secs());
        bar.set_message(format!("{} orders", storm.orders.len()));
        sleep(tick).await;
    }
    bar.set_message("waiting for quiet");
    storm.calm().await;
    bar.finish_and_clear();
    storm.verdict
}

impl Storm {
    fn place(&mut self) {
        let body = self.rig.ordinary(self.orders.len() % 24 + 1);
        let id = self.rig.place_with(|order| *order = body);
        self.orders.push(id);
    }

    /// Perhaps one evil thing. `rate` is how often it is asked in a second.
    async fn blow(&mut self, rate: usize) {
        // About one blow a second, whatever the rate.
        if self.dice.below(rate) > 0 {
            return;
        }
        match self.dice.below(100) {
            0..10 if self.database == Database::Postgres => self.strike_database().await,
            0..30 => self.strike_host().await,
            30..60 => self.strike_erp(),
            60..90 => self.strike_shop(),
            _ => self.strike_mail(),
        }
    }

    fn up_to(&mut self, ms: usize) -> Duration {
        Duration::from_millis(self.dice.below(ms) as u64)
    }

    async fn strike_host(&mut self) {
        match self.dice.below(10) {
            0..7 => {
                self.verdict.note("host killed");
                self.rig.kill().await;
                sleep(self.up_to(1_500)).await;
                self.rig.serve().await;
            }
            7..9 => {
                self.verdict.note("host stood still");
                self.rig.signal(Signal::STOP);
                sleep(self.up_to(4_000)).await;
                self.rig.signal(Signal::CONT);
            }
            _ => {
                self.verdict.note("host stopped in good order");
                self.rig.signal(Signal::TERM);
                // What hangs at the ERP must not hold the storm up: the second signal ends it at once.
                sleep(Duration::from_millis(300)).await;
                if let Some(host) = &self.rig.host {
                    host.signal(Signal::TERM);
                }
                self.rig.ended().await;
                self.rig.serve().await;
            }
        }
    }

    async fn strike_database(&mut self) {
        self.verdict.note("database crashed");
        let pause = self.up_to(3_000);
        let struck = tokio::task::spawn_blocking(move || -> anyhow::Result<()> {
            postgres::server().stop(Stop::Immediate)?;
            std::thread::sleep(pause);
            postgres::server().again()
        });
        struck.await.expect("a panic there is one here").expect("PostgreSQL starts again");
    }

    fn strike_erp(&mut self) {
        let all = [
            ("silent", Behaviour::Silence),
            ("resets", Behaviour::Reset),
            ("cuts its answer", Behaviour::Cut),
            ("502 after accepting", Behaviour::Gateway { status: 502 }),
            ("504 after accepting", Behaviour::Gateway { status: 504 }),
            ("503, nothing done", Behaviour::Unavailable),
            ("500 after accepting", Behaviour::Broken { message: None, accepted: true }),
            ("500, nothing done", Behaviour::Broken { message: Some("deadlock".to_owned()), accepted: false }),
            ("drips", Behaviour::Drip),
            ("a body without end", Behaviour::Endless { declared: false }),
            ("no HTTP", Behaviour::Garbage),
            ("slow", Behaviour::Slow { ms: 1_500 }),
            ("asks to wait", Behaviour::Throttle { retry_after: "1".to_owned() }),
            ("redirects", Behaviour::Redirect { status: 302 }),
            ("refuses", Behaviour::Refuse { status: 422, message: "on stop".to_owned() }),
        ];
        let (name, behaviour) = self.dice.pick(&all).clone();
        self.verdict.note(format!("ERP: {name}"));
        for _ in 0..=self.dice.below(3) {
            self.rig.erp.once("*", behaviour.clone());
        }
    }

    fn strike_shop(&mut self) {
        let plays = [
            ("500", Play::Status(500)),
            ("503", Play::Status(503)),
            ("429", Play::TooMany("1".to_owned())),
            ("a maintenance page", Play::Html),
            ("half the JSON", Play::Truncated),
            ("done, then cut", Play::Cut),
            ("done, then gone", Play::ApplyThenCut),
            ("slow", Play::Slow(1_500)),
            ("an empty list that lies", Play::EmptyList),
        ];
        let (name, play) = self.dice.pick(&plays).clone();
        // A list that is empty where one order was asked for is another fault: it is there as half the JSON.
        let (method, target) = match play {
            Play::EmptyList => (Some("GET"), "status"),
            _ => *self.dice.pick(&[
                (None, "/orders"),
                (Some("PUT"), "/orders/"),
                (Some("POST"), "/timeline"),
                (Some("GET"), "/orders"),
            ]),
        };
        self.verdict.note(format!("shop: {name}"));
        let times = 1 + u32::try_from(self.dice.below(2)).unwrap_or(0);
        self.rig.shop.fault(Fault { method: method.map(str::to_owned), times, ..Fault::next(target, play) });
    }

    fn strike_mail(&mut self) {
        use mail::Fault::{DropAfterData, DropBeforeData, Later, None, Slow};
        let (name, fault) = self.dice.pick(&[
            ("well again", None),
            ("451", Later),
            ("keeps, then hangs up", DropAfterData),
            ("hangs up", DropBeforeData),
            ("slow", Slow(300)),
        ]);
        self.verdict.note(format!("mail: {name}"));
        self.rig.mail.set_fault(fault.clone());
    }

    /// Everybody behaves; waits for quiet and judges.
    async fn calm(&mut self) {
        self.rig.mail.set_fault(mail::Fault::None);
        self.rig.shop.world.lock().faults.clear();
        self.rig.erp.behave();
        let last_blow = Instant::now();
        let mut next_sync = last_blow;
        while !self.at_an_end() && last_blow.elapsed() < QUIET {
            if Instant::now() >= next_sync {
                next_sync = Instant::now() + Duration::from_secs(5);
                self.rig.run(&["sync", crate::rig::CONNECTION]).await;
            }
            sleep(Duration::from_millis(250)).await;
        }
        self.verdict.quiet_after_s = last_blow.elapsed().as_secs_f64();
        let patience = QUIET.saturating_sub(last_blow.elapsed());
        let (mut wrong, seen) = judge::judge(&self.rig, Route::Http, &self.orders, patience, DETAILS).await;
        self.verdict.wrong.append(&mut wrong);
        self.verdict.orders = self.orders.len();
        self.verdict.requests = self.rig.erp.state().requests;
        for one in seen {
            *self.verdict.states.entry(one.state).or_default() += 1;
        }
    }

    /// Whether the shop shows an end of every order.
    fn at_an_end(&self) -> bool {
        self.orders.iter().all(|id| matches!(self.rig.order(*id).status(), "In Progress" | "On Hold"))
    }
}
