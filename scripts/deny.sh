#!/usr/bin/env bash
# Bans, licences and sources always; advisories when their database can be reached. Says which.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=${INNKEEPER_TOOLS:-$HOME/.cache/innkeeper/tools}
PATH=$tools/bin:$PATH

if ! cargo deny --version >/dev/null 2>&1; then
    printf 'cargo-deny is missing: building %s once into %s (some minutes)\n' "$version" "$tools"
    # Its own build folder: our shared one would keep a second set of everything.
    env -u CARGO_TARGET_DIR cargo install cargo-deny --version "$version" --locked --root "$tools"
fi

# Duplicate versions are reported by `cargo deny check bans`; here they would bury everything else.
cargo deny --log-level error check --hide-inclusion-graph --allow duplicate bans licenses sources
printf 'duplicate versions (for the list: cargo deny check bans): %s\n' \
    "$(cargo deny check --hide-inclusion-graph bans 2>&1 | grep -c '^warning\[duplicate\]' || true)"

if timeout 120 cargo deny --log-level error fetch db >/dev/null 2>&1; then
    cargo deny --log-level error check advisories
    printf 'advisories: checked\n'
else
    printf 'advisories: NOT checked, their database cannot be reached from here\n'
fi
