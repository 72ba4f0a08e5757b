#!/usr/bin/env bash
# symbols_test.sh - what leaves libcryostorm: cryo_* and nothing else, shared and static alike.
#
# Read with nm, and proven by a host program that has its own `fail`, `arena_alloc` and other names of
# ours: linked with the archive, each must go on calling its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${CRYO_BUILD:-build/release}
shared=$build/lib/libcryostorm.so static=$build/lib/libcryostorm.a
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "symbols: $*"; exit 1; }

nm -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' | sort >"$work/shared"
nm -g --defined-only "$static" | awk 'NF == 3 { print $3 }' | sort >"$work/static"
[ -s "$work/shared" ] || die "the shared library exports nothing"
if grep -v '^cryo_' "$work/shared"; then die "the shared library exports these"; fi
if grep -v '^cryo_' "$work/static"; then die "the static library exports these"; fi
diff "$work/shared" "$work/static" || die "shared (<) and static (>) differ"

# What the headers promise is there: every function declared with CRYO_API.
grep -ohE '^(extern )?CRYO_API .*' include/cryostorm/*.h | grep -oE '\bcryo_[a-z0-9_]+ *[(;[]' | grep -oE 'cryo_[a-z0-9_]+' | sort -u >"$work/promised"
[ -s "$work/promised" ] || die "no header declares anything with CRYO_API"
missing=$(comm -23 "$work/promised" "$work/shared")
[ -z "$missing" ] || die "declared in a header and not in the library: $missing"
hidden=$(comm -13 "$work/promised" "$work/shared")
[ -z "$hidden" ] || die "in the library and in no header: $hidden"

# What a program that links it gets: libc, zlib, nghttp2; no YAML, no TLS, no C++.
needed=$(readelf -d "$shared" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
foreign=$(grep -vE '^(libc|libm|libz|libnghttp2|ld-linux-[a-z0-9-]+)\.so\.[0-9]+$' <<<"$needed" || true)
[ -z "$foreign" ] || die "the library asks for $foreign"
if nm -u "$static" | grep -E ' (fy_|_Z|SSL_|EVP_)'; then die "the archive asks for these"; fi
readelf -d "$shared" | grep -q 'SONAME.*\[libcryostorm.so.0\]' || die "the SONAME is not libcryostorm.so.0"

# Small, and hardened like the program: RELRO, bound at start, no executable stack.
strip -o "$work/stripped" "$shared"
size=$(stat -c %s "$work/stripped")
[ "$size" -lt 409600 ] || die "the stripped library has $size bytes; 400 KiB is the bar"
for file in "$shared" "$build/bin/cryostorm"; do
  readelf -lW "$file" >"$work/headers"; readelf -dW "$file" >"$work/dynamic"
  grep -q GNU_RELRO "$work/headers" || die "$file has no RELRO"
  grep -qE 'BIND_NOW|FLAGS_1.*NOW' "$work/dynamic" || die "$file is not bound at start"
  if grep 'GNU_STACK' "$work/headers" | grep -q 'RWE'; then die "$file has an executable stack"; fi
done
readelf -hW "$build/bin/cryostorm" | grep -q 'DYN' || die "the program is not position independent"

# Inside, every name has one definition; a linker that takes from archives would not notice two.
twice=$(nm --defined-only "$build/lib/libhouse.a" | awk '$2 ~ /^[TDBR]$/ { print $3 }' | sort | uniq -d)
[ -z "$twice" ] || die "defined twice in src/: $twice"

# The host with our names.
cc=(gcc -std=c17 -Wall -Wextra -Werror -Iinclude tests/tools/symbols_host.c)
"${cc[@]}" -o "$work/with_static" "$static" -lnghttp2 -lz -lpthread -lm -ldl
"${cc[@]}" -rdynamic -o "$work/with_shared" -L"$build/lib" -lcryostorm -Wl,-rpath,"$PWD/$build/lib"
for program in with_static with_shared; do
  TRACING__EXPORTER_TYPE=in_memory "$work/$program" >"$work/out" 2>&1 || { cat "$work/out"; die "$program failed"; }
done
echo "counts: $(wc -l <"$work/shared") names leave the library, all cryo_; $size bytes stripped; the host kept its own names"
