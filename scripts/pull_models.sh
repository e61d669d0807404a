#!/usr/bin/env bash
# usage: scripts/pull_models.sh INNKEEPER
# The default pack must come; the extended one comes from public repositories that may be out of reach.
set -euo pipefail

"$1" models pull --pack default
if ! "$1" models pull --pack extended; then
    printf '\nThe extended pack could not be pulled: going on with the default pack (no liveness model).\n'
    printf 'Try again with: %s models pull --pack extended\n' "$1"
fi
