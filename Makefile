# This file only forwards: CMake builds, tools/ does the rest. `make help` lists what there is.
PREFIX  ?= /usr/local
DESTDIR ?=
FUZZ    ?=
SEED    ?=
SEEDS   ?=
SECONDS ?= 60
COUNT   ?= 40
FILES   ?=
BEHAVIOURS ?=

.DEFAULT_GOAL := all
.PHONY: all demo demo-external test torture overload interop conformance coverage lint arm64 mutate bench bench-peers fuzz install format clean help

all: ## build the program and the library: build/release/bin, build/release/lib
	@tools/setup --for build
	@cmake --preset release --log-level=WARNING >/dev/null
	@cmake --build --preset release

demo: ## show the trace of a real request in the browser; Ctrl-C ends it
	@tools/setup --for demo
	@$(MAKE) --no-print-directory all
	@tools/demo

demo-external: ## the same application into a real Jaeger and a real Prometheus; Ctrl-C ends it
	@tools/setup --for external
	@tools/setup --for demo
	@$(MAKE) --no-print-directory all
	@tests/interop/peers.sh build/peers go prometheus jaeger
	@tools/demo --external

test: ## everything that must hold: warnings, sanitizers, style, the page (under 10 minutes)
	@tools/setup --for test
	@tools/test

torture: ## simulated disasters: SECONDS=600, or SEEDS=100000; SEED=123 tells what happens in one
	@tools/setup --for test
	@tools/torture "$(SEED)" "$(SEEDS)" "$(SECONDS)"

interop: ## real OpenTelemetry SDKs and a real Collector talk to ours, both ways
	@tools/setup --for interop
	@$(MAKE) --no-print-directory all
	@tests/interop/run

overload: ## the real program under a small limit, overloaded in every way at once: make overload SECONDS=60
	@tools/setup --for build
	@cmake --preset release --log-level=WARNING >/dev/null
	@tests/overload/run "$(SECONDS)"

conformance: ## how much of the field's own test scripts for PromQL and LogQL our engines pass
	@tools/setup --for test
	@tests/conformance/run

coverage: ## which branches the tests take in decoders, the log on disk and acknowledgements
	@tools/setup --for test
	@tools/setup --for proof
	@tools/coverage

lint: ## gcc's analyzer, clang-tidy and the memory sanitizer (some minutes)
	@tools/setup --for test
	@tools/setup --for proof
	@tools/lint

arm64: ## cross-build for arm64, and run the unit tests of library, codec and store under qemu
	@tools/setup --for build
	@tools/setup --for arm64
	@tools/arm64

mutate: ## break one line after the other: does a test notice? BEHAVIOURS=1, COUNT=200, FILES=src/pipe/ack.c
	@tools/setup --for test
	@tools/mutate --count $(COUNT) $(if $(BEHAVIOURS),--behaviours) $(FILES)

bench: ## what the hot paths cost
	@tools/setup --for build
	@tools/bench

bench-peers: ## the same work by a real OpenTelemetry Collector beside ours, in turn
	@tools/setup --for interop
	@tools/bench-peers

fuzz: ## feed one decoder with libFuzzer: make fuzz FUZZ=protobuf SECONDS=60; FUZZ=all for each in turn
	@tools/setup --for test
	@tools/fuzz "$(FUZZ)" "$(SECONDS)"

install: all ## install below PREFIX (/usr/local), staged into DESTDIR if that is set
	@DESTDIR="$(DESTDIR)" cmake --install build/release --prefix "$(PREFIX)"

format: ## let clang-format decide the layout of every C file
	@tools/setup --for test
	@tools/format

clean: ## remove everything that was built
	@rm -rf build ui/dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
