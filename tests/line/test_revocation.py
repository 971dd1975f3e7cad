"""A revoked certificate fails where its issuer's list may be fetched, and is left open where not."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.line.harness import Line, system
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import intermediate, issue, root
from tests.plugins.inspector_tls.revocation import sources

CHECK = "certificate-not-revoked"


@dataclass(frozen=True)
class Place:
    """A server with a revoked certificate, and where its issuer's list lies."""

    endpoint: str
    port: int
    list_: sources.Decoy
    url: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Both of them, running."""
    folder = tmp_path_factory.mktemp("revoked")
    reply = bytearray()

    def answer(connection: object) -> None:
        sources.sending(bytes(reply))(connection)  # type: ignore[arg-type]  # a socket, as servers.Answer says

    with sources.decoy(answer) as list_:
        url = f"http://{sources.LISTS}:{list_.port}/list.crl"
        authority = intermediate(root())
        identity = issue("server", authority, ip=["127.0.0.1"], extensions=sources.naming(crls=[url]))
        data = sources.revoked_list(authority, [identity])
        reply += b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data
        with servers.openssl(identity.write(folder, "server")) as port:
            yield Place(f"https://127.0.0.1:{port}/", port, list_, url)


def test_a_source_that_is_not_named_gets_no_packet_and_is_reported(line: Line, place: Place) -> None:
    """Inconclusive, out of scope; the report names the list, and nobody came to fetch it."""
    result = line.call("run", line.declare(system(place.endpoint)), "--only", CHECK)
    assert result.verdict(CHECK) == ("inconclusive", "out-of-scope")
    assert place.list_.accepted == []
    assert all(entry.port == place.port for entry in result.ledger if not entry.infrastructure)
    assert all(place.url.encode() in data for name, data in result.reports().items() if name.endswith(".html"))


def test_the_plan_says_that_other_hosts_may_be_asked(line: Line, place: Place) -> None:
    """Whoever reads the plan learns that certificates may lead elsewhere."""
    result = line.call("plan", line.declare(system(place.endpoint)), "--only", CHECK, "--lang", "en")
    assert "revocation also contacts other hosts" in " ".join(result.out.split())


def test_a_named_source_is_believed(line: Line, place: Place) -> None:
    """Once the authorisation names host and port, the revocation fails the server, confirmed by a confirmation scan."""
    covers = {"names": [sources.LISTS], "blocks": ["127.0.0.1/32"], "ports": ["1-65535"]}
    result = line.call("run", line.declare(system(place.endpoint), covers=covers), "--only", CHECK, "--fail-on", "high")
    found = result.finding(CHECK)
    assert (found["outcome"], found["confirmed"], result.code) == ("fail", True, 1)
    asked = {entry.subject: entry.authorisation for entry in result.ledger if entry.port == place.list_.port}
    assert asked == {place.url: "a-1"}
