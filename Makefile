# make            build the environment in .venv (Python >= 3.11; another interpreter: make PYTHON=python3.13)
# make run        the simulator and the daemon against it, until Ctrl-C; with CONFIG=path.yaml a real one
# make test       everything that CI runs: lint, types, the laws of the rooms, tests with their coverage
# make lint       only the first three
# make test-all   the tests on each supported Python that is found
# make bench      measure every line of the performance goals: some 25 minutes, 6 GB under /tmp; writes what the README tells
# make bench-quick  prove in two minutes that the measuring works
# make soak       fourteen days of 100 000 connections against the simulator, in half an hour
# make docs       write what follows from the code: sections of the README, dashboards, the PrometheusRule
# make clean      remove whatever the above has built

PYTHON ?= python3
BIN := .venv/bin
UV := $(shell sed -n 's/^required-version = "\(==[^"]*\)".*/uv\1/p' pyproject.toml)
PYTEST_FLAGS ?= -n auto --dist loadgroup

# uv brings its own certificates; behind a private authority it needs the system's.
SYSTEM_CERTIFICATES := $(wildcard /etc/ssl/certs/ca-certificates.crt)
ifneq ($(SYSTEM_CERTIFICATES),)
export SSL_CERT_FILE ?= $(SYSTEM_CERTIFICATES)
endif

export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV

.DEFAULT_GOAL := venv
.PHONY: venv run lint test test-all bench bench-quick soak docs clean

venv: .venv/.complete

.venv/.complete: pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "connwatch needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1). Name another: make PYTHON=python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	UV_PROJECT_ENVIRONMENT=.venv $(BIN)/uv sync --quiet --locked --python $(BIN)/python
	@touch $@

run: venv
	$(BIN)/connwatch $(if $(CONFIG),run --config.file "$(CONFIG)",demo)

lint: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	$(BIN)/pytest $(PYTEST_FLAGS) --cov

test-all: venv
	@for version in 3.11 3.12 3.13; do \
		python$$version -c '' 2>/dev/null || { echo "python$$version: not found, left out"; continue; }; \
		echo "python$$version"; \
		UV_PROJECT_ENVIRONMENT=.venv-$$version $(BIN)/uv sync --quiet --locked --python python$$version && \
		.venv-$$version/bin/pytest $(PYTEST_FLAGS) || exit 1; \
	done

bench: venv
	$(BIN)/python -m tests.bench

bench-quick: venv
	$(BIN)/python -m tests.bench --quick

soak: venv
	$(BIN)/python -m tests.soak

docs: venv
	$(BIN)/python -m tests.assets.generated
	$(BIN)/python -m tests.bench --readme
	$(BIN)/python -m grafana.dashboards
	$(BIN)/python config/kubernetes/monitoring/prometheusrule.py

clean:
	rm -rf .venv .venv-3.* .connwatch .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache dist
