//! See `retrain::fuzzing`, where the properties are.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| retrain::fuzzing::frames(data));
