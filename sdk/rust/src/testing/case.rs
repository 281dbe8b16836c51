//! A case on disk: an order, settings, what the host would say beside them, and what came back from the ERP.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use orderdock_order::{Instant, Order, Pair};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::double::Tables;
use super::json_text;
use crate::{Context, DefaultVerdict, Previous, Purpose, Response, ResponseContent};

/// `context.json`: what differs from the fixed defaults. Everything may be left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseContext {
    /// Default `create`.
    pub purpose: Purpose,
    /// Default `test`.
    pub connection: String,
    /// Default 1.
    pub pass: u32,
    /// Default 1.
    pub attempt: u32,
    /// Default 0.
    pub step: u32,
    /// Default `test-key-1`.
    pub idempotency_key: String,
    /// Default 1.
    pub document_number: u64,
    /// Default `2026-01-02T03:04:05Z`.
    pub mapped_at: Instant,
    /// Default `Europe/Berlin`.
    pub shop_time_zone: String,
    /// Default `Europe/Berlin`.
    pub erp_time_zone: String,
    /// Default `test-request-1`.
    pub request_id: String,
    /// Default none.
    pub previous: Option<Previous>,
    /// Default none.
    pub logins: Vec<String>,
    /// Default none.
    pub extra: Vec<Pair>,
    /// Look-up tables; default none.
    pub tables: Tables,
}

impl Default for CaseContext {
    fn default() -> Self {
        Self {
            purpose: Purpose::Create,
            connection: "test".to_owned(),
            pass: 1,
            attempt: 1,
            step: 0,
            idempotency_key: "test-key-1".to_owned(),
            document_number: 1,
            mapped_at: Instant::trusted("2026-01-02T03:04:05Z".to_owned()),
            shop_time_zone: "Europe/Berlin".to_owned(),
            erp_time_zone: "Europe/Berlin".to_owned(),
            request_id: "test-request-1".to_owned(),
            previous: None,
            logins: Vec::new(),
            extra: Vec::new(),
            tables: Tables::new(),
        }
    }
}

impl CaseContext {
    /// The context of a call, and the look-up tables; settings are JSON text.
    #[must_use]
    pub fn with_settings(self, settings: String) -> (Context<String>, Tables) {
        let context = Context {
            purpose: self.purpose,
            connection: self.connection,
            settings,
            pass: self.pass,
            attempt: self.attempt,
            step: self.step,
            idempotency_key: self.idempotency_key,
            document_number: self.document_number,
            mapped_at: self.mapped_at,
            shop_time_zone: self.shop_time_zone,
            erp_time_zone: self.erp_time_zone,
            request_id: self.request_id,
            previous: self.previous,
            logins: self.logins,
            extra: self.extra,
        };
        (context, self.tables)
    }
}

/// `responses/<n>-<name>.json` as written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerFileForm {
    response: ResponseForm,
    /// Default: the state of the case's delivery.
    #[serde(default)]
    state: Option<String>,
    /// Laid over the case's `context.json`, field by field.
    #[serde(default)]
    context: serde_json::Map<String, Value>,
    #[serde(default)]
    verdict: Value,
}

#[derive(Clone, Debug, Deserialize)]
struct ResponseForm {
    #[serde(flatten)]
    content: ResponseContent,
    /// Default: what the host would conclude.
    #[serde(default)]
    default_verdict: Option<DefaultVerdict>,
    #[serde(default)]
    extra: Vec<Pair>,
}

/// One answer of the ERP and the verdict that is expected.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The file that it came from.
    pub path: PathBuf,
    /// What came back.
    pub response: Response,
    /// State handed to the plugin; none means that of the case's delivery.
    pub state: Option<Vec<u8>>,
    /// Context of this call.
    pub context: Context<String>,
    /// Look-up tables of this call.
    pub tables: Tables,
    /// Expected verdict; null when not blessed yet.
    pub verdict: Value,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The order.
    pub order: Order,
    /// The context with settings as JSON text.
    pub context: Context<String>,
    /// Look-up tables.
    pub tables: Tables,
    /// Answers, by file name.
    pub answers: Vec<Answer>,
}

impl Case {
    /// Reads a case from its folder.
    ///
    /// # Errors
    /// When a file is missing or does not read; the text names it.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut order: Order = read_json(&folder.join("order.json"))?;
        let raw = folder.join("raw.json");
        if raw.exists() {
            order.raw_json = read_text(&raw)?;
        }
        let settings_file = folder.join("settings.json");
        let settings = if settings_file.exists() { read_text(&settings_file)? } else { "{}".to_owned() };
        let context_file = folder.join("context.json");
        let base: serde_json::Map<String, Value> =
            if context_file.exists() { read_json(&context_file)? } else { serde_json::Map::new() };
        let (context, tables) = overlay(&base, &serde_json::Map::new(), &context_file)?.with_settings(settings.clone());

        let mut answers = Vec::new();
        for path in sorted(&folder.join("responses"))? {
            if path.extension().is_some_and(|end| end == "json") {
                answers.push(Answer::load(&path, &base, &settings)?);
            }
        }
        Ok(Self { name, folder: folder.to_owned(), order, context, tables, answers })
    }
}

impl Answer {
    /// Reads an answer: `{"response": …, "state": …, "context": …, "verdict": …}`, or what stands in `response` alone. `base` is
    /// the case's own `context.json`.
    ///
    /// # Errors
    /// When the file does not read; the text names it.
    pub fn load(path: &Path, base: &serde_json::Map<String, Value>, settings: &str) -> Result<Self, String> {
        let text = read_text(path)?;
        let given: Value = read_json(path)?;
        let whole = if given.get("response").is_some() { given } else { serde_json::json!({ "response": given }) };
        let form: AnswerFileForm =
            serde_path_to_error::deserialize(whole).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut form = form;
        if let Some(exact) = exact_body(&text) {
            match &mut form.response.content {
                ResponseContent::Http(answer) => answer.body = exact,
                ResponseContent::AnswerFile(file) => file.bytes = exact,
                ResponseContent::FilesWritten(_) | ResponseContent::DeadlinePassed(_) => {}
            }
        }
        let (context, tables) = overlay(base, &form.context, path)?.with_settings(settings.to_owned());
        let default_verdict = form.response.default_verdict.unwrap_or_else(|| by_rule(&form.response.content));
        Ok(Self {
            response: Response { content: form.response.content, default_verdict, extra: form.response.extra },
            state: form.state.map(String::into_bytes),
            context,
            tables,
            verdict: form.verdict,
            path: path.to_owned(),
        })
    }
}

/// What stands under `{"json": …}` in an answer, with each number's digits as written: an ERP's id may have 25 of them.
fn exact_body(answer: &str) -> Option<Vec<u8>> {
    let fields = |text: &str| serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text).ok();
    let whole = fields(answer)?;
    let response = match whole.get("response") {
        Some(response) => fields(response.get())?,
        None => whole,
    };
    let bytes = match (response.get("http"), response.get("answer_file")) {
        (Some(http), _) => fields(http.get())?.remove("body")?,
        (None, Some(file)) => fields(file.get())?.remove("bytes")?,
        (None, None) => return None,
    };
    let json = fields(bytes.get())?.remove("json")?;
    Some(json_text::compact(json.get()).into_bytes())
}

/// The folders below `folder`, by name.
///
/// # Errors
/// When the folder can't be listed or has no cases.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cases: Vec<PathBuf> = sorted(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    if cases.is_empty() {
        return Err(format!("no cases in {}: each case is a folder with an order.json", folder.display()));
    }
    Ok(cases)
}

fn overlay(
    base: &serde_json::Map<String, Value>,
    over: &serde_json::Map<String, Value>,
    path: &Path,
) -> Result<CaseContext, String> {
    let mut all = base.clone();
    all.extend(over.clone());
    serde_json::from_value(Value::Object(all)).map_err(|error| format!("{}: {error}", path.display()))
}

/// What the host would conclude by itself, where the connection does not trust 503.
fn by_rule(content: &ResponseContent) -> DefaultVerdict {
    match content {
        ResponseContent::Http(answer) => match answer.status {
            200..=299 => DefaultVerdict::Accepted,
            429 => DefaultVerdict::RetryLater,
            307 | 308 | 400..=499 => DefaultVerdict::Rejected,
            _ => DefaultVerdict::Unknown,
        },
        ResponseContent::FilesWritten(_) => DefaultVerdict::Accepted,
        ResponseContent::AnswerFile(_) | ResponseContent::DeadlinePassed(_) => DefaultVerdict::Unknown,
    }
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, String> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    Ok(paths)
}

fn read_text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a file of JSON.
///
/// # Errors
/// When it does not read; the text names it and the place in it.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = read_text(path)?;
    let mut reader = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| format!("{}: at `{}`: {}", path.display(), error.path(), error.inner()))
}
