# The same commands for a person and for CI. Each sets up .venv as far as it needs, once.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test coverage check bench chaos requirements clean

demo: .venv/demo.stamp
	$(BIN)/davylamp demo

test: .venv/test.stamp
	$(BIN)/python -m pytest

coverage: .venv/test.stamp
	$(BIN)/coverage run --branch --source=detectors -m pytest tests/detectors
	$(BIN)/coverage report --show-missing --skip-covered --fail-under=95

check: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_architecture.py

bench: .venv/test.stamp
	$(BIN)/python -m bench

chaos: .venv/test.stamp
	$(BIN)/python -m bench.chaos

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python >= 3.11 is needed, this is " + sys.version)'
	@echo "filling .venv, once: a minute or two"
	$(PYTHON) -m venv .venv

.venv/demo.stamp: requirements/demo.txt pyproject.toml | .venv/bin/python
	$(INSTALL) --require-hashes -r requirements/demo.txt
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/test.stamp: requirements/test.txt .venv/demo.stamp
	$(INSTALL) --require-hashes -r requirements/test.txt
	touch $@

# Pins what pyproject.toml names, with hashes; to be run with Python 3.11, the oldest that is supported.
COMPILE := .venv/pins/bin/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --all-build-deps \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host --extra demo
requirements: export CUSTOM_COMPILE_COMMAND = make requirements
requirements: .venv/bin/python
	$(PYTHON) -m venv .venv/pins
	.venv/pins/bin/pip install --quiet pip-tools
	$(COMPILE) --output-file requirements/demo.txt pyproject.toml
	$(COMPILE) --extra test --extra dev -c requirements/demo.txt --output-file requirements/test.txt pyproject.toml

clean:
	rm -rf .venv build *.egg-info .coverage
