# Sourced by the other scripts: named steps with their durations.

# step NAME COMMAND...: runs the command under a heading and says how long it took.
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@"
    printf '== %s: ok, %d s\n' "$name" $((SECONDS - start))
}

# One feature set for checks and tests, so that nothing is built twice. The crash tests kill the server at named
# stages of a write, which only this feature can.
features=(--features innkeeper-api/kill-points)
