# One command each on a machine that has Python 3.11+ and make; .venv is set up on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
EXTRAS := imagenet,ray,onnx,torchjd,privacy,dev

.PHONY: run test test-deployment lint bench clean
.DELETE_ON_ERROR:

run: $(STAMP)  ## Train the default scenario; the report is in runs/
	$(BIN)/fedmtl run rooms

test: $(STAMP)  ## The test suite, on two cores
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-deployment: $(STAMP)  ## Whole deployments as separate processes, in which things die
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m deployment

lint: $(STAMP)  ## Style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## Every benchmark, as JSON rows
	$(BIN)/fedmtl benchmark rooms --json
	$(BIN)/fedmtl benchmark engines --json
	$(BIN)/fedmtl benchmark attention --json
	$(BIN)/fedmtl benchmark attention-profile --json
	$(BIN)/fedmtl benchmark attention-scaling --json
	$(BIN)/fedmtl benchmark training-step --json
	$(BIN)/fedmtl benchmark aggregation --json
	$(BIN)/fedmtl benchmark secure-sums --json
	$(BIN)/fedmtl benchmark boundaries --json

# constraints.txt pins every version; torch and torchvision can only move together.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fedmtl needs Python 3.11 or newer; set PYTHON=")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
