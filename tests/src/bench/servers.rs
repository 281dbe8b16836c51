//! A shop and an ERP that are not the limit: everything in memory, nothing checked that the fakes of the tests check.
//!
//! The shop speaks EvolutionX as the adapter's defaults expect it. Both count calls, so that the bare loop can be shown to
//! make as many as the host.

use std::{
    fmt::Write as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{
    Router,
    body::to_bytes,
    extract::{Request, State},
    http::{Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    serve::ListenerExt as _,
};
use tokio::{net::TcpListener, sync::Notify};

use super::now;

/// The status in which orders are taken.
pub const NEW: &str = "New Order";

/// Largest body that the servers read; an 8-line order has some kilobytes.
const BODY: usize = 1 << 20;

/// Calls that were made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    /// Pages of the order list.
    pub list: u32,
    /// Reads of one order.
    pub get: u32,
    /// Changes of an order: seller reference, stamp, status.
    pub put: u32,
    /// Timeline notes.
    pub note: u32,
    /// Orders to the ERP.
    pub erp: u32,
}

/// One order.
struct Carried {
    status: String,
    stamp: String,
    reference: String,
    /// When a list last showed it as new.
    seen: Option<Instant>,
    /// When the ERP got it.
    sent: Option<Instant>,
}

#[derive(Default)]
struct Content {
    orders: Vec<Carried>,
    left: usize,
    calls: Calls,
    /// First page of the list.
    began: Option<Instant>,
    /// Last change of a status.
    ended: Option<Instant>,
}

/// Both servers.
pub struct Servers {
    /// The shop's base address.
    pub shop: String,
    /// The ERP's base address.
    pub erp: String,
    inside: Arc<Inside>,
}

#[derive(Default)]
struct Inside {
    state: Mutex<Content>,
    done: Notify,
    /// The ERP takes orders and answers none.
    hangs: AtomicBool,
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Servers {
    /// Starts both on free ports, with nothing in the shop.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let inside = Arc::new(Inside::default());
        let shop = serve(Router::new().fallback(shop).with_state(Arc::clone(&inside))).await?;
        let erp = serve(Router::new().fallback(erp).with_state(Arc::clone(&inside))).await?;
        Ok(Self { shop, erp, inside })
    }

    /// From now on the ERP takes every order and never answers.
    pub fn hang(&self) {
        self.inside.hangs.store(true, Ordering::Relaxed);
    }

    /// Puts new orders into the shop and starts counting anew; the id of the first.
    pub fn add(&self, count: usize) -> usize {
        let mut state = self.inside.lock();
        let first = state.orders.len() + 1;
        state.orders.extend((0..count).map(|_| Carried {
            status: NEW.to_owned(),
            stamp: String::new(),
            reference: String::new(),
            seen: None,
            sent: None,
        }));
        state.left += count;
        (state.calls, state.began, state.ended) = (Calls::default(), None, None);
        first
    }

    /// Waits until no order is new; how long that took from the first page of the list to the last status, in seconds.
    pub async fn done(&self) -> f64 {
        loop {
            let woken = self.inside.done.notified();
            {
                let state = self.inside.lock();
                if let (0, Some(began), Some(ended)) = (state.left, state.began, state.ended) {
                    return ended.saturating_duration_since(began).as_secs_f64();
                }
            }
            woken.await;
        }
    }

    /// Orders that are not done.
    pub fn left(&self) -> usize {
        self.inside.lock().left
    }

    /// Calls since orders were added.
    pub fn calls(&self) -> Calls {
        self.inside.lock().calls
    }

    /// Milliseconds from the list that showed an order to its arrival in the ERP.
    pub fn seen_to_sent_ms(&self, id: usize) -> Option<f64> {
        let state = self.inside.lock();
        let order = state.orders.get(id.checked_sub(1)?)?;
        Some(order.sent?.saturating_duration_since(order.seen?).as_secs_f64() * 1e3)
    }
}

async fn serve(router: Router) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    // Ends with the program.
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn shop(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY).await else { return StatusCode::BAD_REQUEST.into_response() };
    let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let mut state = inside.lock();
    let state = &mut *state;
    match (&head.method, path.as_slice()) {
        (&Method::GET, ["orders"]) => {
            let from = head.uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("from_id="));
            let from = from.and_then(|id| id.parse().ok()).unwrap_or(0);
            state.began.get_or_insert_with(now);
            state.calls.list += 1;
            json(state.page(from))
        }
        (&Method::GET, ["orders", id]) => {
            state.calls.get += 1;
            match number(id).and_then(|id| state.orders.get(id - 1).map(|order| order.text(id))) {
                Some(text) => json(format!(r#"{{"data":{text}}}"#)),
                None => StatusCode::NOT_FOUND.into_response(),
            }
        }
        (&Method::PUT, ["orders", id]) => {
            state.calls.put += 1;
            let Some(order) = number(id).and_then(|id| state.orders.get_mut(id - 1)) else {
                return StatusCode::NOT_FOUND.into_response();
            };
            let Ok(change) = serde_json::from_slice::<serde_json::Value>(&body) else {
                return StatusCode::BAD_REQUEST.into_response();
            };
            let text = |name: &str| change.get(name).map(|value| value.to_string().trim_matches('"').to_owned());
            if let Some(reference) = text("seller_reference") {
                order.reference = reference;
            }
            if let Some(stamp) = text("backoffice_processed_at") {
                order.stamp = stamp;
            }
            if let Some(status) = text("status") {
                if order.status == NEW && status != NEW {
                    state.left -= 1;
                    state.ended = Some(now());
                }
                order.status = status;
                if state.left == 0 {
                    inside.done.notify_waiters();
                }
            }
            json(r#"{"data":{"ok":true}}"#.to_owned())
        }
        (&Method::POST, ["orders", _, "timeline"]) => {
            state.calls.note += 1;
            json(r#"{"data":{"ok":true}}"#.to_owned())
        }
        (&Method::POST, ["heartbeat"]) => json(r#"{"data":{"ok":true}}"#.to_owned()),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn erp(State(inside): State<Arc<Inside>>, request: Request) -> Response {
    let Ok(body) = to_bytes(request.into_body(), BODY).await else { return StatusCode::BAD_REQUEST.into_response() };
    let id = order_number(&body);
    if inside.hangs.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    let mut state = inside.lock();
    state.calls.erp += 1;
    if let Some(order) = id.and_then(|id| state.orders.get_mut(id - 1)) {
        order.sent.get_or_insert_with(now);
    }
    json(format!(r#"{{"object":{{"order_id":"ERP-{}"}},"message":"taken"}}"#, id.unwrap_or_default()))
}

/// The digits behind the first `WEB-`.
fn order_number(body: &[u8]) -> Option<usize> {
    let at = body.windows(4).position(|four| four == b"WEB-")?;
    let digits: Vec<u8> = body.iter().skip(at + 4).copied().take_while(u8::is_ascii_digit).collect();
    number(std::str::from_utf8(&digits).ok()?)
}

fn number(text: &str) -> Option<usize> {
    text.parse().ok().filter(|number| *number > 0)
}

fn json(text: String) -> Response {
    ([(CONTENT_TYPE, "application/json")], text).into_response()
}

impl Content {
    /// Up to a hundred new orders behind an id, with the cursor of the next page.
    fn page(&mut self, from: usize) -> String {
        let mut page = String::from(r#"{"data":["#);
        let (mut shown, mut last, mut more) = (0, 0, false);
        for (index, order) in self.orders.iter_mut().enumerate().skip(from).filter(|(_, order)| order.status == NEW) {
            if shown == 100 {
                more = true;
                break;
            }
            if shown > 0 {
                page.push(',');
            }
            order.seen = Some(now());
            page.push_str(&order.text(index + 1));
            (shown, last) = (shown + 1, index + 1);
        }
        let cursor = if more { last.to_string() } else { "null".to_owned() };
        let _ = write!(page, r#"],"meta":{{"cursor":{cursor}}}}}"#);
        page
    }
}

impl Carried {
    fn text(&self, id: usize) -> String {
        let Self { status, stamp, reference, .. } = self;
        let mut lines = String::new();
        for line in 1..=8 {
            let comma = if line == 1 { "" } else { "," };
            let _ = write!(
                lines,
                r#"{comma}{{"id":{line},"sku":"SKU-{line}","name":"Article number {line}","quantity":"2","price":"8.32","tax_rate":"19","tax":"3.16","total":"16.64","total_inc_tax":"19.80"}}"#
            );
        }
        format!(
            r#"{{"id":{id},"order_number":"WEB-{id}","status":"{status}","created_at":1767322798,"updated_at":1767322860,"backoffice_processed_at":"{stamp}","seller_reference":"{reference}","source_user_type":"storefront","source_user_id":7,"status_user_type":"storefront","status_user_id":7,"currency":"EUR","total":"158.40","total_ex_tax":"133.12","tax":"25.28","payment_status":"paid","paid_at":1767322830,"payment_method":"card","payment_reference":"ch_{id}","po_reference":"PO-{id}","note":"Please ring twice.","source":"web","customer":{{"id":77,"account_number":"ACME01","company":"Acme GmbH","name":"Anna Schmidt","email":"anna@example.test","phone":"+49 221 12345"}},"billing_address":{{"company":"Acme GmbH","first_name":"Anna","last_name":"Schmidt","address1":"Hauptstraße 12","city":"Köln","postcode":"50667","country":"DE"}},"shipping_address":{{"company":"Acme GmbH","first_name":"Anna","last_name":"Schmidt","address1":"Hauptstraße 12","city":"Köln","postcode":"50667","country":"DE"}},"lines":[{lines}]}}"#
        )
    }
}
