# SPDX-License-Identifier: Apache-2.0
# A thin cover over meson: `make demo` and `make test` do everything on a fresh Debian 12.
BUILD  ?= build
PREFIX ?= /usr
DESTDIR ?=
FUZZ_SECONDS ?= 600
PYTHON := /usr/bin/python3

.PHONY: all help setup setup-test build asan fuzz-build fuzz test test-unit test-system test-asan demo bench bench-stages \
    lint format install clean

all: build

help:
	@echo 'make demo         set up, build, and show the main job with real guests on two hosts'
	@echo 'make test         set up, build, run every test'
	@echo 'make build        set up what building needs, and build into $(BUILD)/'
	@echo 'make lint         format, warnings, include arrows, sizes, spelling'
	@echo 'make bench        what it does in a second, beside testpmd and OVS in the same run, in 15 minutes; one part: CASE=throughput,'
	@echo '                  frame-sizes, tunnels, rule-scale, connection-rate, connection-count, update-time, syn-flood, tso, latency,'
	@echo '                  no-loss, reconfiguration, two-workers or idle; more samples: MINUTES=45'
	@echo 'make bench-stages what packets cost in each stage, in instructions and clocks, beside what is noted'
	@echo 'make install      install below DESTDIR and PREFIX (now: "$(DESTDIR)" and $(PREFIX))'
	@echo 'make fuzz         each fuzz target for FUZZ_SECONDS ($(FUZZ_SECONDS))'
	@echo 'make test-unit, make test-system, make test-asan, make format, make clean'

setup:
	@tools/setup/setup.sh build

setup-test:
	@tools/setup/setup.sh test

build: setup
	@test -e $(BUILD)/build.ninja || meson setup $(BUILD) --prefix $(PREFIX) >/dev/null
	@ninja -C $(BUILD) --quiet

# Address and undefined behaviour sanitizers.
asan: setup
	@test -e $(BUILD)-asan/build.ninja || \
	    meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false --buildtype=debugoptimized >/dev/null
	@ninja -C $(BUILD)-asan --quiet

# The fuzz targets alone, by clang, with sanitizers and the coverage that leads the fuzzer.
fuzz-build: setup
	@test -e $(BUILD)-fuzz/build.ninja || CC=clang-14 \
	    meson setup $(BUILD)-fuzz -Dfuzz=enabled -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false >/dev/null
	@ninja -C $(BUILD)-fuzz --quiet fuzz-targets

fuzz: fuzz-build
	@$(PYTHON) tests/fuzz/targets.py --build $(BUILD)-fuzz --seconds $(FUZZ_SECONDS)

test: setup-test build asan fuzz-build
	@$(PYTHON) tests/run.py --build $(BUILD) --asan $(BUILD)-asan --fuzz $(BUILD)-fuzz

test-unit: build
	@$(PYTHON) tests/run.py --build $(BUILD) --only unit

test-system: setup-test build
	@$(PYTHON) tests/run.py --build $(BUILD) --only compat,system

# The system tests once more, with the daemon under the sanitizers.
test-asan: setup-test asan
	@$(PYTHON) tests/run.py --build $(BUILD)-asan --only unit,system

demo: setup-test build
	@SLUICE_BUILD=$(BUILD) $(PYTHON) tools/demo/demo.py

bench: setup-test build
	@SLUICE_BUILD=$(BUILD) $(PYTHON) tests/bench/bench.py $(if $(CASE),--case $(CASE)) \
	    $(if $(MINUTES),--minutes $(MINUTES))

bench-stages: setup-test build
	@SLUICE_BUILD=$(BUILD) $(PYTHON) tests/bench/stage_costs.py

lint: build
	@tools/lint/lint.sh $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format-14 -i

install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX) && DESTDIR="$(DESTDIR)" ninja -C $(BUILD) install

clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz
