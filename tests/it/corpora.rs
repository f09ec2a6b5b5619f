//! The corpora of the fuzzers, as an ordinary test: what was found once stays mended.

#[path = "../../fuzz/run.rs"]
mod run;

use std::{fs, path::Path};

#[test]
fn nothing_that_a_fuzzer_kept_does_any_harm() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for (name, target) in [
        ("framing", run::framing as fn(&[u8])),
        ("session", run::session),
        ("envelope", run::envelope),
        ("decryption", run::decryption),
        ("json", run::json),
    ] {
        let mut inputs = 0;
        for file in fs::read_dir(corpora.join(name)).unwrap() {
            target(&fs::read(file.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs >= 5, "the corpus of {name} has {inputs} inputs");
    }
}
