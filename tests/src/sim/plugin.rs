//! The plugin, the mail server, and who opens shops and destinations.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use orderdock::{
    config::ConnectionSettings,
    destination::Destination,
    domain::{
        Order,
        call::{Context, Description, Purpose, Tables},
        delivery::{
            Delivery, DeliveryContent, FileDelivery, FileOut, HttpDelivery, Rejection, RejectionClass, Repeat, Segment,
        },
        id::Digest,
        problem::Problem,
        verdict::{Acceptance, DefaultVerdict, FailureClass, Refusal, Response, Verdict},
    },
    ledger::connections::ConnectionRecord,
    notify::{Mail, MailError, Mailer},
    pipeline::parts::{Opener, Secrets},
    plugin::{AdmissionError, Called, Mapper, Usage},
    shop::Shop,
};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{
    erp::{KEY_LIFE_S, Wire},
    files::FolderSeam,
    run::Scene,
    shop::ShopSeam,
    world::{Away, Fate},
};

/// The digest of the only release.
pub const RELEASE: &str = "5e1ea5e";

/// The digest of the release that makes files.
pub const FILES: &str = "f11e5";

/// Maps as simply as can be: what matters is what the host makes of it.
pub struct SimPlugin {
    /// The run.
    pub scene: Arc<Scene>,
}

fn called<T>(value: T) -> Called<T> {
    Called { result: Ok(value), usage: Usage::default(), log: Vec::new(), look_ups: Vec::new(), contract: "0.1.0" }
}

#[async_trait]
impl Mapper for SimPlugin {
    async fn admit(&self, _: &[u8]) -> Result<(Digest, Description), AdmissionError> {
        Err(AdmissionError::NotWasm("the simulation has one release only".to_owned()))
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
        if context.purpose == Purpose::Create && order.totals.gross.to_string().ends_with(".13") {
            let message = "the total is unlucky".to_owned();
            return called(Err(Rejection { class: RejectionClass::Data, message, field: Some("totals.gross".into()) }));
        }
        let body = json!({ "order": order.shop_order_id, "pass": context.pass, "key": context.idempotency_key });
        if *release == Digest::from(FILES) {
            let file = |ending: &str, content: String| FileOut {
                name: format!("{}-{}.{ending}", order.shop_order_id, context.document_number),
                content: vec![Segment::Bytes(content.into_bytes())],
            };
            let files = vec![file("json", body.to_string())];
            let content = DeliveryContent::Files(FileDelivery { files, trigger: Some(file("go", String::new())) });
            return called(Ok(Delivery { content, state: Vec::new(), notes: Vec::new() }));
        }
        let look_up = context.purpose == Purpose::LookUp;
        let repeat = if self.scene.plan.keys { Repeat::WithKey(KEY_LIFE_S) } else { Repeat::Never };
        let content = DeliveryContent::Http(HttpDelivery {
            method: if look_up { "GET" } else { "POST" }.to_owned(),
            path: if look_up { format!("orders/{}", order.shop_order_id) } else { "orders".to_owned() },
            query: Vec::new(),
            headers: Vec::new(),
            body: if look_up { Vec::new() } else { vec![Segment::Bytes(body.to_string().into_bytes())] },
            content_type: None,
            repeat: if look_up { Repeat::Always } else { repeat },
            sensitive: false,
        });
        called(Ok(Delivery { content, state: Vec::new(), notes: Vec::new() }))
    }

    async fn parse_response(
        &self,
        _: &Digest,
        _: Arc<Order>,
        context: Context,
        _: Arc<Tables>,
        _: Vec<u8>,
        response: Response,
        _: DefaultVerdict,
    ) -> Called<Verdict> {
        let (status, body) = match response {
            Response::Http { status, body, .. } => (status, body),
            Response::FilesWritten { .. } => return called(Verdict::Accepted(Acceptance::default())),
            _ => return called(Verdict::Unknown { message: "no HTTP".to_owned() }),
        };
        called(match status {
            200 | 201 => {
                let read: Value = serde_json::from_slice(&body).unwrap_or_default();
                let erp_order_id = read.get("id").and_then(Value::as_str).map(ToOwned::to_owned);
                Verdict::Accepted(Acceptance { erp_order_id, ..Acceptance::default() })
            }
            404 if context.purpose == Purpose::LookUp => Verdict::NotFound,
            422 => Verdict::Rejected(Refusal {
                message: "the customer is blocked".to_owned(),
                class: FailureClass::Erp,
                field: None,
                partial_id: None,
            }),
            429 => Verdict::RetryLater { after_s: Some(5), message: "busy".to_owned() },
            other => Verdict::Unknown { message: format!("it answered {other}") },
        })
    }
}

/// Opens one host's shop and destinations.
pub struct SimOpener {
    /// The run.
    pub scene: Arc<Scene>,
    /// Whose.
    pub fate: Arc<Fate>,
    /// Its name in the trace.
    pub host: String,
}

impl Opener for SimOpener {
    fn shop(
        &self,
        record: &ConnectionRecord,
        _: &ConnectionSettings,
        _: &Secrets,
    ) -> Result<Arc<dyn Shop>, Vec<Problem>> {
        let (scene, fate, host) = (Arc::clone(&self.scene), Arc::clone(&self.fate), self.host.clone());
        let line = scene.line(&record.id);
        Ok(Arc::new(ShopSeam { scene, fate, host, line }))
    }

    fn destination(&self, pinned: &Value, secrets: &Secrets) -> Result<Arc<Destination>, Vec<Problem>> {
        Ok(Arc::new(match Destination::open(pinned, secrets)? {
            Destination::Http(http) => {
                let (scene, fate, host) = (Arc::clone(&self.scene), Arc::clone(&self.fate), self.host.clone());
                Destination::Http(Box::new(http.sending_by(Arc::new(Wire { scene, fate, host }))))
            }
            Destination::Folder(folder) => {
                let (scene, fate, host) = (Arc::clone(&self.scene), Arc::clone(&self.fate), self.host.clone());
                Destination::Folder(folder.in_turns(Arc::new(FolderSeam { scene, fate, host })))
            }
        }))
    }
}

/// What the mail server took: subject by Message-ID, once for each time that it was taken.
#[derive(Default)]
pub struct Mailbox(Mutex<BTreeMap<String, Vec<Mail>>>);

impl Mailbox {
    /// All mails.
    pub fn all(&self) -> BTreeMap<String, Vec<Mail>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One host's way to the mail server.
pub struct SimMailer {
    /// The run.
    pub scene: Arc<Scene>,
    /// Whose.
    pub fate: Arc<Fate>,
}

#[async_trait]
impl Mailer for SimMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let (dice, plan) = (&self.scene.dice, &self.scene.plan);
        self.fate.alive().await;
        sleep(dice.time(1, 500)).await;
        if self.scene.is_away(Away::Mail) {
            self.fate.alive().await;
            return Err(MailError::Temporary("it can't be reached".to_owned()));
        }
        let trouble = self.scene.in_trouble() && plan.mail > 0 && dice.chance(plan.mail);
        if trouble && dice.chance(500) {
            self.fate.alive().await;
            return Err(MailError::Temporary("busy".to_owned()));
        }
        {
            let mut all = self.scene.mails.0.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(mail.message_id.clone()).or_default().push(mail.clone());
        }
        self.scene.trace.note(format_args!("mail {}", mail.subject));
        self.fate.alive().await;
        if trouble { Err(MailError::Temporary("the answer was lost".to_owned())) } else { Ok(()) }
    }
}
