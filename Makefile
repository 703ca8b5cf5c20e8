# All of it needs Python 3.11 or newer and make; the rest is installed into virtual environments in
# this folder, from the lock files in requirements/.

PYTHON ?= python3
VENV := .venv
VENV_2 := .venv-2.11
UV := $(VENV)/bin/uv
LOCK := requirements/airflow-3.3.txt
LOCK_2 := requirements/airflow-2.11.txt

# Airflow 2.11 wants a Python below 3.13. Found by running it: a name on PATH need not work.
PYTHON_2 ?= $(firstword $(foreach python,$(PYTHON) python3.12 python3.11,$(shell \
	$(python) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
	2>/dev/null && echo $(python))))

# Interpreters are those of the machine: none is downloaded.
export UV_PYTHON_DOWNLOADS := never
# An environment that somebody has activated is not the one meant here.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo ui test lint test-2.11 test-3.3 bench bench-quick lock clean

help:
	@echo "make demo   create Zoom users from a sample HR export: Airflow and a local Zoom, no account"
	@echo "make ui     the same, open in the browser until Ctrl-C"
	@echo "make test   the checks of the code, the tests on Airflow 2.11 and on 3.3"
	@echo "make lint   only the checks of the code"
	@echo "make bench  what it costs, side by side with what it is compared to (a quarter of an hour)"
	@echo "make bench-quick  the same with smaller rows, in ten minutes at most"
	@echo "make lock   resolve the lock files in requirements/ anew"
	@echo "make clean  remove all that was made here, the environments too"

demo: $(VENV)/.ready
	@$(VENV)/bin/python scripts/demo.py

ui: $(VENV)/.ready
	@$(VENV)/bin/python scripts/ui.py

# pytest on Airflow 3.3 comes last: its last line is the last line of all.
test: lint test-2.11 test-3.3

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

test-2.11: $(if $(PYTHON_2),$(VENV_2)/.ready)
ifneq ($(PYTHON_2),)
	$(VENV_2)/bin/python -m pytest -q tests/unit
else ifeq ($(ZOOM_TEST_REQUIRE_ALL),1)
	@echo "Airflow 2.11 needs Python 3.11 or 3.12 on PATH: there is none." >&2; exit 1
else
	@echo "Airflow 2.11: skipped, it needs Python 3.11 or 3.12 on PATH."
endif

test-3.3: $(VENV)/.ready
	$(VENV)/bin/python -m pytest

bench: $(VENV)/.ready
	@PYTHONPATH=scripts $(VENV)/bin/python -m tests.benchmarks

bench-quick: $(VENV)/.ready
	@PYTHONPATH=scripts $(VENV)/bin/python -m tests.benchmarks --quick

lock: $(UV)
	$(foreach version,3.3 2.11,$(UV) pip compile --quiet --upgrade \
		--universal --python-version 3.11 --custom-compile-command "make lock" --all-extras \
		--output-file requirements/airflow-$(version).txt \
		setup.py requirements/airflow-$(version).in &&) true

clean:
	rm -rf build dist .bench .demo .ui $(VENV) $(VENV_2) .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environments

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Python 3.11 or newer is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo \
		"'$(PYTHON) -m venv' failed; on Debian and Ubuntu it comes with python3-venv." >&2; exit 1; }
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(LOCK) uv

# The project itself is installed as a link to plugins/, without its dependencies: they are locked.
INSTALL = $(UV) pip install --quiet --no-deps --no-build-isolation --python

$(VENV)/.ready: $(LOCK) setup.py pyproject.toml plugins/zoom_provider/__init__.py | $(UV)
	$(UV) pip sync --quiet --python $(VENV)/bin/python $(LOCK)
	$(INSTALL) $(VENV)/bin/python --editable .
	@touch $@

$(VENV_2)/.ready: $(LOCK_2) setup.py pyproject.toml plugins/zoom_provider/__init__.py | $(UV)
	$(UV) venv --quiet --clear --python "$$($(PYTHON_2) -c 'import sys; print(sys.executable)')" \
		$(VENV_2)
	$(UV) pip sync --quiet --python $(VENV_2)/bin/python $(LOCK_2)
	$(INSTALL) $(VENV_2)/bin/python --editable .
	@touch $@
