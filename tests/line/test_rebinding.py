"""A resolver that gives a name another address at each question: an inspection goes to the first one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple

import pytest

from tests.core.network.protocols.test_dns import Resolver
from tests.line.harness import Line, RunResult, system

NAME, OTHER = "rebinding.dns.test", "rebound.dns.test"
#: The addresses of the first answer, and of all others: what an attacker wants us to ask.
FIRST, LATER = "127.7.0.4", "127.7.0.9"
CHECKS = ("referrer-policy-set", "http-redirects-to-https")


class Seen(NamedTuple):
    """What a run gave, the questions that the resolver got, and the requests to either address."""

    result: RunResult
    asked: list[str]
    first: list[str]
    later: list[str]
    port: int


@contextmanager
def serving(address: str, port: int) -> Iterator[tuple[int, list[str]]]:
    """A server whose first page redirects to itself by name, and that page to another name; and the paths asked."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(f"{self.headers['Host']}{self.path}")
            where = f"http://{NAME}:{self.server.server_port}/next"  # type: ignore[attr-defined]
            if self.path == "/next":
                where = f"http://{OTHER}:{self.server.server_port}/secret"  # type: ignore[attr-defined]
            self.send_response(302)
            self.send_header("Location", where)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer((address, port), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server.server_port, paths
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def seen(line: Line) -> Iterator[Seen]:
    """One run against both addresses at one port."""
    resolver = Resolver()
    try:
        with serving(FIRST, 0) as (port, first), serving(LATER, port) as (_, later):
            declared = line.declare(
                system(f"http://{NAME}:{port}/"), covers={"names": ["*.dns.test"], "blocks": ["127.0.0.0/8"]}
            )
            only = [argument for check in CHECKS for argument in ("--only", check)]
            result = line.spawn("run", declared, *only, resolvers=list(resolver.settings.resolvers))
            yield Seen(result, resolver.asked(), first, later, port)
    finally:
        resolver.process.kill()
        resolver.process.communicate()


def test_the_name_is_resolved_once(seen: Seen) -> None:
    """Every request, along the redirect to the same name, goes to the address of the first answer."""
    assert sorted(each.split()[2] for each in seen.asked if each.split()[1] == NAME) == ["A", "AAAA"]
    assert {f"{NAME}:{seen.port}/", f"{NAME}:{seen.port}/next"} <= set(seen.first)
    assert {each.address for each in seen.result.ledger if each.probe == "http"} == {FIRST}
    assert seen.later == []


def test_a_redirect_to_a_name_that_is_not_declared_is_refused(seen: Seen) -> None:
    """Its name is not even asked for, though the authorisation would cover it."""
    assert [each for each in seen.asked if OTHER in each] == []
    assert [each for each in seen.first if "secret" in each] == []
    (finding,) = [each for each in seen.result.findings if each["check"] == "referrer-policy-set"]
    assert (finding["outcome"], finding["cause"]) == ("not-applicable", None)
