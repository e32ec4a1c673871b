# Everything a person or CI runs; `make` alone lists it. Arguments for the tests: make test ARGS="-k proof"

# Any Python from 3.11 on; `make setup PYTHON=/path/to/python` chooses another.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	"$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$name" && break; done)
ARGS ?=

# How many test files run at a time; each worker may hold a LiteLLM of 0.4 GB.
WORKERS ?= 2

BIN := .venv/bin
INSTALLED := .venv/.installed
PACKAGES := benchmarks components fly gateway ops sandbox stacks templates tests tools

.DEFAULT_GOAL := help
.PHONY: help setup engine local test test-unit lint format bench down clean

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) engine ## Install everything: .venv with the gateway command, Pulumi's engine

engine: $(INSTALLED) ## Find Pulumi's engine on PATH, or build it once (about 8 minutes, needs Go)
	@$(BIN)/python -m tools.engine

local: setup ## Start the local Fly stand-in, deploy the gateway to it, prove every fallback
	@$(BIN)/gateway sandbox up
	@$(BIN)/gateway deploy local

test: setup ## Run every test: unit, sandbox, vendor
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile $(ARGS)

test-unit: $(INSTALLED) ## Run the tests that need neither processes nor sockets
	@$(BIN)/pytest tests/unit --numprocesses $(WORKERS) --dist loadfile $(ARGS)

lint: $(INSTALLED) ## Check format, rules, types and imports; report all four
	@status=0; \
	$(BIN)/ruff format --check . || status=1; \
	$(BIN)/ruff check . || status=1; \
	$(BIN)/mypy || status=1; \
	$(BIN)/lint-imports --no-logo || status=1; \
	exit $$status

format: $(INSTALLED) ## Format the code and apply the fixes that are safe
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

bench: setup ## Measure, and print the table of ratios
	@$(BIN)/python -m benchmarks $(ARGS)

down: $(INSTALLED) ## Destroy the local gateway and stop the stand-in
	@$(BIN)/gateway destroy local --yes
	@$(BIN)/gateway sandbox down

clean: ## Remove .venv and the tools' caches; engine, sandbox and stacks stay
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(PACKAGES) -type d -name __pycache__ -prune -exec rm -rf {} +

# An interrupted run leaves no stamp, and a virtual environment without pip is made anew.
$(INSTALLED): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then \
		echo 'error[setup.python] PATH: no Python 3.11 or newer' >&2; \
		echo '  the program, its tools and its tests need one; nothing was installed' >&2; \
		echo '  install Python 3.11 (https://www.python.org/downloads), or say where it is: make setup PYTHON=/path/to/python3.11' >&2; \
		exit 1; fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv
	@echo 'setup: installing into .venv; the first time takes about a minute' >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[ops,sandbox,dev]' --constraint constraints.txt
	@$(BIN)/python -m compileall -q $(wildcard $(PACKAGES))
	@touch $@
