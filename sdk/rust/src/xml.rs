//! XML 1.0: texts made safe, and a small writer.
//!
//! What XML 1.0 can hold: U+0009, U+000A, U+000D, U+0020–U+D7FF, U+E000–U+FFFD, U+10000–U+10FFFF
//! (W3C, Extensible Markup Language 1.0, fifth edition, production 2 `Char`). Nothing else can be written, not even as
//! a character reference.

mod clean;
mod writer;

pub use clean::{Illegal, clean, holds};
pub use writer::{XmlStyle, XmlWriter};
