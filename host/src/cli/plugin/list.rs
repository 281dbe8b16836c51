//! `orderdock plugin list`.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::{
    cli::{
        Failure,
        open::Beside,
        output::{Output, cell},
    },
    domain::{admission::Kept, id::Digest, time},
    ledger::connections::ReleaseRecord,
};

/// A release that was added before releases were judged.
const NEVER_JUDGED: &str = "not judged";

/// Lists releases, newest first.
///
/// # Errors
/// The ledger's.
pub async fn run(beside: &Beside, output: Output) -> Result<(), Failure> {
    let releases = beside.ledger.releases().await?;
    let verdicts: HashMap<Digest, Kept> = beside.ledger.admissions(None).await?.into_iter().collect();
    let words = |release: &ReleaseRecord| verdicts.get(&release.digest).map_or(NEVER_JUDGED.to_owned(), Kept::words);
    let mut result = Vec::with_capacity(releases.len());
    for release in &releases {
        let mut row = serde_json::to_value(release).unwrap_or_default();
        if let Value::Object(fields) = &mut row {
            fields.insert("verdict".to_owned(), json!(words(release)));
        }
        result.push(row);
    }
    output.either(&result, || {
        if releases.is_empty() {
            output.line("No plugin was added yet.");
            return;
        }
        let rows = releases
            .iter()
            .map(|release| {
                vec![
                    cell(&release.description.name),
                    cell(&release.description.version),
                    cell(&release.description.erp),
                    cell(release.digest.as_str().get(..12).unwrap_or_default()),
                    cell(words(release)),
                    cell(time::rfc3339(release.added_ms)),
                    cell(&release.by),
                ]
            })
            .collect();
        output.table(&["plugin", "version", "ERP", "digest", "verdict", "added", "by"], rows);
    });
    Ok(())
}
