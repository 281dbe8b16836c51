//! EvolutionX: Orders API v1, as far as it is published; the rest is in [`Settings`].

mod mapping;
mod settings;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use super::{
    Abilities, Shop, ShopError, Shown,
    http::{Ask, Client, Lane, accepted, path_with_id, read, read_base},
    json as lenient,
    reading::Object,
};
use crate::domain::{
    clock::{Clock, Millis},
    problem::Problem,
    sight::{ListScope, Page, Sight},
};
pub use settings::{Actors, AddressFields, Call, Calls, Fields, LineFields, ListBy, Method, Region, Settings};

/// The kind's name in settings, and the order's `source`.
pub const KIND: &str = "evolutionx";
/// What the vendor's API asks for.
const ACCEPT: &str = "application/vnd.evolutionx.v1+json";
/// Requests a minute (vendor's API reference).
const VENDOR_LIMIT: u32 = 100;

/// An EvolutionX shop.
pub struct EvolutionX {
    settings: Settings,
    client: Client,
    clock: Arc<dyn Clock>,
}

/// Where a sweep is.
#[derive(Serialize, Deserialize)]
struct Cursor {
    /// Which of the lists.
    list: usize,
    /// The vendor's cursor in it.
    from_id: Option<String>,
    /// Pages so far.
    pages: u32,
}

/// One list of a sweep.
enum List<'a> {
    Status(Option<&'a str>),
    Unprocessed,
}

impl EvolutionX {
    /// Opens the shop.
    ///
    /// # Errors
    /// All that is wrong with the settings and the token.
    pub fn open(mut settings: Settings, token: &SecretString, clock: Arc<dyn Clock>) -> Result<Self, Vec<Problem>> {
        let mut problems = settings.problems();
        settings.http.requests_per_minute.get_or_insert(VENDOR_LIMIT);
        let base = if settings.address().is_empty() { None } else { read_base(settings.address(), &mut problems) };
        let bearer = SecretString::from(format!("Bearer {}", token.expose_secret()));
        let client = base.map(|base| Client::new(&base, &settings.http, &bearer, ACCEPT, clock.clone()));
        match client {
            Some(Ok(client)) if problems.is_empty() => Ok(Self { settings, client, clock }),
            Some(Err(more)) => {
                problems.extend(more);
                Err(problems)
            }
            _ => Err(problems),
        }
    }

    fn lists<'a>(&self, scope: &'a ListScope) -> Result<Vec<List<'a>>, ShopError> {
        match scope {
            ListScope::InStatus(statuses) => {
                let by_status = statuses.iter().map(|status| List::Status(Some(status)));
                Ok(match self.settings.list_by {
                    ListBy::Status => by_status.collect(),
                    ListBy::Unprocessed => vec![List::Unprocessed],
                    ListBy::Both => by_status.chain([List::Unprocessed]).collect(),
                })
            }
            ListScope::PlacedSince(_) => Ok(vec![List::Status(None)]),
            ListScope::ModifiedSince(_) => Err(ShopError::Unsupported("list orders by when they were changed")),
        }
    }

    /// The status as the API wants it.
    fn status_word<'a>(&'a self, status: &'a str) -> &'a str {
        self.settings.status_ids.get(status).map_or(status, String::as_str)
    }

    fn one(&self, body: &[u8], wanted: &str) -> Result<Sight, ShopError> {
        let whole = read(body)?;
        let raw = self.unwrap(&whole);
        let sight = mapping::sight(raw, &self.settings).ok_or_else(|| self.without_id(wanted))?;
        if sight.shop_order_id == wanted { Ok(sight) } else { Err(another(wanted, &sight.shop_order_id)) }
    }

    fn without_id(&self, wanted: &str) -> ShopError {
        ShopError::Unclear(format!("the answer for order {wanted} has no `{}`", self.settings.fields.id))
    }

    fn unwrap<'a>(&self, whole: &'a RawValue) -> &'a RawValue {
        Object::read(whole, "").and_then(|top| top.at(&self.settings.fields.wrapper)).unwrap_or(whole)
    }

    async fn write(&self, call: &Call, id: &str, value: Value, verb: &'static str) -> Result<(), ShopError> {
        if !call.is_there() {
            return Err(ShopError::Unsupported(verb));
        }
        let path = path_with_id(&call.path, id);
        let ask = Ask::write(method(call.method), path, body_with(&call.field, value).to_string()).about(id);
        accepted(&self.client.ask(ask).await?)
    }

    async fn page(&self, list: &List<'_>, from_id: Option<&str>) -> Result<(Vec<Sight>, Option<String>), ShopError> {
        let calls = &self.settings.calls;
        let mut ask = match list {
            List::Status(status) => {
                let ask = Ask::get(&calls.list);
                match status {
                    Some(status) => ask.with("status", self.status_word(status)),
                    None => ask,
                }
            }
            List::Unprocessed => Ask::get(&calls.unprocessed),
        };
        ask = ask.with("limit", self.settings.page_size.to_string());
        if let Some(from_id) = from_id {
            ask = ask.with("from_id", from_id);
        }
        let body = self.client.ask(ask).await?;
        let whole = read(&body)?;
        let fields = &self.settings.fields;
        let top = Object::read(&whole, "")
            .ok_or_else(|| ShopError::Unclear("the list's answer is not an object".to_owned()))?;
        let items = top
            .at(&fields.list)
            .and_then(lenient::items)
            .ok_or_else(|| ShopError::Unclear(format!("the list's answer has no list `{}`", fields.list)))?;
        let mut sights = Vec::with_capacity(items.len());
        for item in &items {
            sights.push(
                mapping::sight(item, &self.settings)
                    .ok_or_else(|| ShopError::Unclear(format!("an order in the list has no `{}`", fields.id)))?,
            );
        }
        let next =
            top.some_text(&fields.cursor).filter(|next| !items.is_empty() && !matches!(next.as_str(), "0" | "false"));
        Ok((sights, next))
    }
}

#[async_trait]
impl Shop for EvolutionX {
    fn abilities(&self) -> Abilities {
        let calls = &self.settings.calls;
        Abilities {
            list_by_status: true,
            single_read: !calls.get.is_empty(),
            set_status: calls.set_status.is_there(),
            mark_processed: calls.mark_processed.is_there(),
            notes: calls.add_note.is_there(),
            notes_listed: calls.list_notes.is_there(),
            erp_order_id: calls.set_reference.is_there(),
            heartbeat: calls.heartbeat.is_there(),
            names_actors: !self.settings.actors.creator_kind.is_empty() || !self.settings.actors.status_kind.is_empty(),
            read_lag_s: self.settings.read_lag_s,
        }
    }

    /// Pages go by the vendor's id cursor, which does not shift when orders leave the status meanwhile.
    async fn list(&self, scope: &ListScope, cursor: Option<&str>) -> Result<Page, ShopError> {
        let lists = self.lists(scope)?;
        let at = match cursor {
            None => Cursor { list: 0, from_id: None, pages: 0 },
            Some(text) => serde_json::from_str(text)
                .map_err(|error| ShopError::Unclear(format!("not a cursor of ours: {error}")))?,
        };
        let Some(list) = lists.get(at.list) else { return Ok(Page::default()) };
        let (mut sights, next) = self.page(list, at.from_id.as_deref()).await?;
        if let (Some(next), Some(before)) = (&next, &at.from_id)
            && next == before
        {
            return Err(ShopError::Unclear(format!("the list's cursor stays at {next}: the sweep would never end")));
        }
        if at.pages >= self.settings.most_pages {
            return Err(ShopError::Unclear(format!("the list has not ended after {} pages (`most_pages`)", at.pages)));
        }
        if let ListScope::PlacedSince(since) = scope {
            sights.retain(|sight| sight.placed_ms.is_none_or(|placed| placed >= *since));
        }
        let pages = at.pages + 1;
        let next = match next {
            Some(from_id) => Some(Cursor { list: at.list, from_id: Some(from_id), pages }),
            None if at.list + 1 < lists.len() => Some(Cursor { list: at.list + 1, from_id: None, pages }),
            None => None,
        };
        Ok(Page { sights, next: next.and_then(|next| serde_json::to_string(&next).ok()) })
    }

    async fn get(&self, shop_order_id: &str) -> Result<Sight, ShopError> {
        if self.settings.calls.get.is_empty() {
            return Err(ShopError::Unsupported("read a single order"));
        }
        let path = path_with_id(&self.settings.calls.get, shop_order_id);
        self.one(&self.client.ask(Ask::get(path).about(shop_order_id)).await?, shop_order_id)
    }

    async fn shown(&self, shop_order_id: &str) -> Result<Shown, ShopError> {
        if self.settings.calls.get.is_empty() {
            return Err(ShopError::Unsupported("read a single order"));
        }
        let path = path_with_id(&self.settings.calls.get, shop_order_id);
        let whole = read(&self.client.ask(Ask::get(path).about(shop_order_id)).await?)?;
        let shown = mapping::shown(self.unwrap(&whole), &self.settings);
        let (id, shown) = shown.ok_or_else(|| self.without_id(shop_order_id))?;
        if id == shop_order_id { Ok(shown) } else { Err(another(shop_order_id, &id)) }
    }

    async fn set_status(&self, shop_order_id: &str, status: &str) -> Result<(), ShopError> {
        let word = self.status_word(status);
        self.write(&self.settings.calls.set_status, shop_order_id, json!(word), "change an order's status").await
    }

    async fn mark_processed(&self, shop_order_id: &str) -> Result<(), ShopError> {
        let now: Millis = self.clock.now_ms();
        let call = &self.settings.calls.mark_processed;
        self.write(call, shop_order_id, json!(now.div_euclid(1000)), "stamp an order as processed").await
    }

    async fn add_note(&self, shop_order_id: &str, text: &str, marker: &str) -> Result<(), ShopError> {
        let note = format!("{text} [{marker}]");
        self.write(&self.settings.calls.add_note, shop_order_id, json!(note), "add a timeline entry").await
    }

    async fn has_note(&self, shop_order_id: &str, marker: &str) -> Result<bool, ShopError> {
        let call = &self.settings.calls.list_notes;
        if !call.is_there() {
            return Err(ShopError::Unsupported("list timeline entries"));
        }
        let body = self.client.ask(Ask::get(path_with_id(&call.path, shop_order_id)).about(shop_order_id)).await?;
        let whole = read(&body)?;
        let list = self.unwrap(&whole);
        let items = lenient::items(list).ok_or_else(|| ShopError::Unclear("the timeline is not a list".to_owned()))?;
        let marked = format!("[{marker}]");
        Ok(items
            .iter()
            .filter_map(|item| Object::read(item, ""))
            .any(|entry| entry.text(&call.field).contains(&marked)))
    }

    async fn set_erp_order_id(&self, shop_order_id: &str, erp_order_id: &str) -> Result<(), ShopError> {
        let call = &self.settings.calls.set_reference;
        self.write(call, shop_order_id, json!(erp_order_id), "store the ERP order id").await
    }

    async fn heartbeat(&self) -> Result<(), ShopError> {
        let call = &self.settings.calls.heartbeat;
        if !call.is_there() {
            return Err(ShopError::Unsupported("take a sign of life"));
        }
        let mut ask =
            Ask::write(method(call.method), call.path.clone(), body_with(&call.field, json!("alive")).to_string());
        ask.lane = Lane::Heartbeat;
        self.client.ask(ask).await.map(drop)
    }

    /// One small list per mapped status: the API publishes no list of statuses, so an unknown one shows as a refusal only.
    async fn check(&self, statuses: &[String]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let unique: BTreeSet<&String> = statuses.iter().collect();
        let mut asks: Vec<(String, Ask<'_>)> = unique
            .into_iter()
            .map(|status| {
                (
                    format!("status `{status}`"),
                    Ask::get(&self.settings.calls.list).with("status", self.status_word(status)).with("limit", "1"),
                )
            })
            .collect();
        if asks.is_empty() {
            asks.push(("shop".to_owned(), Ask::get(&self.settings.calls.list).with("limit", "1")));
        }
        for (what, ask) in asks {
            match self.client.ask(ask).await {
                Ok(body) => {
                    if let Err(error) = read(&body) {
                        problems
                            .push(Problem::new("shop", error.to_string()).hint("is `base_address` the API's address?"));
                        break;
                    }
                }
                Err(ShopError::Refused { status: code, message }) => {
                    problems
                        .push(Problem::new(format!("shop, {what}"), format!("the shop refused ({code}): {message}")));
                }
                Err(error) => {
                    problems.push(Problem::new("shop", error.to_string()));
                    break;
                }
            }
        }
        problems
    }
}

fn another(wanted: &str, id: &str) -> ShopError {
    ShopError::Unclear(format!("asked for order {wanted}, the answer is order {id}"))
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
    }
}

/// A JSON body with a value at a dot path. The vendor asks for empty texts, never null; we send no other field.
fn body_with(path: &str, value: Value) -> Value {
    if path.is_empty() {
        return json!({});
    }
    path.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}
