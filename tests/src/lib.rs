//! Tests.

pub mod erp;
