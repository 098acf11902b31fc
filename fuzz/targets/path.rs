#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| s3::fuzz::path(bytes));
