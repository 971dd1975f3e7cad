# Short names for developers; ./bootstrap is what everybody else types.
.POSIX:
.PHONY: setup lint format types test lock demo

VENV = .venv/bin

setup:
	./bootstrap setup

lint: setup
	$(VENV)/ruff check
	$(VENV)/ruff format --check
	$(VENV)/lint-imports --no-logo

format: setup
	$(VENV)/ruff check --fix
	$(VENV)/ruff format

types: setup
	$(VENV)/mypy

test: setup
	$(VENV)/python -m pytest $(ARGS)

# Raise what the lock holds with: make lock ARGS=--upgrade
lock: setup
	$(VENV)/uv pip compile -q --universal --generate-hashes --extra dev $(ARGS) -o requirements.lock pyproject.toml
	./bootstrap setup

demo:
	./bootstrap demo $(ARGS)
