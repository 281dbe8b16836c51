//! What a plugin is told besides the order: purpose, pass, frozen time, settings, what is known from before.

use orderdock_order::{Instant, Pair};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What the host wants from the plugin. Only purposes that the description lists are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Bring a new order into the ERP.
    #[default]
    Create,
    /// Ask the ERP whether it has the order: the outcome of an earlier send is unknown.
    LookUp,
    /// The order was changed after it was sent.
    Update,
    /// The order was cancelled after it was sent.
    Cancel,
}

/// How an earlier pass, or the step now in doubt, ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreviousOutcome {
    /// The ERP has it.
    Delivered,
    /// Refused.
    Failed,
    /// May or may not be in the ERP.
    Unknown,
}

/// What is known from before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// How it ended.
    pub outcome: PreviousOutcome,
    /// The ERP's id, if it told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erp_order_id: Option<String>,
    /// The number people use in the ERP, if it told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erp_order_number: Option<String>,
    /// The state that the plugin gave for the step in doubt; empty otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "crate::bytes_form")]
    pub state: Vec<u8>,
    /// Room for growth.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra: Vec<Pair>,
}

/// Everything besides the order. The host fills all of it; nothing in it changes when a call is repeated.
///
/// `S` is the plugin's settings type. `Context<String>` holds the settings as the JSON text that crosses the border.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context<S> {
    /// What is wanted.
    pub purpose: Purpose,
    /// Name of the connection. Example: `acme-webshop`.
    pub connection: String,
    /// The connection's settings for this plugin.
    pub settings: S,
    /// Which pass of the order this is, from 1.
    pub pass: u32,
    /// Which attempt of the pass this is, from 1.
    pub attempt: u32,
    /// Index of the call within a conversation, from 0.
    pub step: u32,
    /// Stable for every repeat of this pass and step; for ERPs that know idempotency keys.
    pub idempotency_key: String,
    /// Counts up per connection, the same for every repeat of a pass; without a promise of no gaps.
    pub document_number: u64,
    /// The time of mapping, frozen for the whole pass. A plugin's only clock.
    pub mapped_at: Instant,
    /// IANA name of the shop's time zone. Example: `Europe/Berlin`.
    pub shop_time_zone: String,
    /// IANA name of the ERP's time zone.
    pub erp_time_zone: String,
    /// Id of this call in the host's log.
    pub request_id: String,
    /// What is known from an earlier pass or of the step in doubt.
    pub previous: Option<Previous>,
    /// Slots of remembered logins that are alive.
    pub logins: Vec<String>,
    /// Room for growth.
    pub extra: Vec<Pair>,
}

/// Settings that do not fit the plugin's settings type. The host checks settings against the schema before, so this
/// says what the schema could not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("setting `{path}`: {message}")]
pub struct SettingsError {
    /// Path of the setting, `.` for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

impl Context<String> {
    /// Reads the settings, moving everything else.
    ///
    /// # Errors
    /// When the settings do not fit `S`; the error names the setting.
    pub fn read_settings<S: DeserializeOwned>(self) -> Result<Context<S>, SettingsError> {
        let settings = parse_settings(&self.settings)?;
        Ok(self.with_settings(settings))
    }
}

impl<S> Context<S> {
    /// The same context with other settings.
    pub fn with_settings<T>(self, settings: T) -> Context<T> {
        Context {
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
        }
    }
}

/// Reads the settings from their JSON text.
///
/// # Errors
/// When they do not fit `S`; the error names the setting.
pub fn parse_settings<S: DeserializeOwned>(json: &str) -> Result<S, SettingsError> {
    // The plain reader first: naming the path costs time that only bad settings should pay.
    let plain = match serde_json::from_str(json) {
        Ok(settings) => return Ok(settings),
        Err(error) => error,
    };
    let mut reader = serde_json::Deserializer::from_str(json);
    match serde_path_to_error::deserialize::<_, S>(&mut reader) {
        Err(error) => Err(settings_error(&error.path().to_string(), error.inner())),
        Ok(_) => Err(settings_error(".", &plain)),
    }
}

fn settings_error(path: &str, error: &serde_json::Error) -> SettingsError {
    SettingsError { path: path.to_owned(), message: error.to_string() }
}
