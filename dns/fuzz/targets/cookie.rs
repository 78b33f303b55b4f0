#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| fairway_dns::fuzzing::cookie(data));
