#!/usr/bin/env bash
# A PostgreSQL server of its own for tests, in a new folder, on a socket in there and on no network. Prints the
# superuser's URL once it answers; stops and removes everything when standard input ends, so also when whoever
# started it was killed.
set -euo pipefail

# Debian keeps the server's programs out of PATH, in a folder per version.
bin=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
PATH=${bin:+$bin:}$PATH
if ! command -v initdb >/dev/null || ! command -v pg_ctl >/dev/null; then
    printf 'PostgreSQL is not installed; its tests need the server: apt-get install postgresql\n' >&2
    exit 1
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/innkeeper-postgres.XXXXXX")
# The server refuses to run as root; Debian's package brings a user for it.
as=()
if [ "$(id -u)" = 0 ]; then
    as=(runuser -u postgres --)
    chown postgres "$folder"
fi
cd "$folder"

stop() {
    "${as[@]}" pg_ctl --pgdata="$folder/data" --mode=immediate --wait stop >/dev/null 2>&1 || true
    cd /
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

# Only who can enter the folder reaches the socket, hence no password. Nothing here outlives the tests, so
# nothing waits for the disk; what a killed client was told is safe in the running server all the same. It sorts
# as English does, so that a column whose order must not depend on that is noticed.
"${as[@]}" initdb --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 \
    --locale-provider=icu --icu-locale=en --no-sync >initdb.log 2>&1 || { cat initdb.log >&2; exit 1; }
"${as[@]}" pg_ctl --pgdata="$folder/data" --log="$folder/data/server.log" --wait --options="-k $folder -h '' \
    -c fsync=off -c full_page_writes=off -c max_connections=300" start >/dev/null \
    || { cat "$folder/data/server.log" >&2; exit 1; }

printf 'postgres:///postgres?host=%s&user=postgres\n' "$folder"
cat >/dev/null
