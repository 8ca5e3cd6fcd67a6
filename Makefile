# Drawbridge. `make help` lists what there is.
.DEFAULT_GOAL := help
.PHONY: help demo demo-clean smoke test bench
SHELL := /bin/sh
PYTHON := .venv/bin/python
# What the demo's database must hold too; everything else is tested on PostgreSQL only.
SQLITE_TESTS := tests/integration/idp/models tests/integration/idp/services

help: ## print this list
	@echo 'Drawbridge: company password in, AWS console and temporary credentials out.'
	@echo
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)$$/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS='|' read -r verb text; do printf '%-18s %s\n' "$$verb" "$$text"; done

demo: ## install what is missing, start everything, stay in front until Ctrl-C (DEMO_PORT, DEMO_AWS_PORT)
	@deploy/demo/install.sh demo && exec $(PYTHON) -m deploy.demo.run --end-with-starter

demo-clean: ## remove everything that the demo has made
	@[ ! -d .demo ] || flock --nonblock .demo/lock rm -rf .demo || { echo 'The demo still runs: stop it first.' >&2; exit 1; }

smoke: ## walk the main job through the running demo, step by step, and end at the first that fails
	@$(PYTHON) -m deploy.demo.smoke

test: ## everything that must hold, from a fresh machine (as root)
	@deploy/demo/install.sh test
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	DJANGO_SETTINGS_MODULE=tests.settings DATABASE_URL=sqlite:///:memory: $(PYTHON) manage.py makemigrations --check --dry-run
	DATABASE_URL=sqlite:////tmp/replaced-by-the-test-database $(PYTHON) -m pytest --quiet -m 'not postgresql' $(SQLITE_TESTS)
	$(PYTHON) -m pytest --durations=20

bench: ## figures only: throughput and processor time beside the machine's own RSA speed
	@deploy/demo/install.sh test && exec $(PYTHON) -m tests.bench
