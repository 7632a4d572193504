# pytest-survive: see `make help`.
SHELL := /bin/sh
VENV ?= .venv
PYTHON := $(VENV)/bin/python
SURVIVE := $(VENV)/bin/survive
WORKERS ?= 3
MATRIX_WORKERS ?= 4
CLUSTER ?= embedded
KIND_IMAGE ?=
ARGS ?=
UP = $(SURVIVE) cluster up --cluster $(CLUSTER) $(if $(KIND_IMAGE),--kind-image $(KIND_IMAGE))
# What was too noisy to be judged is measured again, alone, and nothing else: a row that failed stays failed.
SIDE_BY_SIDE = --dist load --maxschedchunk 1 -v --reruns 1 --only-rerun '^TooNoisy:'
ROWS = $(PYTHON) -m pytest suites --cluster $(CLUSTER) $(SIDE_BY_SIDE)

.DEFAULT_GOAL := help
.PHONY: help setup run matrix nightly test test-kind test-images lint unit clients shipped live browser report bench advice docs compare-peers clean distclean lock

help: ## this text
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing: Debian packages, Go, the Python environment (needs root for packages)
	@sh scripts/setup.sh $(VENV)

run: setup ## the main job: six restart paths against the sample app, on the embedded cluster, with a report
	@$(UP)
	@$(ROWS) -n $(WORKERS) -m core $(ARGS)

matrix: setup ## every row of the matrix, side by side, with a report
	@$(UP)
	@$(ROWS) -n $(MATRIX_WORKERS) $(ARGS)

nightly: ## what runs each night: the matrix, then its figures beside those of the nights before (see scripts/nightly.sh)
	@CLUSTER=$(CLUSTER) KIND_IMAGE=$(KIND_IMAGE) WORKERS=$(MATRIX_WORKERS) sh scripts/nightly.sh $(VENV)

test: ## lint, types, unit tests, clients against a fault server, documents and packages, then live tests: the cluster, the plugin, the report in a browser, the suites
	@FOR_TESTS=1 sh scripts/setup.sh $(VENV)
	@$(MAKE) --no-print-directory lint unit clients shipped live

test-kind: ## the real kind with our node image, without a registry, in a Docker engine and a Podman of the tests' own
	@FOR_KIND=1 sh scripts/setup.sh $(VENV)
	@$(SURVIVE) kind image
	@$(SURVIVE) kind program
	@$(PYTHON) -m pytest tests/kind -v -rs

test-images: ## the published Containerfiles built by Docker's two builders and by Podman, without a registry, in engines of the tests' own
	@FOR_IMAGES=1 sh scripts/setup.sh $(VENV)
	@$(PYTHON) -m pytest tests/images -v -rs

lint: ## ruff and strict mypy
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/mypy

unit: ## tests that need no cluster
	@$(PYTHON) -m pytest tests/unit -n $(WORKERS) -q

clients: ## no client hides a break: each client's count against a fault server's ledger
	@$(PYTHON) -m pytest tests/clients -q

shipped: ## the documents and the packages: built, links checked; the wheel in an empty environment
	@$(PYTHON) -m pytest tests/docs tests/packaging -q

browser: ## the report in a real browser
	@$(PYTHON) -m pytest tests/browser -q

live: ## tests on the embedded cluster and in a browser
	@$(SURVIVE) cluster up
	@$(ROWS) -n $(WORKERS) -m core
	@$(PYTHON) -m pytest tests/advice --cluster embedded $(SIDE_BY_SIDE) -n $(WORKERS) -m core
	@$(PYTHON) -m pytest tests/browser tests/calibrate tests/cluster -q -rs

bench: ## inject outages of known length and tell by how much the measurement errs (also on the cluster, if it runs); then what it costs
	@$(SURVIVE) calibrate $(ARGS)
	@$(PYTHON) -m tests.bench

report: ## write the reports of the last run again, from its folder
	@$(SURVIVE) report reports/out/latest

docs: ## the documents as a site in build/site, with every row of the matrix and its picture
	@FOR_DOCS=1 sh scripts/setup.sh $(VENV)
	@$(PYTHON) -m scripts.site

compare-peers: setup ## Chaos Toolkit beside this, on the same rollouts: both verdicts, written to docs/comparison.md
	@$(SURVIVE) cluster up
	@$(PYTHON) -m tests.peers $(ARGS)

clean: ## take the cluster down to the last process, mount, link and cgroup; caches of builds stay
	@if [ -x $(SURVIVE) ]; then $(SURVIVE) cluster down; fi
	@home=$${SURVIVE_HOME:-$${XDG_CACHE_HOME:-$$HOME/.cache}/pytest-survive}; \
	if { [ -d "$$home/kind/engine" ] || [ -d "$$home/kind/podman" ]; } && [ -x $(PYTHON) ]; then $(PYTHON) -m tests.kind clean; fi; \
	for one in "$$home"/kind/clusters/*/; do \
	  if [ -d "$$one" ] && [ -x $(SURVIVE) ]; then $(SURVIVE) cluster down --cluster kind --name "$$(basename "$$one")"; fi; done

distclean: clean ## clean, and remove the builds, the environment and the reports as well
	@home=$${SURVIVE_HOME:-$${XDG_CACHE_HOME:-$$HOME/.cache}/pytest-survive}; rm -rf "$$home"/chaostoolkit-* "$$home/programs" "$$home/images" "$$home/bases" "$$home/buildah" "$$home/go" "$$home/kind/images" "$$home"/kind/program-*
	@rm -rf $(VENV) reports/out build/site

advice: ## advice on bad variants of the matrix, applied, makes them good: each is run before and after; tuning finds known answers
	@$(SURVIVE) cluster up
	@$(PYTHON) -m pytest tests/advice/test_mended.py --cluster embedded $(SIDE_BY_SIDE) -n $(WORKERS) $(ARGS)
	@$(PYTHON) -m pytest tests/advice/test_tuned.py --cluster embedded -v
	@$(PYTHON) -m pytest tests/advice/test_interrupted.py -v

lock: ## renew requirements.txt from pyproject.toml, and those of the harness's and the load's image
	@$(VENV)/bin/python -m pip install --quiet uv
	@$(VENV)/bin/uv pip compile --quiet pyproject.toml --group dev --group docs --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --upgrade --output-file requirements.txt
	@$(VENV)/bin/uv pip compile --quiet pyproject.toml --group build --extra metrics --constraint requirements.txt --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file deploy/harness/requirements.txt
	@$(VENV)/bin/uv pip compile --quiet workloads/load/requirements.in --python-platform linux --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file workloads/load/requirements.txt
	@$(VENV)/bin/uv pip compile --quiet tests/peers/requirements.in --python-platform linux --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --output-file tests/peers/requirements.txt
