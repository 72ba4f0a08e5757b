#!/usr/bin/env bash
# rooms_test.sh - tools/rooms refuses each thing that it exists to refuse, and nothing else.
set -euo pipefail
rooms=$(cd "$(dirname "$0")/../.." && pwd)/tools/rooms
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cases=0

# A house in which everything is allowed; every case breaks one thing in a copy of it.
house() {
  rm -rf "$tree"
  mkdir -p "$tree"/{src/{base,pipe,sdk,processors,exporters,store/{traces,logs}},include/cryostorm,tests/pipe,examples}
  cat >"$tree/rooms.txt" <<'END'
base:
sdk: base
pipe: base sdk
store: base
processors: base pipe store
exporters: base pipe store
END
  put src/base/mem.h '<stddef.h>'
  put src/pipe/graph.c '"pipe/graph.h"' '"pipe/graph_internal.h"' '"base/mem.h"' '<cryostorm/trace.h>'
  put src/base/mem.c '"base/mem.h"' '<cryostorm/version.h>'
  put src/processors/batch_processor.c '"processors/batch_processor_internal.h"' '"pipe/component.h"'
  put src/store/traces/part.c '"store/traces/part.h"' '"store/scan.h"'
  put include/cryostorm/trace.h '<cryostorm/version.h>'
  put tests/pipe/graph_test.c '"pipe/graph_internal.h"' '"support/host.h"' '"store/scan.h"'
  put examples/hello.c '<cryostorm/trace.h>'
}
put() { # FILE INCLUDE...
  local file=$tree/$1; shift
  printf '#include %s\n' "$@" >"$file"
}
refused() { # WORDS: the house as it stands now must be refused with them
  cases=$((cases + 1))
  if said=$("$rooms" "$tree"); then echo "rooms let this pass: $1"; exit 1; fi
  [[ $said == *"$1"* ]] || { printf 'rooms should have said "%s", but said:\n%s\n' "$1" "$said"; exit 1; }
}

house; "$rooms" "$tree" || { echo "rooms refused a tidy house"; exit 1; }

house; put src/base/map.c '"pipe/graph.h"';                 refused 'base may not use pipe'
house; put src/base/map.c '<cryostorm/trace.h>';            refused 'base may not use sdk'
house; put src/base/map.c '"mem.h"';                        refused 'does not begin with a room'
house; put src/base/map.c '"nowhere/mem.h"';                refused 'does not begin with a room'
house; put src/processors/x.c '"pipe/graph_internal.h"';    refused 'is a cupboard of pipe'
house; put tests/pipe/x_test.c '"base/mem_internal.h"';     refused 'is a cupboard of base'
house; put src/processors/x_processor.c '"processors/batch_processor.h"'; refused 'meet through pipe/component.h'
house; put src/store/logs/part.c '"store/traces/part.h"';   refused 'siblings in store/'
house; put include/cryostorm/log.h '"base/mem.h"';          refused 'only <cryostorm/...>'
house; put examples/hello.c '"sdk/span.h"';                 refused 'only <cryostorm/...>'
house; mkdir "$tree/src/attic"; put src/attic/old.c '"base/mem.h"'; refused 'src/attic has no line'
house; echo 'pipe: base' >>"$tree/rooms.txt";               refused 'pipe has two lines'
house; echo 'query: base cellar' >>"$tree/rooms.txt";       refused 'query uses cellar, which has no line'
house; sed -i 's/^base:/base: exporters/' "$tree/rooms.txt"; refused 'a circle: base > exporters'
house; rm "$tree/rooms.txt";                                refused 'not found or empty'
echo "counts: rooms refused $cases of $cases broken houses"
