#!/usr/bin/env bash
# Installs what a bare Debian 12 lacks; with the argument `test` also what only the tests need. Rust is asked for,
# never installed: how is the user's choice.
# Everything compiled from C (aws-lc, ring, SQLite, zstd) needs a C compiler and nothing else: no CMake, nasm,
# clang or protoc.
set -euo pipefail

need_rust=1.95

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
command -v python3 >/dev/null || missing+=(python3)
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
# Public files are fetched over HTTPS with the system's certificates.
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
# The store's tests run on a PostgreSQL server of their own, which Debian keeps out of PATH.
if [ "${1:-}" = test ] && ! command -v initdb >/dev/null && ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; then
    missing+=(postgresql)
fi
# The document tests draw their own bills and passports with these fonts, and read Vietnamese a second time.
if [ "${1:-}" = test ]; then
    fonts=/usr/share/fonts
    [ -e $fonts/truetype/dejavu/DejaVuSans.ttf ] || missing+=(fonts-dejavu-core)
    [ -e $fonts/opentype/ocr-b/OCRB.otf ] || missing+=(fonts-ocr-b)
    [ -e $fonts/truetype/wqy/wqy-microhei.ttc ] || missing+=(fonts-wqy-microhei)
    command -v tesseract >/dev/null || missing+=(tesseract-ocr)
    compgen -G '/usr/share/tesseract-ocr/*/tessdata/vie.traineddata' >/dev/null || missing+=(tesseract-ocr-vie)
fi

if [ ${#missing[@]} -gt 0 ]; then
    install=(apt-get install --yes --no-install-recommends "${missing[@]}")
    printf '== missing: %s\n' "${missing[*]}"
    if ! command -v apt-get >/dev/null; then
        printf 'Install these with the package manager of this system, then run make again.\n' >&2
        exit 1
    elif [ "$(id -u)" = 0 ]; then
        sudo=()
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        sudo=(sudo -n)
    else
        printf 'Run this as root, then make again:\n\n    apt-get update && %s\n\n' "${install[*]}" >&2
        exit 1
    fi
    "${sudo[@]}" apt-get update
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}"
fi

if ! command -v cargo >/dev/null; then
    printf 'cargo is missing. Install Rust %s or newer (https://rustup.rs), then run make again.\n' "$need_rust" >&2
    exit 1
fi
found=$(rustc --version | cut -d ' ' -f 2)
if [ "$(printf '%s\n%s\n' "$need_rust" "$found" | sort -V | head -n 1)" != "$need_rust" ]; then
    printf 'Rust %s is too old; %s or newer is needed: rustup update stable\n' "$found" "$need_rust" >&2
    exit 1
fi
