# All of it needs Python 3.11 or newer and make; the rest is installed into virtual environments in
# this folder, from the lock files in requirements/. What is downloaded must have their hashes.

PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv
LOCK := requirements/airflow-3.3.txt

# Older releases of Airflow have environments of their own, .venv-2.11 and so on. Some want a Python
# below a certain version; it is found by running it: a name on PATH need not work.
OLDER := 2.11 3.1 3.2
BELOW_2.11 := 13
BELOW_3.1 := 14
BELOW_3.2 := 15
python_for = $(firstword $(foreach python,$(PYTHON) python3.14 python3.13 python3.12 python3.11,\
	$(shell $(python) -c \
	'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, $(BELOW_$(1))))' \
	2>/dev/null && echo $(python))))
$(foreach version,$(OLDER),$(eval PYTHON_$(version) ?= $$(call python_for,$(version))))

# Interpreters are those of the machine: none is downloaded.
export UV_PYTHON_DOWNLOADS := never
# An environment that is activated in the terminal is not the one meant here.
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo ui check unit test lint docs soak trace $(OLDER:%=test-%) test-3.3 bench bench-quick lock clean

help:
	@echo "make demo   create Zoom users from a sample HR export: Airflow and a local Zoom, no account"
	@echo "make ui     the same, open in the browser until Ctrl-C"
	@echo "make check  the checks of the code, and the unit tests that need no Airflow"
	@echo "make unit   all unit tests on Airflow 3.3"
	@echo "make test   the checks of the code, the tests on each version of Airflow"
	@echo "make lint   only the checks of the code"
	@echo "make docs   the guides and the API reference as a site, in build/docs"
	@echo "make soak   the model of a bulk task for hours, with other choices than make test has"
	@echo "make trace  the files that one create goes through, in order"
	@echo "make bench  what it costs, side by side with what it is compared to (a quarter of an hour)"
	@echo "make bench-quick  the same with smaller rows, in ten minutes at most"
	@echo "make lock   resolve the lock files in requirements/ again"
	@echo "make clean  remove all that was made here, the environments too"

demo: $(VENV)/.ready
	@$(VENV)/bin/python -m devstack.demo

ui: $(VENV)/.ready
	@$(VENV)/bin/python -m devstack.ui

# pytest on Airflow 3.3 comes last: its last line is the last line of all.
test: lint docs $(OLDER:%=test-%) test-3.3

lint: $(VENV)/.ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache

# Warnings are errors. The folder is made again, so that no page of yesterday stays.
docs: .venv-docs/.ready
	rm -rf build/docs
	.venv-docs/bin/python -m sphinx --quiet --fail-on-warning --fresh-env --doctree-dir build/doctrees \
		docs build/docs
	@echo "The site is in build/docs: open build/docs/index.html"

.SECONDEXPANSION:

# One process for each processor, of which an idle one takes tests from the others. With
# PROCESSES=0 there is none: for a debugger.
PROCESSES ?= logical
PARALLEL := -n $(PROCESSES) --maxprocesses=4 --dist=worksteal

# 3.1 and 3.2 stand between: what knows no Airflow is tested on 2.11 and on 3.3 only. What starts a
# real Airflow of one of these is in tests/integration, and comes with test-3.3.
KNOWS_NO_AIRFLOW := $(addprefix tests/unit/,api devstack models provisioning simulator)
LEFT_OUT_3.1 := $(patsubst %,--ignore=%,$(filter-out %/api %/models,$(KNOWS_NO_AIRFLOW)))
LEFT_OUT_3.2 := $(LEFT_OUT_3.1)

$(OLDER:%=test-%): test-%: $$(if $$(PYTHON_$$*),.venv-$$*/.ready)
	$(if $(PYTHON_$*),.venv-$*/bin/python -m pytest -q $(PARALLEL) tests/unit $(LEFT_OUT_$*),$(call skipped,$*))

skipped = @echo "Airflow $(1): skipped, it needs Python 3.11 or newer, below 3.$(BELOW_$(1))." >&2; \
	exit $(if $(filter 1,$(ZOOM_TEST_REQUIRE_ALL)),1,0)

# Tests of real parts stay in one process, beside which the others run the unit tests.
test-3.3: $(VENV)/.ready
	$(VENV)/bin/python -m pytest -n $(PROCESSES) --maxprocesses=2 --dist=loadscope

check: lint
	$(VENV)/bin/python -m pytest -q $(PARALLEL) $(KNOWS_NO_AIRFLOW)

unit: $(VENV)/.ready
	$(VENV)/bin/python -m pytest -q $(PARALLEL) tests/unit

soak: $(VENV)/.ready
	ZOOM_TEST_SOAK=1 $(VENV)/bin/python -m pytest -x tests/unit/operators/model/test_onboarding.py

trace: $(VENV)/.ready
	@$(VENV)/bin/python -m tests.trace_create

bench: $(VENV)/.ready
	@$(VENV)/bin/python -m tests.benchmarks

bench-quick: $(VENV)/.ready
	@$(VENV)/bin/python -m tests.benchmarks --quick

# Where a day is named, the release is locked as it stood then, beside the providers of its day, and
# without the examples' extra, some hundred megabytes that the unit tests do without.
DAY_3.1 := 2026-03-12
DAY_3.2 := 2026-05-30

# UPGRADE= keeps all versions that still fit.
UPGRADE := --upgrade
COMPILE = $(UV) pip compile --quiet $(UPGRADE) --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock"

lock: $(UV)
	$(COMPILE) --output-file requirements/docs.txt requirements/docs.in
	$(foreach version,3.3 $(OLDER),$(COMPILE) \
		$(if $(DAY_$(version)),--extra simulator --exclude-newer $(DAY_$(version))T00:00:00Z,--all-extras) \
		--output-file requirements/airflow-$(version).txt \
		setup.py requirements/airflow-$(version).in &&) true

clean:
	rm -rf build dist .bench .demo .ui $(VENV) .venv-docs $(OLDER:%=.venv-%) .*_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- the environments

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
		"Python 3.11 or newer is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo \
		"'$(PYTHON) -m venv' failed; on Debian and Ubuntu it comes with python3-venv." >&2; exit 1; }
	@sed -n '/^uv==/,/^ *--hash=[^\\]*$$/p' $(LOCK) > $(VENV)/uv.txt
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		--requirement $(VENV)/uv.txt

# The project itself is installed as a link to plugins/, without its dependencies: they are locked.
INSTALL = $(UV) pip install --quiet --no-deps --no-build-isolation --python

$(VENV)/.ready: $(LOCK) setup.py pyproject.toml plugins/zoom_provider/__init__.py | $(UV)
	$(UV) pip sync --quiet --require-hashes --python $(VENV)/bin/python $(LOCK)
	$(INSTALL) $(VENV)/bin/python --editable .
	@touch $@

$(OLDER:%=.venv-%/.ready): .venv-%/.ready: requirements/airflow-%.txt setup.py pyproject.toml \
		plugins/zoom_provider/__init__.py | $(UV)
	$(UV) venv --quiet --clear .venv-$* \
		--python "$$($(PYTHON_$*) -c 'import sys; print(sys.executable)')"
	$(UV) pip sync --quiet --require-hashes --python .venv-$*/bin/python requirements/airflow-$*.txt
	$(INSTALL) .venv-$*/bin/python --editable .
	@touch $@

# The site needs neither Airflow nor the project: its reference is read from the source.
.venv-docs/.ready: requirements/docs.txt | $(UV)
	$(UV) venv --quiet --clear .venv-docs --python $(VENV)/bin/python
	$(UV) pip sync --quiet --require-hashes --python .venv-docs/bin/python $<
	@touch $@
