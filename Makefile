# Short commands for developers; users and continuous integration call ./bootstrap.
.POSIX:
.PHONY: agreement agreement-browser benchmark benchmark-fleet benchmark-mail benchmark-ssh benchmark-sweeps benchmark-web benchmark-workers benchmark-zones demo docs format fuzz lint lock nation setup test types

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

# Resolves the dependencies again; make lock ARGS=--upgrade raises versions.
lock: setup
	$(VENV)/uv pip compile -q --universal --generate-hashes --extra dev --extra pki --extra postgresql --extra sslyze --extra xlsx --extra setup $(ARGS) -o requirements-dev.lock pyproject.toml
	$(VENV)/uv pip compile -q --universal --generate-hashes --extra pki --extra postgresql --extra sslyze --extra xlsx --extra setup -c requirements-dev.lock -o requirements.lock pyproject.toml
	./bootstrap setup

# Builds the reference pages (checks, documents, profiles, glossary) into out/docs.
docs: setup
	$(VENV)/python -m docs.pages $(ARGS)

# Compares Inspector with published corpora, and with other TLS tools on every test server, which takes about half an hour.
# Options: make agreement ARGS=--help
agreement:
	./bootstrap --agreement setup
	$(VENV)/python -m tests.agreement.corpora --write
	$(VENV)/python -m tests.agreement --write $(ARGS)
	$(VENV)/python -m tests.agreement.services
	$(VENV)/python -m tests.agreement.zones --write

# Compares Inspector with what Chromium does on the configurations of web servers; takes some minutes.
agreement-browser:
	./bootstrap --agreement setup
	$(VENV)/python -m tests.agreement.browser --write $(ARGS)

demo:
	./bootstrap demo $(ARGS)

# Measures Inspector and sslyze in turn and writes docs/performance.md; takes some minutes.
benchmark: setup
	$(VENV)/python -m benchmarks.startup
	$(VENV)/python -m benchmarks.rate_limit
	$(VENV)/python -m benchmarks.documents
	$(VENV)/python -m benchmarks.plans
	$(VENV)/python -m benchmarks.tls

# Measures a run over many systems beside the same ones one after the other, and beside sslyze and nmap; fails where a
# finding differs: make benchmark-fleet ARGS='500 --only polite'
benchmark-fleet: setup
	$(VENV)/python -m benchmarks.fleet $(ARGS)

# Reads the DNS records of mail domains beside checkdmarc, in a private internet; needs root.
benchmark-mail:
	./bootstrap --lab setup
	$(VENV)/python -m benchmarks.mail $(ARGS)

# Measures the SSH probe and ssh-audit in turn at OpenSSH servers on loopback; prints the figures.
benchmark-ssh:
	./bootstrap --lab setup
	$(VENV)/python -m benchmarks.ssh

# Measures the probes of zones and Zonemaster in turn at a private internet; prints the figures.
benchmark-zones:
	./bootstrap --agreement setup
	$(VENV)/python -m benchmarks.zones $(ARGS)

# Seals 20,000 bundles of an estate of a nation through the public writer, and measures and checks the store made of them
# and of its inventory; make nation ARGS='500 --database postgresql://localhost/test'
nation: setup
	$(VENV)/python -m benchmarks.nation $(ARGS)

# Measures sweeps beside plain nmap, counted in a network of its own, and memory with many addresses.
benchmark-sweeps: setup
	$(VENV)/python -m benchmarks.sweeps $(ARGS)

# Measures four workers on one database beside one, at polite rates, in a network of its own (root, nginx, PostgreSQL).
benchmark-workers: setup
	$(VENV)/python -m benchmarks.workers $(ARGS)

# Measures visits of web endpoints on loopback beside MDN's HTTP Observatory; prints the figures (root: ports 80 and 443).
benchmark-web: setup
	test -d .lab/observatory || npm install --silent --ignore-scripts --prefix .lab/observatory @mdn/mdn-http-observatory@1.4.8
	echo '{}' > .lab/observatory/node_modules/@mdn/mdn-http-observatory/conf/hsts-preload.json
	$(VENV)/python -m benchmarks.web --observatory .lab/observatory $(ARGS)

# Coverage-guided fuzzing of the parsers of server data: make fuzz ARGS=-max_total_time=600
fuzz: setup
	$(VENV)/uv pip install -q atheris
	for each in tls certificates starttls; do $(VENV)/python -m fuzz.$$each -max_total_time=60 $(ARGS) || exit; done
