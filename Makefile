# Short names for developers; ./bootstrap is what everybody else types.
.POSIX:
.PHONY: setup lint format types test lock docs demo agreement benchmark fuzz

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

# The pages below docs/ that say what the code says.
docs: setup
	$(VENV)/python -m docs.pages

# Every TLS server of the zoo, every tool: half an hour or so. What ARGS can say: make agreement ARGS=--help
agreement:
	./bootstrap --agreement setup
	$(VENV)/python -m tests.agreement --write $(ARGS)

demo:
	./bootstrap demo $(ARGS)

# Figures against sslyze, side by side; takes some minutes and writes docs/performance.md.
benchmark: setup
	$(VENV)/python -m benchmarks.startup
	$(VENV)/python -m benchmarks.tls

# Coverage-guided fuzzing of what reads hostile servers: make fuzz ARGS=-max_total_time=600
fuzz: setup
	$(VENV)/uv pip install -q atheris
	for each in tls certificates starttls; do $(VENV)/python -m fuzz.$$each -max_total_time=60 $(ARGS) || exit; done
