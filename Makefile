# The project's commands; `make help` lists them. On a fresh Debian 12 with Rust and Node, `make run` and `make test` need nothing before them.
CARGO ?= cargo
.DEFAULT_GOAL := help
.PHONY: help setup run test lint fmt bench soak chaos fuzz slim doc clean web web-dev screenshots

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 13

setup: ## install what building and testing need: Debian's packages, and pinned tools
	@deploy/setup-debian.sh

run: web ## a running demo: simulated mesh, bridge, broker, store, API; the page is on http://127.0.0.1:8000
	$(CARGO) run --locked -p kosmo -- demo

test: lint web ## everything that must hold before a change lands
	cd web && npm test --silent && npm run --silent sizes
	tests/support/with-postgres $(CARGO) test --locked --workspace
	cd web && npm run --silent e2e

web: web/dist/index.html ## build the web app, which the next build of the program embeds

web-dev: web/node_modules/.installed ## the web app while one works on it, on http://127.0.0.1:5173, with the APIs of a running `kosmo demo`
	cd web && npm run --silent dev

screenshots: web ## take the pictures of the README anew, of a demo
	$(CARGO) build --locked -p kosmo
	cd web && PICTURES=../docs/screenshots npm run --silent e2e

# What npm installs follows the lock file, which stays as it is, and is installed anew when that changes. It is not `npm ci`,
# which insists on the packages of every other platform, though a registry need not have them.
web/node_modules/.installed: web/package.json web/package-lock.json | setup
	cd web && npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@

web/dist/index.html: web/node_modules/.installed web/index.html $(wildcard web/*.ts) docs/api/openapi.json $(shell find web/app web/public web/scripts -type f -not -name schema.d.ts -not -name '*.pmtiles' 2>/dev/null)
	cd web && npm run --silent build
	@touch $@

lint: setup web/node_modules/.installed ## formatting, lints, licences, types and translations of the web app
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) clippy --locked -p kosmo --no-default-features --features bridge -- -D warnings
	target/tools/bin/cargo-deny --locked --all-features check bans licenses sources
	cd web && npm run --silent types && npm run --silent lint && npm run --silent i18n:check

fmt: ## format the code
	$(CARGO) fmt --all

bench: web ## measure, as docs/PERFORMANCE.md describes
	$(CARGO) build --locked --release -p kosmo
	tests/support/with-postgres $(CARGO) bench --locked -p kosmo-store -p kosmo-tests --bench ingest --bench journey --bench message --bench uplinks
	cd web && node bench/pages.mjs

soak: setup ## half an hour at 2,000 readings a second on each footing, and what memory that takes
	$(CARGO) build --locked --release -p kosmo
	tests/support/with-postgres $(CARGO) bench --locked -p kosmo-tests --bench soak

fuzz: ## feed what strangers write with whatever a fuzzer comes up with; RUNS=N runs each of the five
	fuzz/fuzz.sh $(RUNS)

chaos: setup ## kill each part at each point, on both footings; SEED=N has the same kills again, POINT=NAME:PASS one of them
	$(CARGO) build --locked --workspace
	KOSMO_CHAOS=all KOSMO_CHAOS_SEED=$(SEED) KOSMO_CHAOS_POINT=$(POINT) \
		tests/support/with-postgres $(CARGO) test --locked --workspace --test it -- chaos:: --nocapture

slim: ## the bridge daemon alone, without everything that a server needs
	$(CARGO) build --locked --release -p kosmo --no-default-features --features bridge

doc: ## the code's own documentation, private items included
	$(CARGO) doc --locked --workspace --no-deps --document-private-items

clean: ## remove what was built
	$(CARGO) clean
	rm -rf web/dist web/node_modules web/e2e/results
