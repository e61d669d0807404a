#!/usr/bin/env bash
# Every test, on real models and photographs. `make test` sets the folders.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

innkeeper=$CARGO_TARGET_DIR/debug/innkeeper

run_tests() {
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace "${features[@]}"
    else
        cargo test --workspace "${features[@]}" --lib --bins --tests --no-fail-fast
    fi
}

# The whole workspace with all targets, as the tests need it.
step 'debug build' cargo build --workspace --all-targets "${features[@]}"
step 'models' scripts/pull_models.sh "$innkeeper"
step 'test pictures' "$innkeeper" datasets pull demo

INNKEEPER_ORT_LIBRARY=$("$innkeeper" models path onnxruntime)
if [ -d "$INNKEEPER_ORT_LIBRARY" ]; then
    INNKEEPER_ORT_LIBRARY=$(ls "$INNKEEPER_ORT_LIBRARY"/libonnxruntime.so*)
fi
export INNKEEPER_ORT_LIBRARY
# With a mirror the extended pack is there, and tests of it must not pass by not running.
if [ -n "${INNKEEPER_MIRROR:-}" ]; then
    export INNKEEPER_REQUIRE_EXTENDED=1
fi

# `make bootstrap` installs Tesseract with its data for Vietnamese for the tests.
export INNKEEPER_REQUIRE_TESSERACT=1

# One server for every test, which stops when this script ends, however it does.
if [ -z "${INNKEEPER_TEST_POSTGRES:-}" ]; then
    coproc POSTGRES { exec scripts/postgres.sh; }
    read -r INNKEEPER_TEST_POSTGRES <&"${POSTGRES[0]}" || { wait "$POSTGRES_PID"; exit 1; }
    export INNKEEPER_TEST_POSTGRES
fi

step 'documentation tests' cargo test --doc --workspace "${features[@]}" --quiet
step 'requests of every kind' python3 scripts/fuzz_api.py "$innkeeper"
# Last, so that the runner's summary closes the output.
printf '\n== tests\n'
run_tests
