# Targets for people and for .ci/run alike. Only Python 3.11 or newer, git and make are needed; all else goes to .venv.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

VENV := .venv
BIN := $(VENV)/bin
# The first of these that is Python 3.11 or newer; `make PYTHON=/path/to/python` overrides the search.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
LOCK := requirements.lock
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) --editable
PYTEST_WORKERS ?= auto

.PHONY: help venv run test lint format conformance bench docs lock wheel clean

help:  ## Say what the targets are
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer was not found; make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

# What serving needs, and what developing needs. A stamp is older than a lock file that has changed: installed again.
$(VENV)/.server: $(LOCK) pyproject.toml | $(BIN)/python
	$(INSTALL) '.[server]'
	@touch $@

$(VENV)/.dev: $(LOCK) pyproject.toml | $(BIN)/python
	$(INSTALL) '.[dev]'
	@touch $@ $(VENV)/.server

venv: $(VENV)/.dev  ## Set up .venv with everything that developing needs

run: $(VENV)/.server  ## Serve the bundled policies on https://127.0.0.1:8443 with a throw-away certificate
	@$(BIN)/admission-certs bootstrap --dir .run --dns localhost 127.0.0.1 >/dev/null
	@echo 'When the server says that it is ready, ask it from another terminal, in this folder:'
	@echo
	@echo "  curl --silent --cacert .run/ca.crt --header 'Content-Type: application/json' --data @examples/privileged-pod-review.json https://127.0.0.1:8443/validate"
	@echo
	@$(BIN)/admission serve --policies policies --resources examples/namespaces.yaml --host 127.0.0.1 --tls-dir .run --drain-delay 0

test: $(VENV)/.dev  ## Run the tests
	$(BIN)/python -m pytest -q -n $(PYTEST_WORKERS)

lint: $(VENV)/.dev  ## Check style, types and who imports whom
	@failed=; for check in 'ruff check .' 'ruff format --check .' mypy 'lint-imports --no-cache --no-logo'; do \
		echo "$$check"; $(BIN)/$$check || failed="$$failed, $$check"; \
	done; test -z "$$failed" || { echo "lint failed: $${failed#, }" >&2; exit 1; }

format: $(VENV)/.dev  ## Rewrite the sources in the style that lint asks for
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

conformance: $(VENV)/.dev  ## Run the recorded cases: the CEL project's own suite, and the API server's answers
	$(BIN)/python -m tests.conformance

bench: $(VENV)/.dev  ## Measure speed and memory; results also in benchmarks/latest.json
	$(BIN)/python -m benchmarks

lock: $(VENV)/.dev  ## Resolve the dependencies anew into requirements.lock
	env -u UV_FIND_LINKS -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL $(BIN)/uv pip compile --quiet --universal --upgrade --no-header \
		--no-annotate --no-emit-find-links --no-emit-index-url --no-config \
		--all-extras --output-file $(LOCK) pyproject.toml

docs: $(VENV)/.dev  ## Write the pages of docs/ that say what the program says
	$(BIN)/python docs/generate.py

wheel: $(VENV)/.dev  ## Build the wheel and the source archive into dist/
	$(BIN)/uv build --quiet

clean:  ## Remove all that the other targets made
	rm -rf $(VENV) .run dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
