# Needs Python 3.11 or newer, pip, make and git. Each target does its own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
STAMP := $(VENV)/.installed
RIVALS := $(VENV)/.rivals
DATA := ../shared/data

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-data test-deep bench lint format lock hooks clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(STAMP) ## crawl a small local site three times and show the log
	@$(BIN)/tallytrail demo

test: $(STAMP) ## run the tests that need nothing but this checkout
	@$(BIN)/python -m pytest -rs -m "not data and not deep"

test-data: $(STAMP) ## run the tests on the real figures in ../shared/data
	@test -d $(DATA) || { echo "make test-data: the folder $(DATA) with the real figures is absent; 'make test' does without it." >&2; exit 1; }
	@$(BIN)/python -m pytest -m data

test-deep: $(STAMP) ## run the tests that take minutes, and print their times
	@$(BIN)/python -m pytest -rs --durations=0 -m deep

bench: $(RIVALS) ## compare with git-history and others (ARGS="--help" lists the options)
	@$(BIN)/python -m tests.bench $(ARGS)

lint: $(STAMP) ## ruff check, ruff format --check and mypy
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: $(STAMP) ## sort imports, apply safe fixes, format
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

# Keeps the locked versions where pyproject.toml allows them; UPGRADE=1 takes the newest.
# Any uv serves, hence no new set-up when only pyproject.toml has changed. An unchanged lock
# is left alone, so that it causes no new set-up either.
lock: | $(BIN)/uv ## write both locks anew (UPGRADE=1: newest versions)
	$(call compile,requirements.lock,pyproject.toml --all-extras --group dev)
	$(call compile,requirements-bench.lock,--group bench --constraints requirements.lock)

# $(1): the lock. $(2): what goes into it.
define compile
@cp $(1) $(VENV)/new.lock
@$(BIN)/uv pip compile $(2) --output-file $(VENV)/new.lock --quiet --no-config \
    --generate-hashes --universal --python-version 3.11 \
    --no-emit-index-url --no-emit-find-links --no-header $(if $(UPGRADE),--upgrade)
@if cmp -s $(VENV)/new.lock $(1); then echo "$(1) was up to date."; \
    else cp $(VENV)/new.lock $(1) && echo "$(1) is new."; fi
endef

hooks: $(STAMP) ## install the git hooks of pre-commit
	@$(BIN)/pre-commit install

clean: ## remove the environment, caches and build results
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build tallytrail-demo
	find crawler storage tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A changed lock gets a fresh environment, so that what is no longer locked is gone as well;
# a changed pyproject.toml only installs this project anew. -qq: errors only.
$(LOCKED): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "TallyTrail needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo absent)." \
	        "Name another one: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Installing the locked packages into $(VENV); this takes about a minute ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock
	@touch $@

$(STAMP): $(LOCKED) pyproject.toml
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@touch $@

# The rivals of `make bench` come on top, in the versions that the other lock leaves alone.
$(RIVALS): $(STAMP) requirements-bench.lock
	@$(BIN)/python -m pip install -qq --require-hashes -r requirements-bench.lock
	@touch $@

$(BIN)/uv:
	@$(MAKE) --no-print-directory $(STAMP)
