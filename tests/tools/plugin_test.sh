#!/usr/bin/env bash
# plugin_test.sh - what host programs do to a library, done to ours: plugins that use it come and go, the
# program runs another one, gets signals while it exports, exits without shutdown, has no collector.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$(realpath "${CRYO_BUILD:-build/release}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "plugin: $*"; exit 1; }
cases=0
passed() { cases=$((cases + 1)); }

flags=(-std=gnu17 -Wall -Wextra -Werror -Iinclude -L"$build/lib" -Wl,-rpath,"$build/lib")
gcc "${flags[@]}" -fPIC -shared tests/tools/plugin_part.c -o "$work/part.so" -lcryostorm
gcc "${flags[@]}" tests/tools/plugin_host.c -o "$work/host" -lcryostorm -lpthread -ldl
export CRYO_LOG_LEVEL=error

# What a plugin recorded arrives after it is gone, with its texts.
OTEL_TRACES_EXPORTER=console OTEL_METRICS_EXPORTER=console OTEL_LOGS_EXPORTER=console \
  "$work/host" unload "$work/part.so" >"$work/out" 2>&1 || { tail -5 "$work/out"; die "a plugin that was unloaded broke its host"; }
spans=$(grep -c 'of the plugin' "$work/out")
[ "$spans" -ge 40 ] || die "of 40 spans of the plugin $spans arrived"
[ "$(grep -c 'a line of the plugin' "$work/out")" -ge 40 ] || die "lines of the plugin are missing"
grep -q 'a text of the plugin' "$work/out" || die "the plugin's texts are missing"
passed

# A program that is run in our place finds none of our descriptors, only what we were given ourselves.
"$work/host" inherited >"$work/given"
OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9 "$work/host" exec "$work/host" >"$work/out" 2>/dev/null
grep -q looked "$work/out" || die "the other program did not run"
diff "$work/given" "$work/out" || die "descriptors leak into other programs"
passed

# Nobody listens, and the program leaves without shutdown: its exit is its own, and soon.
for endpoint in http://127.0.0.1:9 http://192.0.2.1:4318; do
  began=$(date +%s)
  OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_ENDPOINT=$endpoint timeout 20 "$work/host" leave 2>/dev/null || die "exit without shutdown: status $?"
  [ $(($(date +%s) - began)) -le 10 ] || die "exit without shutdown took long with $endpoint"
  passed
done

# Signals that break off system calls lose nothing.
OTEL_TRACES_EXPORTER=console "$work/host" signals >"$work/out" 2>&1 || { tail -5 "$work/out"; die "signals broke the export"; }
[ "$(grep -c 'under fire' "$work/out")" -ge 20000 ] || die "under signals $(grep -c 'under fire' "$work/out") of 20000 spans arrived"
passed
printf 'counts: the library endured its host in %d cases\n' "$cases"
