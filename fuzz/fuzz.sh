#!/bin/sh
# Runs each fuzzer for so many runs (10 million, or the first argument), from the committed corpora; what is found stays in
# fuzz/artifacts. The compiler's own coverage passes are enough: no nightly, no further tool. Without sanitizers, for the code has no
# `unsafe` in it: what is looked for are panics, endless loops and failed assertions.
set -eu
cd "$(dirname "$0")"
runs=${1:-10000000}
host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-../target/fuzz}
passes="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
        -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
        -Cdebug-assertions -Coverflow-checks --cfg fuzzing"
RUSTFLAGS=$(echo $passes) cargo build --release --locked --target "$host" --target-dir "$target"
for name in framing session envelope decryption json; do
    found=$target/corpus/$name
    mkdir -p "$found" artifacts
    echo "== $name: $runs runs"
    status=0
    "$target/$host/release/$name" -runs="$runs" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="artifacts/$name-" "$found" "corpus/$name" >"$target/$name.log" 2>&1 || status=$?
    grep -E "^stat::number_of_executed|^Done|ERROR|panicked|SUMMARY" "$target/$name.log" || true
    [ "$status" = 0 ] || { echo "$name failed: see $target/$name.log and fuzz/artifacts" >&2; exit "$status"; }
done
