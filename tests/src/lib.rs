//! Tests.

pub mod mail;
