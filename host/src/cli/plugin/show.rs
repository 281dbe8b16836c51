//! `orderdock plugin show`: a release, how it was judged, and what its mappings cost of late.

use serde_json::{Value, json};

use super::{figures, judged};
use crate::{
    cli::{
        Failure,
        open::Beside,
        output::{Output, plain},
    },
    domain::{call::Description, time},
};

/// Shows a release.
///
/// # Errors
/// No such release, or the ledger.
pub async fn run(release: &str, beside: &Beside, output: Output) -> Result<(), Failure> {
    let record = beside.release(release).await?;
    let kept = beside.ledger.admissions(Some(&record.digest)).await?.into_iter().next().map(|(_, kept)| kept);
    let figures = figures::last_day(beside, &record.digest).await?;
    let mut result = serde_json::to_value(&record).unwrap_or_default();
    if let Value::Object(fields) = &mut result {
        fields.insert("verdict".to_owned(), json!(kept));
        fields.insert("last_24h".to_owned(), json!(figures));
    }
    output.either(&result, || {
        describe(record.digest.as_str(), record.size, &record.description, output);
        match &kept {
            None => output.line("\nVerdict: not judged; `orderdock plugin check` does that"),
            Some(kept) => {
                let (by, at) = (plain(&kept.by), time::rfc3339(kept.at_ms));
                output.line(format!("\nVerdict: {} (by {by} at {at})\n", kept.words()));
                judged::show(&kept.admission, &kept.overrides, output);
            }
        }
        figures::show(&figures, output);
    });
    Ok(())
}

/// What a plugin says of itself.
pub fn describe(digest: &str, size: u64, description: &Description, output: Output) {
    output.line(format!(
        "{}@{} by {}",
        plain(&description.name),
        plain(&description.version),
        plain(&description.publisher)
    ));
    output.line(format!("For:     {}", plain(&description.erp)));
    output.line(format!("Digest:  {digest}"));
    output.line(format!("Size:    {size} bytes"));
    output.line(format!("\n{}", plain(&description.help)));
    for (title, needs) in
        [("Secrets", &description.secrets), ("Tables", &description.tables), ("Folders", &description.folders)]
    {
        if needs.is_empty() {
            continue;
        }
        output.line(format!("\n{title}"));
        for need in needs {
            let must = if need.required { "needed" } else { "optional" };
            output.line(format!("  {} ({must}): {}", plain(&need.name), plain(&need.help)));
        }
    }
    output.line("\nSettings");
    let properties = description.settings_schema.get("properties").and_then(|found| found.as_object());
    for (name, schema) in properties.into_iter().flatten() {
        let text = schema.get("description").and_then(|text| text.as_str()).unwrap_or_default();
        let default = schema.get("default").map_or_else(String::new, |value| format!(" [default: {value}]"));
        output.line(format!("  {}{default}", plain(name)));
        if !text.is_empty() {
            output.line(format!("      {}", plain(text).replace('\n', "\n      ")));
        }
    }
}
