# revshare: what can be made. Each target does its own set-up; none needs an installed database or browser.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
# As pip does with libraries: else each command would compile anew what it needs, where Python is told to write nothing.
COMPILE := $(BIN)/python -m compileall -q revshare config manage.py
PIP := $(BIN)/python -m pip --disable-pip-version-check -q install --require-hashes

.PHONY: help setup demo serve screenshots test test-all test-spark check fix bench mutants lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: .venv/runtime.stamp ## make .venv with what revshare runs on
	@$(COMPILE)

demo: setup ## run a real month end to end, with embedded services
	@REVSHARE_HOME="$${REVSHARE_HOME:-$(CURDIR)/var/demo}" $(BIN)/python manage.py demo

# A second factor would stand between a visitor and the first look; it is left out on one's own machine alone.
serve: export REVSHARE_HOME ?= $(CURDIR)/var/year
serve: export REVSHARE_STRICT_SIGN_IN ?= false
serve: setup ## look at a real year, as everybody in it: web server, worker and beat at http://127.0.0.1:8000/
	@$(BIN)/python manage.py showcase
	@exec $(BIN)/python manage.py serve --stop-services

screenshots: export REVSHARE_HOME ?= $(CURDIR)/var/year
screenshots: export REVSHARE_STRICT_SIGN_IN ?= false
screenshots: .venv/dev.stamp ## take the README's pictures of that year's pages anew, in a real browser
	@$(BIN)/python manage.py showcase
	@$(BIN)/python -m tests.screenshots
	@$(BIN)/python manage.py services stop

test: .venv/dev.stamp ## run the tests, on real PostgreSQL and a real worker
	@$(COMPILE)
	@$(BIN)/python -m pytest -q -n 3 --dist worksteal

test-all: .venv/dev.stamp .venv/spark.stamp ## run the long tests too, and those on Spark
	@$(COMPILE)
	@$(BIN)/python -m pytest -q -n 3 --dist worksteal -m ""

test-spark: .venv/dev.stamp .venv/spark.stamp ## run the tests on a cluster of Apache Spark (needs Java 17)
	@$(BIN)/python -m pytest -q -m spark tests/manifests

check: .venv/dev.stamp ## lint, types, layers, migrations, API schema, documents
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py check
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	@$(BIN)/python manage.py state_diagram --check

fix: .venv/dev.stamp ## put right what can be put right by machine
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/python manage.py state_diagram --write

bench: .venv/dev.stamp ## compare a whole cycle with an analyst's scripts, side by side
	@$(BIN)/python manage.py bench --rows $${ROWS:-1M} --contributors $${CONTRIBUTORS:-100k} --sales $${SALES:-100k} \
	  --runs $${RUNS:-3} --format $${FORMAT:-csv}

mutants: .venv/dev.stamp ## change the core of the money in every small way, and see which changes no test catches
	@REVSHARE_TEST_HOME="$(CURDIR)/var/mutants" $(BIN)/mutmut run --max-children 1
	@REVSHARE_HOME="$(CURDIR)/var/mutants" $(BIN)/python manage.py services stop
	@$(BIN)/python -m tests.mutants

lock: ## pin the requirements anew (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 requirements.in -o requirements.txt --custom-compile-command "make lock"
	uv pip compile -q --universal --generate-hashes --python-version 3.11 requirements-spark.in -c requirements.txt -o requirements-spark.txt --custom-compile-command "make lock"
	uv pip compile -q --universal --generate-hashes --python-version 3.11 requirements-dev.in -c requirements.txt -o requirements-dev.txt --custom-compile-command "make lock"

clean: ## stop the services and remove .venv and var
	-@[ -x $(BIN)/python ] && $(BIN)/python manage.py services stop
	rm -rf .venv var

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("revshare needs Python 3.11 or later; this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	@echo "Making .venv …"
	@$(PYTHON) -m venv .venv

.venv/runtime.stamp: requirements.txt | .venv/bin/python
	@echo "Installing what revshare runs on …"
	@$(PIP) -r requirements.txt
	@touch $@

.venv/dev.stamp: requirements-dev.txt | .venv/bin/python
	@echo "Installing what revshare and its tests run on …"
	@$(PIP) -r requirements-dev.txt
	@touch $@ .venv/runtime.stamp

.venv/spark.stamp: requirements-spark.txt | .venv/dev.stamp
	@echo "Installing what weighing on Spark needs …"
	@$(PIP) -r requirements-spark.txt
	@touch $@
