//! Fuzz target: see `orderdock_fuzz::shop_json`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderdock_fuzz::shop_json(data));
