# The one task runner. `make` alone says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-check setup-bench run test check fmt site bench bench-dns fuzz steady-dns simulate clean

help: ## what there is
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what running needs: npm packages (engine, geo data), the wasm target, ffmpeg, dig
	@xtask/setup.sh run

setup-test: ## and what the tests need: Chromium
	@xtask/setup.sh test

setup-check: ## what `make check` needs: rustfmt, clippy, cargo-deny
	@xtask/setup.sh check

setup-bench: ## what `make bench-dns` needs: dnsperf, and the name servers that Fairway is compared with
	@xtask/setup.sh bench

site: setup ## the dashboard's wasm bundle, if it is not up to date
	@cargo xtask site

run: site ## everything on this machine: a node, local CDNs, viewers
	@echo "building fairway (release; the first time takes some minutes)"
	@cargo build --release --package fairway
	@exec target/release/fairway demo

test: setup-test ## every test: rooms first, then the whole system over the wire and in a browser
	@cargo xtask site
	cargo test --workspace --no-fail-fast -- --show-output

check: setup-check ## format, lints, file sizes, allowed arrows between rooms, licences
	cargo fmt --all --check
	cargo xtask house
	cargo clippy --workspace --all-targets --features fairway-dns/inside --quiet -- --deny warnings
	cargo deny --workspace --log-level error check licenses bans sources

fmt: ## format everything
	cargo fmt --all

bench: ## what a decision, a snapshot, a geo look-up and a DNS reply cost
	cargo bench --package fairway-steering --package fairway-geo --bench decide --bench compile --bench locate
	cargo bench --package fairway-dns --features inside --bench costs

bench-dns: setup-bench ## DNS beside gdnsd, Knot, NSD and PowerDNS, 12 minutes; QUICK=1: two
	cargo build --release --package fairway
	@python3 bench/dns/bench.py

fuzz: ## what reads strangers' and operators' octets in DNS, ten minutes a fuzzer; TIME=seconds, JOBS=at once
	@dns/fuzz/run.sh

steady-dns: ## DNS at 50,000 queries/s for a minute of swaps, reloads and successors: no answer is lost; on a quiet machine
	STEADY=full cargo test --release --test dns_steady -- --nocapture

simulate: ## whether steering herds, and how pathways come back: the tables of docs/decisions.md
	@cargo bench --quiet --package fairway-steering --bench herding --bench recovery

clean: ## remove what was built and the demo's data; node_modules stays
	cargo clean
	rm -rf data
