# `make` sets up and runs the main job on the built-in sample, ending with a map to open.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/densitymap
LOTS ?= 3000
SPACE ?= .
WORKERS ?= 2

.DEFAULT_GOAL := main
.PHONY: main help install system lint types test test-slow bench torture docs lock clean sample build map

main: install sample build map  ## Set up, draw the sample, build it and draw its map

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

install: $(VENV)/.installed  ## Make the virtual environment from the hashed lock

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

system:  ## Install the Debian packages that tests need (Chromium, Pango, fonts, PostGIS); needs root
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		chromium fonts-dejavu-core fonts-noto-core libpango-1.0-0 libpangoft2-1.0-0 \
		postgresql postgresql-postgis

sample: install  ## Draw the synthetic sample (LOTS=3000)
	$(RUN) sample --lots $(LOTS) --workspace $(SPACE)

build: install  ## Build the workspace
	$(RUN) build --workspace $(SPACE)

map: install  ## Draw the map
	$(RUN) map --workspace $(SPACE)

lint: install  ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install  ## Check types
	$(BIN)/mypy

test: install  ## Run the tests (unit, law, golden, property, real, browser)
	$(BIN)/pytest -m "not slow" -n $(WORKERS) --dist loadfile -q

test-slow: install  ## Run the heavier tests; writes benchmarks/slow.md
	$(BIN)/python benchmarks/slow.py

bench: install  ## Measure speed; writes benchmarks/results.md
	$(BIN)/python benchmarks/run.py

torture: install  ## Kill builds in mid-write and see that nothing is lost
	$(BIN)/pytest tests/slow -q -k "kill or full_disk"

docs: install  ## Write the generated documents under docs/
	$(BIN)/python docs/generate.py

lock:  ## Resolve the hashed lock anew (needs uv)
	uv pip compile pyproject.toml --extra all --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-annotate --no-header -q -o requirements.lock

clean:  ## Remove generated data and maps (not what you added by hand)
	rm -rf $(SPACE)/data/1_raw $(SPACE)/data/2_layers $(SPACE)/data/3_parcels $(SPACE)/data/4_results $(SPACE)/maps/*.html $(SPACE)/maps/reports $(SPACE)/exports
