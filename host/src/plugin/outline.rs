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

/// Why bytes are no component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoComponent {
    /// A core module.
    CoreModule,
    /// Cut or damaged; the reader's words.
    Damaged(String),
}

/// Reads the outer layer.
///
/// # Errors
/// When the bytes are no component.
pub fn outline(bytes: &[u8]) -> Result<Outline, NoComponent> {
    let damaged = |error: wasmparser::BinaryReaderError| NoComponent::Damaged(error.to_string());
    let mut outline = Outline::default();
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(NoComponent::CoreModule);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth = depth.saturating_add(1),
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    let import = import.map_err(damaged)?;
                    outline.imports.push(import.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports {
                    let export = export.map_err(damaged)?;
                    outline.exports.push(export.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(outline)
}
