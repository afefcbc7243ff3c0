# Every target works from a fresh clone: the environment is made first, from uv.lock.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
UV := $(shell command -v uv || echo .venv/bin/uv)
BIN := .venv/bin
CASES ?= tests/conformance
STAMP := .venv/.synced

# a large SDK is imported at every run: compiling it each time would cost seconds
export PYTHONDONTWRITEBYTECODE :=
# trust what the machine trusts: networks that inspect TLS have an authority of their own
export UV_SYSTEM_CERTS ?= true
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1
export ONSHORE_MAKE_TARGET := $(firstword $(MAKECMDGOALS))

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "onshore needs Python >= 3.11; '$(PYTHON)' is $$($(PYTHON) --version 2>&1). Type: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	@command -v uv >/dev/null || test -x .venv/bin/uv || \
	  { echo "==> installing uv into .venv"; $(PYTHON) -m venv .venv && .venv/bin/python -m pip install --quiet 'uv>=0.9'; }
	@echo "==> installing the locked environment into .venv"
	@$(UV) sync --quiet --frozen --compile-bytecode --python $(PYTHON)
	@touch $@

setup: $(STAMP) ## install the locked environment into .venv

up: $(STAMP) ## the main job: a real cluster, a workload on it, and a refusal
	@$(BIN)/onshore cluster up
	@echo "==> a restricted service of a health department, placed by the law"
	@$(BIN)/onshore up health-vaccination-api --yes
	@echo "==> the same workload, asking for a region abroad"
	@$(BIN)/onshore preview health-vaccination-abroad || test $$? -eq 3
	@echo "==> done: it runs where the law allows, and was refused where not (type: onshore --help, in .venv/bin)"

test: check ## lint, types, room contracts, and every test
	@$(BIN)/python -m tests.debian
	@$(BIN)/pytest --numprocesses 2 --dist loadfile

check: $(STAMP) ## lint, types and room contracts only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

conformance: $(STAMP) ## run recorded cases: make conformance CASES=folder
	@$(BIN)/python -m tests.conformance.run $(CASES)

docs: $(STAMP) ## write the pages that are made from data
	@$(BIN)/python -m policies.catalogue policies/RULES.md

bench: $(STAMP) ## measure; ratios in one run
	@$(BIN)/python -m benchmarks.run

clean: ## stop the sandbox clusters and remove what make made
	@test ! -x $(BIN)/onshore || $(BIN)/onshore cluster down --all
	@test ! -d .onshore/hosts || $(BIN)/onshore hosts down --all
	@test ! -d .onshore/tests || $(BIN)/python -m tests.clean
	rm -rf .venv .onshore .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: help setup up test check conformance docs bench clean
