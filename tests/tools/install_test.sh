#!/usr/bin/env bash
# install_test.sh - what `make install` leaves behind is all that a user's program needs.
#
# The release build is staged through DESTDIR and then moved, as packages are. A program is built on
# it the ways people do: pkg-config, CMake, the static archive, C++; each must run and say its span.
set -euo pipefail
cd "$(dirname "$0")/../.."
source=$PWD build=${CRYO_BUILD:-build/release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "install: $*"; exit 1; }

DESTDIR=$work/stage cmake --install "$build" --prefix /opt/cryostorm >"$work/install.log" ||
  { cat "$work/install.log"; die "cmake --install failed"; }
mv "$work/stage/opt/cryostorm" "$work/moved"
[ -z "$(find "$work/stage" -type f)" ] || die "files were installed outside the prefix: $(find "$work/stage" -type f)"
at=$work/moved

for file in bin/cryostorm lib/libcryostorm.so lib/libcryostorm.so.0 lib/libcryostorm.a lib/pkgconfig/cryostorm.pc \
  lib/cmake/cryostorm/cryostorm-config.cmake lib/systemd/system/cryostorm.service; do
  [ -e "$at/$file" ] || die "$file is missing"
done
diff <(cd include && find . -type f | sort) <(cd "$at/include" && find . -type f | sort) || die "the headers differ from include/"
if grep -rlI "$source" "$at" --include='*.pc' --include='*.cmake' --include='*.h'; then die "these name the source tree"; fi

version=$(sed -n 's/^#define CRYO_VERSION  *"\(.*\)"/\1/p' include/cryostorm/version.h)
[[ $("$at/bin/cryostorm" --version) == *"$version"* ]] || die "cryostorm --version does not say $version"

grep -q '^ExecStart=/opt/cryostorm/bin/cryostorm --config ' "$at/lib/systemd/system/cryostorm.service" ||
  die "the systemd unit starts another program than the installed one"

# ---- programs on it ----------------------------------------------------------------------------
export PKG_CONFIG_PATH=$at/lib/pkgconfig
[ "$(pkg-config --modversion cryostorm)" = "$version" ] || die "pkg-config gives another version than $version"
read -ra flags <<<"$(pkg-config --cflags cryostorm)"
read -ra libs <<<"$(pkg-config --libs cryostorm)"
programs=0

speaks() { # PROGRAM: runs, and its span reaches the console exporter
  programs=$((programs + 1))
  OTEL_TRACES_EXPORTER=console "$1" >"$work/said" 2>&1 || { cat "$work/said"; die "$1 failed"; }
  grep -q 'greeting.whom = "world"' "$work/said" || { cat "$work/said"; die "$1 exported no span"; }
}

strict=(-std=c17 -Wall -Wextra -Wpedantic -Werror)
for cc in gcc clang; do
  "$cc" "${strict[@]}" "${flags[@]}" examples/hello.c -o "$work/shared-$cc" "${libs[@]}" -Wl,-rpath,"$at/lib"
  speaks "$work/shared-$cc"
  "$cc" "${strict[@]}" "${flags[@]}" examples/hello.c -o "$work/static-$cc" -L"$at/lib" -l:libcryostorm.a -lnghttp2 -lz -lpthread -lm -ldl
  if ldd "$work/static-$cc" | grep -q libcryostorm; then die "the static program asks for libcryostorm.so"; fi
  speaks "$work/static-$cc"
done

{
  for header in include/cryostorm/*.h; do echo "#include <cryostorm/$(basename "$header")>"; done
  echo 'int main() { return cryo_span_is_recording(CryoSpan{}) ? 1 : 0; }'
} >"$work/all.cpp"
g++ -std=c++17 -Wall -Wextra -Werror "${flags[@]}" "$work/all.cpp" -o "$work/cpp" "${libs[@]}" -Wl,-rpath,"$at/lib"
"$work/cpp" || die "the C++ program failed"

mkdir "$work/project"
cp examples/hello.c "$work/project/"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.16)
project(user C)
find_package(cryostorm 0.1 REQUIRED)
add_executable(with_shared hello.c)
target_link_libraries(with_shared PRIVATE cryostorm::cryostorm)
add_executable(with_static hello.c)
target_link_libraries(with_static PRIVATE cryostorm::static)
END
cmake -S "$work/project" -B "$work/project/build" -DCMAKE_PREFIX_PATH="$at" >"$work/cmake.log" &&
  cmake --build "$work/project/build" >>"$work/cmake.log" || { cat "$work/cmake.log"; die "the CMake project failed"; }
speaks "$work/project/build/with_shared"
speaks "$work/project/build/with_static"
echo "counts: $((programs + 1)) programs built and ran on the installed library"
