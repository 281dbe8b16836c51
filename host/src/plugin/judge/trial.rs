//! A release set to work: awkward orders, each twice, then awkward answers to what it made of an everyday one.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use super::{
    super::{
        Called, Mapper as _, PluginFault, Usage,
        awkward::{self, Awkward},
        runtime::Runtime,
    },
    Progress, found,
};
use crate::domain::{
    Order,
    admission::{Admission, Item, Judged},
    call::{Context, DeliveryKind, Description, Purpose, Tables},
    delivery::{Delivery, DeliveryContent, Rejection},
    id::Digest,
    verdict::{DefaultVerdict, Response},
};

/// Orders under way at once.
const AT_ONCE: usize = 4;

/// What mapping an order gave.
pub type Mapped = Called<Result<Delivery, Rejection>>;

/// An order of the set, mapped twice.
pub struct Tried {
    /// Its name in the set.
    pub name: String,
    /// What the first call gave.
    pub first: Mapped,
    /// Whether the second one gave the same for the same work.
    pub same: bool,
}

/// What all calls have in common.
pub struct Trial<'a> {
    /// What runs them.
    pub runtime: &'a Arc<Runtime>,
    /// The release.
    pub release: &'a Digest,
    /// Its settings, as JSON text.
    pub settings: String,
    /// Its tables.
    pub tables: Arc<Tables>,
    /// What it says of itself.
    pub description: &'a Description,
}

impl Trial<'_> {
    /// Makes all calls, and puts what they showed into the verdict.
    pub async fn run(&self, progress: &Progress, admission: &mut Admission) {
        let orders = awkward::orders();
        let answers: usize =
            self.description.deliveries.iter().map(|kind| awkward::answers(*kind).len()).max().unwrap_or_default();
        let total = orders.len().saturating_mul(2).saturating_add(answers);
        progress(0, total);
        let tried = self.map_all(orders, &|done| progress(done, total)).await;
        admission.put(found::awkward_orders(&tried));
        admission.put(found::same_bytes(&tried));
        admission.cost = Some(found::cost(&tried));
        let everyday = tried.first().and_then(|tried| tried.first.result.as_ref().ok()?.as_ref().ok());
        match everyday {
            None => {
                let why = "the everyday order was not delivered, see `awkward-orders`";
                admission.put(Judged::not_judged(Item::FileNames, why));
                admission.put(Judged::not_judged(Item::AwkwardAnswers, why));
            }
            Some(delivery) => {
                admission.put(self.file_names(delivery).await);
                admission.put(self.awkward_answers(delivery).await);
            }
        }
        progress(total, total);
    }

    /// Maps each order twice; then the everyday one for every other purpose that the plugin names.
    async fn map_all(&self, orders: Vec<Awkward>, done: &(dyn Fn(usize) + Send + Sync)) -> Vec<Tried> {
        let mut calls: Vec<(String, Arc<Order>, Context)> = Vec::with_capacity(orders.len().saturating_add(3));
        for (index, Awkward { name, order }) in orders.into_iter().enumerate() {
            calls.push((name, Arc::new(order), self.context(index, Purpose::Create)));
        }
        for purpose in self.description.purposes.iter().filter(|purpose| **purpose != Purpose::Create) {
            let name = format!("an everyday order, asked for {purpose:?}");
            calls.push((name, Arc::new(awkward::everyday(3)), self.context(0, *purpose)));
        }
        let mut tasks = stream::iter(calls.into_iter().map(|(name, order, context)| {
            let (runtime, release, tables) = (Arc::clone(self.runtime), self.release.clone(), Arc::clone(&self.tables));
            tokio::spawn(async move {
                let first = runtime.map_order(&release, Arc::clone(&order), context.clone(), Arc::clone(&tables)).await;
                let again = runtime.map_order(&release, order, context, tables).await;
                let same = first.result == again.result && is_same_work(&first.usage, &again.usage);
                Tried { name, first, same }
            })
        }))
        .buffered(AT_ONCE);
        let mut tried = Vec::new();
        while let Some(one) = tasks.next().await {
            // A call that panics in the host would be a bug of ours; it is as good as a trap here.
            if let Ok(one) = one {
                tried.push(one);
            }
            done(tried.len().saturating_mul(2));
        }
        tried
    }

    fn context(&self, index: usize, purpose: Purpose) -> Context {
        let number = u64::try_from(index).unwrap_or_default().saturating_add(1);
        Context {
            purpose,
            connection: "admission".to_owned(),
            settings: self.settings.clone(),
            pass: 1,
            attempt: 1,
            step: 0,
            idempotency_key: format!("admission-{number}"),
            document_number: number,
            mapped_at: awkward::WHEN.to_owned(),
            shop_time_zone: "Europe/Berlin".to_owned(),
            erp_time_zone: "Australia/Sydney".to_owned(),
            request_id: format!("admission-{number}"),
            previous: None,
            logins: Vec::new(),
        }
    }

    /// Another order that differs in its ids and numbers only must get other names.
    async fn file_names(&self, delivery: &Delivery) -> Judged {
        let DeliveryContent::Files(one) = &delivery.content else {
            return Judged::passed(Item::FileNames, Vec::new());
        };
        let mut other = awkward::everyday(3);
        "70002".clone_into(&mut other.shop_order_id);
        "WEB-70002".clone_into(&mut other.order_number);
        let context = self.context(1, Purpose::Create);
        let mapped =
            self.runtime.map_order(self.release, Arc::new(other), context, Arc::clone(&self.tables)).await.result;
        let Ok(Ok(Delivery { content: DeliveryContent::Files(other), .. })) = mapped else {
            return Judged::not_judged(Item::FileNames, "a second everyday order gave no files");
        };
        let in_both =
            |name: &str| other.files.iter().chain(&other.trigger).any(|file| file.name.eq_ignore_ascii_case(name));
        let constant: Vec<_> = one
            .files
            .iter()
            .filter(|file| in_both(&file.name))
            .map(|file| {
                format!(
                    "the file `{}` has the same name for every order: the second one could not be told from the first",
                    file.name.escape_default()
                )
            })
            .collect();
        if !constant.is_empty() {
            return Judged::failed(Item::FileNames, constant);
        }
        let trigger = one.trigger.iter().filter(|file| in_both(&file.name)).map(|file| {
            format!(
                "the trigger `{}` has the same name for every order: connections must name it (`constant_trigger`)",
                file.name.escape_default()
            )
        });
        Judged::passed(Item::FileNames, trigger.collect())
    }

    async fn awkward_answers(&self, delivery: &Delivery) -> Judged {
        let kind = match delivery.content {
            DeliveryContent::Http(_) => DeliveryKind::Http,
            DeliveryContent::Files(_) => DeliveryKind::Files,
        };
        let order = Arc::new(awkward::everyday(3));
        let answers = awkward::answers(kind);
        let count = answers.len();
        let mut faults = found::Groups::default();
        for (name, response, default) in answers {
            if let Err(fault) = self.read(&order, delivery, response, default).await {
                faults.add(&fault, &name);
            }
        }
        Judged::of(Item::AwkwardAnswers, faults.texts(count, "answers"))
    }

    async fn read(
        &self,
        order: &Arc<Order>,
        delivery: &Delivery,
        response: Response,
        default: DefaultVerdict,
    ) -> Result<(), PluginFault> {
        let called = self.runtime.parse_response(
            self.release,
            Arc::clone(order),
            self.context(0, Purpose::Create),
            Arc::clone(&self.tables),
            delivery.state.clone(),
            response,
            default,
        );
        called.await.result.map(drop)
    }
}

/// Fuel and memory repeat; wall time does not.
fn is_same_work(one: &Usage, other: &Usage) -> bool {
    (one.cpu_used, one.memory_peak) == (other.cpu_used, other.memory_peak)
}
