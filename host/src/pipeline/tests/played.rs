//! Shop and plugin, played by the test; each writes down what it was asked.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    config::ConnectionSettings,
    destination::Destination,
    domain::{
        Order,
        call::{Context, Description, Purpose, Tables},
        delivery::{Delivery, DeliveryContent, FileDelivery, FileOut, HttpDelivery, Rejection, Repeat, Segment},
        id::Digest,
        problem::Problem,
        sight::{Actor, ListScope, Page, Sight},
        verdict::{Acceptance, DefaultVerdict, Response, Verdict},
    },
    ledger::connections::ConnectionRecord,
    pipeline::parts::{Opener, Secrets},
    plugin::{AdmissionError, Called, Mapper, PluginFault, Usage},
    shop::{Abilities, Shop, ShopError},
};

pub fn order(id: &str) -> Order {
    serde_json::from_value(serde_json::json!({
        "shop_order_id": id, "order_number": format!("W-{id}"), "placed_at": "2026-01-01T00:00:00Z", "currency": "EUR",
        "lines": [], "totals": {"gross": "1.00"}, "payment_state": "paid"
    }))
    .unwrap()
}

pub fn sight(id: &str, status: &str) -> Sight {
    Sight {
        shop_order_id: id.into(),
        order_number: format!("W-{id}"),
        status: status.into(),
        placed_ms: Some(1_700_000_000_000),
        modified_ms: None,
        processed_stamp: None,
        shipped: false,
        cancelled: false,
        creator: Some(Actor::Buyer),
        status_actor: None,
        order: Ok(Box::new(order(id))),
    }
}

/// Shows each order as the test last set it: in the status `new`, unless told otherwise.
#[derive(Default)]
pub struct PlayedShop {
    shown: Mutex<std::collections::BTreeMap<String, Sight>>,
    reads: Mutex<u32>,
}

impl PlayedShop {
    pub fn show(&self, sight: Sight) {
        self.shown.lock().unwrap().insert(sight.shop_order_id.clone(), sight);
    }

    /// How often an order was read alone.
    pub fn reads(&self) -> u32 {
        *self.reads.lock().unwrap()
    }
}

#[async_trait]
impl Shop for PlayedShop {
    fn abilities(&self) -> Abilities {
        Abilities {
            list_by_status: true,
            single_read: true,
            set_status: true,
            mark_processed: false,
            notes: true,
            notes_listed: false,
            erp_order_id: true,
            heartbeat: false,
            names_actors: false,
            read_lag_s: 0,
        }
    }

    async fn list(&self, _: &ListScope, _: Option<&str>) -> Result<Page, ShopError> {
        Err(ShopError::Unsupported("list"))
    }

    async fn get(&self, id: &str) -> Result<Sight, ShopError> {
        *self.reads.lock().unwrap() += 1;
        self.shown.lock().unwrap().get(id).cloned().ok_or_else(|| ShopError::NotFound(id.to_owned()))
    }

    async fn set_status(&self, _: &str, _: &str) -> Result<(), ShopError> {
        Ok(())
    }

    async fn mark_processed(&self, _: &str) -> Result<(), ShopError> {
        Ok(())
    }

    async fn add_note(&self, _: &str, _: &str, _: &str) -> Result<(), ShopError> {
        Ok(())
    }

    async fn has_note(&self, _: &str, _: &str) -> Result<bool, ShopError> {
        Err(ShopError::Unsupported("list notes"))
    }

    async fn set_erp_order_id(&self, _: &str, _: &str) -> Result<(), ShopError> {
        Ok(())
    }

    async fn heartbeat(&self) -> Result<(), ShopError> {
        Ok(())
    }

    async fn check(&self, _: &[String]) -> Vec<Problem> {
        Vec::new()
    }
}

/// Opens the played shop and real destinations.
pub struct PlayedOpener(pub Arc<PlayedShop>);

impl Opener for PlayedOpener {
    fn shop(&self, _: &ConnectionRecord, _: &ConnectionSettings, _: &Secrets) -> Result<Arc<dyn Shop>, Vec<Problem>> {
        Ok(Arc::clone(&self.0) as _)
    }

    fn destination(&self, pinned: &Value, secrets: &Secrets) -> Result<Arc<Destination>, Vec<Problem>> {
        Destination::open(pinned, secrets).map(Arc::new)
    }
}

/// One call of the plugin.
#[derive(Clone, Debug)]
pub struct PluginCall {
    pub release: Digest,
    pub purpose: Purpose,
    pub context: Context,
    /// What it was asked to read; none = it was asked to map.
    pub read: Option<Response>,
    /// The state that it got with that.
    pub state: Vec<u8>,
}

type Maps = Box<dyn Fn(&Order, &Context) -> Result<Delivery, Rejection> + Send + Sync>;
type Reads = Box<dyn Fn(&PluginCall, DefaultVerdict) -> Result<Verdict, PluginFault> + Send + Sync>;

/// Maps and reads as the test says; knows every release.
pub struct PlayedPlugin {
    maps: Mutex<Maps>,
    reads: Mutex<Reads>,
    calls: Mutex<Vec<PluginCall>>,
}

impl Default for PlayedPlugin {
    /// Posts to `/orders`, asks at `/find`, and takes 200 for *accepted* (when asked to find, for *already there*), 404 of
    /// a question for *not found*.
    fn default() -> Self {
        Self {
            maps: Mutex::new(Box::new(|order, context| {
                Ok(match context.purpose {
                    Purpose::LookUp => http("GET", "find", Repeat::Always, ""),
                    _ => http("POST", "orders", Repeat::Never, &order.order_number),
                })
            })),
            reads: Mutex::new(Box::new(|call, default| Ok(plainly(call, default)))),
            calls: Mutex::default(),
        }
    }
}

/// The usual reading.
pub fn plainly(call: &PluginCall, default: DefaultVerdict) -> Verdict {
    let accepted = Acceptance { erp_order_id: Some("E-1".to_owned()), ..Acceptance::default() };
    match (&call.read, call.purpose, default) {
        (Some(Response::Http { status: 404, .. }), Purpose::LookUp, _) => Verdict::NotFound,
        (_, Purpose::LookUp, DefaultVerdict::Accepted) => Verdict::AlreadyThere(accepted),
        (_, _, DefaultVerdict::Accepted) => Verdict::Accepted(accepted),
        (_, _, DefaultVerdict::RetryLater) => Verdict::RetryLater { after_s: None, message: "busy".to_owned() },
        (_, _, DefaultVerdict::Rejected) => Verdict::Rejected(crate::domain::verdict::Refusal {
            message: "no".to_owned(),
            class: crate::domain::verdict::FailureClass::Erp,
            field: None,
            partial_id: None,
        }),
        _ => Verdict::Unknown { message: "the played plugin can't tell".to_owned() },
    }
}

pub fn http(method: &str, path: &str, repeat: Repeat, body: &str) -> Delivery {
    let content = DeliveryContent::Http(HttpDelivery {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: if body.is_empty() { Vec::new() } else { vec![Segment::Bytes(body.as_bytes().to_vec())] },
        content_type: (!body.is_empty()).then(|| "text/plain".to_owned()),
        repeat,
        sensitive: false,
    });
    Delivery { content, state: Vec::new(), notes: Vec::new() }
}

pub fn files(names: &[(&str, &str)], trigger: Option<&str>) -> Delivery {
    let file = |name: &str, text: &str| FileOut {
        name: name.to_owned(),
        content: vec![Segment::Bytes(text.as_bytes().to_vec())],
    };
    let files = names.iter().map(|(name, text)| file(name, text)).collect();
    let content = DeliveryContent::Files(FileDelivery { files, trigger: trigger.map(|name| file(name, "")) });
    Delivery { content, state: Vec::new(), notes: Vec::new() }
}

impl PlayedPlugin {
    pub fn maps(&self, maps: impl Fn(&Order, &Context) -> Result<Delivery, Rejection> + Send + Sync + 'static) {
        *self.maps.lock().unwrap() = Box::new(maps);
    }

    pub fn reads(
        &self,
        reads: impl Fn(&PluginCall, DefaultVerdict) -> Result<Verdict, PluginFault> + Send + Sync + 'static,
    ) {
        *self.reads.lock().unwrap() = Box::new(reads);
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<PluginCall> {
        self.calls.lock().unwrap().clone()
    }

    /// How often it was asked to map for a purpose.
    pub fn mapped(&self, purpose: Purpose) -> usize {
        self.calls().iter().filter(|call| call.read.is_none() && call.purpose == purpose).count()
    }

    fn called<T>(&self, result: Result<T, PluginFault>) -> Called<T> {
        Called { result, usage: Usage::default(), log: Vec::new(), look_ups: Vec::new(), contract: "0.1.0" }
    }
}

/// A plugin that traps while it reads.
pub fn trap() -> PluginFault {
    PluginFault::Trap { doing: "reading the answer", reason: "unreachable".to_owned(), stack: Vec::new() }
}

#[async_trait]
impl Mapper for PlayedPlugin {
    async fn admit(&self, _: &[u8]) -> Result<(Digest, Description), AdmissionError> {
        Err(AdmissionError::NotWasm("the stage knows its releases".to_owned()))
    }

    fn knows(&self, _: &Digest) -> bool {
        true
    }

    async fn map_order(
        &self,
        release: &Digest,
        order: Arc<Order>,
        context: Context,
        _: Arc<Tables>,
    ) -> Called<Result<Delivery, Rejection>> {
        let mapped = (self.maps.lock().unwrap())(&order, &context);
        let call =
            PluginCall { release: release.clone(), purpose: context.purpose, context, read: None, state: Vec::new() };
        self.calls.lock().unwrap().push(call);
        self.called(Ok(mapped))
    }

    async fn parse_response(
        &self,
        release: &Digest,
        _: Arc<Order>,
        context: Context,
        _: Arc<Tables>,
        state: Vec<u8>,
        response: Response,
        default: DefaultVerdict,
    ) -> Called<Verdict> {
        let (release, purpose) = (release.clone(), context.purpose);
        let call = PluginCall { release, purpose, context, read: Some(response), state };
        self.calls.lock().unwrap().push(call.clone());
        let verdict = (self.reads.lock().unwrap())(&call, default);
        self.called(verdict)
    }
}
