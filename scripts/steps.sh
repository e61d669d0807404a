# Sourced by the other scripts: named steps with their durations.

# step NAME COMMAND...: runs the command under a heading and says how long it took.
step() {
    local name=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@"
    printf '== %s: ok, %d s\n' "$name" $((SECONDS - start))
}
