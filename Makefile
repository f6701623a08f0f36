# `make run` and `make test` need python3, pip and make; everything else comes with them into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
CASE ?= demo
OUT ?= out/$(CASE)
WORKERS ?= 3

.DEFAULT_GOAL := run
.PHONY: run page test test-all bench docs lint format clean

# Surroundings that forbid Python to keep what it compiled would have every process compile the house anew.
export PYTHONDONTWRITEBYTECODE :=

# Tests and benchmarks read real data where they are; without them they skip and say so.
ifndef LANDSINK_DATA
ifneq ($(wildcard ../shared/data/README.md),)
test test-all bench: export LANDSINK_DATA := $(abspath ../shared/data)
endif
endif

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "installing landsink into $(VENV) (once; a few minutes)"
	@$(PIP) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "installing landsink and its test tools into $(VENV) (once; a few minutes)"
	@$(PIP) -e ".[dev]"
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@$(PIP) -e ".[docs]"
	@touch $@

$(VENV)/.installed-page: pyproject.toml constraints.txt | $(VENV)/pyvenv.cfg
	@echo "installing node into $(VENV) (once)"
	@$(PIP) -e ".[page]"
	@touch $@

# node and npm come from pip; npm takes what web/package-lock.json names, by its checksums, and runs no script of it
PAGE := src/landsink/portal/page
WEB := $(shell find web -name node_modules -prune -o -path web/public -prune -o -type f -print 2>/dev/null) src/landsink/portal/colours.json

web/node_modules/.installed: web/package-lock.json web/package.json $(VENV)/.installed-page
	@echo "fetching the parts of the page (once)"
	@cd web && PATH="$(abspath $(BIN)):$$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(PAGE)/index.html: web/node_modules/.installed $(WEB)
	@cd web && PATH="$(abspath $(BIN)):$$PATH" npm run --silent check
	@cd web && PATH="$(abspath $(BIN)):$$PATH" npm run --silent build

page: $(PAGE)/index.html  ## the map and the pages of the portal, built into the package

# --resume: a second `make run` takes up what the same record already finished, instead of refusing the folder
run: $(VENV)/.installed page  ## the main job: one case from observations to picture (CASE=demo OUT=out/demo)
	@$(BIN)/landsink run $(CASE) --out $(OUT) --resume
	@echo "results: $(abspath $(OUT))"

# a file stays on one worker: what its tests share is made once. Half of what they do is waiting for other processes:
# three keep two processors busy
test: $(VENV)/.installed-dev page  ## every test that is not slow
	@$(BIN)/python -m pytest -m "not slow" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-all: $(VENV)/.installed-dev page  ## every test
	@$(BIN)/python -m pytest -n $(WORKERS)

bench: $(VENV)/.installed-dev  ## how long the main steps take
	@for page in engine stations serving; do echo "== $$page"; $(BIN)/python -m benchmarks.$$page || exit 1; done

docs: $(VENV)/.installed-docs  ## the handbook, at docs/_build/index.html
	@$(BIN)/python -m docs.pictures
	@$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build
	@echo "handbook: $(abspath docs/_build/index.html)"

lint: $(VENV)/.installed-dev  ## formatting, lint, and types of the core
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright --pythonpath $(BIN)/python

format: $(VENV)/.installed-dev  ## mend formatting and what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean:  ## remove the environment, the built handbook and the built page
	rm -rf $(VENV) docs/_build docs/reference/generated docs/_static/portal $(PAGE) web/node_modules
