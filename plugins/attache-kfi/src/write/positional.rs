//! The standard and the variable position format.

use orderdock_plugin::Rejection;
use orderdock_plugin::kfi::{FieldError, KfiWriter, TokenError};

use crate::record::{Field, Line, LineType, Record};
use crate::settings::{Section, Settings, VariableRows};

/// Standard: tags, the header's fields, each line's fields, keys between them.
pub(super) fn standard(record: &Record<'_>, settings: &Settings) -> Result<String, Rejection> {
    let tokens = &settings.tokens;
    let mut kfi = Writer { kfi: KfiWriter::new(settings.line_end.as_str()), settings };
    if !tokens.file.is_empty() {
        kfi.tokens(&tokens.file)?;
        kfi.kfi.end_line();
    }
    kfi.fields(&record.header)?;
    kfi.tokens(&tokens.after_header)?;
    kfi.kfi.end_line();
    for line in &record.lines {
        let (name, before) = match line.kind {
            LineType::Of(Section::Product | Section::Header) => ("", &tokens.before_productline),
            LineType::Of(Section::Service) => ("before_serviceline", &tokens.before_serviceline),
            LineType::Of(Section::Sundry) => ("before_sundryline", &tokens.before_sundryline),
            LineType::Comment => ("before_comment_line", &tokens.before_comment_line),
        };
        if before.is_empty() && !name.is_empty() {
            return Err(Rejection::settings(format!(
                "the order needs a {}, and in the standard format only keys lead there: set `tokens.{name}`",
                line.element
            ))
            .field(format!("settings.tokens.{name}")));
        }
        kfi.tokens(before)?;
        kfi.fields(&line.fields)?;
        kfi.tokens(&tokens.after_line)?;
        kfi.kfi.end_line();
    }
    if !tokens.after_record.is_empty() {
        kfi.tokens(&tokens.after_record)?;
        kfi.kfi.end_line();
    }
    Ok(kfi.kfi.finish())
}

/// Variable position: a head row names the fields of the header and of product lines; a row for each line.
pub(super) fn variable(record: &Record<'_>, settings: &Settings) -> Result<String, Rejection> {
    let mut kfi = Writer { kfi: KfiWriter::new(settings.line_end.as_str()), settings };
    let columns = settings.fields(Section::Product);
    kfi.token(&format!("Object_ID={}", settings.object_id))?;
    // As the one known writer has it: commas as for an empty row.
    kfi.kfi.skip(record.header.len().saturating_add(columns.len()));
    kfi.kfi.end_line();
    kfi.token("HEADROW")?;
    kfi.token("header")?;
    for field in &record.header {
        kfi.field(field.name)?;
    }
    kfi.token("productline")?;
    for column in columns {
        kfi.field(column)?;
    }
    kfi.token("ENDHEADROW")?;
    kfi.kfi.end_line();
    for (index, Line { kind, element, fields }) in record.lines.iter().enumerate() {
        if *kind != LineType::Of(Section::Product) {
            return Err(Rejection::settings(format!(
                "the order needs a {element}, and the variable position format carries product lines only: set \
                 `kind = \"productline\"` for it in `line_kind`"
            ))
            .field("settings.line_kind"));
        }
        if index == 0 || settings.variable_rows == VariableRows::RepeatHeader {
            kfi.fields(&record.header)?;
        } else {
            kfi.kfi.skip(record.header.len());
        }
        kfi.fields(fields)?;
        kfi.kfi.end_line();
    }
    Ok(kfi.kfi.finish())
}

struct Writer<'s> {
    kfi: KfiWriter,
    settings: &'s Settings,
}

impl Writer<'_> {
    fn token(&mut self, token: &str) -> Result<(), Rejection> {
        self.kfi.token(token).map_err(|error: TokenError| Rejection::settings(error.to_string()))
    }

    fn tokens(&mut self, tokens: &[String]) -> Result<(), Rejection> {
        tokens.iter().try_for_each(|token| self.token(&self.settings.filled(token)))
    }

    fn field(&mut self, text: &str) -> Result<(), Rejection> {
        self.kfi.field(text).map_err(|error: FieldError| Rejection::data(error.to_string()))
    }

    fn fields(&mut self, fields: &[Field<'_>]) -> Result<(), Rejection> {
        fields.iter().try_for_each(|field| self.field(&field.value))
    }
}
