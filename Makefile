# Every target sets itself up: `make train-soidn` and `make test` work on a bare machine with python3 and make.

SHELL := bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := $(VENV)/.demo
DEMO_TEST := $(VENV)/.demo-test

# compiled once and kept, or every start costs seconds
unexport PYTHONDONTWRITEBYTECODE

DATA ?=
SCALE ?=
WEIGHTS ?=
ALIGNMENT ?=
CHECKPOINT ?=
LFW ?=
MODELS ?=
OUT ?=
ARGS ?=
ifeq ($(origin AR),default) # make's own name for the archiver
AR :=
endif
# by way of the environment, so that spaces and quotes in a path arrive as they are
export DATA SCALE WEIGHTS ALIGNMENT CHECKPOINT LFW MODELS OUT AR
LAUNCH = $(BIN)/python -m experiments.launch $(1) $${DATA:+--data="$$DATA"} $${SCALE:+--scale="$$SCALE"} \
	$${WEIGHTS:+--weights="$$WEIGHTS"} $${ALIGNMENT:+--alignment="$$ALIGNMENT"} $(ARGS)
REPRODUCE = $(BIN)/python -m experiments.reproduce $(1) $${DATA:+--data="$$DATA"} $${SCALE:+--scale="$$SCALE"} \
	$${WEIGHTS:+--weights="$$WEIGHTS"} $${ALIGNMENT:+--alignment="$$ALIGNMENT"} $${LFW:+--lfw="$$LFW"} \
	$${AR:+--ar="$$AR"} $(ARGS)

SWEEP = $(BIN)/python -m experiments.sweep experiments/sweeps/$(1).yaml $${DATA:+--data="$$DATA"} $${SCALE:+--scale="$$SCALE"} \
	$${WEIGHTS:+--weights="$$WEIGHTS"} $${ALIGNMENT:+--alignment="$$ALIGNMENT"} $(ARGS)

LOCK = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --quiet \
	--custom-compile-command "make lock"
LOCK_BESIDE = $(LOCK) --group pyproject.toml:$(1) --constraint $(2) -o requirements-$(1).txt

.PHONY: help setup train-soidn train-soidn-shared train-baseline train-trunk train-segmentation train-model-a \
	train-model-a-strategic train-model-a-normal finetune-triplet finetune-batch-triplet reproduce reproduce-quick \
	reproduce-soidn reproduce-occlusion-maps reproduce-segmentation-that-pays occlusion-maps compare-triplets \
	sweep-lambda sweep-beta sweep-temperature sweep-joint evaluate evaluate-models export demo docs gpu-check test tests \
	test-demo lint types format lock clean

help: ## Show this list
	@echo "Targets (DATA=folder or RecordIO folder, SCALE=demo|paper, WEIGHTS=file, ALIGNMENT=arcface|lfw, ARGS=\"--key=value …\"):"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-34s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

train-soidn-shared: $(READY) ## Train SOIDN with a shared encoder, its mask decoded from the trunk's stages, and evaluate it
	@$(call LAUNCH,soidn_shared)

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

train-model-a-strategic: $(READY) ## Fine-tune model A under noise patches where its occlusion map says that it errs
	@$(call LAUNCH,model_a_strategic)

train-model-a-normal: $(READY) ## Fine-tune model A under noise patches around the middle
	@$(call LAUNCH,model_a_normal)

reproduce: $(READY) ## Tables and figures of both papers, three seeds: hours on generated faces, resumable; LFW=, AR= for real sets
	@$(call REPRODUCE,soidn occlusion_maps)

reproduce-quick: $(READY) ## A few rows of both, one seed
	@$(call REPRODUCE,soidn occlusion_maps --quick)

reproduce-soidn: $(READY) ## The SOIDN paper's; ARGS="--seeds 0 1 --rows trunk soidn --dry-run"
	@$(call REPRODUCE,soidn)

reproduce-occlusion-maps: $(READY) ## The occlusion-map paper's
	@$(call REPRODUCE,occlusion_maps)

reproduce-segmentation-that-pays: $(READY) ## SOIDN against what could win without a mask, at equal training time; five seeds
	@$(call REPRODUCE,segmentation_that_pays)

occlusion-maps: $(READY) ## Of these, model A, its maps and fine-tuning under placed occluders: Table 1, one seed
	@$(call REPRODUCE,occlusion_maps --seeds 0 --rows a a_clean a_20x20 a_20x20r a_refreshed a_20x40 a_20x40r a_40x40 a_40x40r)

compare-triplets: $(READY) ## Of these, models A, B and C with and without occluders: Table 2, one seed
	@$(call REPRODUCE,occlusion_maps --seeds 0 --rows a a_longer b c a_20x20 b_20x20 c_20x20)

sweep-lambda: $(READY) ## Sweep λ of SOIDN: on W&B with a key, else here by Optuna (ARGS="--trials N --key=value …")
	@$(call SWEEP,lambda)

sweep-beta: $(READY) ## Sweep β of the batch triplet loss (model C)
	@$(call SWEEP,beta)

sweep-temperature: $(READY) ## Sweep T of the strategic placement of noise patches (model A_20×20)
	@$(call SWEEP,temperature)

sweep-joint: $(READY) ## Sweep λ, learning rate and mask position of SOIDN together
	@$(call SWEEP,joint)

evaluate: $(READY) ## Evaluate CHECKPOINT on generated faces, or with LFW=folder on LFW; ARGS="--protocol …" for others
	@$(BIN)/python -m experiments.evaluate $${CHECKPOINT:+--checkpoint="$$CHECKPOINT"} \
		$${LFW:+--protocol=lfw --root="$$LFW"} $(if $(LFW)$(findstring --protocol,$(ARGS)),,--protocol=generated) $(ARGS)

evaluate-models: $(READY) ## Compare the recognisers of a folder on LFW, clean and occluded: MODELS=folder LFW=folder
	@$(BIN)/python -m experiments.evaluate_models $${MODELS:+--models="$$MODELS"} $${LFW:+--lfw="$$LFW"} $(ARGS)

export: $(READY) ## Take the model of CHECKPOINT away: ONNX, weights, description and model card in the folder OUT
	@$(BIN)/python -m experiments.export $${CHECKPOINT:+--checkpoint="$$CHECKPOINT"} $${OUT:+--out="$$OUT"} $(ARGS)

demo: $(DEMO) ## A page on this machine: compare photographs, cover faces, maps, a gallery; ARGS="--model … --detector yunet …"
	@$(BIN)/python -m experiments.demo $(ARGS)

# markers of their own: only who asks for the page gets its packages; a new set-up takes them away again
$(DEMO): requirements-demo.txt $(READY)
	@echo "Adding what the page needs, from requirements-demo.txt: once"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-demo.txt
	@touch $@

$(DEMO_TEST): requirements-demo-test.txt $(DEMO)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-demo-test.txt
	@touch $@

gpu-check: $(READY) ## Tests and speed on a GPU, eight minutes at most; ARGS="--parts tests maps", ARGS="--device=cpu --small"
	@$(BIN)/python -m experiments.benchmarks.gpu_check $(ARGS)

docs: $(VENV)/.ready-docs ## These documents as a site in site/, with a reference; ARGS=--serve shows it
	@$(BIN)/python -m experiments.site $(ARGS)

$(VENV)/.ready-docs: requirements-docs.txt $(READY)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-docs.txt
	@touch $@

test: lint types tests ## All checks: lint, types, import contracts, doctests, tests

tests: $(READY)
	@$(BIN)/pytest -n auto --dist worksteal

test-demo: $(DEMO_TEST) ## The page in a real browser; CHROMIUM=file, else the system's
	@$(BIN)/pytest -m browser tests/experiments/demo_page

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
	@$(LOCK) pyproject.toml --group dev --upgrade -o requirements.txt
	@$(call LOCK_BESIDE,docs,requirements.txt)
	@$(call LOCK_BESIDE,demo,requirements.txt)
	@$(call LOCK_BESIDE,demo-test,requirements.txt --constraint requirements-demo.txt)

clean: ## Remove environment, caches, generated faces and drawn occluders; runs and your datasets stay
	@rm -rf $(VENV) data/synthetic data/occluders .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
