# Innkeeper: `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# One build folder for all clones of a user, so that a clean clone builds warm.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/innkeeper/target
# Tools that the checks install for themselves.
export INNKEEPER_TOOLS ?= $(HOME)/.cache/innkeeper/tools
export PATH := $(INNKEEPER_TOOLS)/bin:$(PATH):$(HOME)/.cargo/bin

# A folder with files that were fetched before; every file is still checked by its sha256.
ifneq ($(wildcard ../shared/assets/.),)
export INNKEEPER_MIRROR ?= $(abspath ../shared/assets)
endif

RELEASE := $(abspath $(CARGO_TARGET_DIR))/release/innkeeper
DEV := $(abspath $(CARGO_TARGET_DIR))/debug/innkeeper

.PHONY: help bootstrap build dev-build models demo test check bench eval doctor openapi clean

help: ## list the targets
	@printf 'make TARGET, where TARGET is one of\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@printf '\nSettings: DEMO_EXIT=1 ends the demo after its report; DEMO_LISTEN, DEMO_DATA_DIR choose where it runs;\n'
	@printf 'INNKEEPER_MIRROR names a folder with model files; CARGO_TARGET_DIR names the build folder.\n'

demo: build models ## build, pull models, serve, enrol people, post frames, print who was seen, keep serving
	@printf '\n== demo pictures\n'
	@bin/innkeeper datasets pull demo
	@printf '\n== demo\n'
	@python3 demo/run.py

test: ## run every test on real models and photographs
	@scripts/bootstrap.sh test
	@scripts/test.sh

check: bootstrap ## format, lints, docs, dependencies, duplicate lines, OpenAPI drift
	@scripts/check.sh

build: bootstrap ## release build, linked as bin/innkeeper
	@printf '\n== release build (the first one takes about 20 minutes on two cores)\n'
	@cargo build --release --workspace
	@mkdir -p bin
	@ln -sfn "$(RELEASE)" bin/innkeeper
	@printf 'bin/innkeeper -> %s\n' "$(RELEASE)"

models: build ## pull the model packs: default from the Python index, extended where it can be reached
	@printf '\n== models\n'
	@scripts/pull_models.sh bin/innkeeper

bench: models ## speed: every stage, beside the Python peer, the service under load
	@scripts/bench.sh bin/innkeeper

eval: models ## evaluate the models on data of yours: make eval EVAL_DATA=FOLDER
	@scripts/eval.sh bin/innkeeper

doctor: build ## say what is missing on this machine, and the command that mends it
	@bin/innkeeper doctor

bootstrap: ## install the system packages that are missing (Debian)
	@scripts/bootstrap.sh

dev-build: bootstrap ## debug build of everything, tests included
	@cargo build --workspace --all-targets --features innkeeper-api/kill-points

openapi: dev-build ## write api/openapi.json from the code
	@"$(DEV)" openapi > "$(CARGO_TARGET_DIR)/openapi.json"
	@mv "$(CARGO_TARGET_DIR)/openapi.json" api/openapi.json

clean: ## remove what make left in this folder; builds and models stay in the cache
	@rm -rf bin out
