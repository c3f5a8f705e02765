# Two commands do everything on a fresh Debian or Ubuntu machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
NATIVE := $(wildcard src/backstay/simulate/native/*) $(wildcard CMakeLists.txt)
LAB_PACKAGES := frr frr-pythontools bird2 knot knot-dnsutils iproute2 openssh-server openssh-client procps
BUILD_PACKAGES := python3-venv g++ make

.PHONY: demo test test-all quick check bench laws native-asan docs lab-packages clean

demo: $(STAMP)  ## audit the command of 4 October 2021, then the one that should have been typed
	@$(BIN)/backstay demo

test: $(STAMP) lab-packages  ## the tests that must pass before a change lands; says loudly what it had to skip
	@$(BIN)/pytest -n 2 --dist loadgroup -rs -m "not slow and not laws"
	@BACKSTAY_LAWS=$${BACKSTAY_LAWS:-200} $(LAWS)
	@if [ -f $(VENV)/.lab-skipped ]; then echo; echo "*** LAB TESTS WERE SKIPPED: $$(cat $(VENV)/.lab-skipped) ***"; fi

test-all: $(STAMP) lab-packages  ## those that take minutes each too: planted bugs at full size, a cluster that loses a worker
	@$(BIN)/pytest -n 2 --dist loadgroup -rs -m "not laws"
	@BACKSTAY_LAWS=$${BACKSTAY_LAWS:-2000} $(LAWS)

quick: $(STAMP)  ## the tests that take a moment
	@$(BIN)/pytest -n 2 -m "not slow and not lab and not laws" -x

check: $(STAMP)  ## style, types, import rules, documentation
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate.py --check

# Which networks a seed draws hangs on the modules in memory (Hypothesis picks up their constants): processes of their own.
LAWS := $(BIN)/pytest tests/laws -n 2 --dist loadgroup -m laws
laws: $(STAMP)  ## both engines on thousands of random networks: BACKSTAY_LAWS=5000 BACKSTAY_SEED=1 make laws
	@BACKSTAY_LAWS=$${BACKSTAY_LAWS:-1000} $(LAWS)

ASAN := build/asan
native-asan: $(STAMP)  ## the tests of the native core under address and undefined-behaviour sanitizers
	@$(BIN)/pip install --quiet --disable-pip-version-check 'cmake>=3.20' 'nanobind>=2.4' ninja
	@$(BIN)/cmake -S . -B $(ASAN) -G Ninja -DBACKSTAY_SANITIZE=ON -DCMAKE_BUILD_TYPE=None \
	  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python >/dev/null
	@$(BIN)/cmake --build $(ASAN) --target _native >/dev/null
	@LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libstdc++.so.6)" \
	  ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
	  $(BIN)/python tests/simulate/sanitized.py $(ASAN)

docs: $(STAMP)  ## write the generated reference pages and schemas
	@$(BIN)/python docs/generate.py

.PHONY: replay lab-all lab-laws
replay: $(STAMP) lab-packages  ## the outage of October on real routers, then the same with the audit asked first (as root)
	@$(BIN)/backstay replay examples/october

lab-all: $(STAMP) lab-packages  ## every network of the lab's tests against both engines, and the lab's limits (as root)
	@BACKSTAY_LAB=all $(BIN)/pytest tests/lab -rs
	@$(BIN)/python benchmarks/lab.py

lab-laws: $(STAMP) lab-packages  ## random networks on real routers, against both engines: BACKSTAY_LAB_LAWS=20 BACKSTAY_SEED=1 make lab-laws (as root)
	@BACKSTAY_LAB_LAWS=$${BACKSTAY_LAB_LAWS:-10} $(BIN)/pytest tests/lab/test_random_networks.py -rs

bench: $(STAMP)  ## audits and capacity sweeps, side by side with peers
	@$(BIN)/pip install --quiet --disable-pip-version-check netgraph-core scipy
	@$(BIN)/python benchmarks/audit.py; audits=$$?; $(BIN)/python -m benchmarks.capacity && exit $$audits

$(STAMP): pyproject.toml $(NATIVE)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) 2>/dev/null || $(MAKE) --no-print-directory build-packages
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]' || \
	  { $(MAKE) --no-print-directory build-packages && $(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'; }
	@touch $(STAMP)

.PHONY: build-packages
build-packages:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  rm -rf $(VENV); apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q $(BUILD_PACKAGES) >/dev/null; \
	  $(PYTHON) -m venv $(VENV); \
	else echo "backstay needs: $(BUILD_PACKAGES) (apt-get install, as root)"; exit 2; fi

# Real routers and DNS servers for the lab. The lab starts its own daemons: policy-rc.d keeps Debian from starting others.
POLICY := /usr/sbin/policy-rc.d
lab-packages:
	@rm -f $(VENV)/.lab-skipped
	@missing=""; for package in $(LAB_PACKAGES); do dpkg -s $$package >/dev/null 2>&1 || missing="$$missing $$package"; done; \
	if [ -n "$$missing" ]; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    made=""; failed=""; test -e $(POLICY) || { printf '#!/bin/sh\nexit 101\n' > $(POLICY); chmod +x $(POLICY); made=$(POLICY); }; \
	    apt-get update -q >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing >/dev/null || failed=yes; \
	    rm -f $$made; \
	    if [ -n "$$failed" ]; then [ -z "$$CI" ] || exit 1; echo "could not install$$missing" > $(VENV)/.lab-skipped; fi; \
	  else echo "not root, and these Debian packages are missing:$$missing" > $(VENV)/.lab-skipped; [ -z "$$CI" ]; fi; \
	fi

clean:
	@rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
