"""Which addresses count as silent and which as having stopped answering: by counts alone."""

import pytest

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.pacing.reachability import SILENT_ATTEMPTS, STOPPED_AMONG, STOPPED_LOSSES, Reachability
from tests.core.network.addresses import ADDRESS

SCAN, OTHER = ("tls", "https://shop.test"), ("http", "https://shop.test/")


def _refusal(of: Reachability, port: int) -> Cause | None:
    """Why no connection to ``port`` is opened; None when one is."""
    try:
        of.check(port, SCAN)
    except ScanFailure as failure:
        return failure.cause
    return None


def _after(*ends: tuple[int, Cause | None]) -> Reachability:
    """An address at which connections ended so: port, and the cause for which they failed."""
    of = Reachability(ADDRESS)
    for port, cause in ends:
        if cause is None:
            of.accepted(port)
        else:
            of.failed(port, cause, SCAN)
    return of


def test_a_silent_port_is_given_up_but_no_other_port() -> None:
    """Every port of a silent address is asked once, and after a few attempts in all none again."""
    silent = _after(*[(443, Cause.TIMEOUT)] * (SILENT_ATTEMPTS - 1))
    assert _refusal(silent, 443) is None
    silent.failed(8443, Cause.TIMEOUT, SCAN)
    assert [_refusal(silent, port) for port in (443, 8443, 22)] == [Cause.NOT_REACHED, Cause.NOT_REACHED, None]
    with pytest.raises(ScanFailure, match=f"no packet came back from {ADDRESS} on ports 443, 8443: 3 attempts"):
        silent.check(443, SCAN)


@pytest.mark.parametrize("answer", [None, Cause.REFUSED, Cause.RESET])
def test_any_packet_shows_a_living_host(answer: Cause | None) -> None:
    """A host that answers at one port only is asked at all of them, however many have timed out before."""
    living = _after(*[(443, Cause.TIMEOUT)] * 5, (22, answer))
    assert _refusal(living, 443) is None
    assert living.stopped is None


def test_an_error_of_this_machine_or_its_router_is_no_silence() -> None:
    """What the kernel says itself counts neither as an answer nor as a missing one."""
    assert _refusal(_after(*[(443, Cause.NOT_REACHED)] * 5), 443) is None


@pytest.mark.parametrize("cause", [Cause.TIMEOUT, Cause.REFUSED, Cause.RESET])
def test_an_address_stops_answering_when_ports_that_answered_are_lost(cause: Cause) -> None:
    """From the third loss on nothing is opened, at any port, and the failure tells after how many connections."""
    stopped = _after(*[(443, None)] * 7, *[(443, cause)] * (STOPPED_LOSSES - 1))
    assert (_refusal(stopped, 443), stopped.stopped) == (None, None)
    failure = stopped.failed(443, cause, SCAN)
    assert failure is not None
    assert failure.cause is Cause.RATE_LIMITED
    assert f"{ADDRESS} stopped answering after 7 connections at " in failure.message
    assert {_refusal(stopped, port) for port in (443, 22)} == {Cause.RATE_LIMITED}


def test_ports_that_never_answered_do_not_count() -> None:
    """A host with closed and filtered ports beside an open one is not one that stopped."""
    assert _after((443, None), *[(8443, Cause.REFUSED)] * 9, *[(22, Cause.TIMEOUT)] * 9).stopped is None


def test_rare_losses_do_not_count() -> None:
    """Two losses among the last connections are none of a limit."""
    rare = [*[(443, None)] * (STOPPED_AMONG // 2), (443, Cause.REFUSED)]
    assert _after(*rare * 10).stopped is None


def test_a_port_that_a_sweep_found_open_has_answered() -> None:
    """What the sweep's own program connected to counts."""
    swept = Reachability(ADDRESS)
    swept.swept([22, 5432], heard=True)
    for _ in range(STOPPED_LOSSES):
        swept.failed(5432, Cause.TIMEOUT, SCAN)
    assert swept.stopped is not None


def test_a_sweep_that_is_rejected_shows_a_living_host() -> None:
    """A closed port is an answer, too."""
    swept = _after(*[(443, Cause.TIMEOUT)] * SILENT_ATTEMPTS)
    swept.swept([], heard=True)
    assert _refusal(swept, 443) is None


def test_lost_scans_are_those_that_failed_to_connect() -> None:
    """Before the address counts as stopped those at ports that had answered, afterwards all."""
    of = _after((443, None))
    of.failed(8443, Cause.REFUSED, OTHER)
    of.failed(443, Cause.REFUSED, SCAN)
    assert (of.is_lost(SCAN), of.is_lost(OTHER)) == (True, False)
    for _ in range(STOPPED_LOSSES):
        of.failed(443, Cause.REFUSED, SCAN)
    assert (of.is_lost(SCAN), of.is_lost(OTHER)) == (True, True)


def test_after_a_pause_no_loss_has_the_cause_of_a_closed_port() -> None:
    """Until the address accepts again every failure is rate-limited; then only those at ports that had answered."""
    of = _after((443, None), *[(443, Cause.REFUSED)] * STOPPED_LOSSES)
    of.resume()
    assert _refusal(of, 443) is None

    def named(port: int) -> Cause | None:
        failure = of.failed(port, Cause.REFUSED, SCAN)
        return failure.cause if failure else None

    assert (named(443), named(8443)) == (Cause.RATE_LIMITED, Cause.RATE_LIMITED)
    of.accepted(443)
    assert (named(443), named(8443)) == (Cause.RATE_LIMITED, None)
