# The developer's menu. CI calls the same targets: .ci/run is `make test` and nothing else.
#
#   make run     build Stagedoor and open it; without a display, take the tour instead
#   make test    everything that must hold: check, Rust, UI, desktop, acceptance, tour
#   make check   formatting, clippy with and without the desktop, types of the UI
#   make bench   what an answer costs, beside what it replaces; the practice account under load, beside moto
#   make fuzz    libFuzzer on the practice account's parser, the policies, the AWS files, the agent's socket and the container endpoint,
#                SECONDS=60 each
#   make bundle  .deb and .rpm (on macOS .dmg, on Windows .msi)
#   make clean   remove what was built
#
# Each target installs what it needs and is not there (tools/need says what and why before it does).
# Parts of `make test` have names of their own: test-rust, test-ui, test-desktop, test-acceptance, tour.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# A Rust that was installed a minute ago is not on this shell's PATH yet.
export PATH := $(PATH):$(HOME)/.cargo/bin
# No __pycache__ beside the sources.
export PYTHONPYCACHEPREFIX := $(CURDIR)/target/pycache
# What the developer's own terminal has set up for AWS is none of the tests' business.
unexport AWS_PROFILE AWS_DEFAULT_PROFILE AWS_REGION AWS_DEFAULT_REGION AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE
unexport AWS_ENDPOINT_URL AWS_ENDPOINT_URL_STS AWS_ENDPOINT_URL_IAM AWS_ENDPOINT_URL_SIGNIN AWS_CA_BUNDLE
unexport AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN

CARGO  ?= cargo
# In CI the lock file is what was committed, or the run ends.
LOCKED := $(if $(CI),--locked)
NPM    := npm --prefix ui
VENV   := target/venv
STAMPS := target/stamps

# Prebuilt, from npm; only `make bundle` wants it.
TAURI_CLI := 2.12

# What `make run` does where there is no display, and the last part of `make test`.
TOUR     = $(CARGO) test $(LOCKED) --quiet --test tour
DESKTOP  = $(CARGO) test $(LOCKED) --test desktop
# Unit tests and the integration binary, with the features of the app: one build of the dependencies serves all tests.
RUST     = $(CARGO) test $(LOCKED) --lib --bin stagedoor --test it

# Linux needs a virtual display where there is none; elsewhere the system has one.
HAS_DISPLAY := $(if $(filter Linux,$(shell uname -s 2>/dev/null)),$(DISPLAY)$(WAYLAND_DISPLAY),yes)

# The generated types change nothing in what Vite builds.
UI_SOURCES := $(shell find ui -type d \( -name node_modules -o -name 'dist*' -o -name types \) -prune -o -type f -print 2>/dev/null)

say = @printf '\n== %s\n' '$(1)'

.PHONY: help run app test check test-rust test-ui test-desktop test-acceptance tour bench fuzz bundle clean need-app need-test

help:
	@sed -n '3,9s/^# *//p' Makefile

# --- Run ---

ifeq ($(HAS_DISPLAY),)
run: tour
else
run: app
	target/debug/stagedoor-desktop
endif

app: need-app ui/dist/index.html
	$(CARGO) build $(LOCKED) --bins

tour: need-test ui/dist/index.html
	$(call say,Tour: the main job in the real app)
	$(TOUR)

# --- Test ---

test: check test-rust test-ui test-desktop test-acceptance tour
	@printf '\nEverything held.\n'

check: need-app ui/dist/index.html
	$(call say,Check: formatting and lints)
	$(CARGO) fmt --check
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings
	$(CARGO) clippy $(LOCKED) --all-targets --no-default-features -- -D warnings
	$(NPM) run check

test-rust: need-test ui/dist/index.html
	$(call say,Rust: units and integration)
	$(RUST)
	@tools/types-are-current

test-ui: need-test $(STAMPS)/npm
	$(call say,UI: units and screens in a browser)
	@tools/need browser
	$(NPM) test
	$(NPM) run test:browser

test-desktop: need-test ui/dist/index.html
	$(call say,Desktop: the real app under a virtual display)
	$(CARGO) build $(LOCKED) --bins
	$(DESKTOP)

test-acceptance: need-test ui/dist/index.html $(STAMPS)/venv
	$(call say,Acceptance: the AWS CLI and boto3 against the practice account and moto)
	$(CARGO) build $(LOCKED) --bins
	$(VENV)/bin/pytest -n 2 --dist loadfile tests/acceptance

# --- Measure and ship ---

bench: need-test ui/dist/index.html $(STAMPS)/venv
	$(CARGO) build $(LOCKED) --release --bin stagedoor --no-default-features
	@held=0; $(VENV)/bin/python benches/bench.py || held=1; $(VENV)/bin/python benches/load.py || held=1; exit $$held

# Coverage as libFuzzer wants it, on stable Rust; --target keeps it out of build scripts.
SECONDS ?= 60
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
	-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1
FUZZ = RUSTFLAGS='$(FUZZ_FLAGS)' $(CARGO) run --release --manifest-path tests/fuzz/Cargo.toml --target-dir target/fuzz \
	--target $(shell rustc -vV | sed -n 's/^host: //p')

# What is found on the way is kept in target/fuzz, what fails is written there too.
fuzz: need-app
	$(call say,Fuzz: $(SECONDS) seconds for each target)
	@cp Cargo.lock tests/fuzz/Cargo.lock
	@mkdir -p target/fuzz/corpus/request target/fuzz/corpus/policy target/fuzz/corpus/aws_files target/fuzz/corpus/protocol target/fuzz/corpus/endpoint
	$(FUZZ) --bin request -- -max_total_time=$(SECONDS) -artifact_prefix=target/fuzz/request- target/fuzz/corpus/request tests/fuzz/seeds/request
	$(FUZZ) --bin policy -- -max_total_time=$(SECONDS) -artifact_prefix=target/fuzz/policy- target/fuzz/corpus/policy tests/fuzz/seeds/policy
	$(FUZZ) --bin aws_files -- -max_total_time=$(SECONDS) -artifact_prefix=target/fuzz/aws_files- target/fuzz/corpus/aws_files tests/fuzz/seeds/aws_files
	$(FUZZ) --bin protocol -- -max_total_time=$(SECONDS) -artifact_prefix=target/fuzz/protocol- target/fuzz/corpus/protocol tests/fuzz/seeds/protocol
	$(FUZZ) --bin endpoint -- -max_total_time=$(SECONDS) -artifact_prefix=target/fuzz/endpoint- target/fuzz/corpus/endpoint tests/fuzz/seeds/endpoint

bundle: need-app ui/dist/index.html
	npx --yes @tauri-apps/cli@$(TAURI_CLI) build $(if $(filter Linux,$(shell uname -s)),--bundles deb$(,)rpm)

clean:
	rm -rf target gen ui/dist ui/node_modules

# --- What has to be there first; each is quick when it is ---

need-app:
	@tools/need rust node build

need-test:
	@tools/need rust node build test

$(STAMPS)/npm: ui/package-lock.json ui/package.json
	@tools/need node
	@echo 'Installing the npm packages of the window into ui/node_modules, as ui/package-lock.json lists them'
	$(NPM) ci --no-audit --no-fund
	@mkdir -p $(@D) && touch $@

ui/dist/index.html: $(STAMPS)/npm $(UI_SOURCES)
	$(NPM) run build
	@touch $@

$(STAMPS)/venv: tests/acceptance/requirements.txt
	@echo 'Installing the AWS CLI, boto3 and moto into $(VENV), for the acceptance tests only'
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@mkdir -p $(@D) && touch $@

, := ,
