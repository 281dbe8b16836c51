//! Whole files: the examples, every problem at once, and export and apply again.

use std::path::Path;

use secrecy::ExposeSecret;

use super::*;
use crate::domain::problem::{self, Problem};

fn host(text: &str, environment: &Environment) -> Result<HostFile, Vec<Problem>> {
    read_host(Path::new("etc/orderdock.toml"), text, environment)
}

fn empty() -> Environment {
    Environment::fixed([])
}

#[test]
fn the_host_example_holds_the_defaults() {
    let example = host(HOST_EXAMPLE, &empty()).map_err(|p| problem::list(&p)).unwrap();
    let defaults = host("", &empty()).unwrap();
    assert_eq!(format!("{:?}", example.settings), format!("{:?}", defaults.settings));
    for key in ["data_dir", "wall_limit", "order_bytes", "bodies_days", "every"] {
        assert!(HOST_EXAMPLE.contains(&format!("\n{key} = ")), "{key}");
    }
}

#[test]
fn what_is_commented_out_in_the_example_is_good_too() {
    let text: Vec<_> = HOST_EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .collect();
    let names = [
        ("ORDERDOCK_SMTP_PASSWORD", "hunter2"),
        ("ORDERDOCK_DB_PASSWORD", "hunter3"),
        ("ORDERDOCK_REGISTRY_PASSWORD", "hunter4"),
    ];
    let text = text.join("\n").replace("\"orderdock.db\"", "\"postgres://dock@db.example.com/dock\"");
    let file = host(&text, &Environment::fixed(names)).map_err(|p| problem::list(&p)).unwrap();
    let Database::Postgres(server) = &file.settings.database else { panic!("{:?}", file.settings.database) };
    assert_eq!(server.password.as_ref().unwrap().expose_secret(), "hunter3");
    assert_eq!(file.settings.fleet.name.as_deref(), Some("north"));
    assert!(server.root_cert.as_ref().unwrap().ends_with("etc/db-ca.pem") && !server.pooler);
    let smtp = file.settings.smtp.clone().unwrap();
    assert_eq!((smtp.port, smtp.security), (587, SmtpSecurity::StartTls));
    assert_eq!(smtp.password.unwrap().expose_secret(), "hunter2");
    let registry = &file.settings.registries["ghcr.io"];
    assert!(registry.ca_file.as_ref().unwrap().ends_with("etc/registry-ca.pem"));
    let (user, password) = registry.login.as_ref().unwrap();
    assert_eq!((user.as_str(), password.expose_secret()), ("acme", "hunter4"));
    let shown = format!("{:?}", file.settings);
    assert!(!shown.contains("hunter2") && !shown.contains("hunter3") && !shown.contains("hunter4"));
}

#[test]
fn every_problem_of_a_host_file_is_told_at_once_with_its_line() {
    let text = "lisen = \"x\"\nlisten = \"0.0.0.0:80\"\ndata_dir = 5\n[plugins]\nwall_limit = \"0s\"\nmemory = \"lots\"\n\
                [limits]\norders_at_once = -1\n[smtp]\nhost = \"mail.example.com\"\nsecurity = \"none\"\nfrom = \"nobody\"\n\
                [log]\nformat = \"humann\"\n";
    let problems = host(text, &empty()).unwrap_err();
    let list = problem::list(&problems);
    for expected in [
        "etc/orderdock.toml:1:1: lisen: there is no such setting (did you mean `listen`?)",
        "etc/orderdock.toml:2:10: listen: 0.0.0.0:80 can be reached from other machines",
        "etc/orderdock.toml:3:12: data_dir: must be text in quotes, not a whole number",
        "etc/orderdock.toml:5:14: plugins.wall_limit: must be longer than zero",
        "etc/orderdock.toml:6:10: plugins.memory: `lots` is not a size",
        "etc/orderdock.toml:8:18: limits.orders_at_once: must be from 1 to 4096",
        "etc/orderdock.toml:11:12: smtp.security: mail to mail.example.com would travel readable",
        "etc/orderdock.toml:12:8: smtp.from: `nobody` is not a mail address",
        "etc/orderdock.toml:14:10: log.format: `humann` is not known; it can be human, json (did you mean `human`?)",
    ] {
        assert!(list.contains(expected), "missing: {expected}\nin:\n{list}");
    }
    assert_eq!(problems.len(), 9, "{list}");
}

#[test]
fn broken_toml_is_told_with_its_line_and_the_rest_is_read() {
    let list = problem::list(&host("listen = \nlog = 1\n[a\n", &empty()).unwrap_err());
    assert!(list.contains("etc/orderdock.toml:1:"), "{list}");
    assert!(list.contains("this is not TOML"), "{list}");
    assert!(list.contains("log: must be a table"), "{list}");
}

#[test]
fn the_environment_wins_where_it_is_documented() {
    let environment = Environment::fixed([
        ("ORDERDOCK_LISTEN", "[::1]:9000"),
        ("ORDERDOCK_LOG", "debug"),
        ("ORDERDOCK_KEY", "c2VjcmV0"),
    ]);
    let settings = host("listen = \"127.0.0.1:1\"", &environment).unwrap().settings;
    assert_eq!(settings.listen.to_string(), "[::1]:9000");
    assert_eq!(settings.log.filter, "debug");
    assert!(matches!(settings.key, KeySource::Given(_)));
    assert!(!format!("{settings:?}").contains("c2VjcmV0"));
}

#[test]
fn databases_are_told_apart() {
    let database = |text: &str| host(&format!("database = \"{text}\""), &empty()).map(|file| file.settings.database);
    assert!(
        matches!(database("sqlite://x/y.db"), Ok(Database::Sqlite(path)) if path.ends_with("orderdock-data/x/y.db"))
    );
    assert!(matches!(database("/var/o.db"), Ok(Database::Sqlite(path)) if path == Path::new("/var/o.db")));
    assert!(matches!(database("postgres://u:p@h/d"), Ok(Database::Postgres(_))));
    assert!(database("mysql://h/d").is_err());
    assert!(database("sqlite://x.db?mode=ro").is_err());
}

#[test]
fn a_named_file_that_is_missing_is_a_problem_and_the_usual_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    let list = problem::list(&load_host(Some(&missing), &empty()).unwrap_err());
    assert!(list.contains("none.toml: the configuration can't be read"), "{list}");
}

fn connection_environment() -> Environment {
    Environment::fixed([("SHOP_KEY", "ck_1"), ("SHOP_SECRET", "cs_2")])
}

#[test]
fn the_connection_example_is_good_and_its_export_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("erp-token"), "t0ken\n").unwrap();
    let path = folder.path().join("my-shop.toml");
    let first =
        read_connection(&path, CONNECTION_EXAMPLE, &connection_environment()).map_err(|p| problem::list(&p)).unwrap();
    assert!(first.warnings.is_empty(), "{:?}", first.warnings);
    assert_eq!(first.settings.take.from.as_deref(), Some("2026-11-01T00:00:00Z"));
    assert_eq!(first.settings.tables["shipping"]["express"], "EXP");
    let secrets: Vec<_> =
        first.secrets.iter().map(|s| (s.slot.as_str(), s.value.as_ref().unwrap().expose_secret())).collect();
    assert_eq!(
        secrets,
        [("shop.consumer_key", "ck_1"), ("shop.consumer_secret", "cs_2"), ("destination.token", "t0ken")]
    );

    let stored = serde_json::to_string(&first.settings).unwrap();
    assert!(!stored.contains("ck_1") && !stored.contains("t0ken"));
    let stored: ConnectionSettings = serde_json::from_str(&stored).unwrap();
    let printed = export(&stored).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let again = read_connection(&elsewhere.path().join("x.toml"), &printed, &connection_environment())
        .map_err(|p| format!("{}\n{printed}", problem::list(&p)))
        .unwrap();
    assert_eq!(again.settings, first.settings);
    assert_eq!(export(&again.settings).unwrap(), printed);
}

#[test]
fn a_literal_secret_works_with_a_warning_and_is_exported_as_stored() {
    let text = "name = \"a\"\n[shop]\nkind = \"push\"\n[shop.secrets]\ntoken = \"s3cret\"\n[plugin]\nrelease = \"x@1\"\n\
                [destination]\nkind = \"folder\"\n[destination.settings]\npath = \"out\"\n[notify]\nto = \"a@example.com\"\n";
    let file = read_connection(Path::new("c.toml"), text, &empty()).map_err(|p| problem::list(&p)).unwrap();
    assert_eq!(file.warnings.len(), 1);
    assert!(file.warnings[0].to_string().starts_with("c.toml:5:9: shop.secrets.token: the secret stands in the file"));
    let printed = export(&file.settings).unwrap();
    assert!(!printed.contains("s3cret"), "{printed}");
    let again = read_connection(Path::new("/c.toml"), &printed, &empty()).map_err(|p| problem::list(&p)).unwrap();
    assert_eq!(again.settings, file.settings);
    assert!(again.secrets[0].value.is_none());
}

#[test]
fn every_problem_of_a_connection_is_told_at_once() {
    let text = "name = \"My Shop\"\n[shop]\nkind = \"evolutonx\"\nbase_adress = \"x\"\n[shop.secrets]\ntoken = { env = \"NOT_SET\" }\n\
                [status]\nnew = [\"New Order\"]\nsuccess = \"new order\"\n[take]\nfrom = \"yesterday\"\n\
                [destination]\nkind = \"ftp\"\n[schedule]\ncron = \"every day\"\ntime_zone = \"Mars/Olympus\"\n\
                [retry]\nretry_for = \"1 fortnight\"\n[tables.t]\na = 1\n[notify]\nto = [\"a@b\\nBcc: c@d\"]\n";
    let problems = read_connection(Path::new("c.toml"), text, &empty()).unwrap_err();
    let list = problem::list(&problems);
    for expected in [
        "c.toml:1:8: name: is not a name for a connection",
        "c.toml:3:8: shop.kind: `evolutonx` is not known",
        "did you mean `evolutionx`?",
        "c.toml:4:1: shop.base_adress: there is no such setting (did you mean `base_address`?)",
        "c.toml:6:9: shop.secrets.token: the environment variable NOT_SET is not set",
        "status.success: `new order` is also under `new`",
        "take.from: `yesterday` is not a date",
        "destination.kind: `ftp` is not known; it can be http, folder",
        "schedule.cron: ",
        "schedule.time_zone: `Mars/Olympus` is not a time zone",
        "retry.retry_for: `1 fortnight` is not a duration",
        "tables.t.a: must be text in quotes, not a whole number",
        "notify.to: ",
        "plugin.release: is missing",
    ] {
        assert!(list.contains(expected), "missing: {expected}\nin:\n{list}");
    }
    assert_eq!(problems.len(), 13, "{list}");
}

#[test]
fn the_examples_checks_are_good_once_they_are_given_and_every_key_is_among_them() {
    let section: Vec<&str> = CONNECTION_EXAMPLE
        .lines()
        .skip_while(|line| *line != "#[checks]")
        .take_while(|line| !line.is_empty())
        .filter(|line| !line.starts_with("# "))
        .map(|line| line.trim_start_matches('#'))
        .collect();
    let usual = "name = \"a\"\n[shop]\nkind = \"push\"\n[plugin]\nrelease = \"x@1\"\n[destination]\nkind = \"http\"\n";
    let with =
        |checks: &[&str]| read_connection(Path::new("c.toml"), &format!("{usual}{}", checks.join("\n")), &empty());
    let two_ways = problem::list(&with(&section).unwrap_err());
    assert!(two_ways.contains("checks.line_price: is a second way to a line's total"), "{two_ways}");
    let one_way: Vec<&str> = section.iter().copied().filter(|line| !line.starts_with("line_price")).collect();
    let read = with(&one_way).map_err(|p| problem::list(&p)).unwrap().settings;
    let checks = read.checks.clone().unwrap();
    assert_eq!((checks.tolerance().to_string().as_str(), checks.line_table.as_deref()), ("0.01", Some("skus")));
    let keys = serde_json::to_value(&checks).unwrap().as_object().unwrap().len();
    assert_eq!((section.len(), keys), (1 + 13, 12), "every key is in the example: {section:?}");
    let again = read_connection(Path::new("c.toml"), &export(&read).unwrap(), &empty()).unwrap();
    assert_eq!(again.settings, read);
    assert_eq!(with(&[]).unwrap().settings.checks, None);
}

#[test]
fn checks_that_contradict_themselves_are_told_at_once() {
    let text = "name = \"a\"\n[shop]\nkind = \"push\"\n[plugin]\nrelease = \"x@1\"\n[destination]\nkind = \"http\"\n\
                [checks]\nline_table = \"t\"\nline_price = \"p\"\namounts = \"grosss\"\ntolerance = \"-1\"\ntotl = \"x\"\n";
    let list = problem::list(&read_connection(Path::new("c.toml"), text, &empty()).unwrap_err());
    for expected in [
        "c.toml:9:14: checks.line_table: needs `line_key`",
        "checks.line_price: needs `lines`",
        "checks.line_price: needs `line_quantity`",
        "checks.amounts: `grosss` is not known; it can be gross, net (did you mean `gross`?)",
        "checks.tolerance: `-1` is not an amount",
        "checks.totl: there is no such setting (did you mean `total`?)",
        "checks: checks nothing",
    ] {
        assert!(list.contains(expected), "missing: {expected}\nin:\n{list}");
    }
    let lines = "name = \"a\"\n[shop]\nkind = \"push\"\n[plugin]\nrelease = \"x@1\"\n[destination]\nkind = \"http\"\n[checks]\nlines = \"/l\"\n";
    let list = problem::list(&read_connection(Path::new("c.toml"), lines, &empty()).unwrap_err());
    assert!(list.contains("checks.lines: checks nothing by itself"), "{list}");
}

#[test]
fn problems_that_another_room_finds_still_name_the_line() {
    let text = "name = \"a\"\n[shop]\nkind = \"push\"\n[plugin]\nrelease = \"x@1\"\n[plugin.settings]\nfolder = \"a\"\ncodes = [1, \"two\"]\n\
                [destination]\nkind = \"http\"\n";
    let file = read_connection(Path::new("c.toml"), text, &empty()).map_err(|p| problem::list(&p)).unwrap();
    let settings = &file.settings.plugin.settings;
    for pointer in ["/codes/1", "codes[1]"] {
        let located = settings.locate(Problem::new(pointer, "must be a number"));
        assert_eq!(located.to_string(), "c.toml:8:13: plugin.settings.codes[1]: must be a number");
    }
    assert_eq!(settings.place_of("not.there"), "c.toml:6:1: plugin.settings");
}

#[test]
fn no_text_makes_reading_panic() {
    use proptest::prelude::*;
    proptest!(|(text in "(?s).{0,200}", cut in 0usize..2_000)| {
        let _ = host(&text, &empty());
        let cut = (0..=cut.min(CONNECTION_EXAMPLE.len())).rev().find(|at| CONNECTION_EXAMPLE.is_char_boundary(*at)).unwrap();
        let _ = read_connection(Path::new("c.toml"), &format!("{}{text}", &CONNECTION_EXAMPLE[..cut]), &empty());
    });
}
