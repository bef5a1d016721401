.DEFAULT_GOAL := help
.PHONY: help demo test lint fmt setup mutants chaos trials quarantine load schedules bench line types mail-faults isolation \
tenants simulate day reasons metrics dashboards alerts kafka-secured release
.NOTPARALLEL:

# A shell opened before rustup was installed does not have this yet; a distribution's own cargo is of another version.
export PATH := $(or $(CARGO_HOME),$(HOME)/.cargo)/bin:$(PATH)

# dev or release. The demo is built once and watched once, and a cold dev build takes half the time of a release
# build: 3 minutes instead of 6 on two quick cores, 8 on two slow ones. Dependencies are optimised in both, dev shares
# its build with `make test`, and the demo's market is far below what either can fold.
PROFILE ?= dev
# More for the demo's command line, as in: make demo ARGS="--for 75s --json"
ARGS ?=

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

demo: setup ## every stage in one process, both example tenants, a page to watch
	@[ -x target/$(PROFILE:dev=debug)/bellwether ] || echo "building Bellwether and what it stands on: 3 to 9 minutes on \
two free cores the first time (this machine has $$(nproc)). Then the page's address is printed here." >&2
	cargo run --profile $(PROFILE) --locked -p bellwether -- demo $(ARGS)

test: setup lint ## what the gate runs: formatting, clippy, every test
	cargo test --workspace --locked

lint: ## rustfmt and clippy, nothing changed
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo clippy -p bellwether --test chaos --locked -- -D warnings

# Not part of `test`: one build with nearly all of them asleep (some 3 minutes on two cores, once the dependencies
# are built there), then a minute for these and one for each that needs a build of its own. MUTANTS chooses by parts
# of names, as in: make mutants MUTANTS="rsi fence"
mutants: setup ## every seeded bug alone: a test has to fail for it
	@scripts/mutants $(MUTANTS)

# Not part of `test`: real processes on a real broker for some ten minutes. Built with the crash points, each of which is
# armed in turn; POINTS="rows-committed mail-taken" arms these alone.
ROUNDS ?= 30
SEED ?= 1
chaos: setup ## kills and faults under load on a real Kafka, judged by an independent computation
	@ROUNDS=$(ROUNDS) SEED=$(SEED) cargo test -q --locked -p bellwether --features crash_points --test chaos

# Not part of `test`: each some five minutes with three brokers, K3 ten. REPEATS and AWAY (seconds) make it shorter.
trials: TRIALS ?= all
trials: BROKERS ?= 3
trials: setup ## what can go wrong with brokers and groups, row by row (TRIALS="K1 K6"), judged as chaos is
	@TRIALS="$(TRIALS)" BROKERS=$(BROKERS) SEED=$(SEED) cargo test -q --locked -p bellwether --features crash_points \
--test chaos

# Not part of `test`: two minutes, and one to build.
quarantine: TENANTS ?= 100
quarantine: WORKERS ?= 5
quarantine: setup ## one record that kills its worker among many tenants on a real Kafka: three deaths, then quarantine
	@QUARANTINE=1 TENANTS=$(TENANTS) WORKERS=$(WORKERS) cargo test -q --locked -p bellwether --test chaos

# Not part of `test`: some ten minutes. The day itself takes two.
CUTS ?= 1000
day: TENANTS ?= 10
day: WORKERS ?= 3
day: setup ## a day of market for many tenants on a real Kafka with kills, folded again in every way: the same bytes
	@DAY=1 TENANTS=$(TENANTS) WORKERS=$(WORKERS) CUTS=$(CUTS) SEED=$(SEED) cargo test -q --locked -p bellwether --test chaos

# Not part of `test`. MINUTES more than it says: everything is judged afterwards.
load: MINUTES ?= 30
load: setup ## sustained load on a real Kafka: what is behind, memory and latency over time, as target/load/load.svg
	@MINUTES=$(MINUTES) SEED=$(SEED) cargo test -q --locked -p bellwether --test chaos

# Not part of `test`: every zone of the IANA database with four workers that die; a year of twenty zones is.
YEARS ?= 10
schedules: setup ## simulated years of schedules in every zone
	YEARS=$(YEARS) cargo test --workspace --locked --lib -- schedule::simulation --nocapture

# Not part of `test`, which runs it small: 400 tabs in one node, a rows sink that is killed all the time; three minutes.
EVENTS ?= 100000
USERS ?= 100
line: setup ## the line to the browser at full size: sinks killed, sockets cut, tabs asleep; needs node
	@LINE_EVENTS=$(EVENTS) LINE_USERS=$(USERS) LINE_SEED=$(SEED) cargo test -q --locked -p bellwether-tests --test line \
every_tab -- --nocapture

# Part of `test` with 200 seeds. A seed that fails says which step made that certain, and what it takes. Only the crate with
# the world is built anew, optimised.
SEEDS ?= 10000
FROM ?= 0
simulate: setup ## cores of worker, rows, mail and schedule in one simulated world where everything fails; SEEDS, FROM
	@SEEDS=$(SEEDS) FROM=$(FROM) cargo test -q --locked -p bellwether-sinks \
--config profile.dev.package.bellwether-sinks.opt-level=2 --lib simulation::whatever_goes_wrong -- --nocapture

# Part of `test` with 200 questions; some two minutes with 10,000.
REASONS ?= 10000
reasons: setup ## why alerts did not fire, for random alerts and spans, against a computation of its own; REASONS
	@REASONS=$(REASONS) cargo test -q --locked -p bellwether-engine --test reasons -- --nocapture the_reason

# Part of `test` with 60 faults; some two minutes with 500.
FAULTS ?= 500
mail-faults: setup ## SMTP servers that fail in every way at every verb, and workers killed at every point of a mail
	@FAULTS=$(FAULTS) SEED=$(SEED) cargo test -q --locked -p bellwether-sinks --test mail_faults -- --nocapture

# Part of `test` with 6,000 rows. The log that the sinks read, and ten databases, want some 2 KB of disk a row.
ROWS ?= 1000000
isolation: TENANTS ?= 10
isolation: setup ## tenants whose ids collide through the sinks: no row, mail, log line or metric of one shows another
	@ROWS=$(ROWS) TENANTS=$(TENANTS) cargo test -q --locked -p bellwether-sinks --test canaries -- --nocapture

# Part of `test` with 8 tenants; a minute with 100.
tenants: TENANTS ?= 100
tenants: setup ## tenants come and go under load: each live within ten seconds, nobody else held up
	@TENANTS=$(TENANTS) cargo test -q --locked -p bellwether-roles --test tenants_come_and_go -- --nocapture

metrics: setup ## docs/METRICS.md anew, from the list of metrics
	@BELLWETHER_WRITE_METRICS=1 cargo test -q --locked -p bellwether-runtime --lib the_document_lists

# Not part of `test`: five minutes, and a build. What stands for the containers is said in docs/OPERATE.md.
dashboards: setup ## every query of every panel and rule against a real Prometheus that watches the compose file's services
	cargo build --locked -p bellwether
	@scripts/dashboards

# Not part of `test`: some forty minutes. ALERTS="killed gone" tries these alone; scripts/alerts --list says which there are.
alerts: setup ## each alert rule fired by its fault, and gone after, at a sixtieth of its windows; ALERTS
	cargo build --locked -p bellwether
	@scripts/alerts $(if $(ALERTS),--only $(ALERTS))

# Not part of `test`, and the one thing here that needs OpenSSL's headers: librdkafka is built once more.
kafka-secured: setup ## TLS, SCRAM and ACLs a tenant on a real Kafka: what each login may, and may not
	cargo build --locked -p bellwether --features kafka_tls
	@scripts/kafka-secured

# Not part of `test`: a release build, some minutes.
release: setup ## binary, context of the image, SBOM and checksums, as target/dist
	@scripts/release

types: setup ## the types of clients/typescript anew, from the migrations
	@BELLWETHER_WRITE_TYPES=1 cargo test -q --locked -p bellwether-local --test with_postgres the_clients_types

# Not part of `test`: a release build first, then some ten minutes. Figures mean little while others use the machine.
bench: setup ## every benchmark once, as ratios
	@scripts/bench

fmt: ## format the sources
	cargo fmt --all

setup: ## install what is missing, or say what to run as root
	@scripts/setup
