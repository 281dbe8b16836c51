//! The server's side: restarts, a pooler, TLS, roles, and what is said when something is wrong.

use std::time::Duration;

use orderdock_postgres::{Options, Pooler, Server, Stop};
use orderdock_tests::{erp::Behaviour, rig::Rig, tls::Authority};

use super::{LOOK_UP, database, judge};

/// A server of one's own.
async fn server(options: Options) -> Server {
    tokio::task::spawn_blocking(move || Server::start(&options)).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_and_comes_back_costs_no_order() {
    let server = server(Options { fsync: true, ..Options::default() }).await;
    let mut rig = Rig::fleet(&server.create("one").unwrap(), "", LOOK_UP).await;
    rig.erp.set(|it| it.otherwise = Behaviour::Slow { ms: 100 });
    let ids: Vec<u64> = (0..30).map(|_| rig.place()).collect();
    rig.serve().await;
    let second = rig.serve_beside("second", "").await;
    for share in [5, 15] {
        rig.until("a part is in the ERP", |rig| rig.erp.state().orders.len() >= share).await;
        server.stop(Stop::Immediate).unwrap();
        let ready = rig.readyz(&second.listen).await;
        assert_eq!(ready["ready"], false, "{ready}");
        // Both have met it, or one that stood still meanwhile would have nothing to say.
        rig.until_ready("has met it", |ready| ready["ready"] == false).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.again().unwrap();
        let up = server.sql("one", "select 1");
        assert!(up.is_ok(), "{up:?}");
    }
    rig.until_within(Duration::from_secs(60), "every order is in the ERP", |rig| {
        ids.iter().all(|id| rig.accepted(*id) > 0)
    })
    .await;
    judge(&rig, &ids).await;
    let back = "the database is back";
    rig.until("both say so", |rig| rig.log().contains(back) && rig.log_of("second").contains(back)).await;
    for log in [rig.log(), rig.log_of("second")] {
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_works_through_a_pooler_in_transaction_mode() {
    let database = database().await;
    let url = database.url();
    let (server, name) = url.rsplit_once('/').unwrap();
    let port = server.rsplit_once(':').unwrap().1.parse().unwrap();
    let pooler = Pooler::start(port, 3).unwrap();
    let mut rig = Rig::fleet(&pooler.url(name), "", LOOK_UP).await;
    let ids: Vec<u64> = (0..20).map(|_| rig.place()).collect();
    rig.serve().await;
    let second = rig.serve_beside("second", "[postgres]\npooler = true\n").await;
    rig.until("every order is in the ERP", |rig| ids.iter().all(|id| rig.accepted(*id) == 1)).await;
    judge(&rig, &ids).await;
    rig.until_logged("nobody can listen through it").await;
    let ready = rig.readyz(&second.listen).await;
    assert!(ready["database"].as_str().unwrap().contains("through a pooler"), "{ready}");
    for log in [rig.log(), rig.log_of("second")] {
        assert!(!log.contains("prepared statement"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_checked() {
    let authority = Authority::new();
    let server = server(Options { tls: Some(authority.pair(&["localhost"])), ..Options::default() }).await;
    server.create("one").unwrap();
    server.sql("postgres", "create role dock login password 'pw'; alter database one owner to dock").unwrap();
    let url = |host: &str| format!("postgres://dock@{host}:{}/one?sslmode=verify-full", server.port.number());
    let mut rig = Rig::bare_on(Some(url("localhost"))).await;
    let with = |rig: &Rig| format!("{}[postgres]\nroot_cert = \"ca.pem\"\n", rig.host_file());
    rig.write("ca.pem", Authority::new().pem());
    rig.write("orderdock.toml", &with(&rig));
    let said = rig.run(&["check"]).await;
    assert_ne!(said.code, 0, "an authority that we don't know: {said:?}");
    rig.write("ca.pem", authority.pem());
    rig.database = Some(url("127.0.0.1"));
    rig.write("orderdock.toml", &with(&rig));
    let said = rig.run(&["check"]).await;
    assert_ne!(said.code, 0, "a certificate for another name: {said:?}");
    rig.database = Some(url("localhost"));
    rig.write("orderdock.toml", &with(&rig));
    rig.add_plugin().await;
    rig.connect("").await;
    let id = rig.place();
    rig.serve().await;
    rig.until("the order is in the ERP", |rig| rig.accepted(id) == 1).await;
    judge(&rig, &[id]).await;
    let ready = rig.readyz(&rig.host.as_ref().unwrap().listen).await;
    assert!(ready["database"].as_str().unwrap().contains("TLS checked"), "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_owns_nothing_works_once_the_owner_has_migrated() {
    let server = server(Options::default()).await;
    server.create("one").unwrap();
    server
        .sql("postgres", "create role owner login; create role worker login; alter database one owner to owner")
        .unwrap();
    server.sql("one", "alter schema public owner to owner").unwrap();
    let url = |role: &str| format!("postgres://{role}@127.0.0.1:{}/one", server.port.number());
    let mut rig = Rig::bare_on(Some(url("worker"))).await;
    let said = rig.run(&["check"]).await;
    assert!(said.code != 0 && said.all().contains("orderdock database migrate"), "{said:?}");
    rig.write("orderdock.toml", &rig.host_file().replace(&url("worker"), &url("owner")));
    let said = rig.run(&["database", "migrate"]).await;
    rig.write("orderdock.toml", &rig.host_file());
    assert_eq!(said.code, 0, "{said:?}");
    let grants = rig.run(&["database", "grants", "worker"]).await;
    orderdock_postgres::sql(&url("owner"), &grants.out).unwrap();
    rig.add_plugin().await;
    rig.connect("").await;
    let id = rig.place();
    rig.serve().await;
    rig.until("the order is in the ERP", |rig| rig.accepted(id) == 1).await;
    judge(&rig, &[id]).await;
    assert!(orderdock_postgres::sql(&url("worker"), "drop table passes").is_err(), "it owns nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_a_sentence_and_no_password_is_shown() {
    let database = database().await;
    let url = database.url();
    let server = url.rsplit_once('/').unwrap().0.replace("postgres@", "postgres:pass-canary@");
    let mut rig = Rig::bare().await;
    for (address, words) in [
        ("postgres://u:pass-canary@127.0.0.1:1/d".to_owned(), "can't be reached"),
        (format!("{server}/none"), "no such database"),
        ("postgres://u:pass-canary@127.0.0.1:1/d?sslmode=perhaps".to_owned(), "address"),
    ] {
        rig.database = Some(address);
        rig.write("orderdock.toml", &rig.host_file());
        let said = rig.run(&["check"]).await;
        assert!(said.code != 0 && said.all().contains(words), "{words}: {said:?}");
        assert!(!said.all().contains("pass-canary"), "{said:?}");
    }
    rig.database = Some(url.replace("postgres@", "postgres:pass-canary@"));
    rig.write("orderdock.toml", &rig.host_file());
    rig.serve().await;
    let ready = rig.readyz(&rig.host.as_ref().unwrap().listen).await;
    assert!(ready["database"].as_str().unwrap().contains("PostgreSQL"), "{ready}");
    assert!(!format!("{ready}{}", rig.log()).contains("pass-canary"));
}
