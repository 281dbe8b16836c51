//! Writes JSON into a buffer: field names as constants, texts escaped, nothing in between.

use orderdock_plugin::{LineKind, PaymentState};

/// Something that is written as a JSON value.
pub trait Json {
    /// Appends the value.
    fn write(&self, out: &mut Vec<u8>);
}

/// Defines a view with its writer and, natively, its schema.
macro_rules! object {
    (
        $(#[$meta:meta])*
        pub struct $name:ident<$life:lifetime> as $title:tt {
            $(#[$first_meta:meta])*
            pub $first:ident: $first_type:ty,
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
        #[cfg_attr(not(target_arch = "wasm32"), schemars(rename = $title, deny_unknown_fields))]
        pub struct $name<$life> {
            $(#[$first_meta])*
            pub $first: $first_type,
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl Json for $name<'_> {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(concat!("{\"", stringify!($first), "\":").as_bytes());
                self.$first.write(out);
                $(
                    out.extend_from_slice(concat!(",\"", stringify!($field), "\":").as_bytes());
                    self.$field.write(out);
                )*
                out.push(b'}');
            }
        }
    };
}
pub(super) use object;

/// RFC 8259 section 7: the quote, the backslash and U+0000–U+001F must be escaped; all else stands as it is.
impl Json for str {
    fn write(&self, out: &mut Vec<u8>) {
        const HEX: [u8; 16] = *b"0123456789abcdef";
        let bytes = self.as_bytes();
        let mut copied = 0;
        out.push(b'"');
        for (at, &byte) in bytes.iter().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            out.extend_from_slice(bytes.get(copied..at).unwrap_or_default());
            copied = at.saturating_add(1);
            let short = match byte {
                b'"' | b'\\' => byte,
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0x08 => b'b',
                0x0C => b'f',
                _ => {
                    let digit = |half: u8| HEX.get(usize::from(half)).copied().unwrap_or(b'0');
                    out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 15)]);
                    continue;
                }
            };
            out.extend_from_slice(&[b'\\', short]);
        }
        out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
        out.push(b'"');
    }
}

impl Json for String {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_str().write(out);
    }
}

impl<T: Json + ?Sized> Json for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Json> Json for [T] {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (index, item) in self.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            item.write(out);
        }
        out.push(b']');
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.as_slice().write(out);
    }
}

impl Json for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Json for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        u64::from(*self).write(out);
    }
}

impl Json for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }
}

impl Json for PaymentState {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self {
            Self::Unknown => br#""unknown""#,
            Self::Unpaid => br#""unpaid""#,
            Self::Authorised => br#""authorised""#,
            Self::PartlyPaid => br#""partly_paid""#,
            Self::Paid => br#""paid""#,
            Self::Refunded => br#""refunded""#,
        });
    }
}

impl Json for LineKind {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(match self {
            Self::Product => br#""product""#,
            Self::Shipping => br#""shipping""#,
            Self::Discount => br#""discount""#,
            Self::Fee => br#""fee""#,
            Self::Surcharge => br#""surcharge""#,
            Self::Gift => br#""gift""#,
            Self::Comment => br#""comment""#,
            Self::Rounding => br#""rounding""#,
            Self::Other => br#""other""#,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: &(impl Json + ?Sized)) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_word_is_the_contracts() {
        use LineKind as K;
        use PaymentState as S;
        for state in [S::Unknown, S::Unpaid, S::Authorised, S::PartlyPaid, S::Paid, S::Refunded] {
            assert_eq!(written(&state), serde_json::to_string(&state).unwrap());
        }
        for kind in
            [K::Product, K::Shipping, K::Discount, K::Fee, K::Surcharge, K::Gift, K::Comment, K::Rounding, K::Other]
        {
            assert_eq!(written(&kind), serde_json::to_string(&kind).unwrap());
        }
    }

    proptest! {
        /// The library is the model.
        #[test]
        fn texts_and_lists_are_what_the_library_writes(texts in prop::collection::vec("\\PC{0,10}|[\u{0}-\u{ff}]{0,10}", 0..4), number in any::<u64>()) {
            prop_assert_eq!(written(&texts), serde_json::to_string(&texts).unwrap());
            prop_assert_eq!(written(&number), serde_json::to_string(&number).unwrap());
            prop_assert_eq!(written(&texts.first()), serde_json::to_string(&texts.first()).unwrap());
        }
    }
}
