//! What a component imports and exports, read from its outer layer without compiling anything.

use wasmparser::{Encoding, Parser, Payload};

/// Interfaces by name, in the component's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// What it asks for.
    pub imports: Vec<String>,
    /// What it offers.
    pub exports: Vec<String>,
}

/// Reads the outer layer.
///
/// # Errors
/// When the bytes are no component.
pub fn outline(bytes: &[u8]) -> Result<Outline, String> {
    let mut outline = Outline::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| format!("it is damaged: {error}"))? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err("it is a core module, not a component".to_owned());
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import.map_err(|error| format!("it is damaged: {error}"))?;
                    outline.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export.map_err(|error| format!("it is damaged: {error}"))?;
                    outline.exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}
