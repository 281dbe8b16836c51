//! WooCommerce: REST API v3.
//!
//! `set_status` never mails the buyer by our wish, but WooCommerce itself mails on some statuses (`completed`, `on-hold`,
//! `refunded`): that is one reason why the defaults are statuses of the shop's own; see [`super::settings`].

mod mapping;
mod paging;
mod settings;

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json, value::RawValue};

use super::{
    Abilities, Shop, ShopError,
    http::{Ask, Client, accepted, path_with_id, read, read_base},
    json as lenient,
    reading::Object,
};
use crate::domain::{
    clock::Clock,
    problem::Problem,
    sight::{ListScope, Page, Sight},
};
use paging::{Cursor, Place, second};
pub use settings::Settings;

/// The kind's name in settings, and the order's `source`.
pub const KIND: &str = "woocommerce";

/// A WooCommerce shop.
pub struct WooCommerce {
    settings: Settings,
    client: Client,
}

impl WooCommerce {
    /// Opens the shop.
    ///
    /// # Errors
    /// All that is wrong with the settings and the key.
    pub fn open(
        settings: Settings,
        key: &SecretString,
        secret: &SecretString,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = settings.problems();
        let base =
            if settings.base_address.is_empty() { None } else { read_base(&settings.base_address, &mut problems) };
        let pair = format!("{}:{}", key.expose_secret(), secret.expose_secret());
        let basic = SecretString::from(format!("Basic {}", STANDARD.encode(pair)));
        let client = base.map(|mut base| {
            base.set_path(&format!("{}{}", base.path().trim_end_matches('/'), settings.api_path));
            Client::new(&base, &settings.http, &basic, "application/json", clock)
        });
        match client {
            Some(Ok(client)) if problems.is_empty() => Ok(Self { settings, client }),
            Some(Err(more)) => {
                problems.extend(more);
                Err(problems)
            }
            _ => Err(problems),
        }
    }

    fn one(&self, body: &[u8], wanted: &str) -> Result<Sight, ShopError> {
        let raw = read(body)?;
        let sight = mapping::sight(&raw, &self.settings)
            .ok_or_else(|| ShopError::Unclear(format!("the answer for order {wanted} has no `id`")))?;
        if sight.shop_order_id == wanted {
            Ok(sight)
        } else {
            Err(ShopError::Unclear(format!("asked for order {wanted}, the answer is order {}", sight.shop_order_id)))
        }
    }

    async fn put(&self, id: &str, patch: Value) -> Result<(), ShopError> {
        let ask = Ask::write(Method::PUT, path_with_id("/orders/{id}", id), patch.to_string()).about(id);
        let body = self.client.ask(ask).await?;
        // The answer is the order as it is now: a plugin of the shop may have put a status back.
        self.one(&body, id).map(drop)
    }
}

#[async_trait]
impl Shop for WooCommerce {
    fn abilities(&self) -> Abilities {
        Abilities {
            list_by_status: true,
            single_read: true,
            set_status: true,
            mark_processed: false,
            notes: true,
            notes_listed: true,
            erp_order_id: true,
            heartbeat: false,
            names_actors: false,
            read_lag_s: self.settings.read_lag_s,
        }
    }

    async fn list(&self, scope: &ListScope, cursor: Option<&str>) -> Result<Page, ShopError> {
        if matches!(scope, ListScope::InStatus(statuses) if statuses.is_empty()) {
            return Ok(Page::default());
        }
        let cursor = Cursor::read(scope, cursor)?;
        let mut ask = Ask::get("/orders");
        ask.query = cursor.query(scope, self.settings.page_size);
        let body = self.client.ask(ask).await?;
        let whole = read(&body)?;
        let items =
            lenient::items(&whole).ok_or_else(|| ShopError::Unclear("the list's answer is not a list".to_owned()))?;
        let mut sights = Vec::with_capacity(items.len());
        let mut places = Vec::with_capacity(items.len());
        for item in items {
            let (sight, id) = both(item, &self.settings)?;
            let moment = if matches!(scope, ListScope::ModifiedSince(_)) { sight.modified_ms } else { sight.placed_ms };
            places.push(Place { id, second: moment.map(second) });
            sights.push(sight);
        }
        let next = cursor.next(&places, self.settings.page_size, self.settings.most_pages)?;
        Ok(Page { sights, next: next.and_then(|next| next.text()) })
    }

    async fn get(&self, shop_order_id: &str) -> Result<Sight, ShopError> {
        let ask = Ask::get(path_with_id("/orders/{id}", shop_order_id)).about(shop_order_id);
        self.one(&self.client.ask(ask).await?, shop_order_id)
    }

    async fn set_status(&self, shop_order_id: &str, status: &str) -> Result<(), ShopError> {
        self.put(shop_order_id, json!({ "status": status })).await
    }

    async fn mark_processed(&self, _: &str) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("stamp an order as processed"))
    }

    /// `customer_note` stays false: true would mail the text to the buyer.
    async fn add_note(&self, shop_order_id: &str, text: &str, marker: &str) -> Result<(), ShopError> {
        let note = format!("{} [{marker}]", html(text));
        let path = path_with_id("/orders/{id}/notes", shop_order_id);
        let body = json!({ "note": note, "customer_note": false }).to_string();
        accepted(&self.client.ask(Ask::write(Method::POST, path, body).about(shop_order_id)).await?)
    }

    async fn has_note(&self, shop_order_id: &str, marker: &str) -> Result<bool, ShopError> {
        let path = path_with_id("/orders/{id}/notes", shop_order_id);
        let body = self.client.ask(Ask::get(path).about(shop_order_id)).await?;
        let whole = read(&body)?;
        let notes = lenient::items(&whole).ok_or_else(|| ShopError::Unclear("the notes are not a list".to_owned()))?;
        let marked = format!("[{marker}]");
        Ok(notes.iter().filter_map(|note| Object::read(note, "")).any(|note| note.text("note").contains(&marked)))
    }

    /// A key without an id changes the value that is there, so the same again changes nothing.
    async fn set_erp_order_id(&self, shop_order_id: &str, erp_order_id: &str) -> Result<(), ShopError> {
        let item = json!({ "key": self.settings.erp_order_id_key, "value": erp_order_id });
        self.put(shop_order_id, json!({ "meta_data": [item] })).await
    }

    async fn heartbeat(&self) -> Result<(), ShopError> {
        Err(ShopError::Unsupported("take a sign of life"))
    }

    /// One small list per status: the shop answers an unknown one with the list of those that it has, and nothing is changed.
    async fn check(&self, statuses: &[String]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut unique: BTreeSet<&str> = statuses.iter().map(String::as_str).collect();
        if unique.is_empty() {
            unique.insert("any");
        }
        for status in unique {
            let ask = Ask::get("/orders").with("status", status).with("per_page", "1").with("_fields", "id,status");
            match self.client.ask(ask).await {
                Ok(body) => {
                    if !read(&body).is_ok_and(|whole| lenient::items(&whole).is_some()) {
                        let problem =
                            Problem::new("shop.base_address", "what answers there is not the WooCommerce REST API");
                        problems.push(
                            problem.hint("the address may need the folder of the shop, or permalinks are set to plain"),
                        );
                        break;
                    }
                }
                Err(ShopError::Refused { status: 404, message }) => {
                    let problem =
                        Problem::new("shop.base_address", format!("there is no WooCommerce REST API: {message}"));
                    problems.push(
                        problem.hint("the address may need the folder of the shop, or permalinks are set to plain"),
                    );
                    break;
                }
                Err(ShopError::Refused { status: 400, message }) => problems.push(
                    Problem::new(format!("status `{status}`"), format!("the shop does not know it: {message}"))
                        .hint("register it in the shop, or map a status that the shop has"),
                ),
                Err(ShopError::Unauthorised { status, message }) => {
                    let problem = Problem::new(
                        "shop.secrets",
                        format!("the shop refused the consumer key ({status}): {message}"),
                    );
                    problems.push(problem.hint("the key needs read and write access"));
                    break;
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

fn both(item: &RawValue, settings: &Settings) -> Result<(Sight, u64), ShopError> {
    let found = mapping::sight(item, settings).zip(mapping::id(item));
    found.ok_or_else(|| ShopError::Unclear("an order in the list has no `id`".to_owned()))
}

/// Notes are shown as HTML: text must not become a tag and vanish.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
