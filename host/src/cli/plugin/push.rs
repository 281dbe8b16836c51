//! `orderdock plugin push`: a release into an OCI registry.

use std::path::{Path, PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use serde_json::json;

use super::{
    super::{
        Failure,
        open::{Beside, runtime},
        output::{Output, plain},
    },
    judged::With,
    read, refused,
    remote::{self, Login},
    sign,
};
use crate::{
    domain::{call::Description, id::Digest},
    plugin::{Mapper as _, outline},
    registry::{About, Attached, Reference},
    signature::payload,
};

/// What to push, and where to.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A release (digest, name, name@version) or a `.wasm` file.
    release: String,
    /// `registry/name:tag`, such as ghcr.io/acme/json-post:1.2.0.
    to: String,
    /// Sign it with this private key (PEM, PKCS#8, not encrypted), as `cosign sign --key` does.
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    #[command(flatten)]
    login: Login,
}

/// A component, and who it says that it is.
struct Release {
    digest: Digest,
    bytes: Vec<u8>,
    description: Description,
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(arguments: &Arguments, beside: &Beside, output: Output) -> Result<(), Failure> {
    let to = Reference::read(&arguments.to).map_err(remote::failed)?;
    let release = release(&arguments.release, beside, output).await?;
    let key = arguments.sign.as_deref().map(sign::key).transpose()?;
    let registry = remote::open(&to.registry, &arguments.login, beside)?;
    let about = about(&release)?;
    let pushed = registry.push(&to, &release.bytes, &about).await.map_err(remote::failed)?;
    if let Some(key) = &key {
        let payload = payload(&format!("{}/{}", to.registry, to.repository), &pushed.digest);
        let signature = key.sign(&payload).map_err(|error| Failure::failed(format!("a signature {error}")))?;
        let attached = Attached { payload, signature: STANDARD.encode(signature) };
        registry.attach(&to.repository, &pushed.digest, &attached).await.map_err(remote::failed)?;
    }
    let exact = format!("{}/{}@sha256:{}", to.registry, to.repository, pushed.digest);
    let signer = key.as_ref().map(|key| key.public().id());
    let result = json!({
        "release": release.digest, "reference": exact, "manifest": pushed.digest, "signed_by_key": signer,
    });
    output.either(&result, || {
        let name = format!("{}@{}", release.description.name, release.description.version);
        output.line(format!("Published {} as {to}", plain(&name)));
        if let Some(signer) = &signer {
            output.line(format!("Signed with key {signer}"));
        }
        output.line(format!("What can't be changed any more: {exact}"));
    });
    Ok(())
}

/// A file is checked like an upload, so that nothing is published that no host would take; it is not kept.
async fn release(wanted: &str, beside: &Beside, output: Output) -> Result<Release, Failure> {
    let file = Path::new(wanted);
    if file.extension().is_some_and(|end| end == "wasm") {
        let bytes = read(file, &beside.settings)?;
        let admitted = runtime(&beside.settings)?.admit(&bytes).await;
        let (digest, description) = admitted.map_err(|error| refused(wanted, &error))?;
        let found = With::default().with_cases_beside(file).judge(&bytes, true, &beside.settings).await?;
        let failed: Vec<_> = found.admission.failed().map(|judged| judged.item.as_str()).collect();
        if !failed.is_empty() {
            let items = failed.join(", ");
            output.remark(format!("warning: hosts will hold it, because it fails {items}: `orderdock plugin check`"));
        }
        return Ok(Release { digest, bytes, description });
    }
    let record = beside.release(wanted).await?;
    let bytes = beside.ledger.release_bytes(&record.digest).await?;
    let bytes = bytes.ok_or_else(|| Failure::not_found(format!("the ledger has no bytes of {}", record.digest)))?;
    Ok(Release { digest: record.digest, bytes, description: record.description })
}

fn about(release: &Release) -> Result<About, Failure> {
    let outline = outline(&release.bytes)
        .map_err(|reason| Failure::usage(format!("{} is no component: {reason:?}", release.digest)))?;
    let said = release.description.clone();
    Ok(About {
        name: said.name,
        version: said.version,
        publisher: said.publisher,
        help: said.help,
        exports: outline.exports,
        imports: outline.imports,
    })
}
