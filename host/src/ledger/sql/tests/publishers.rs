//! Publishers' keys and the signatures of releases.

use super::{contract, rig::*};
use crate::domain::signature::ReleaseSignature;

contract!(
    a_key_is_trusted_until_it_is_taken_away_and_again_when_it_comes_back,
    signatures_are_kept_once_and_for_their_release_only,
);

async fn a_key_is_trusted_until_it_is_taken_away_and_again_when_it_comes_back(rig: Rig) {
    let ledger = &rig.ledger;
    assert!(ledger.publishers().await.unwrap().is_empty());
    let before = ledger.change_number().await.unwrap();
    assert!(ledger.trust("Acme", "k1", "pem 1", "me").await.unwrap());
    assert!(ledger.change_number().await.unwrap() > before);
    assert!(!ledger.trust("Acme", "k1", "pem 1", "you").await.unwrap(), "it was trusted already");
    rig.advance(1);
    assert!(ledger.trust("Acme", "k2", "pem 2", "me").await.unwrap());
    assert!(ledger.trust("Other", "k1", "pem 1", "me").await.unwrap());
    let names = async || {
        let all = ledger.publishers().await.unwrap();
        all.into_iter().map(|key| format!("{} {} {}", key.name, key.key_id, key.by)).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["Acme k1 me", "Acme k2 me", "Other k1 me"]);
    assert_eq!(ledger.distrust("Acme", Some("k1"), "you").await.unwrap(), 1);
    assert_eq!(names().await, ["Acme k2 me", "Other k1 me"]);
    assert!(ledger.trust("Acme", "k1", "pem 1", "you").await.unwrap(), "it comes back");
    assert_eq!(ledger.distrust("Acme", None, "you").await.unwrap(), 2);
    assert_eq!(ledger.distrust("Acme", None, "you").await.unwrap(), 0);
    assert_eq!(names().await, ["Other k1 me"]);
}

async fn signatures_are_kept_once_and_for_their_release_only(rig: Rig) {
    let plain = ReleaseSignature { signature: "s1".to_owned(), payload: None, manifest: None };
    let text = |text: &str| Some(text.to_owned());
    let whole = ReleaseSignature { signature: "s2".to_owned(), payload: text("{}"), manifest: text("{ }") };
    let both = [plain.clone(), whole.clone()];
    rig.ledger.keep_signatures(&release(1), &both, "me").await.unwrap();
    rig.ledger.keep_signatures(&release(1), &both, "me").await.unwrap();
    rig.ledger.keep_signatures(&release(2), &[], "me").await.unwrap();
    assert_eq!(rig.ledger.signatures(&release(1)).await.unwrap(), both);
    assert!(rig.ledger.signatures(&release(2)).await.unwrap().is_empty());
}
