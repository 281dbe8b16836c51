//! Reads and prints a connection file.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    ApiUserRule, BreakerSettings, ConnectionSettings, DestinationKind, DestinationSettings, Environment, GivenSecret,
    NotifySettings, Opaque, PaymentRule, Period, PluginChoice, RetrySettings, ScheduleSettings, SecretSource,
    ShopSettings, StatusMap, TakeRules, TimeZones, UnknownSettings, checks,
    host_file::{MAILBOX_HINT, is_mailbox},
    reader::{Document, Section},
    secret,
};
use crate::domain::{problem::Problem, schedule::Schedule};

/// What was read.
#[derive(Clone, Debug)]
pub struct ConnectionFile {
    /// The settings.
    pub settings: ConnectionSettings,
    /// The secrets that belong to them, by slot (`shop.token`, `destination.api_key`, `plugin.login`).
    pub secrets: Vec<GivenSecret>,
    /// What works but should be looked at.
    pub warnings: Vec<Problem>,
}

/// Reads the text of a connection file; `path` names it in problems, and its folder is where relative paths begin.
///
/// # Errors
/// Every problem at once.
pub fn read_connection(path: &Path, text: &str, environment: &Environment) -> Result<ConnectionFile, Vec<Problem>> {
    let document = Document::new(path, text);
    let table = document.root();
    let root = Section::root(&document, &table);
    let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
    let mut given =
        Given { folder: folder.unwrap_or_default(), environment, secrets: Vec::new(), warnings: Vec::new() };
    let settings = ConnectionSettings {
        name: name(&root),
        shop: shop(&root, &mut given),
        status: status(&root),
        take: take(&root),
        plugin: plugin(&root, &mut given),
        destination: destination(&root, &mut given),
        schedule: schedule(&root),
        retry: retry(&root),
        breaker: breaker(&root),
        unknown: unknown(&root),
        notify: notify(&root, &mut given),
        time_zones: time_zones(&root),
        checks: checks::read(&root),
        tables: tables(&root),
    };
    root.close();
    let problems = document.into_problems();
    if problems.is_empty() {
        Ok(ConnectionFile { settings, secrets: given.secrets, warnings: given.warnings })
    } else {
        Err(problems)
    }
}

/// The settings as a connection file. Applying it again changes nothing: secrets that stood in the file itself are
/// printed as `{ stored = true }`.
///
/// # Errors
/// When the settings hold something that TOML can't say (a JSON null inside another room's settings).
pub fn export(settings: &ConnectionSettings) -> Result<String, String> {
    toml::to_string(settings).map_err(|error| format!("the settings can't be written as TOML: {error}"))
}

/// What is gathered beside the settings.
struct Given<'e> {
    folder: PathBuf,
    environment: &'e Environment,
    secrets: Vec<GivenSecret>,
    warnings: Vec<Problem>,
}

impl Given<'_> {
    fn secrets(&mut self, of: &Section<'_, '_>, prefix: &str) -> BTreeMap<String, SecretSource> {
        let section = of.section("secrets");
        let mut sources = BTreeMap::new();
        for (key, found) in section.entries() {
            let slot = format!("{prefix}.{key}");
            let read = secret::read(&section, &found, &slot, &self.folder, self.environment, &mut self.warnings);
            if let Some((source, secret)) = read {
                sources.insert(key, source);
                self.secrets.push(secret);
            }
        }
        sources
    }
}

fn name(root: &Section<'_, '_>) -> String {
    let name = root.required("name", "\"my-shop\"");
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !name.is_empty() && (name.len() > 64 || !name.chars().all(good) || name.starts_with(['-', '_'])) {
        let hint = "at most 64 lower-case letters, digits, - and _, beginning with a letter or digit";
        root.note("name", "is not a name for a connection", Some(hint.into()));
    }
    name
}

/// The kinds of shop that have an adapter, and whether each is asked at an address.
const SHOPS: &[(&str, bool)] = &[("evolutionx", true), ("woocommerce", true), ("push", false)];

fn shop(root: &Section<'_, '_>, given: &mut Given<'_>) -> ShopSettings {
    let table = root.section("shop");
    let kind = table.required("kind", "\"evolutionx\"");
    let asked = if kind.is_empty() { None } else { table.choice("kind", SHOPS) };
    // EvolutionX has published addresses per region, which its adapter knows.
    let base_address = match table.text("base_address") {
        Some(address) => address.trim_end_matches('/').to_owned(),
        None => {
            if kind == "woocommerce" {
                table.required("base_address", "\"https://shop.example.com\"");
            }
            String::new()
        }
    };
    if !base_address.is_empty() {
        web_address(&table, "base_address", &base_address);
        if asked == Some(false) {
            table.note("base_address", "has no meaning for a shop that pushes its orders", Some("remove it".into()));
        }
    }
    let shop = ShopSettings {
        kind,
        base_address,
        account: table.text("account").unwrap_or_default(),
        settings: table.opaque("settings"),
        secrets: given.secrets(&table, "shop"),
    };
    table.close();
    shop
}

fn web_address(table: &Section<'_, '_>, key: &str, text: &str) {
    let message = match url::Url::parse(text) {
        Err(error) => format!("`{text}` is not an address: {error}"),
        Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host().is_none() => {
            format!("`{text}` is not an http or https address")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            "holds a password; secrets belong under `secrets`".to_owned()
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            "has a query or a fragment, which a base address can't have".to_owned()
        }
        Ok(_) => return,
    };
    table.note(key, &message, Some("write for example https://shop.example.com".into()));
}

fn status(root: &Section<'_, '_>) -> Option<StatusMap> {
    let table = root.section("status");
    if !table.is_given() {
        return None;
    }
    let map = StatusMap {
        new: table.texts("new").unwrap_or_default(),
        success: table.text("success"),
        failure: table.text("failure"),
        ignored: table.texts("ignored").unwrap_or_default(),
    };
    let same = |left: &str, right: &str| left.trim().to_lowercase() == right.trim().to_lowercase();
    // A written status that is also taken would send every order again and again.
    for (key, written) in [("success", &map.success), ("failure", &map.failure)] {
        if let Some(written) = written.as_ref().filter(|word| map.new.iter().any(|new| same(new, word))) {
            let message = format!("`{written}` is also under `new`: an order would be taken again after each send");
            table.note(key, &message, Some("write a status that `new` does not name".into()));
        }
    }
    if let Some(both) = map.ignored.iter().find(|word| map.new.iter().any(|new| same(new, word))) {
        table.note("ignored", &format!("`{both}` is also under `new`"), Some("leave it under one of them".into()));
    }
    table.close();
    Some(map)
}

fn take(root: &Section<'_, '_>) -> TakeRules {
    let table = root.section("take");
    let from = table.find("from").and_then(|found| {
        let text = match found.value {
            toml::de::DeValue::Datetime(moment) => moment.to_string(),
            _ => table.as_text(&found)?,
        };
        let moment = instant(&text);
        if moment.is_none() {
            let hint = "write 2026-11-01 (midnight UTC) or 2026-11-01T08:00:00+01:00";
            root.document.note(
                &found.span,
                &found.path,
                &format!("`{text}` is not a date or moment"),
                Some(hint.into()),
            );
        }
        moment
    });
    let rules = TakeRules {
        payment: table
            .choice("payment", &[("paid", PaymentRule::Paid), ("any", PaymentRule::Any)])
            .unwrap_or(PaymentRule::Paid),
        from,
        api_users: table.choice("api_users", &[("skip", ApiUserRule::Skip), ("take", ApiUserRule::Take)]),
        shipped: table.flag("shipped").unwrap_or(false),
        share: table.flag("share").unwrap_or(false),
    };
    table.close();
    rules
}

/// A date (midnight UTC) or an RFC 3339 moment, as RFC 3339 in UTC.
fn instant(text: &str) -> Option<String> {
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.to_string());
    }
    if text.len() > "2026-11-01".len() {
        return None;
    }
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().to_string())
}

fn plugin(root: &Section<'_, '_>, given: &mut Given<'_>) -> PluginChoice {
    let table = root.section("plugin");
    let release = table.required("release", "\"json-post@0.1.0\"");
    let digest = release.len() >= 8 && release.len() <= 64 && release.chars().all(|c| c.is_ascii_hexdigit());
    let named = release.split_once('@').is_some_and(|(name, version)| !name.is_empty() && !version.is_empty());
    if !release.is_empty() && !digest && !named {
        let hint = "write name@version or at least 8 digits of the digest; `orderdock plugin list` shows both";
        table.note("release", &format!("`{release}` names no release"), Some(hint.into()));
    }
    let choice = PluginChoice {
        release: if named { release } else { release.to_lowercase() },
        settings: table.opaque("settings"),
        secrets: given.secrets(&table, "plugin"),
    };
    table.close();
    choice
}

fn destination(root: &Section<'_, '_>, given: &mut Given<'_>) -> DestinationSettings {
    const KINDS: &[(&str, DestinationKind)] = &[("http", DestinationKind::Http), ("folder", DestinationKind::Folder)];
    let table = root.section("destination");
    let kind = if table.required("kind", "\"http\"").is_empty() { None } else { table.choice("kind", KINDS) };
    let mut settings: Opaque = table.opaque("settings");
    if kind == Some(DestinationKind::Folder)
        && let Some(serde_json::Value::String(path)) = settings.value.get_mut("path")
    {
        *path = given.folder.join(&*path).display().to_string();
    }
    let folders = table.section("answer_folders");
    let answer_folders = folders
        .entries()
        .into_iter()
        .filter_map(|(slot, found)| Some((slot, given.folder.join(folders.as_text(&found)?).display().to_string())))
        .collect();
    let secrets = given.secrets(&table, "destination");
    let most = |key| table.number(key, 1..=1_000_000).and_then(|number| u32::try_from(number).ok());
    let (requests_per_minute, at_once) = (most("requests_per_minute"), most("at_once"));
    table.close();
    let kind = kind.unwrap_or(DestinationKind::Http);
    DestinationSettings { kind, settings, secrets, answer_folders, requests_per_minute, at_once }
}

fn zone(table: &Section<'_, '_>, key: &str, usual: &str) -> String {
    let Some(zone) = table.text(key) else { return usual.to_owned() };
    if jiff::tz::TimeZone::get(&zone).is_err() {
        let hint = "write an IANA name such as Australia/Sydney, Europe/Berlin or UTC";
        table.note(key, &format!("`{zone}` is not a time zone that this machine knows"), Some(hint.into()));
    }
    zone
}

fn schedule(root: &Section<'_, '_>) -> ScheduleSettings {
    let table = root.section("schedule");
    let settings = ScheduleSettings {
        cron: table.text("cron").unwrap_or_else(|| "*/5 * * * *".into()),
        time_zone: zone(&table, "time_zone", "UTC"),
        jitter_s: table.number("jitter_s", 0..=3_600).and_then(|n| u32::try_from(n).ok()).unwrap_or(15),
    };
    if let Err(error) = Schedule::new(&settings.cron, "UTC", 0, "") {
        table.note("cron", &error.to_string(), Some("write five fields, such as */5 * * * *".into()));
    }
    table.close();
    settings
}

fn retry(root: &Section<'_, '_>) -> RetrySettings {
    let table = root.section("retry");
    let settings = RetrySettings {
        retry_for: table.period("retry_for").unwrap_or(Period(3_600)),
        first_wait: table.limit("first_wait").unwrap_or(Period(10)),
        longest_wait: table.limit("longest_wait").unwrap_or(Period(600)),
        trusts_503: table.flag("trusts_503").unwrap_or(false),
    };
    if settings.longest_wait < settings.first_wait {
        let message = format!("is shorter than the first wait ({})", settings.first_wait);
        table.note("longest_wait", &message, None);
    }
    table.close();
    settings
}

fn breaker(root: &Section<'_, '_>) -> BreakerSettings {
    let table = root.section("breaker");
    let usual = BreakerSettings::default();
    let settings = BreakerSettings {
        failures: table.number("failures", 0..=1_000).and_then(|n| u32::try_from(n).ok()).unwrap_or(usual.failures),
        mail_after: table.period("mail_after").unwrap_or(usual.mail_after),
    };
    table.close();
    settings
}

fn unknown(root: &Section<'_, '_>) -> UnknownSettings {
    let table = root.section("unknown");
    let settings = UnknownSettings {
        lookup_for: table.period("lookup_for").unwrap_or(Period(3_600)),
        settling: table.period("settling").unwrap_or(Period(60)),
        shop_reset_confirms: table.flag("shop_reset_confirms").unwrap_or(true),
    };
    table.close();
    settings
}

fn notify(root: &Section<'_, '_>, given: &mut Given<'_>) -> NotifySettings {
    let table = root.section("notify");
    let settings = NotifySettings { to: table.texts("to").unwrap_or_default(), from: table.text("from") };
    for (key, address) in settings.to.iter().map(|to| ("to", to)).chain(settings.from.iter().map(|from| ("from", from)))
    {
        if !is_mailbox(address) {
            table.note(key, &format!("`{address}` is not a mail address"), Some(MAILBOX_HINT.into()));
        }
    }
    if settings.to.is_empty() {
        given.warnings.push(
            Problem::new("notify.to", "nobody is mailed when an order fails")
                .hint("add `to = [\"staff@example.com\"]` under [notify]"),
        );
    }
    table.close();
    settings
}

fn time_zones(root: &Section<'_, '_>) -> TimeZones {
    let table = root.section("time_zones");
    let zones = TimeZones { shop: zone(&table, "shop", "UTC"), erp: zone(&table, "erp", "UTC") };
    table.close();
    zones
}

fn tables(root: &Section<'_, '_>) -> BTreeMap<String, BTreeMap<String, String>> {
    table_of_tables(&root.section("tables"))
}

/// Tables of texts: table → key → value.
pub(super) fn table_of_tables(all: &Section<'_, '_>) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables = BTreeMap::new();
    for (name, _) in all.entries() {
        let table = all.section(&name);
        let mut rows = BTreeMap::new();
        for (key, found) in table.entries() {
            if let Some(value) = table.as_text(&found) {
                rows.insert(key, value);
            }
        }
        tables.insert(name, rows);
    }
    tables
}
