//! What is generated from the contract and committed, so that an author needs no generator. A test keeps it true.

use std::path::Path;

use anyhow::Context as _;
use wit_parser::Resolve;

use super::typescript;

/// The contract.
///
/// # Errors
/// When `wit/` does not read.
pub fn contract(root: &Path) -> anyhow::Result<Resolve> {
    let mut contract = Resolve::default();
    contract.push_dir(root.join("wit")).context("the contract in wit/")?;
    Ok(contract)
}

/// Generated files: path below the workspace and content.
///
/// # Errors
/// When the contract does not read or a generator does not know a type.
pub fn generated(root: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let typescript = typescript::declarations(&contract(root)?)?;
    Ok(vec![("sdk/js/types/contract.d.ts".to_owned(), typescript.into_bytes())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::setting;

    #[test]
    fn what_is_committed_is_what_the_contract_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let bless = setting("BLESS").is_some();
        let mut other = Vec::new();
        for (name, content) in generated(root).unwrap() {
            let path = root.join(&name);
            if bless {
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(&path, &content).unwrap();
            } else if std::fs::read(&path).ok().as_ref() != Some(&content) {
                other.push(name);
            }
        }
        assert!(other.is_empty(), "generate anew with `BLESS=1 cargo test -p xtask`: {other:?}");
    }
}
