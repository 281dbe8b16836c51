//! Servers behind TLS: trusted by an authority of one's own, and refused with a sentence otherwise.

use std::time::Duration;

use orderdock_tests::{
    erp::{self, Behaviour, FakeErp},
    mail::{MailCatcher, Options},
    rig::Rig,
    tls::{Authority, Front},
};

/// The host's file with a mail server that wants TLS and a log-in.
fn host_file(rig: &Rig, security: &str, password: &str, ca_file: Option<&str>) -> String {
    let ca = ca_file.map(|file| format!("ca_file = \"{file}\"\n")).unwrap_or_default();
    let smtp = format!("security = \"{security}\"\nuser = \"dock\"\npassword = \"{password}\"\n{ca}");
    rig.host_file().replace("security = \"none\"\n", &smtp)
}

async fn secured(rig: &mut Rig, authority: &Authority, name: &str, wrapped: bool) {
    rig.write("ca.pem", authority.pem());
    rig.write("other-ca.pem", Authority::new().pem());
    let tls = Some(authority.server(name).into());
    let options = Options { tls, wrapped, login: Some(("dock".into(), "right-canary".into())) };
    rig.mail = MailCatcher::start_with(&rig.dir().join(format!("mail-{name}-{wrapped}")), 0, options).await.unwrap();
}

/// `check` finds this fault, and only this.
async fn checked(rig: &Rig, words: &[&str]) {
    let said = rig.run(&["check", "--json"]).await;
    assert_eq!(said.code, i32::from(!words.is_empty()), "{said:?}");
    let all = said.json()["looked_at"].as_array().unwrap().clone();
    let problems: Vec<&str> = all
        .iter()
        .flat_map(|one| one["problems"].as_array().unwrap())
        .map(|problem| problem["message"].as_str().unwrap())
        .collect();
    assert_eq!(problems.len(), usize::from(!words.is_empty()), "{problems:?}");
    for words in words {
        assert!(problems[0].contains(words), "missing: {words} in {problems:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secured_mail_server_is_used_or_refused_with_a_reason() {
    let mut rig = Rig::connected().await;
    let authority = Authority::new();
    for (security, wrapped) in [("starttls", false), ("tls", true)] {
        secured(&mut rig, &authority, "mail.example.test", wrapped).await;
        rig.write("orderdock.toml", &host_file(&rig, security, "right-canary", Some("ca.pem")));
        checked(&rig, &["certificate is for another name", "mail.example.test"]).await;
        secured(&mut rig, &authority, "127.0.0.1", wrapped).await;
        for (ca, words) in [
            (None, vec!["an authority that is not known here", "smtp.ca_file"]),
            (Some("other-ca.pem"), vec!["an authority that is not known here"]),
            (Some("ca.pem"), vec![]),
        ] {
            rig.write("orderdock.toml", &host_file(&rig, security, "right-canary", ca));
            checked(&rig, &words).await;
        }
        rig.write("orderdock.toml", &host_file(&rig, security, "wrong-canary", Some("ca.pem")));
        checked(&rig, &["log-in was refused", "smtp.password", "535"]).await;
        let plain = rig.mail.heard_in_plain();
        assert!(plain.iter().all(|line| line.starts_with("EHLO") || line == "STARTTLS"), "{plain:?}");
        rig.write("orderdock.toml", &host_file(&rig, security, "right-canary", Some("ca.pem")));
        rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
        let id = rig.place();
        rig.serve().await;
        let mails = rig.mail.wait_for(1, Duration::from_secs(20)).await;
        assert!(mails.len() == 1 && mails[0].raw.contains(&format!("WEB-{id}")), "{mails:?}");
        assert!(mails[0].tls && mails[0].user.as_deref() == Some("dock"), "{:?}", mails[0]);
        rig.stop().await;
    }
    assert!(!rig.log().contains("canary"), "no password is in a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_starttls_no_credential_leaves() {
    let mut rig = Rig::connected().await;
    let options = Options { login: Some(("dock".into(), "right-canary".into())), ..Options::default() };
    rig.mail = MailCatcher::start_with(&rig.dir().join("plain-mail"), 0, options).await.unwrap();
    rig.write("orderdock.toml", &host_file(&rig, "starttls", "right-canary", None));
    checked(&rig, &["offers no STARTTLS", "nothing is sent to it unprotected"]).await;
    let plain = rig.mail.heard_in_plain();
    assert!(!plain.is_empty() && plain.iter().all(|line| line.starts_with("EHLO") || line == "QUIT"), "{plain:?}");
    // And the wrong kind of port for TLS from the first byte.
    rig.write("orderdock.toml", &host_file(&rig, "tls", "right-canary", None));
    checked(&rig, &["does not speak TLS on this port"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_waits_for_a_password_that_is_mended() {
    let mut rig = Rig::connected().await;
    secured(&mut rig, &Authority::new(), "127.0.0.1", false).await;
    rig.write("orderdock.toml", &host_file(&rig, "starttls", "wrong-canary", Some("ca.pem")));
    rig.erp.rule("*", Behaviour::Refuse { status: 422, message: "on stop".to_owned() });
    let id = rig.place();
    rig.serve().await;
    rig.until("the mail was tried", |rig| rig.log().contains("the log-in was refused")).await;
    assert!(rig.mail.mails().is_empty());
    rig.until_state(id, "failed").await;
    rig.mail.set_login("dock", "wrong-canary");
    let mails = rig.mail.wait_for(1, Duration::from_secs(30)).await;
    assert!(mails.len() == 1 && mails[0].tls && mails[0].raw.contains(&format!("WEB-{id}")), "{mails:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_and_an_erp_with_an_authority_of_their_own_are_trusted_by_it_alone() {
    let mut rig = Rig::connected().await;
    let authority = Authority::new();
    let right = rig.write("ca.pem", authority.pem()).display().to_string();
    let wrong = rig.write("other-ca.pem", Authority::new().pem()).display().to_string();
    let behind = rig.shop.address().trim_start_matches("http://").parse().unwrap();
    let shop = Front::start(authority.server("127.0.0.1"), behind).await;
    let tls = Some(authority.server("127.0.0.1"));
    let options = erp::Options { tls, ..erp::Options::default() };
    rig.erp = FakeErp::start_with(&rig.dir().join("secured-erp"), options).await.unwrap();
    let trusting = |shop_ca: &str, erp_ca: &str| {
        format!(
            "shop.base_address = \"{}/evo\"\n\
             shop.settings.http = {{ requests_per_minute = 0, default_wait_s = 1, extra_ca_file = \"{shop_ca}\" }}\n\
             destination.settings.ca_file = \"{erp_ca}\"\n",
            shop.address()
        )
    };
    let apply = async |rig: &Rig, more: &str| {
        let file = rig.write("secured.toml", &rig.connection_file(more));
        let said = rig.run(&["connection", "apply", file.to_str().unwrap(), "--same-shop"]).await;
        assert_eq!(said.code, 0, "{said:?}");
    };
    apply(&rig, &trusting(&wrong, &right)).await;
    let unknown = "an authority that is not known here";
    checked(&rig, &[unknown, "shop.settings.http.extra_ca_file"]).await;
    apply(&rig, &trusting(&right, &wrong)).await;
    checked(&rig, &[unknown, "destination.settings.ca_file"]).await;
    // At work too: the order waits, with the reason, and nothing was sent.
    let id = rig.place();
    rig.serve().await;
    rig.until_shown(id, "the reason is shown", |shown| {
        shown["order"]["because"].as_str().is_some_and(|because| because.contains(unknown))
    })
    .await;
    assert_eq!((rig.sent(id), rig.erp.state().requests), (0, 0));
    apply(&rig, &trusting(&right, &right)).await;
    checked(&rig, &[]).await;
    rig.until_status(id, "In Progress").await;
    assert_eq!((rig.accepted(id), rig.sent(id)), (1, 1));
    assert_eq!(rig.mail.mails().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_hold_no_authority_are_named() {
    let rig = Rig::connected().await;
    let empty = rig.write("empty.pem", "nothing").display().to_string();
    rig.write("orderdock.toml", &host_file(&rig, "tls", "right-canary", Some("empty.pem")));
    checked(&rig, &["no certificate in PEM form"]).await;
    rig.write("orderdock.toml", &host_file(&rig, "tls", "right-canary", Some("not-there.pem")));
    checked(&rig, &["not-there.pem", "can't be read"]).await;
    rig.write("orderdock.toml", &rig.host_file());
    let more = format!(
        "shop.base_address = \"https://127.0.0.1:1/evo\"\nshop.settings.http.extra_ca_file = \"{empty}\"\n\
         destination.settings.ca_file = \"{empty}\"\n"
    );
    let file = rig.write("wrong.toml", &rig.connection_file(&more));
    let said = rig.run(&["connection", "apply", file.to_str().unwrap(), "--same-shop"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("holds no certificate"), "{said:?}");
}
