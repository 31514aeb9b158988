# Two commands from a fresh clone: `make report`, `make test`. Each sets up what it needs in .venv: what runs the
# toolkit (requirements.lock), and for tests and checks what develops it, too (requirements-dev.lock).
# pip does the installing, so that your own pip configuration (mirror, proxy, certificates) holds.

STUDY ?= simulated
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
INSTALLED_DEV := $(VENV)/.installed-dev
READY_DEV := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help report gallery test fuzz lab check audit docs bench errors notebooks lock wheel setup

help: ## this list
	@echo "make report                 the reports, from the embedded simulated study, into reports/simulated/"
	@echo "make report STUDY=nhanes    the same from NHANES 2005-2008 (downloads it, or reads CRAMPS_NHANES)"
	@echo "make gallery                the committed reports from NHANES, into reports/gallery/"
	@echo "make test                   every test (ARGS=\"-k forest\" for some)"
	@echo "make fuzz                   10,000 hostile studies and texts, and 200 kills, in about half an hour"
	@echo "make lab                    JupyterLab on notebooks/01-start"
	@echo "make check                  ruff format, ruff check, mypy --strict"
	@echo "make audit                  known vulnerabilities of the locked packages, and what could not be checked"
	@echo "make docs                   the documentation site, into docs/_build/html/, without a network"
	@echo "make bench                  time and memory beside R, svy and statsmodels, into benchmarks/results.md"
	@echo "make notebooks              the .ipynb files of notebooks/, from their .py sources"
	@echo "make errors                 every error message, with its file, line and class"
	@echo "make lock                   resolve both locks anew from pyproject.toml"
	@echo "make wheel                  dist/*.whl with datasets, notebooks and report plan inside, the same bytes each time"
	@echo "Without make, cramps report, lab, notebooks and setup do the same; cramps --help lists all commands."

report: $(READY)
	@$(PY) -m toolkit.cli report --all --study $(STUDY)

gallery: $(READY)
	@$(PY) -m toolkit.cli report --all --study nhanes --out reports/gallery $(ARGS)

test: $(READY_DEV)
	@$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

fuzz: $(READY_DEV)
	@CRAMPS_FUZZ_EXAMPLES=10000 CRAMPS_FUZZ_KILLS=200 $(PY) -m pytest -n 2 tests/hostile $(ARGS)

lab: $(READY)
	@$(PY) -m toolkit.cli lab $(ARGS)

check: $(READY_DEV)
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

audit: $(READY_DEV)
	@$(PY) -m tests.house.dependency_audit

docs: $(READY_DEV)
	@$(PY) docs/build.py

bench: $(READY_DEV)
	@$(PY) benchmarks/side_by_side.py $(ARGS)

errors: $(READY_DEV)
	@$(PY) -m tests.house.error_messages

notebooks: $(READY)
	@$(PY) -m toolkit.cli notebooks

# No header, no index: the lock must record no address and no path of the machine that wrote it.
LOCK := -m uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
lock: $(READY_DEV)
	$(PY) $(LOCK) --group link pyproject.toml -o requirements.lock
	$(PY) $(LOCK) --group dev --group docs -c requirements.lock pyproject.toml -o requirements-dev.lock

# The time of the last commit stands in the wheel, so that the same commit gives the same bytes.
wheel: $(READY_DEV)
	@SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1577836800)} \
	    $(PY) -m build --wheel --no-isolation --outdir dist

setup: $(READY_DEV)
	@:

# A changed pyproject.toml only links the package again, which needs no network; a changed lock installs.
$(READY): $(INSTALLED) pyproject.toml
	@$(PY) -m pip install -qq --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(READY_DEV): $(READY) $(INSTALLED_DEV)
	@touch $@

$(INSTALLED_DEV): requirements-dev.lock $(INSTALLED)
	@$(PY) -m pip install -qq --no-compile --no-deps --require-hashes --requirement requirements-dev.lock
	@touch $@

# python -m venv refuses a symbolic link, so it is given the folder that the link names.
$(INSTALLED): requirements.lock
	@set -e; for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
	    if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "This needs Python 3.11 or newer, and none is on the path. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; \
	fi; \
	echo "Setting up .venv with $$($$found --version), some minutes the first time"; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "Python's venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; \
	fi; \
	folder=$$($$found -c 'import os; print(os.path.realpath("$(VENV)"))'); \
	$$found -m venv "$$folder" || { \
	    echo "The environment could not be created in $$folder, for the reason above. Check that the folder can be written, or remove $(VENV)." >&2; exit 1; \
	}
	@$(PY) -m pip install -qq --no-compile --no-deps --require-hashes --requirement requirements.lock
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' \
	    > $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@
