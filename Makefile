# Everything a person or a machine does with Dais. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Tools that are not the system's: Node, versitygw, the Python of the tests.
export DAIS_TOOLS_DIR ?= $(CURDIR)/.cache/tools
export PATH := $(DAIS_TOOLS_DIR)/bin:$(PATH)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: deps web ## Install what is missing, build, start all of Dais, print its address
	@echo "== building dais (the first time takes about 15 minutes) =="
	cargo build -p dais
	cargo run -q -p dais -- up $(ARGS)

.PHONY: demo
demo: deps web ## Put three synthetic speakers on a stage and watch it live
	cargo run -p dais -- demo $(ARGS)

.PHONY: deps
deps: ## Install what is missing on this machine (Debian 12)
	@scripts/deps

.PHONY: web
web: deps ## Build the web apps into web/dist
	@scripts/web

.PHONY: media
media: deps ## Make the fixtures of testdata/media again and compare their checksums
	@testdata/media/generate

.PHONY: test
test: ## Install what is missing, run all checks and tests
	@scripts/test

.PHONY: fuzz
fuzz: ## Fuzz one target: make fuzz ARGS="target seconds"
	@scripts/fuzz $(ARGS)

.PHONY: lint
lint: web ## Formatting, Clippy, TypeScript, purity of the cores
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	npm --prefix web run check

.PHONY: bench
bench: deps ## Measure the forwarding path (benches/RESULTS.md says how to read it)
	cargo run --release -p benches --bin forward
