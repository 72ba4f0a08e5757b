#!/usr/bin/env bash
# unused_test.sh - tools/unused names what no other file asks for, and only that.
set -euo pipefail
unused=$(cd "$(dirname "$0")/../.." && pwd)/tools/unused
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
mkdir -p "$build"/{lib,CMakeFiles/{room_base.dir,some_test.dir}}
cd "$build"

echo 'int asked(void); int asked_by_test(void); int at_home(void); int by_nobody;
  int asked(void) { return at_home(); } int asked_by_test(void) { return 1; } int at_home(void) { return 2; }' >a.c
echo 'int asked(void); int caller(void); int caller(void) { return asked(); }' >b.c
echo 'int asked_by_test(void); int caller(void); int main(void) { return asked_by_test() + caller(); }' >CMakeFiles/some_test.dir/t.c
gcc -c a.c -o CMakeFiles/room_base.dir/a.c.o
gcc -c b.c -o CMakeFiles/room_base.dir/b.c.o
gcc -c CMakeFiles/some_test.dir/t.c -o CMakeFiles/some_test.dir/t.c.o
ar rcs lib/libhouse.a CMakeFiles/room_base.dir/*.o

want='a.c: at_home: nobody else asks for it: make it static, or delete it
a.c: by_nobody: nobody else asks for it: make it static, or delete it
unused: 2 to mend'
if said=$("$unused" "$build"); then echo "unused let two names pass"; exit 1; fi
[ "$said" = "$want" ] || { printf 'unused said:\n%s\n' "$said"; exit 1; }

sed -i 's/int at_home(void) {/static &/; s/int at_home(void);/static &/; s/int by_nobody;//' a.c
gcc -c a.c -o CMakeFiles/room_base.dir/a.c.o
ar rcs lib/libhouse.a CMakeFiles/room_base.dir/*.o
"$unused" "$build" || { echo "unused refused a house where all is asked for"; exit 1; }
rm lib/libhouse.a
if "$unused" "$build" 2>/dev/null; then echo "unused passed without a build"; exit 1; fi
echo "counts: unused told two names from three"
