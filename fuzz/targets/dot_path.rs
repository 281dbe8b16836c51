//! Fuzz target: see `orderdock_fuzz::dot_path`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderdock_fuzz::dot_path(data));
