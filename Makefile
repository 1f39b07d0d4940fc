# make demo        train DeepConvNet on the digits that come with the package (core dependencies only)
# make test        lint, types and all tests of ordinary length
# make test-slow   the tests that take minutes
# make format      what ruff can mend by itself
# make bench-speed, bench-accuracy, bench-growth
#                  measure, against the peers, and draw the charts; on a machine that does nothing else

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin
PEERS := .venv-peers

# Data sets that lie on this machine already; override it with your own folder.
export DEEPEN_DATA ?= $(abspath $(wildcard ../shared/data))

# Tests run side by side, one process to a core; more threads than cores would wait for each other.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: demo test test-slow format bench-peers bench-speed bench-accuracy bench-growth clean

demo: $(VENV)/.core
	$(RUN)/deepen train deepconvnet --data digits --epochs 40

test: $(VENV)/.dev
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(ONE_THREAD) $(RUN)/pytest -m "not slow" -n auto --dist loadgroup

test-slow: $(VENV)/.dev
	$(RUN)/pytest -m slow

format: $(VENV)/.dev
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

bench-peers: $(PEERS)/.peers

bench-speed: $(VENV)/.dev bench-peers
	$(RUN)/python benchmarks/speed.py
	$(RUN)/python benchmarks/charts.py

bench-accuracy: $(VENV)/.dev bench-peers
	$(RUN)/python benchmarks/time_to_accuracy.py
	$(RUN)/python benchmarks/charts.py

bench-growth: $(VENV)/.dev
	$(RUN)/python benchmarks/growth.py
	$(RUN)/python benchmarks/charts.py

clean:
	rm -rf $(VENV) $(PEERS) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: pyproject.toml | $(VENV)/bin/python
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

# The bound on torch stands in pyproject.toml; without it pip may fetch gigabytes of CUDA libraries.
$(VENV)/.dev: pyproject.toml | $(VENV)/bin/python
	$(RUN)/python -m pip install --quiet --disable-pip-version-check --editable ".[torch,dev]"
	touch $@

# The other libraries live by themselves: none of them is needed but to be measured against.
$(PEERS)/.peers: benchmarks/requirements-peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@
