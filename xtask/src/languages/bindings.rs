//! What is generated from the contract and committed, so that an author needs no generator. A test keeps it true.

#[cfg(test)]
mod tests {
    use std::path::Path;

    use anyhow::Context as _;
    use orderdock_build::component::contract;

    use super::super::typescript;
    use crate::workspace::setting;

    /// Generated files: path below the workspace and content.
    ///
    /// # Errors
    /// When the contract does not read or a generator does not know a type.
    fn generated(root: &Path) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let typescript = typescript::declarations(&contract(&root.join("wit"))?.0)?;
        let mut all = vec![("sdk/js/types/contract.d.ts".to_owned(), typescript.into_bytes())];
        let c = wit_bindgen_c::Opts { no_object_file: true, ..Default::default() };
        all.extend(by_generator(root, "sdk/c/bindings", c.build().as_mut())?);
        let mut go =
            wit_bindgen_go::Opts { pkg_name: Some("orderdock/bindings".to_owned()), ..Default::default() }.build();
        all.extend(by_generator(root, "sdk/go/bindings", go.as_mut())?);
        Ok(all)
    }

    /// The generators bring a reader of their own for the contract, of another version than ours.
    fn by_generator(
        root: &Path,
        folder: &str,
        generator: &mut dyn wit_bindgen_core::WorldGenerator,
    ) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let mut contract = wit_bindgen_core::wit_parser::Resolve::default();
        let (package, _) = contract.push_dir(root.join("wit")).context("the contract in wit/")?;
        let world = contract.select_world(&[package], Some("plugin"))?;
        let mut files = wit_bindgen_core::Files::default();
        generator.generate(&mut contract, world, &mut files)?;
        Ok(files.iter().map(|(name, content)| (format!("{folder}/{name}"), content.to_vec())).collect())
    }

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
