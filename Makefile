# One command for each thing; every one of them does its own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo run check-setup test check format catalogs screenshots clean help

help:
	@echo "make demo         see it: a simulated Discord on a page of this machine"
	@echo "make check-setup  say what is missing or wrong in .env, and print the invite link"
	@echo "make run          run the bot for real, from .env"
	@echo "make test         run every test"
	@echo "make check        format, lint, types, import rules"
	@echo "make screenshots  make the pictures in docs/ anew"
	@echo "make catalogs     collect the texts of the code for their translators"
	@echo "make clean        remove what the others made (never your data/)"

demo: $(VENV)/demo
	$(BIN)/python -m demo

run: $(VENV)/run
	$(BIN)/python bot.py

check-setup: $(VENV)/run
	@$(BIN)/python bot.py --check

test: $(VENV)/dev
	$(BIN)/python -m pytest -n auto

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/python -m pytest -q tests/test_imports.py

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Collect the texts in the code into the catalogs; then translate what is empty in each kirin.po.
catalogs: $(VENV)/dev
	$(BIN)/python -m tools.catalogs

screenshots: $(VENV)/dev
	$(BIN)/python -m demo.screenshots

$(VENV)/run: requirements.txt
$(VENV)/demo: requirements-demo.txt requirements.txt
$(VENV)/dev: requirements-dev.txt requirements-demo.txt requirements.txt

$(VENV)/run $(VENV)/demo $(VENV)/dev: | $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
