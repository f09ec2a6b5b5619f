# The project's commands; `make help` lists them. On a fresh Debian 12 with Rust, `make run` and `make test` need nothing before them.
CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help setup run test lint fmt bench doc clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: ## install what building and testing need: Debian's packages, and pinned tools
	@deploy/setup-debian.sh

run: setup ## a running demo: simulated mesh, bridge, broker, store, API; the page is on http://127.0.0.1:8000
	$(CARGO) run --locked -p kosmo -- demo

test: setup lint ## everything that must hold before a change lands
	tests/support/with-postgres $(CARGO) test --locked --workspace

lint: setup ## formatting, lints, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	target/tools/bin/cargo-deny --locked --all-features check bans licenses sources

fmt: ## format the code
	$(CARGO) fmt --all

bench: setup ## measure, as docs/PERFORMANCE.md describes
	$(CARGO) build --locked --release -p kosmo
	tests/support/with-postgres $(CARGO) bench --locked -p kosmo-store -p kosmo-tests

doc: ## the code's own documentation, private items included
	$(CARGO) doc --locked --workspace --no-deps --document-private-items

clean: ## remove what was built
	$(CARGO) clean
