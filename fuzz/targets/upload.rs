//! Fuzz target: see `orderdock_fuzz::upload`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderdock_fuzz::upload(data));
