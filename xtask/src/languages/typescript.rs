//! TypeScript types of the contract, from the same WIT that everything else is made of.

use std::fmt::Write as _;

use anyhow::{Context as _, bail};
use wit_parser::{Docs, Handle, Resolve, Type, TypeDefKind, TypeId};

/// The contents of `sdk/js/types/contract.d.ts`.
///
/// # Errors
/// When the contract uses a type that plugins in JavaScript would not know.
pub fn declarations(contract: &Resolve) -> anyhow::Result<String> {
    let (_, types) = contract
        .interfaces
        .iter()
        .find(|(_, interface)| interface.name.as_deref() == Some("types"))
        .context("the contract has no interface `types`")?;
    let mut out = String::from(
        "// The contract's types, made from wit/plugin.wit by `BLESS=1 cargo test -p xtask`. Do not edit.\n",
    );
    for (name, id) in &types.types {
        let definition = contract.types.get(*id).context("a type without definition")?;
        out.push('\n');
        docs(&mut out, &definition.docs, "");
        let name = pascal(name);
        match &definition.kind {
            TypeDefKind::Record(record) => {
                writeln!(out, "export interface {name} {{")?;
                for field in &record.fields {
                    docs(&mut out, &field.docs, "  ");
                    writeln!(out, "  {}: {};", camel(&field.name), of(contract, field.ty)?)?;
                }
                out.push_str("}\n");
            }
            TypeDefKind::Enum(cases) => {
                let cases: Vec<String> = cases.cases.iter().map(|case| format!("\n  | \"{}\"", case.name)).collect();
                writeln!(out, "export type {name} ={};", cases.concat())?;
            }
            TypeDefKind::Variant(variant) => {
                write!(out, "export type {name} =")?;
                for case in &variant.cases {
                    match case.ty {
                        Some(payload) => {
                            write!(out, "\n  | {{ tag: \"{}\"; val: {} }}", case.name, of(contract, payload)?)?;
                        }
                        None => write!(out, "\n  | {{ tag: \"{}\" }}", case.name)?,
                    }
                }
                out.push_str(";\n");
            }
            TypeDefKind::Type(inner) => writeln!(out, "export type {name} = {};", of(contract, *inner)?)?,
            TypeDefKind::Tuple(_) => writeln!(out, "export type {name} = {};", structural(contract, *id)?)?,
            other => bail!("`{name}` is a {}, which has no form in TypeScript here", other.as_str()),
        }
    }
    Ok(out)
}

/// How a type is written where it is used.
fn of(contract: &Resolve, used: Type) -> anyhow::Result<String> {
    Ok(match used {
        Type::Bool => "boolean".to_owned(),
        Type::U8 | Type::U16 | Type::U32 | Type::S8 | Type::S16 | Type::S32 => "number".to_owned(),
        // Exact below 2^53: document numbers count up from 1.
        Type::U64 | Type::S64 | Type::F32 | Type::F64 => "number".to_owned(),
        Type::Char | Type::String => "string".to_owned(),
        Type::ErrorContext => bail!("error contexts have no form in TypeScript here"),
        Type::Id(id) => structural(contract, id)?,
    })
}

fn structural(contract: &Resolve, id: TypeId) -> anyhow::Result<String> {
    let definition = contract.types.get(id).context("a type without definition")?;
    if let Some(name) = &definition.name
        && !matches!(definition.kind, TypeDefKind::Tuple(_))
    {
        return Ok(pascal(name));
    }
    Ok(match &definition.kind {
        TypeDefKind::List(Type::U8) => "Uint8Array".to_owned(),
        TypeDefKind::List(inner) => format!("{}[]", of(contract, *inner)?),
        TypeDefKind::Option(inner) => format!("{} | null", of(contract, *inner)?),
        TypeDefKind::Tuple(tuple) => {
            let parts = tuple.types.iter().map(|part| of(contract, *part)).collect::<anyhow::Result<Vec<_>>>()?;
            format!("[{}]", parts.join(", "))
        }
        TypeDefKind::Handle(Handle::Own(_) | Handle::Borrow(_)) => bail!("the contract has no handles"),
        other => bail!("a {} has no form in TypeScript here", other.as_str()),
    })
}

fn docs(out: &mut String, docs: &Docs, indent: &str) {
    let Some(text) = &docs.contents else { return };
    let lines: Vec<&str> = text.trim_end().lines().collect();
    match lines.as_slice() {
        [line] => out.push_str(&format!("{indent}/** {line} */\n")),
        lines => {
            out.push_str(&format!("{indent}/**\n"));
            for line in lines {
                out.push_str(format!("{indent} * {line}").trim_end());
                out.push('\n');
            }
            out.push_str(&format!("{indent} */\n"));
        }
    }
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    parts.next().unwrap_or_default().chars().chain(parts.map(capital).collect::<String>().chars()).collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
