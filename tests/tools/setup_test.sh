#!/usr/bin/env bash
# setup_test.sh - tools/setup leaves a complete machine alone and brings exactly what is missing.
#
# The machine is a folder of commands that stands alone in PATH; its apt-get writes down what it was
# asked for, and brings `ninja` when it is asked to install.
set -euo pipefail
setup=$(cd "$(dirname "$0")/../.." && pwd)/tools/setup
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
cases=0

machine() { # COMMAND...: a machine that lacks these
  rm -rf "$machine"; mkdir "$machine"
  local name
  for name in bash env cat sed tail mktemp rm gcc cmake ninja pkg-config node npm curl g++ clang clang-format-14 chromium valgrind; do
    [[ " $* " == *" $name "* ]] || ln -s "$(command -v "$name")" "$machine/$name"
  done
  printf '#!/bin/sh\necho 0\n' >"$machine/id"
  printf '#!/bin/sh\necho "$DEBIAN_FRONTEND $*" >>%q\ncase "$*" in *fails*) echo it hurts; exit 100;; *install*) %q -sf %q %q;; esac\n' \
    "$machine/asked" "$(command -v ln)" "$(type -P true)" "$machine/ninja" >"$machine/apt-get"
  chmod +x "$machine/id" "$machine/apt-get"
  : >"$machine/asked"
}
run() { # EXPECTED-STATUS ARGUMENT...
  cases=$((cases + 1))
  local want=$1 got=0; shift
  said=$(PATH=$machine "$machine/bash" "$setup" "$@" 2>&1) || got=$?
  [ "$got" = "$want" ] || { printf 'setup %s: exit %s instead of %s, saying:\n%s\n' "$*" "$got" "$want" "$said"; exit 1; }
}
says() { [[ $said == *"$1"* ]] || { printf 'setup should have said "%s", but said:\n%s\n' "$1" "$said"; exit 1; }; }
asked() { [[ $(cat "$machine/asked") == "$1" ]] || { printf 'apt-get was asked:\n%s\ninstead of:\n%s\n' "$(cat "$machine/asked")" "$1"; exit 1; }; }

machine; run 0 --for test; [ -z "$said" ] || { echo "setup talks where nothing is to do: $said"; exit 1; }
asked ''
machine; run 0 --check --for test; says 'everything is here'; asked ''

machine ninja; run 1 --check; says 'ninja-build'; says 'runs the build'; asked ''
machine ninja; run 0 --for build; says 'ninja-build'; says 'runs the build'
asked 'noninteractive -y -o DPkg::Lock::Timeout=300 update
noninteractive -y -o DPkg::Lock::Timeout=300 install --no-install-recommends ninja-build'
run 0 --for build; [ -z "$said" ] || { echo "setup talks at its second run: $said"; exit 1; }

machine clang; run 0 --for build; asked ''
machine clang; run 1 --for test; says 'still not found: clang'
machine ninja; sed -i 's/\*fails\*/*update*/' "$machine/apt-get"; run 1 --for test; says 'it hurts'; says 'apt-get update failed'
machine ninja; rm "$machine/apt-get"; run 1 --for test; says 'ninja-build'; says 'no apt-get here'
machine ninja; printf '#!/bin/sh\necho 1000\n' >"$machine/id"; run 1 --for test; says 'needs root or sudo'; asked ''
machine npm; run 1 --for test; says 'has no npm beside it'; asked ''
run 1 --for cellar; says "no group 'cellar'"
run 1 --chekc; says 'unknown option --chekc'
echo "counts: setup behaved in $cases cases"
