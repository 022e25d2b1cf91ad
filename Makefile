# Every target prepares .venv by itself; a machine needs python3 (3.11 to 3.13) with venv, and make.

PYTHON ?= python3
VENV ?= .venv
SEEDS ?= 100
FROM ?= 0

bin := $(VENV)/bin
installed := $(VENV)/.installed

.PHONY: help install town test check bench simulate lock clean

help:
	@echo 'make town      a town of four validators and one observer on this machine'
	@echo 'make test      all tests, and the required seeds of the simulator'
	@echo 'make check     style, types and import rules'
	@echo 'make bench     measured figures as ratios'
	@echo 'make simulate  SEEDS=N FROM=K: the simulator over seeds K to K+N-1'
	@echo 'make install   prepare $(VENV) and nothing else'
	@echo 'make clean     remove $(VENV), caches and build results; never chain data'

install: $(installed)

$(installed): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) \
	  else f"Poyong needs Python 3.11 to 3.13, found {v[0]}.{v[1]}: name another with make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(bin)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(bin)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

town: $(installed)
	$(bin)/poyong town up

test: $(installed)
	$(bin)/pytest -n 3 --ignore=tests/bench
	$(bin)/python -m tests.simulation --required

check: $(installed)
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy
	$(bin)/lint-imports --no-logo
	$(bin)/python -m tests.architecture.source_tree

bench: $(installed)
	$(bin)/poyong bench
	$(bin)/python -m tests.bench.ledger_micro
	$(bin)/python -m tests.bench.executor_micro
	$(bin)/python -m tests.bench.commitment_micro
	$(bin)/python -m tests.bench.distribution_micro
	$(bin)/python -m tests.bench.store_micro
	$(bin)/python -m tests.bench.governance_micro
	$(bin)/python -m tests.bench.rpc_micro
	$(bin)/python -m tests.bench.rpc_reads
	$(bin)/python -m tests.bench.rpc_subscribers
	$(bin)/python -m tests.bench.rpc_under_load
	$(bin)/python -m tests.bench.signer_micro
	$(bin)/python -m tests.bench.sql_index_micro
	$(bin)/python -m tests.bench.snapshot_join

simulate: $(installed)
	$(bin)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM)

# Maintainers only: needs uv; nothing else in the project does.
lock:
	uv pip compile --quiet --universal --fork-strategy fewest --generate-hashes --no-annotate --custom-compile-command "make lock" \
	  --python-version 3.11 --extra charts --extra dev --extra hsm --extra sql pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
