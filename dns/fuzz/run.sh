#!/usr/bin/env bash
# `make fuzz`: each fuzzer for TIME seconds (600), JOBS at a time (1; their logs are kept); TARGETS names some of them.
#
# libFuzzer with the coverage that rustc itself can put in (SanitizerCoverage). The compiler is the stable one: that pass is not
# to be had by its stable options, so it is told to take the others too, for this build only. AddressSanitizer is left out: what
# it would see are faults of `unsafe`, which these targets do not reach, and it halves what is tried in the time.
#
# What is found along the way is kept in target/fuzz/corpus and begun with next time; seeds/ is what is checked in. A finding is
# in target/fuzz/findings, and `target/fuzz/<triple>/release/<target> <finding>` shows it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${TIME:-600} jobs=${JOBS:-1}
read -r -a targets <<<"${TARGETS:-message subnet cookie zone policy}"
triple=$(rustc -vV | sed -n 's/^host: //p')
out=target/fuzz

RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$out RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --quiet --release --manifest-path dns/fuzz/Cargo.toml --target "$triple"

fuzz() {
    local target=$1 log=$out/$1.log
    mkdir -p "$out/corpus/$target" "$out/findings"
    local dictionary=dns/fuzz/world/$target.dict more=()
    if [[ -f $dictionary ]]; then more+=("-dict=$dictionary"); fi
    # An input that takes ten seconds, or two gigabytes, is a finding too.
    nice "$out/$triple/release/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$out/findings/$target-" "${more[@]}" \
        "$out/corpus/$target" "dns/fuzz/seeds/$target" >"$log" 2>&1 || { tail -40 "$log"; echo "fuzz: $target found something"; return 1; }
    local executions coverage
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(grep -o 'cov: [0-9]* ft: [0-9]*' "$log" | tail -1)
    echo "fuzz: $target: $executions executions, $coverage, nothing found"
}

pids=()
for target in "${targets[@]}"; do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
    fuzz "$target" &
    pids+=("$!")
done
failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
exit "$failed"
