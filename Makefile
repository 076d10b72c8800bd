# Set up, check, train and generate in batches. `make help` lists the targets.

PYTHON ?= python3
VENV   := .venv
CHARLSTM := $(VENV)/bin/charlstm

# Settings for batch jobs, given on the command line: make samples LENGTH=2000 TRAIN_FLAGS="--max-time 10m"
CORPORA     ?=
TRAIN_FLAGS ?=
LENGTH      ?= 1000
TEMPERATURE ?= 0.6
RANDOM_SEED ?= 0

TEXTS   := $(sort $(wildcard data/*.txt) $(CORPORA))
NAMES   := $(basename $(notdir $(TEXTS)))
MODELS  := $(NAMES:%=runs/%/model.safetensors)
SAMPLES := $(NAMES:%=samples/%.txt)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help demo test lint fix docs bench models samples clean

all: lint test ## check style and types, and run the tests (the default)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' Makefile

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed ## train on Macbeth for 90 seconds, then generate
	$(CHARLSTM) train macbeth.txt --max-time 90s -o runs/demo --overwrite
	$(CHARLSTM) generate runs/demo --seed "MACBETH." --length 700

test: $(VENV)/installed ## run the tests
	$(VENV)/bin/pytest

lint: $(VENV)/installed ## check style, types and imports between packages
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

fix: $(VENV)/installed ## format, and fix what can be fixed automatically
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/installed ## write docs/cli.md from --help
	$(VENV)/bin/python -m tests.cli.reference docs/cli.md

bench: $(VENV)/installed ## compare speed with PyTorch, ONNX Runtime and Keras (installs PyTorch)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(VENV)/bin/python -m tests.benchmarks.training_speed
	$(VENV)/bin/python -m tests.benchmarks.generation_speed
	$(VENV)/bin/python -m tests.benchmarks.loss_over_time docs/loss_over_time.svg

models: $(MODELS) ## train a model on each data/*.txt and each file in CORPORA="..." that is newer than its model

samples: $(SAMPLES) ## generate samples/NAME.txt from each of these models

# A model is trained in a temporary folder that is renamed at the end, so a failed run never looks up to date.
define model_rule
runs/$(basename $(notdir $(1)))/model.safetensors: $(1) | $(VENV)/installed
	rm -rf runs/.making-$(basename $(notdir $(1)))
	$(CHARLSTM) train $(1) $$(TRAIN_FLAGS) -o runs/.making-$(basename $(notdir $(1)))
	rm -rf runs/$(basename $(notdir $(1)))
	mv runs/.making-$(basename $(notdir $(1))) runs/$(basename $(notdir $(1)))
	@touch $$@
endef
$(foreach text,$(TEXTS),$(eval $(call model_rule,$(text))))

samples/%.txt: runs/%/model.safetensors samples/.settings
	$(CHARLSTM) generate $< --length $(LENGTH) --temperature $(TEMPERATURE) --random-seed $(RANDOM_SEED) > $@.part
	mv $@.part $@

# This file changes only when the settings change, so samples are generated again only then.
samples/.settings: FORCE
	@mkdir -p samples
	@echo '$(LENGTH) $(TEMPERATURE) $(RANDOM_SEED)' | cmp -s - $@ || echo '$(LENGTH) $(TEMPERATURE) $(RANDOM_SEED)' > $@
FORCE:

clean: ## remove the environment and caches, but no runs
	rm -rf $(VENV) .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find charlstm tests -name __pycache__ -prune -exec rm -rf {} +
