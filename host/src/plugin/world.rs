//! Whether a component fits the contract, said so that its author knows what to change: which field of which record, and
//! what is there instead. The contract is read from its own text, the component from its compiled form.

use std::sync::LazyLock;

use wasmtime::{
    Engine,
    component::{
        Component,
        types::{ComponentFunc, ComponentItem, Type},
    },
};
use wit_parser::{Function, Interface, Resolve, Type as Wit, TypeDefKind, TypeId};

use super::{v0_1, v0_2};

/// More differences than that help nobody.
const REPORTED: usize = 20;

/// The contract's tracks: the name of the interface at their beginning, and their text. The newest first.
const TRACKS: [(&str, &str); 2] = [
    (v0_2::MAPPER, include_str!("../../../wit/0.2.0/plugin.wit")),
    (v0_1::MAPPER, include_str!("../../../wit/plugin.wit")),
];

/// The tracks, each read once.
static WORLDS: LazyLock<Vec<Result<(Resolve, Interface), String>>> =
    LazyLock::new(|| TRACKS.iter().map(|(_, text)| read(text)).collect());

fn read(text: &str) -> Result<(Resolve, Interface), String> {
    let mut resolve = Resolve::default();
    resolve.push_str("plugin.wit", text).map_err(|error| format!("{error:#}"))?;
    let mapper = resolve.interfaces.iter().find(|(_, one)| one.name.as_deref() == Some("mapper"));
    let mapper = mapper.map(|(_, one)| one.clone()).ok_or("the contract has no interface `mapper`")?;
    Ok((resolve, mapper))
}

/// A name without the last part of its version, which only counts what was added.
fn track(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(track, _)| track)
}

/// What differs from the contract; nothing if the component fits.
pub(super) fn differences(engine: &Engine, component: &Component) -> Vec<String> {
    let world = component.component_type();
    let exports: Vec<_> = world.exports(engine).collect();
    let of_track = |name: &str| exports.iter().find(|(found, _)| found.contains('@') && track(found) == track(name));
    let Some(((name, found), read)) =
        TRACKS.iter().zip(WORLDS.iter()).find_map(|((name, _), world)| Some((of_track(name)?, world)))
    else {
        let wanted = TRACKS.map(|(name, _)| format!("`{name}`")).join(" or ");
        return vec![format!("it does not export the interface {wanted}; {}", exported(engine, component))];
    };
    let (resolve, mapper) = match read {
        Ok(world) => world,
        Err(why) => return vec![format!("the contract can't be read, which is a bug of Orderdock: {why}")],
    };
    let ComponentItem::ComponentInstance(found) = &found.ty else {
        return vec![format!("its `{name}` is no interface")];
    };
    let mut all = Found { resolve, texts: Vec::new(), more: 0 };
    for (function_name, function) in &mapper.functions {
        match found.get_export(engine, function_name).map(|found| found.ty) {
            None => all.add(format!("its interface `{name}` has no function `{function_name}`")),
            Some(ComponentItem::ComponentFunc(found)) => all.function(function_name, function, &found),
            Some(_) => all.add(format!("`{function_name}` of its interface `{name}` is no function")),
        }
    }
    all.end()
}

/// What a component exports instead, for somebody who built against another version or another world.
fn exported(engine: &Engine, component: &Component) -> String {
    let world = component.component_type();
    let names: Vec<_> = world.exports(engine).map(|(name, _)| format!("`{name}`")).take(10).collect();
    if names.is_empty() { "it exports nothing".to_owned() } else { format!("it exports {}", names.join(", ")) }
}

struct Found<'a> {
    resolve: &'a Resolve,
    texts: Vec<String>,
    more: usize,
}

impl Found<'_> {
    fn add(&mut self, text: String) {
        if self.texts.contains(&text) {
            return;
        }
        if self.texts.len() < REPORTED { self.texts.push(text) } else { self.more = self.more.saturating_add(1) }
    }

    fn end(mut self) -> Vec<String> {
        if self.more > 0 {
            self.texts.push(format!("and {} more", self.more));
        }
        self.texts
    }

    fn function(&mut self, name: &str, wanted: &Function, found: &ComponentFunc) {
        let other = |place: String| format!("`{name}` has other types: {place}");
        let params: Vec<_> = found.params().collect();
        if params.len() != wanted.params.len() {
            let names: Vec<_> = wanted.params.iter().map(|param| param.name.as_str()).collect();
            let said = format!(
                "it takes {} parameters; the contract says {} ({})",
                params.len(),
                wanted.params.len(),
                names.join(", ")
            );
            self.add(other(said));
        }
        let mut places = Vec::new();
        for (wanted, (_, found)) in wanted.params.iter().zip(&params) {
            self.compare(&mut places, &wanted.name, &wanted.ty, found);
        }
        let results: Vec<_> = found.results().collect();
        match (&wanted.result, results.as_slice()) {
            (Some(wanted), [found]) => self.compare(&mut places, "result", wanted, found),
            (None, []) => {}
            (wanted, found) => {
                let many = |count: usize| if count == 0 { "nothing" } else { "a result" };
                let wanted = usize::from(wanted.is_some());
                places.push(format!("it gives {}; the contract says {}", many(found.len()), many(wanted)));
            }
        }
        for place in places {
            self.add(other(place));
        }
    }

    /// Adds what differs at `place` and below.
    fn compare(&self, out: &mut Vec<String>, place: &str, wanted: &Wit, found: &Type) {
        let wanted = self.plain(*wanted);
        let Wit::Id(id) = wanted else {
            if !is_same(&wanted, found) {
                out.push(format!("`{place}` is {}; the contract says {}", name_of(found), self.name(&wanted)));
            }
            return;
        };
        let kind = self.resolve.types.get(id).map(|found| &found.kind);
        match (kind, found) {
            (Some(TypeDefKind::Record(wanted)), Type::Record(found)) => {
                let fields: Vec<_> = found.fields().map(|field| (field.name.to_owned(), field.ty)).collect();
                let there = |name: &str| fields.iter().find(|(known, _)| known == name);
                let names: Vec<_> = wanted.fields.iter().map(|field| field.name.as_str()).collect();
                let known: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
                self.names(out, place, "field", &names, &known);
                for field in &wanted.fields {
                    if let Some((_, found)) = there(&field.name) {
                        self.compare(out, &format!("{place}.{}", field.name), &field.ty, found);
                    }
                }
            }
            (Some(TypeDefKind::Variant(wanted)), Type::Variant(found)) => {
                let cases: Vec<_> = found.cases().map(|case| (case.name.to_owned(), case.ty)).collect();
                let names: Vec<_> = wanted.cases.iter().map(|case| case.name.as_str()).collect();
                let known: Vec<_> = cases.iter().map(|(name, _)| name.as_str()).collect();
                self.names(out, place, "case", &names, &known);
                for case in &wanted.cases {
                    let Some((_, found)) = cases.iter().find(|(name, _)| *name == case.name) else { continue };
                    let place = format!("{place}({})", case.name);
                    match (&case.ty, found) {
                        (Some(wanted), Some(found)) => self.compare(out, &place, wanted, found),
                        (None, None) => {}
                        (wanted, _) => out.push(format!(
                            "`{place}` {}",
                            if wanted.is_some() {
                                "holds nothing; the contract says something"
                            } else {
                                "holds something; the contract says nothing"
                            }
                        )),
                    }
                }
            }
            (Some(TypeDefKind::Enum(wanted)), Type::Enum(found)) => {
                let names: Vec<_> = wanted.cases.iter().map(|case| case.name.as_str()).collect();
                let known: Vec<_> = found.names().collect();
                self.names(out, place, "case", &names, &known);
            }
            (Some(TypeDefKind::Tuple(wanted)), Type::Tuple(found)) if wanted.types.len() == found.types().len() => {
                for (index, (wanted, found)) in wanted.types.iter().zip(found.types()).enumerate() {
                    self.compare(out, &format!("{place}.{index}"), wanted, &found);
                }
            }
            (Some(TypeDefKind::Option(wanted)), Type::Option(found)) => {
                self.compare(out, place, wanted, &found.ty());
            }
            (Some(TypeDefKind::List(wanted)), Type::List(found)) => {
                self.compare(out, &format!("{place}[]"), wanted, &found.ty());
            }
            (Some(TypeDefKind::Result(wanted)), Type::Result(found)) => {
                for (name, wanted, found) in [("ok", &wanted.ok, found.ok()), ("err", &wanted.err, found.err())] {
                    if let (Some(wanted), Some(found)) = (wanted, &found) {
                        self.compare(out, &format!("{place}.{name}"), wanted, found);
                    } else if wanted.is_some() != found.is_some() {
                        out.push(format!("`{place}.{name}` is there in one of both only"));
                    }
                }
            }
            _ => out.push(format!("`{place}` is {}; the contract says {}", name_of(found), self.name(&Wit::Id(id)))),
        }
    }

    /// Names that are missing, too many, or in another order: the order counts too.
    fn names(&self, out: &mut Vec<String>, place: &str, what: &str, wanted: &[&str], found: &[&str]) {
        let before = out.len();
        for name in wanted.iter().filter(|name| !found.contains(name)) {
            out.push(format!("`{place}` lacks the {what} `{name}`"));
        }
        for name in found.iter().filter(|name| !wanted.contains(name)) {
            out.push(format!("`{place}` has the {what} `{name}`, which the contract does not have"));
        }
        if out.len() == before && wanted != found {
            let at = wanted.iter().zip(found).find(|(wanted, found)| wanted != found);
            let (wanted, found) = at.map_or(("", ""), |(wanted, found)| (*wanted, *found));
            out.push(format!("`{place}` has its {what}s in another order: `{found}` where `{wanted}` is due"));
        }
    }

    /// A type without the names that only stand for another.
    fn plain(&self, wanted: Wit) -> Wit {
        match wanted {
            Wit::Id(id) => match self.resolve.types.get(id).map(|found| &found.kind) {
                Some(TypeDefKind::Type(other)) => self.plain(*other),
                _ => wanted,
            },
            other => other,
        }
    }

    fn name(&self, wanted: &Wit) -> String {
        match wanted {
            Wit::Id(id) => self.name_of_id(*id),
            Wit::Bool => "`bool`".to_owned(),
            Wit::U8 => "`u8`".to_owned(),
            Wit::U16 => "`u16`".to_owned(),
            Wit::U32 => "`u32`".to_owned(),
            Wit::U64 => "`u64`".to_owned(),
            Wit::S8 => "`s8`".to_owned(),
            Wit::S16 => "`s16`".to_owned(),
            Wit::S32 => "`s32`".to_owned(),
            Wit::S64 => "`s64`".to_owned(),
            Wit::F32 => "`f32`".to_owned(),
            Wit::F64 => "`f64`".to_owned(),
            Wit::Char => "`char`".to_owned(),
            Wit::String => "`string`".to_owned(),
            Wit::ErrorContext => "`error-context`".to_owned(),
        }
    }

    fn name_of_id(&self, id: TypeId) -> String {
        match self.resolve.types.get(id) {
            Some(found) => match &found.name {
                Some(name) => format!("the {} `{name}`", found.kind.as_str()),
                None => match &found.kind {
                    TypeDefKind::Option(inner) => format!("an option of {}", self.name(&self.plain(*inner))),
                    TypeDefKind::List(inner) => format!("a list of {}", self.name(&self.plain(*inner))),
                    other => format!("a {}", other.as_str()),
                },
            },
            None => "something else".to_owned(),
        }
    }
}

fn is_same(wanted: &Wit, found: &Type) -> bool {
    matches!(
        (wanted, found),
        (Wit::Bool, Type::Bool)
            | (Wit::U8, Type::U8)
            | (Wit::U16, Type::U16)
            | (Wit::U32, Type::U32)
            | (Wit::U64, Type::U64)
            | (Wit::S8, Type::S8)
            | (Wit::S16, Type::S16)
            | (Wit::S32, Type::S32)
            | (Wit::S64, Type::S64)
            | (Wit::F32, Type::Float32)
            | (Wit::F64, Type::Float64)
            | (Wit::Char, Type::Char)
            | (Wit::String, Type::String)
    )
}

fn name_of(found: &Type) -> String {
    match found {
        Type::Bool => "`bool`".to_owned(),
        Type::U8 => "`u8`".to_owned(),
        Type::U16 => "`u16`".to_owned(),
        Type::U32 => "`u32`".to_owned(),
        Type::U64 => "`u64`".to_owned(),
        Type::S8 => "`s8`".to_owned(),
        Type::S16 => "`s16`".to_owned(),
        Type::S32 => "`s32`".to_owned(),
        Type::S64 => "`s64`".to_owned(),
        Type::Float32 => "`f32`".to_owned(),
        Type::Float64 => "`f64`".to_owned(),
        Type::Char => "`char`".to_owned(),
        Type::String => "`string`".to_owned(),
        Type::List(list) => format!("a list of {}", name_of(&list.ty())),
        Type::Option(option) => format!("an option of {}", name_of(&option.ty())),
        Type::Record(_) => "a record".to_owned(),
        Type::Tuple(_) => "a tuple".to_owned(),
        Type::Variant(_) => "a variant".to_owned(),
        Type::Enum(_) => "an enum".to_owned(),
        Type::Result(_) => "a result".to_owned(),
        Type::Flags(_) => "flags".to_owned(),
        _ => "something that the contract does not use".to_owned(),
    }
}
