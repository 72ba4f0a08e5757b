#!/usr/bin/env bash
# run.sh - each program of examples/ runs and shows what it says it shows. Needs $CRYO_BUILD.
set -uo pipefail
cd "$(dirname "$0")/../.."
bin=$(cd "${CRYO_BUILD:-build/release}/bin/examples" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0

# run <example> [NAME=value]...: its output, and that of standard error, in $work/out. No setting of
# ours from the surroundings, and no .env file but one that was put here.
run() {
    local name=$1
    shift
    env -i PATH="$PATH" ${ASAN_OPTIONS+ASAN_OPTIONS="$ASAN_OPTIONS"} "$@" "$bin/$name" >out 2>&1 && return
    echo "$name $*: exit code $?"
    cat out
    failed=$((failed + 1))
}

# has / lacks <extended regular expression>: over the last output
has() {
    grep -qE -- "$1" out && return
    echo "expected, and not found: $1"
    sed 's/^/    /' out
    failed=$((failed + 1))
}
lacks() {
    grep -qE -- "$1" out || return
    echo "found, and not expected: $1"
    sed 's/^/    /' out
    failed=$((failed + 1))
}

source "$OLDPWD/tests/examples/expectations.sh"

for program in "$bin"/*; do
    name=$(basename "$program")
    [ -f "$program" ] && [ -x "$program" ] || continue
    grep -q "^run $name" "$OLDPWD/tests/examples/expectations.sh" && continue
    [ "$name" = llm_app ] && continue # run by tests/demo
    echo "$name: nothing in tests/examples/expectations.sh runs it"
    failed=$((failed + 1))
done
[ $failed = 0 ]
