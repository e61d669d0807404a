#!/usr/bin/env bash
# What a change must pass before its tests matter; the quick checks come first. `make check` sets the folders.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/steps.sh

scripts_parse() {
    local file
    for file in scripts/*.sh .ci/run; do
        bash -n "$file"
    done
    for file in scripts/*.py demo/*.py benches/*.py benches/peer/*.py; do
        python3 -c 'import ast, sys; ast.parse(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1])' "$file"
    done
}

lock_is_current() {
    cargo metadata --locked --format-version 1 >/dev/null
}

documentation() {
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --workspace
}

openapi_agrees() {
    cargo build --workspace --all-targets "${features[@]}"
    if ! "$CARGO_TARGET_DIR/debug/innkeeper" openapi | diff -u api/openapi.json -; then
        printf 'api/openapi.json is not what the code says: run make openapi and commit it\n' >&2
        return 1
    fi
}

step 'format' cargo fmt --all --check
step 'scripts' scripts_parse
step 'duplicate lines' python3 scripts/duplicate_lines.py
step 'documents agree with the code' python3 scripts/docs_agree.py
step 'Cargo.lock is current' lock_is_current
step 'dependencies' scripts/deny.sh
step 'lints' cargo clippy --workspace --all-targets "${features[@]}" -- -D warnings
step 'documentation' documentation
step 'OpenAPI drift' openapi_agrees
printf '\nmake check: ok, %d s\n' "$SECONDS"
