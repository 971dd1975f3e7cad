"""How many connections an inspection opens, by the ledger and as the server counts them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.line.harness import Line, RunResult, system
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import Identity, ec_key, issue, logged, root, rsa_key

HOST = "localhost"
MODERN = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;"
HSTS = 'add_header Strict-Transport-Security "max-age=31536000" always;'
HEADERS = (
    f"{HSTS} server_tokens off; add_header X-Content-Type-Options nosniff always;"
    " add_header X-Frame-Options DENY always; add_header Referrer-Policy no-referrer always;"
)


@dataclass
class Counted:
    """A server behind a port that counts its connections, for clients that know ``roots``."""

    port: int
    accepted: list[int]
    roots: Path

    def run(self, line: Line, level: int, *arguments: str) -> RunResult:
        """One inspection of it."""
        self.accepted.clear()
        declared = line.declare(system(f"https://{HOST}:{self.port}/", level=level))
        result = line.spawn("run", declared, "--fail-on", "low", *arguments, public_roots=str(self.roots))
        assert len(self.accepted) == len(self.opened(result))
        return result

    def opened(self, result: RunResult) -> list[str]:
        """The probes that opened a connection to it, each as often as it did, by the ledger."""
        return [each.probe for each in result.ledger if each.port == self.port]

    def of_scan(self, result: RunResult, number: int) -> dict[str, object]:
        """The options of the TLS scan with this number."""
        [found] = [
            each
            for each in result.evidence
            if (each.probe, each.scan, each.subject.address) == ("tls", number, "127.0.0.1")
        ]
        return found.options


def shown(folder: Path, *identities: Identity) -> str:
    """The directives by which nginx presents these certificates."""
    files = [each.write(folder, f"leaf-{number}") for number, each in enumerate(identities)]
    return "".join(f"ssl_certificate {certificates}; ssl_certificate_key {key};" for certificates, key in files)


@contextmanager
def counted(folder: Path, authority: Identity, directives: str) -> Iterator[Counted]:
    """nginx with these directives, counted."""
    accepted: list[int] = []
    roots = folder / "roots.pem"
    roots.write_bytes(authority.pem)
    with ExitStack() as stack:
        behind = servers.passed_on(stack.enter_context(servers.nginx(folder, directives)))

        def answer(connection: socket.socket) -> None:
            accepted.append(connection.fileno())
            behind(connection)

        yield Counted(stack.enter_context(servers.answering(answer)), accepted, roots)


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    """A server of TLS 1.2 and 1.3 with an RSA and an ECDSA certificate, of which little or nothing fails."""
    folder, authority = tmp_path_factory.mktemp("modern"), root()
    leaves = [
        issue(HOST, authority, dns=[HOST], key=key, extensions=[logged(b"one", b"two")])
        for key in (rsa_key(3072), ec_key())
    ]
    with counted(folder, authority, shown(folder, *leaves) + MODERN + HEADERS) as server:
        yield server


def failing(result: RunResult) -> set[str]:
    """The checks that fail with a consequence."""
    return {each["check"] for each in result.findings if each["outcome"] == "fail" and each["force"] != "info"}


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_modern_server_takes_at_most_45_connections(level: int, line: Line, modern: Counted) -> None:
    """In the default profile at levels 1 to 3."""
    result = modern.run(line, level)
    assert failing(result) == set()
    assert len(modern.accepted) <= 45


def test_smoke_takes_at_most_12_connections(line: Line, modern: Counted) -> None:
    """It asks only what its rows need: of TLS the versions; the rest is not selected."""
    result = modern.run(line, 3, "--select", "smoke")
    assert failing(result) == set()
    assert len(modern.accepted) <= 12
    assert modern.of_scan(result, 1)["parts"] == []


@pytest.mark.parametrize("level", [4, 5])
def test_a_confirmation_scan_asks_only_the_failing_question(level: int, line: Line, modern: Counted) -> None:
    """Where one check of suites and groups fails, the second scan asks for these, and confirms the failure."""
    result = modern.run(line, level)
    assert failing(result) == {"dh-strong"}
    assert result.finding("dh-strong", address="127.0.0.1")["confirmed"] is True
    assert modern.of_scan(result, 2)["parts"] == ["groups", "suites"]
    assert len(modern.accepted) <= 76
    assert modern.opened(result).count("tls") <= 62
    assert {each.probe for each in result.evidence if each.scan == 2} == {"tls"}


@pytest.mark.parametrize(
    ("days", "known", "connections", "outcome"),
    [((-1, 30), True, 1, "pass"), ((-30, -1), True, 2, "fail"), ((-1, 30), False, 3, "pass")],
    ids=["accepted", "expired", "unknown issuer"],
)
def test_the_handshake_of_the_request_verifies_the_certificate(
    days: tuple[int, int], known: bool, connections: int, outcome: str, line: Line, tmp_path: Path
) -> None:
    """HSTS costs one connection where the certificate is accepted, and as few as can show why where it is not."""
    authority = root()
    leaf = issue(HOST, authority, dns=[HOST], days=days)
    trusted = authority if known else root("Another root")
    with counted(tmp_path, trusted, shown(tmp_path, leaf) + MODERN + HSTS) as server:
        result = server.run(line, 3, "--only", "hsts-set")
        found = result.finding("hsts-set", address="127.0.0.1")
        assert found["outcome"] == outcome
        scans = 2 if outcome == "fail" else 1
        assert server.opened(result) == ["http"] * connections * scans
