"""Servers that mean harm: each costs bounded memory, time and connections, and none leads the probe elsewhere."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from inspector import Cause
from inspector.testing import ProbeRun, run_probe
from inspector_http.observations import Http
from inspector_http.probes import http
from inspector_http.session import BODY_SECONDS, HEAD_SECONDS, PAGE_SECONDS, REDIRECTS_FOLLOWED
from tests.plugins.inspector_http.webservers import answering

_FIRST = 9000
#: What a habit gives: the cause for which the page, or its text, is unseen.
BODIES: dict[str, Cause | None] = {
    "gzip-bomb": None,
    "gzip-twice": Cause.AMBIGUOUS,
    "zstd-bomb": Cause.AMBIGUOUS,
    "brotli-bomb": Cause.AMBIGUOUS,
    "endless-body": None,
    "huge-page": None,
    "exploding-page": Cause.AMBIGUOUS,
}
HEADS = ("endless-headers", "huge-field", "cookies-100000")
CHAINS = ("loop", "longer", "chain")
ELSEWHERE = (
    "to-file",
    "to-javascript",
    "to-userinfo",
    "to-userinfo-backslash",
    "to-metadata",
    "to-loopback",
    "to-loopback-number",
    "to-loopback-v6",
    "to-other-port",
)
_PORTS = {name: _FIRST + number for number, name in enumerate(("good", *BODIES, *HEADS, *CHAINS, "cookies-2000"))}
_MEGABYTE = 2**20


class Scan(NamedTuple):
    """One run, the most memory that it took at once, and its duration in seconds."""

    run: ProbeRun
    peak_bytes: int
    seconds: float


@pytest.fixture(scope="module")
def servers() -> Iterator[None]:
    """One process that has all habits."""
    with answering("127.0.0.1", {port: name for name, port in _PORTS.items() if name != "good"}):
        yield


def scanned(port: int) -> Scan:
    tracemalloc.start()
    began = time.monotonic()
    try:
        run = run_probe(http, f"http://web.test:{port}/", parts=())
        return Scan(run, tracemalloc.get_traced_memory()[1], time.monotonic() - began)
    finally:
        tracemalloc.stop()


def assert_bounded(scan: Scan) -> None:
    """By the bounds that a plan reckons with."""
    cost = http.cost(scan.run.target, {})
    assert len(scan.run.ledger) <= cost.connections
    assert scan.peak_bytes < 32 * _MEGABYTE
    assert scan.seconds < HEAD_SECONDS + BODY_SECONDS + PAGE_SECONDS
    assert sum(each.received for each in scan.run.ledger) < 8 * _MEGABYTE


@pytest.mark.parametrize("habit", BODIES)
@pytest.mark.usefixtures("servers")
def test_a_body_that_grows(habit: str) -> None:
    """Its head is seen; of a body that is no page within the bounds, nothing is said."""
    scan = scanned(_PORTS[habit])
    assert_bounded(scan)
    facts = scan.run.seen(Http)
    assert facts.status.value == 200
    assert facts.page.unseen in (BODIES[habit], Cause.TIMEOUT if BODIES[habit] else None)
    if facts.page.seen is not None:
        assert not facts.page.value.is_whole


@pytest.mark.parametrize("habit", HEADS)
@pytest.mark.usefixtures("servers")
def test_a_head_without_bound(habit: str) -> None:
    """It is no answer."""
    scan = scanned(_PORTS[habit])
    assert_bounded(scan)
    assert scan.run.failure is not None
    assert scan.run.failure.cause is Cause.PROTOCOL_ERROR


@pytest.mark.usefixtures("servers")
def test_thousands_of_cookies() -> None:
    """As many as a head holds are read."""
    scan = scanned(_PORTS["cookies-2000"])
    assert_bounded(scan)
    assert len(scan.run.seen(Http).cookies.value) == 2000


@pytest.mark.parametrize("habit", CHAINS)
@pytest.mark.usefixtures("servers")
def test_a_chain_of_redirects(habit: str) -> None:
    """It is followed to the bound, and the page is unseen."""
    scan = scanned(_PORTS[habit])
    assert_bounded(scan)
    facts = scan.run.seen(Http)
    assert facts.headers.unseen is Cause.PROTOCOL_ERROR
    assert len(facts.followed) <= REDIRECTS_FOLLOWED


@pytest.mark.parametrize("habit", ELSEWHERE)
def test_a_redirect_leads_nowhere_else(habit: str) -> None:
    """Whatever a reply names, no other port, address or scheme is asked for; what it names is told as it is.

    A name that resolves to another address by now is none: names are resolved once, before the scan.
    """
    with answering("127.0.0.1", {9000: habit}):
        scan = scanned(9000)
    assert_bounded(scan)
    assert {(each.address, each.port) for each in scan.run.ledger} == {("127.0.0.1", 9000)}
    assert len(scan.run.ledger) == 1
    redirect = scan.run.seen(Http).redirect
    assert redirect.seen is None or redirect.seen.host != "web.test" or habit == "to-other-port"
