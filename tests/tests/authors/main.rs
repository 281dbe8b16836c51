//! Authors: a project begun, built, tested, run and watched in each language with the real program, in a folder outside of this
//! tree; a case made of a real failed order; what a trap and a limit tell.
#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod capture;
mod faults;
mod languages;
mod workshop;
