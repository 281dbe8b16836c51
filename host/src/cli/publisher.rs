//! `orderdock publisher …`: whose signatures count.

use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Subcommand;
use serde_json::json;

use super::{
    Failure,
    open::{Beside, person},
    output::{Output, cell, plain},
};
use crate::{
    domain::time,
    signature::{PublicKey, SigningKey},
};

/// Longest name of a publisher, as in a plugin's description.
const NAME: usize = 200;

/// Whose signatures count.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Trust a publisher's key. From then on releases that say that this publisher made them need its signature.
    Add {
        /// The publisher's name, just as its plugins describe themselves.
        name: String,
        /// The public key (PEM; `cosign.pub`).
        key: PathBuf,
    },
    /// List the publishers that are trusted.
    List,
    /// Trust a publisher no longer. What is at work stays at work; nothing more of it is put to work.
    Remove {
        /// The publisher's name.
        name: String,
        /// Only this one of its keys.
        #[arg(long)]
        key: Option<String>,
    },
    /// Make a key pair to sign plugins with: FILE for yourself, FILE.pub for everybody.
    NewKey {
        /// Where the private key goes; it must not exist.
        file: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// What went wrong.
pub async fn run(command: Command, beside: Beside, output: Output) -> Result<(), Failure> {
    match command {
        Command::Add { name, key } => {
            if name.trim().is_empty() || name.len() > NAME || name.chars().any(char::is_control) {
                return Err(Failure::usage("a publisher's name has 1 to 200 bytes and no control characters"));
            }
            let read =
                PublicKey::read(&text(&key)?).map_err(|error| Failure::usage(format!("{} {error}", key.display())))?;
            let added = beside.ledger.trust(&name, &read.id(), &read.pem(), &person()).await?;
            output.either(&json!({ "name": name, "key_id": read.id(), "added": added }), || {
                let word = if added { "Trusted from now on" } else { "Trusted already" };
                output.line(format!("{word}: {} with key {}", plain(&name), read.id()));
            });
            Ok(())
        }
        Command::List => {
            let all = beside.ledger.publishers().await?;
            output.either(&all, || {
                if all.is_empty() {
                    output.line("No publisher's key was added yet.");
                    return;
                }
                let rows = all
                    .iter()
                    .map(|known| {
                        let added = cell(time::rfc3339(known.added_ms));
                        vec![cell(&known.name), cell(&known.key_id), added, cell(&known.by)]
                    })
                    .collect();
                output.table(&["publisher", "key", "added", "by"], rows);
            });
            Ok(())
        }
        Command::Remove { name, key } => {
            let removed = beside.ledger.distrust(&name, key.as_deref(), &person()).await?;
            if removed == 0 {
                return Err(Failure::not_found(format!("no such key of a publisher `{name}` is trusted")));
            }
            output.either(&json!({ "name": name, "removed": removed }), || {
                output.line(format!("Trusted no longer: {} ({removed} keys)", plain(&name)));
            });
            Ok(())
        }
        Command::NewKey { file } => new_key(&file, output),
    }
}

fn new_key(file: &Path, output: Output) -> Result<(), Failure> {
    let key = SigningKey::generate().map_err(|error| Failure::failed(format!("a key {error}")))?;
    let public = PathBuf::from(format!("{}.pub", file.display()));
    write(file, 0o600, &key.pem())?;
    write(&public, 0o644, &key.public().pem())?;
    let id = key.public().id();
    output.either(&json!({ "key_id": id, "private": file, "public": public }), || {
        output.line(format!(
            "Made key {id}: {} is for nobody else, {} for everybody",
            file.display(),
            public.display()
        ));
    });
    Ok(())
}

/// Writes a new file: a key that is there is never written over.
fn write(file: &Path, mode: u32, text: &str) -> Result<(), Failure> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    made.and_then(|mut made| made.write_all(text.as_bytes()))
        .map_err(|error| Failure::usage(format!("{} can't be written: {error}", file.display())))
}

fn text(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{} can't be read: {error}", file.display())))
}
