# Every target sets itself up: `make train-soidn` and `make test` work on a bare machine with python3 and make.

SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# compiled once and kept, or every start costs seconds
unexport PYTHONDONTWRITEBYTECODE

DATA ?=
SCALE ?=
WEIGHTS ?=
ALIGNMENT ?=
CHECKPOINT ?=
LFW ?=
ARGS ?=
# by way of the environment, so that spaces and quotes in a path arrive as they are
export DATA SCALE WEIGHTS ALIGNMENT CHECKPOINT LFW
LAUNCH = $(BIN)/python -m experiments.launch $(1) $${DATA:+--data="$$DATA"} $${SCALE:+--scale="$$SCALE"} \
	$${WEIGHTS:+--weights="$$WEIGHTS"} $${ALIGNMENT:+--alignment="$$ALIGNMENT"} $(ARGS)

.PHONY: help setup train-soidn train-baseline train-trunk train-segmentation train-model-a finetune-triplet finetune-batch-triplet occlusion-maps compare-triplets evaluate test lint types format lock clean

help: ## Show this list
	@echo "Targets (DATA=folder or RecordIO folder, SCALE=demo|paper, WEIGHTS=file, ALIGNMENT=arcface|lfw, ARGS=\"--key=value …\"):"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-24s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## Create .venv with the locked requirements

# the marker comes last: what was interrupted is done again
$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "error: expected python3 >= 3.11, got $$($(PYTHON) --version 2>&1); PYTHON=… names another" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { $(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "error: expected a python3 with ensurepip; install your system's python3-venv, or name another: PYTHON=…" >&2; exit 1; }; \
		$(PYTHON) -m venv --clear $(VENV); }
	@echo "Setting up $(VENV) from requirements.txt: once, some minutes and gigabytes"
	@sed -n '/^uv==/,/[^\]$$/p' requirements.txt > $(VENV)/uv.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.txt
	@touch $@

train-soidn: $(READY) ## Train SOIDN (clean trunk first, where no weights are given) and evaluate it
	@$(call LAUNCH,soidn)

train-baseline: $(READY) ## Train the occlusion-augmented baseline (λ = 0, no mask) and evaluate it
	@$(call LAUNCH,baseline)

train-trunk: $(READY) ## Train the trunk on clean faces and evaluate it
	@$(call LAUNCH,trunk)

train-segmentation: $(READY) ## Train the occlusion segmentation network alone and evaluate it
	@$(call LAUNCH,segmentation)

train-model-a: $(READY) ## Train model A, CASIA-Net on clean grey faces, and evaluate it
	@$(call LAUNCH,model_a)

finetune-triplet: $(READY) ## Fine-tune model A with the triplet loss (model B) and evaluate it
	@$(call LAUNCH,triplet)

finetune-batch-triplet: $(READY) ## Fine-tune model A with the batch triplet loss (model C) and evaluate it
	@$(call LAUNCH,batch_triplet)

occlusion-maps: $(READY) ## Model A, its occlusion maps, fine-tuning under placed occluders, and Table 1
	@$(BIN)/python -m experiments.occlusion_maps $${DATA:+--data="$$DATA"} $${SCALE:+--scale="$$SCALE"} \
		$${ALIGNMENT:+--alignment="$$ALIGNMENT"} $(ARGS)

compare-triplets: $(READY) ## Models A, B and C with and without occluders: recognition of unseen people, Table 2
	@$(BIN)/python -m experiments.triplets $${DATA:+--data="$$DATA"} $${SCALE:+--scale="$$SCALE"} \
		$${ALIGNMENT:+--alignment="$$ALIGNMENT"} $(ARGS)

evaluate: $(READY) ## Evaluate CHECKPOINT on generated people, or with LFW=folder on LFW; ARGS="--protocol …" for others
	@$(BIN)/python -m experiments.evaluate $${CHECKPOINT:+--checkpoint="$$CHECKPOINT"} \
		$${LFW:+--protocol=lfw --root="$$LFW"} $(if $(LFW)$(findstring --protocol,$(ARGS)),,--protocol=generated) $(ARGS)

test: lint types ## All checks: lint, types, import contracts, doctests, tests
	@$(BIN)/pytest -n auto

lint: $(READY) ## Style and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(READY)
	@$(BIN)/mypy

format: $(READY) ## Rewrite the code in the project's style
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

lock: $(READY) ## Renew requirements.txt from pyproject.toml
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --upgrade --quiet --custom-compile-command "make lock" -o requirements.txt

clean: ## Remove environment, caches and generated faces; runs and your datasets stay
	@rm -rf $(VENV) data/synthetic .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
