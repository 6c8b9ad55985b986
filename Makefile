# Each target sets up .venv by itself, and again only after pyproject.toml changed.

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz lint docs bench clean

# The newest Python that runs and can make a virtual environment; choose with make PYTHON=/path/to/python3.
USABLE := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c '$(USABLE)' >/dev/null 2>&1 && { echo $$name; break; }; done)

VENV := .venv
RUN := $(VENV)/bin/python
WORKERS ?= 2

help:
	@echo "make demo   decide one of the examples"
	@echo "make test   run the tests"
	@echo "make fuzz   run the property tests on other examples than make test"
	@echo "make lint   check style, format and types"
	@echo "make docs   write the generated parts of the documentation"
	@echo "make bench  measure this engine and its peers"
	@echo "make clean  remove everything that these targets made"

demo: $(VENV)/.ready
	@$(RUN) cli.py recommend examples/case-2-insurance-claims.yaml

test: $(VENV)/.ready
	$(RUN) -m pytest -n $(WORKERS) --dist loadfile

fuzz: $(VENV)/.ready
	HYPOTHESIS_PROFILE=fuzz $(RUN) -m pytest -n $(WORKERS) --dist loadfile -m hypothesis

lint: $(VENV)/.ready
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

docs: $(VENV)/.ready
	$(RUN) docs/generate.py

bench: $(VENV)/.ready-bench
	$(RUN) benchmarks/run.py

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later with its venv module is needed and none was found;" \
		"install it or say make PYTHON=/path/to/python3." >&2; exit 1; }
	@command -v $${CC:-cc} >/dev/null || { echo "A C compiler is needed and no cc was found: durable-rules, the" \
		"inference engine, is compiled when it is installed. On Debian: apt-get install build-essential" \
		"python3-dev." >&2; exit 1; }
	@$(PYTHON) -c 'import pathlib, sysconfig as s; pathlib.Path(s.get_path("include"), "Python.h").stat()' \
		2>/dev/null || { echo "The headers of $(PYTHON) are needed and Python.h was not found: durable-rules, the" \
		"inference engine, is compiled when it is installed. On Debian: apt-get install python3-dev." >&2; exit 1; }
	@echo "Setting up $(VENV), once; this takes a minute." >&2
	@$(RUN) -c '$(USABLE)' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@CPPFLAGS="$${CPPFLAGS:--O2}" $(RUN) -m pip install -qq --use-pep517 --disable-pip-version-check --editable '.[all,dev]'
	@$(RUN) -m compileall -q engine cli.py
	@touch $@

$(VENV)/.ready-bench: $(VENV)/.ready
	@$(RUN) -m pip install -qq --disable-pip-version-check --editable '.[benchmarks]'
	@touch $@
