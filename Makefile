# make demo   words through a small trained ciwGAN, a code moved through its generator: series, sounds, pictures in demo/
# make test   all tests
# Both set up what they need in .venv, from the versions in constraints.txt. `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := test,speech,train,acoustics,stats,dask,parquet
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SOURCES := $(shell find csrc python -type f ! -path '*/__pycache__/*' ! -name '*.so') CMakeLists.txt pyproject.toml

.NOTPARALLEL:
.PHONY: demo test lint sanitize tidy bench clean help

demo: $(VENV)/installed
	$(BIN)/convscope demo --out demo

test: $(VENV)/installed
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest --doctest-modules --pyargs convscope

lint: $(VENV)/lint-tools $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	git ls-files '*.h' '*.cpp' '*.cu' '*.cuh' | xargs $(BIN)/clang-format --dry-run --Werror
	$(BIN)/codespell

sanitize: $(VENV)/installed
	PATH="$(abspath $(BIN)):$$PATH" ./tools/sanitize.sh

tidy: $(VENV)/lint-tools
	PATH="$(abspath $(BIN)):$$PATH" cmake --preset tidy
	PATH="$(abspath $(BIN)):$$PATH" cmake --build --preset tidy

bench: $(VENV)/bench-tools
	$(BIN)/python -m pytest benchmarks/test_speed.py
	$(BIN)/convscope bench --force

clean:
	rm -rf build demo $(VENV)

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile
	@echo "make lint   ruff, mypy, clang-format, codespell"
	@echo "make sanitize   kernel tests under AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer"
	@echo "make tidy   clang-tidy    make bench   speed beside the peers, about an hour    make clean"

$(VENV)/python-ready: constraints.txt
	@echo "convscope: making $(VENV) with $$($(PYTHON) --version) and installing PyTorch (the longest step)"
	$(PYTHON) -c 'import sys; sys.exit("convscope needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) torch==2.13.0 numpy
	$(INSTALL) scikit-build-core pybind11 cmake ninja
	@touch $@

$(VENV)/installed: $(VENV)/python-ready $(SOURCES)
	@echo "convscope: compiling the engine and installing convscope[$(EXTRAS)]"
	$(INSTALL) --no-build-isolation ".[$(EXTRAS)]"
	@touch $@

$(VENV)/bench-tools: $(VENV)/installed
	$(INSTALL) --no-build-isolation ".[bench]"
	@touch $@

$(VENV)/lint-tools: $(VENV)/python-ready
	$(INSTALL) ruff mypy clang-format clang-tidy codespell
	@touch $@
