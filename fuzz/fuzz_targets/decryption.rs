#![no_main]

#[path = "../run.rs"]
#[expect(dead_code, reason = "each target runs one of them")]
mod run;

libfuzzer_sys::fuzz_target!(|data: &[u8]| run::decryption(data));
