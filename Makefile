# Two commands are all a newcomer needs: `make run` and `make test`. Both make .venv by themselves.
# Recipes end in `exec`, so that Ctrl-C and SIGTERM reach the program and not a shell around it.
# ARGS is handed on: make test ARGS='-k poll -x'

PYTHON ?= python3
ARGS ?=
# Many tests wait for a clock rather than for a processor; more at once would make those that measure unfair.
WORKERS ?= 3
# Trials of chaos keep several processes busy each. They run beside the rest; ARGS=after lets them come behind it.
CHAOS_WORKERS ?= 1
# Mutations and machines that are short in every run, and long with CHAOS=1; first, for they measure milliseconds.
LONG_FORMS = tests/unit/test_vtt_mutations.py tests/unit/test_kick_mutations.py \
	tests/unit/test_kick_pusher.py tests/unit/test_eventsub_mutations.py tests/unit/test_vote_machine.py \
	tests/acceptance/test_evening.py
VENV = PYTHON='$(PYTHON)' sh tools/venv.sh
PY = .venv/bin/python

# Where nothing may be cached, each of the many processes of a run compiles three hundred modules anew: a second each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := run
.PHONY: run test chaos looks lint types bench lock pictures clean help

run: ## Start everything on http://127.0.0.1:8787 (Ctrl-C stops it, the data stays)
	@$(VENV) run
	@exec $(PY) -m server up $(ARGS)

test: ## Run the whole suite on real PostgreSQL, Valkey, Chromium and Node
	@$(VENV) test
	@sh tools/node.sh
	@CHROME_BIN="$$($(PY) -m tools.find_chromium)" || { test -z "$$CI" || exit 1; }; \
	export CHROME_BIN; exec sh tools/test.sh $(WORKERS) $(CHAOS_WORKERS) $(ARGS)

chaos: ## Try every promise at full length, hours; CHAOS_MINUTES=30 shortens, CHAOS_SEED=… repeats, ARGS='-k r7'
	@$(VENV) test
	@CHROME_BIN="$$($(PY) -m tools.find_chromium)" || { test -z "$$CI" || exit 1; }; \
	export CHROME_BIN CHAOS=1; exec $(PY) -m pytest $(LONG_FORMS) tests/chaos -v -s $(ARGS)

looks: ## See every face of the desk and the overlay on every screen, light and dark; about ten minutes
	@$(VENV) test
	@CHROME_BIN="$$($(PY) -m tools.find_chromium)" || exit 1; \
	export CHROME_BIN LOOKS=1; exec $(PY) -m pytest -n 2 tests/browser -k 'looks or pictures' $(ARGS)

lint: ## Check style, layers and types
	@$(VENV) test
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -c 'from importlinter.cli import lint_imports_command as check; check()'
	$(PY) -m mypy

types: ## Check types only
	@$(VENV) test
	@exec $(PY) -m mypy $(ARGS)

bench: ## Measure, also beside other systems (ARGS="fanout memory": only that); see docs/benchmarks.md
	@$(VENV) test
	@CHROME_BIN="$$($(PY) -m tools.find_chromium)" || unset CHROME_BIN; \
	export CHROME_BIN; exec $(PY) -m benchmarks $(ARGS)

pictures: ## Take the pictures of README and docs from the running program
	@$(VENV) test
	@CHROME_BIN="$$($(PY) -m tools.find_chromium)" || exit 1; \
	export CHROME_BIN; exec $(PY) -m tools.pictures

lock: ## Write requirements/*.txt anew (ARGS=--upgrade takes the newest versions)
	@$(VENV) run
	@exec sh tools/lock.sh $(ARGS)

clean: ## Remove what can be made again; the data in .hubbub stays
	rm -rf .venv build dist tests/acceptance/foundry/node_modules *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s%s\n", $$1, $$2 }' Makefile
