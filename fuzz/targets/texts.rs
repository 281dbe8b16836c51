//! Fuzz target: see `orderdock_fuzz::texts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderdock_fuzz::texts(data));
