# Needs Python 3.11 or newer, pip, make and git. Each target does its own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
STAMP := $(VENV)/.installed
DATA := ../shared/data

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-data test-deep lint format lock hooks clean

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
lock: | $(BIN)/uv ## write requirements.lock anew (UPGRADE=1: newest versions)
	@cp requirements.lock $(VENV)/new.lock
	@$(BIN)/uv pip compile pyproject.toml --output-file $(VENV)/new.lock --quiet --no-config \
	    --all-extras --group dev --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --no-emit-find-links --no-header $(if $(UPGRADE),--upgrade)
	@if cmp -s $(VENV)/new.lock requirements.lock; then echo "requirements.lock was up to date."; \
	    else cp $(VENV)/new.lock requirements.lock && echo "requirements.lock is new."; fi

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

$(BIN)/uv:
	@$(MAKE) --no-print-directory $(STAMP)
