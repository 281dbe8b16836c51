//! Fuzz target: see `orderdock_fuzz::answers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| orderdock_fuzz::answers(data));
