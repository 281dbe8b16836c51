//! Runs the plugin's cases natively, and validates every file that they expect against the layout's schema.
//!
//! The standard's schema is not ours to include: `UBL_XSD_DIR` names the folder that holds `maindoc` and `common` of
//! OASIS UBL 2.1.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use orderdock_plugin::testing;
use xml_drop::XmlDrop;

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Where the schema of UBL lies.
#[expect(clippy::disallowed_methods, reason = "where the schema of a test lies; the ban is for the host")]
fn ubl_schema() -> Option<PathBuf> {
    let folder = std::env::var_os("UBL_XSD_DIR").filter(|folder| !folder.is_empty())?;
    let schema = PathBuf::from(folder).join("maindoc/UBL-Order-2.1.xsd");
    assert!(schema.exists(), "UBL_XSD_DIR is set, but there is no {}", schema.display());
    Some(schema)
}

/// Whether the file is valid, and what `xmllint` says.
fn validate(schema: &Path, file: &Path) -> (bool, String) {
    let run = Command::new("xmllint").args(["--nonet", "--noout", "--schema"]).arg(schema).arg(file).output();
    match run {
        Ok(output) => (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            panic!("xmllint is not installed, and without it no file is validated: apt-get install libxml2-utils")
        }
        Err(error) => panic!("xmllint does not run: {error}"),
    }
}

/// The XML files that the cases expect: those of the UBL layout, and those of the plain layout.
fn expected_files() -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut ubl, mut plain) = (Vec::new(), Vec::new());
    for case in testing::list(&folder("cases")).unwrap() {
        let Ok(entries) = std::fs::read_dir(case.join("expected")) else { continue };
        let settings = std::fs::read_to_string(case.join("settings.json")).unwrap_or_default();
        let files = if settings.contains("\"ubl\"") { &mut ubl } else { &mut plain };
        files
            .extend(entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension() == Some("xml".as_ref())));
    }
    (ubl, plain)
}

fn all_valid(schema: &Path, files: &[PathBuf]) {
    let problems: Vec<String> =
        files.iter().map(|file| validate(schema, file)).filter(|(valid, _)| !valid).map(|(_, said)| said).collect();
    assert!(problems.is_empty(), "{} of {} files are invalid:\n{}", problems.len(), files.len(), problems.join("\n"));
}

/// One test, so that blessing is over before the files are validated.
#[test]
fn every_case_gives_what_it_expects_and_every_file_is_valid() {
    testing::run_cases::<XmlDrop>(folder("cases"));
    let (ubl, plain) = expected_files();
    assert!(plain.len() >= 8 && ubl.len() >= 6, "{} plain, {} UBL", plain.len(), ubl.len());
    all_valid(&folder("plain-order.xsd"), &plain);
    match ubl_schema() {
        Some(schema) => all_valid(&schema, &ubl),
        None => tell_that_ubl_was_not_validated(ubl.len()),
    }
}

/// Past the test runner's capture of output, which only reaches `print` and its kin.
fn tell_that_ubl_was_not_validated(files: usize) {
    use std::io::Write as _;
    let line = "!".repeat(100);
    let text = format!(
        "\n{line}\n!! xml-drop: {files} UBL files were NOT VALIDATED, because UBL_XSD_DIR is not set.\n\
         !! Set it to the folder of OASIS UBL 2.1 that holds maindoc/ and common/, and run the test again.\n{line}\n"
    );
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// What another program reads from the file.
fn read(case: &str, file: &str, xpath: &str) -> String {
    let file = folder("cases").join(case).join("expected").join(file);
    let output = Command::new("xmllint").args(["--nonet", "--xpath", xpath]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_owned()
}

/// In every encoding, where letters become references: nothing is lost.
#[test]
fn awkward_texts_arrive_as_they_were_typed() {
    let file = "order-WEB-10043-1.xml";
    for case in ["plain-awkward-texts", "plain-iso-8859-1-references"] {
        assert_eq!(read(case, file, "string(/order/buyer/company)"), "Müller & Søn <Ltd>");
        assert_eq!(read(case, file, "string(//line[1]/note)"), "Danke 😀!");
        assert_eq!(read(case, file, "string(//line[1]/description)"), "Tasse „Größe\" <L> & 'mehr' \\ 10 €");
        assert_eq!(read(case, file, "string-length(//delivery_address/company)"), "60");
        assert_eq!(read(case, file, "string(//delivery_address/street[1])"), "Weg 1 Hinterhaus");
        assert_eq!(read(case, file, "string(//delivery_address/last_name)"), "大文");
    }
    let name = "string(//*[local-name()='BuyerCustomerParty']//*[local-name()='PartyName']/*[local-name()='Name'])";
    for case in ["ubl-awkward-texts", "ubl-windows-1252-transliterated"] {
        assert_eq!(read(case, file, name), "Müller & Søn <Ltd>", "{case}");
    }
}

/// A validator that never complains would prove nothing.
#[test]
fn the_plain_schema_finds_what_is_wrong() {
    let good = std::fs::read_to_string(folder("cases/plain-eight-lines/expected/order-WEB-10042-1.xml")).unwrap();
    let temporary = folder_of_this_run();
    for (index, (from, to)) in [
        ("<gross>", "<gross>EUR "),
        ("<kind>product</kind>", "<kind>goods</kind>"),
        ("<order_number>WEB-10042</order_number>", ""),
        ("<currency>", "<surprise/><currency>"),
        ("Z</placed_at>", "+01:00</placed_at>"),
        (" number=\"1\"", ""),
    ]
    .iter()
    .enumerate()
    {
        assert!(good.contains(from), "{from}");
        let file = temporary.join(format!("bad-{index}.xml"));
        std::fs::write(&file, good.replacen(from, to, 1)).unwrap();
        let (valid, said) = validate(&folder("plain-order.xsd"), &file);
        assert!(!valid, "{from} → {to} was taken for valid: {said}");
    }
    std::fs::remove_dir_all(temporary).unwrap();
}

fn folder_of_this_run() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("xml-drop-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// What the host checks before any order.
#[test]
fn the_settings_schema_finds_what_it_can() {
    let description = orderdock_plugin::plugin::describe::<XmlDrop>();
    let schema: serde_json::Value = serde_json::from_str(&description.settings_schema).unwrap();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    for good in [
        serde_json::json!({}),
        serde_json::json!({ "file_name": "A_{document_number}.xml", "trigger": "GO", "encoding": "iso-8859-1" }),
    ] {
        assert!(validator.is_valid(&good), "{good}");
    }
    for bad in [
        serde_json::json!({ "file_name": "order.xml" }),
        serde_json::json!({ "layout": "cxml" }),
        serde_json::json!({ "encoding": "latin1" }),
        serde_json::json!({ "tax_scheme": "" }),
        serde_json::json!({ "filename": "x" }),
    ] {
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}
