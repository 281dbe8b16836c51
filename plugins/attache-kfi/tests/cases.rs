//! Runs the plugin's cases natively, and checks every XML file among them with another reader.

use std::path::PathBuf;
use std::process::Command;

use attache_kfi::AttacheKfi;
use orderdock_plugin::testing;

/// One test for both, so that blessing is over before the files are read.
#[test]
fn every_case_gives_what_it_expects_and_its_xml_is_well_formed() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("cases");
    testing::run_cases::<AttacheKfi>(&folder);
    let mut documents = Vec::new();
    for case in testing::list(&folder).unwrap() {
        let Ok(files) = std::fs::read_dir(case.join("expected")) else { continue };
        for path in files.map(|file| file.unwrap().path()) {
            if std::fs::read(&path).unwrap().starts_with(b"<?xml") {
                documents.push(path);
            }
        }
    }
    assert!(documents.len() >= 8, "only {} cases have XML", documents.len());
    let checked = Command::new("xmllint").arg("--noout").args(&documents).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}
