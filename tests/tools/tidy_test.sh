#!/usr/bin/env bash
# tidy_test.sh - tools/tidy complains about each thing that it exists to find, and only about those.
set -euo pipefail
tidy=$(cd "$(dirname "$0")/../.." && pwd)/tools/tidy
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
cases=0

house() { # a tree in which all is well; every case spoils one thing in a copy of it
  rm -rf "$tree"
  mkdir -p "$tree"/{src/base,src/net,tests/net,include/cryostorm,ui}
  printf 'base:\nnet: base\n' >"$tree/rooms.txt"
  echo 'The ground.' >"$tree/src/base/README.md"
  echo 'Sockets.' >"$tree/src/net/README.md"
  file src/base/mem.h '#ifndef BASE_MEM_H' '#define BASE_MEM_H' 'void mem_free(void *ptr);' '#endif'
  file src/base/mem.c '#include "base/mem.h"' '' '#include <stdlib.h>' '' 'void mem_free(void *ptr)' '{' '    free(ptr);' '}'
  file include/cryostorm/trace.h '#ifndef CRYOSTORM_TRACE_H' '#define CRYOSTORM_TRACE_H' '#endif'
  file tests/net/loop_test.c '#include <cmocka.h>' 'int main(void)' '{' '    return system == free;' '}'
}
file() { # NAME LINE...
  local name=$1; shift
  printf '%s\n' "$@" >"$tree/$name"
}
body() { # LINE: src/net/loop.c with a function of that one line
  file src/net/loop.c '/* loop.c - strcpy(a, b) in a comment, and a time() too. */' '#include "base/mem.h"' '' \
    'void loop_run(void)' '{' "    $1" '}'
}
many() { # COUNT COMMENT: src/net/loop.c with a function of so many lines
  { printf '/* %s */\nvoid loop_run(void)\n{\n' "$2"; yes '    ;' | head -n "$1" || true; echo '}'; } >"$tree/src/net/loop.c"
}
check() { said=$("$tidy" "$tree" 2>&1); }
clean() {
  cases=$((cases + 1))
  check || { printf 'tidy refused what is fine (%s):\n%s\n' "$1" "$said"; exit 1; }
}
refused() { # WORDS
  cases=$((cases + 1))
  if check; then echo "tidy let this pass: $1"; exit 1; fi
  [[ $said == *"$1"* ]] || { printf 'tidy should have said "%s", but said:\n%s\n' "$1" "$said"; exit 1; }
  [[ $said == *"tidy: 1 to mend" ]] || { printf 'tidy should have found one thing, "%s", but said:\n%s\n' "$1" "$said"; exit 1; }
}

house; clean 'a tidy house'

# every call of the table, out of place
rules=$(dirname "$tidy")/tidy.rules
while read -r name; do
  house; body "${name/\*/thing}(x);"; refused ": ${name/\*/thing}: "
done < <(awk -F'|' '/^call/ { n = split($2, name, " "); for (i = 1; i <= n; i++) print name[i] }' "$rules" |
  grep -vxE 'write|read|socket|bind|listen|accept4?|connect|getaddrinfo|epoll_.*')
house; body 'x();'; sed -i 's/x()/socket(1)/' "$tree/src/net/loop.c"; clean 'a socket in net'
house; file src/base/loop.c 'void loop_run(void)' '{' '    socket(1);' '}'; refused 'socket: sockets belong to net'

house; body 'conn->free(ptr); ring.time(); my_free(ptr); puts("strcpy(a, \"b\")");'; clean 'names that only look alike'
house; body "char c = '\"'; strcpy(a, b); char d = '\"';"; refused 'strcpy: use buf_add'
house; body "/* a comment that"$'\n'"runs on: strcpy(a, b) */;"; clean 'a call in a long comment'

house; body "$(printf 'int %0100d;' 1)"; refused 'longer than 100 columns'
house; body "/* $(yes ─ | head -n 80 | tr -d '\n') */"; clean 'a drawn line of 80 characters'
house; body 'x(); '; refused 'white space at the end'
house; body '/* TODO */'; refused 'a bare TODO'
house; body '/* FIXME: later */'; refused 'a bare TODO'
house; body '/* TODO: until libfyaml reports columns, lines must do */'; clean 'a TODO with its reason'
house; body 'mk("XXXXXX");'; clean 'a template of mkstemp'

house; many 70 'short enough'; clean 'a function of 70 lines'
house; many 71 'too long'; refused 'loop_run has 71 lines'
house; many 71 'long: one flat switch'; clean 'a long function with its reason'
house; many 71 'long:'; refused 'loop_run has 71 lines'
house; { echo 'int a;'; yes '' | head -n 1000 || true; } >"$tree/src/net/loop.c"; refused 'a file above 1000 lines'

house; sed -i 's/BASE_MEM_H/MEM_H/' "$tree/src/base/mem.h"; refused 'the include guard should be BASE_MEM_H'
house; sed -i 's/CRYOSTORM_TRACE_H/TRACE_H/' "$tree/include/cryostorm/trace.h"; refused 'should be CRYOSTORM_TRACE_H'
house; sed -i '1s/^/#include <stdio.h>\n/' "$tree/src/base/mem.c"; refused 'its own header comes first: "base/mem.h"'
house; file src/net/loop.c '#include <zlib.h>'; refused '<zlib.h> has its one place elsewhere: use codec/gzip.h'
house; file tests/net/zlib_test.c '#include <zlib.h>'; clean 'a foreign decoder as the judge of ours'
house; sed -i '1s/^/#include <curl\/curl.h>\n/' "$tree/tests/net/loop_test.c"; refused '<curl/curl.h>: a library enters through one file'
house; file src/net/http2.c '#include <nghttp2/nghttp2.h>'; clean 'nghttp2 in its place'

house; file src/net/Loop.c 'int a;'; refused 'src/net/Loop.c: file names are lower case'
house; file CHANGELOG.md 'x'; clean 'capitals that the world writes'
house; file src/net/mem.c 'int a;'; refused 'src/net/mem.c: src/base/mem.c has the same name'
house; file src/net/loop.h '#ifndef NET_LOOP_H' '#define NET_LOOP_H' '#endif'; refused 'src/net/loop.h: nobody includes it'
house; mkdir "$tree/src/attic"; file src/attic/README.md x; file src/attic/old.c 'int a;'; refused 'rooms.txt has no room attic'
house; file tests/lost.c 'int a;'; refused 'tests/lost.c: no target compiles it'
house; body 'x();'; rm "$tree/src/net/README.md"; refused 'src/net: a room has a README.md'

house; mkdir "$tree/ui/dist"; file ui/dist/page.js x; refused 'generated or vendored'
house; file ui/page.min.js x; refused 'generated or vendored'
house; file ui/package-lock.json '"resolved": "x"'; refused 'no download addresses'
house; file ui/notes.md 'see /home/someone/cryostorm'; refused 'a path of one machine'
house; file ui/page.ts 'let a = 1; // TODO'; refused 'a bare TODO'
echo "counts: tidy judged $cases cases"
