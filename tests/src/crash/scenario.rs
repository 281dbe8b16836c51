//! One cell played: an order on its way, the host struck at the point, started again, and time taken.

use std::time::Duration;

use orderdock::failpoint::Point;
use serde_json::Value;
use tokio::time::Instant;

use super::{
    cell::{Action, Cell, Route},
    judge::{self, Seen},
};
use crate::{
    erp::{
        Behaviour,
        attache::{Attache, Fate},
    },
    rig::{CONNECTION, PATIENCE, Rig, Signal},
};

/// The leases of a host that is to be paused or failed: what waits for their end must not wait for 30 s.
const LEASE: Duration = Duration::from_secs(2);

/// A look-up that finds what the fake ERP accepted.
pub const LOOK_UP: &str = r#"
    plugin.settings.lookup_path = "orders?reference={order_number}"
    plugin.settings.lookup_list_path = "orders"
    plugin.settings.lookup_order_id_path = "orders[0].order_id"
    plugin.settings.lookup_reference_path = "orders[0].reference"
    destination.settings.time_limit_s = 2
    unknown.lookup_for = "30s"
"#;

/// What became of a cell.
#[derive(Debug)]
pub struct Played {
    /// What is wrong; empty: it held.
    pub wrong: Vec<String>,
    /// State of the order that was under way.
    pub state: String,
    /// How long after the new start (or SIGCONT) the shop showed the end of the order that was under way.
    pub resumed: Duration,
}

/// Plays a cell.
///
/// # Panics
/// When something that must happen does not happen in time.
pub async fn play(cell: Cell) -> Played {
    let mut rig = Rig::bare_on(cell.database.address().await).await;
    let eater = connect(&rig, cell).await;
    let mut offered = Vec::new();
    let mut at = String::new();
    if matches!(cell.point, Point::PollAnswer | Point::Ingest) {
        // Struck at the second page: the orders of the first are under way by then.
        offered.extend([rig.place(), rig.place()]);
        at.push_str("@2");
    }
    let id = if cell.point == Point::MailSent { refused(&rig, cell.route) } else { rig.place() };
    let place = cell.place();
    let armed = match cell.action {
        Action::Kill => format!("{place}=kill{at}"),
        Action::Pause => format!("{place}=pause{at}; lease={}s", LEASE.as_secs()),
        Action::Error => format!("{place}=error{at}; lease={}s", LEASE.as_secs()),
        Action::Panic => format!("{place}=panic{at}; lease={}s", LEASE.as_secs()),
    };
    rig.arm(Some(&armed));
    rig.serve().await;
    let mut again = Instant::now();
    match cell.action {
        Action::Kill => {
            let status = rig.ended().await;
            assert!(!status.success(), "the host was to die at {place}, and ended well");
            rig.arm(None);
            again = Instant::now();
            rig.serve().await;
        }
        Action::Pause => {
            rig.stands_still().await;
            // A pause is defined by its length: longer than the lease.
            tokio::time::sleep(LEASE + Duration::from_millis(500)).await;
            rig.signal(Signal::CONT);
            again = Instant::now();
        }
        // A sweep that failed is repeated when its time comes, which is a minute away: somebody asks for one.
        Action::Error | Action::Panic => {
            let patient = Instant::now() + PATIENCE;
            while !is_at_an_end(&rig, id) && Instant::now() < patient {
                tokio::time::sleep(Duration::from_millis(500)).await;
                rig.ask(&["sync", CONNECTION]).await;
            }
        }
    }
    at_an_end(&rig, id).await;
    let resumed = again.elapsed();
    // Whether the host still works shows with an order that comes after all this.
    let after = rig.place();
    rig.sync().await;
    offered.extend([id, after]);
    for id in &offered {
        at_an_end(&rig, *id).await;
    }
    let (mut wrong, seen) = judge::judge(&rig, cell.route, &offered, PATIENCE, usize::MAX).await;
    drop(eater);
    let state_of = |id: u64| seen.iter().find(|one: &&Seen| one.id == id).map(|one| one.state.clone());
    let state = state_of(id).unwrap_or_default();
    if let Some(expected) = cell.expected()
        && state != expected
    {
        wrong.push(format!("order {id} should be {expected}, not {state}"));
    }
    if state_of(after).as_deref() != Some("delivered") {
        wrong.push(format!("order {after}, which came afterwards, is {:?}", state_of(after)));
    }
    if cell.point == Point::MailSent && cell.action == Action::Kill && rig.mail.mails().len() < 2 {
        wrong.push("the mail whose hand-over was not recorded should have been repeated".to_owned());
    }
    if !wrong.is_empty() {
        let log = rig.log();
        let from = log.char_indices().rev().nth(6_000).map_or(0, |(at, _)| at);
        wrong.push(format!("the end of the log:\n{}", &log[from..]));
    }
    Played { wrong, state, resumed }
}

/// Connects as the cell wants it; for watched files also the ERP that takes them.
async fn connect(rig: &Rig, cell: Cell) -> Option<Eater> {
    let pages = "shop.settings.page_size = 2\n";
    match (cell.route, cell.look_up) {
        (Route::Http, look_up) => {
            rig.add_plugin().await;
            rig.connect(&format!("{pages}{}", if look_up { LOOK_UP } else { "" })).await;
            None
        }
        (Route::File, true) => {
            let eater = Eater::begin(rig);
            rig.connect_attache(pages).await;
            Some(eater)
        }
        (Route::File, false) => {
            std::fs::create_dir(rig.inbox()).expect("a folder can be made");
            let trigger = r#"plugin.settings.trigger = "{order_number}-{document_number}.go""#;
            rig.connect_folder(&format!("{pages}{trigger}\n")).await;
            None
        }
    }
}

/// An order that ends red, and so in a mail.
fn refused(rig: &Rig, route: Route) -> u64 {
    if route == Route::Http {
        let id = rig.place();
        let message = "Customer is on stop".to_owned();
        rig.erp.rule(&format!("WEB-{id}"), Behaviour::Refuse { status: 422, message });
        return id;
    }
    rig.place_with(|body| {
        if let Some(line) = body.pointer_mut("/lines/0/sku") {
            *line = Value::from("");
        }
    })
}

/// Waits until the shop shows one of the ends.
async fn at_an_end(rig: &Rig, id: u64) {
    rig.until(&format!("order {id} has come to an end in the shop"), |rig| is_at_an_end(rig, id)).await;
}

fn is_at_an_end(rig: &Rig, id: u64) -> bool {
    matches!(rig.order(id).status(), "In Progress" | "On Hold")
}

/// An ERP that takes files from the inbox every 200 ms, until it is dropped.
struct Eater {
    task: tokio::task::JoinHandle<()>,
}

impl Eater {
    fn begin(rig: &Rig) -> Self {
        std::fs::create_dir_all(rig.inbox()).expect("a folder can be made");
        let attache = Attache::new(&rig.inbox(), Box::new(|_, _| Fate::Success)).expect("folders can be made");
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(200)).await;
                attache.run().expect("files can be moved");
            }
        });
        Self { task }
    }
}

impl Drop for Eater {
    fn drop(&mut self) {
        self.task.abort();
    }
}
