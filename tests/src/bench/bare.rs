//! What the journey is compared with: a loop that makes the same calls and keeps nothing, or only the same commits.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::ensure;
use reqwest::{Client, Method, redirect};

use super::{commits::Commits, now, servers::Servers};

/// The loop.
pub struct Bare {
    /// For reads and changes: connections are kept, as the shop's adapter keeps them.
    kept: Client,
    /// For notes and the ERP: a new connection each, which the product owes to never sending twice.
    fresh: Client,
    shop: String,
    erp: String,
    /// How many orders share one page of the list.
    list_every: usize,
    commits: Option<Commits>,
}

impl Bare {
    /// A loop over these servers.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(servers: &Servers, list_every: usize, commits: Option<Commits>) -> anyhow::Result<Self> {
        let builder = || Client::builder().redirect(redirect::Policy::none()).retry(reqwest::retry::never()).no_proxy();
        // The library wants a provider even where nothing is encrypted; a second one is refused, which does not matter.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Loopback without TLS: the machine's certificates are not asked for.
        let builder = || builder().tls_certs_only([]);
        Ok(Self {
            kept: builder().build()?,
            fresh: builder().pool_max_idle_per_host(0).build()?,
            shop: servers.shop.clone(),
            erp: servers.erp.clone(),
            list_every: list_every.max(1),
            commits,
        })
    }

    /// Carries `count` orders from `first` on, so many at once; orders a second.
    ///
    /// # Errors
    /// When a call or a commit fails.
    pub async fn run(self, first: usize, count: usize, at_once: usize) -> anyhow::Result<f64> {
        let bare = Arc::new(self);
        let next = Arc::new(AtomicUsize::new(0));
        let begun = now();
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..at_once {
            let (bare, next) = (Arc::clone(&bare), Arc::clone(&next));
            workers.spawn(async move {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return anyhow::Ok(());
                    }
                    bare.carry(index, first + index).await?;
                }
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended??;
        }
        #[expect(clippy::cast_precision_loss, reason = "some thousand orders")]
        Ok(count as f64 / begun.elapsed().as_secs_f64())
    }

    async fn carry(&self, index: usize, id: usize) -> anyhow::Result<()> {
        let order = format!("/orders/{id}");
        if index.is_multiple_of(self.list_every) {
            let from = id - 1;
            self.shop(Method::GET, &format!("/orders?status=New+Order&limit=100&from_id={from}"), None).await?;
        }
        self.commit(id, 1, "seen").await?;
        self.commit(id, 2, "claimed").await?;
        let text = self.shop(Method::GET, &order, None).await?;
        // The mapped order is about as long as the shop's.
        self.commit(id, 3, &text).await?;
        let answer = self.fresh.post(format!("{}/orders", self.erp)).body(text).send().await?.error_for_status()?;
        let answer = answer.text().await?;
        self.commit(id, 4, &answer).await?;
        let put = |body: &str| self.shop(Method::PUT, &order, Some(body.to_owned()));
        put(r#"{"seller_reference":"ERP-1"}"#).await?;
        self.shop(Method::POST, &format!("{order}/timeline"), Some(r#"{"message":"The ERP has it"}"#.to_owned()))
            .await?;
        put(r#"{"backoffice_processed_at":1767322860}"#).await?;
        self.shop(Method::GET, &order, None).await?;
        put(r#"{"status":"In Progress"}"#).await?;
        Ok(())
    }

    async fn shop(&self, method: Method, path: &str, body: Option<String>) -> anyhow::Result<String> {
        let client = if method == Method::POST { &self.fresh } else { &self.kept };
        let mut request = client.request(method, format!("{}{path}", self.shop));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await?;
        ensure!(answer.status().is_success(), "the shop answered {} to {path}", answer.status());
        Ok(answer.text().await?)
    }

    async fn commit(&self, id: usize, step: i64, body: &str) -> anyhow::Result<()> {
        match &self.commits {
            Some(commits) => commits.commit(id, step, body.to_owned()).await,
            None => Ok(()),
        }
    }
}
