"""The rate limit's arithmetic, on a clock of the test's own."""

import asyncio
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.declare.authorisation import Rates
from inspector.network.pacing.address_meter import AddressMeter
from inspector.network.pacing.queued_limiter import QueuedRateLimiter
from inspector.network.pacing.rate_limit import (
    pace_seconds,
    strictest,
    sweep_delay_ms,
    sweep_seconds,
)
from tests.core.network.addresses import most_in_a_second

rates = st.builds(
    lambda rate, extra, at_once: Rates(connections_per_second=rate, burst=rate + extra, at_once=at_once),
    st.integers(1, 20),
    st.integers(0, 15),
    st.integers(1, 20),
)
#: For each connection: how long after it could have gone it is wanted, how long it takes to leave, how long it is open.
wants = st.lists(
    st.tuples(st.floats(0, 0.6), st.floats(0, 0.3), st.floats(0, 1.5)),
    min_size=1,
    max_size=120,
)


def meter_of(rates: Rates) -> AddressMeter:
    """A meter that nobody has used, of an address that is asked at these rates."""
    meter = AddressMeter()
    meter.demand(rates, 0.0)
    return meter


def run(meter: AddressMeter, wanted: list[tuple[float, float, float]]) -> tuple[list[float], int]:
    """The instants at which connections left, and the most that were open at once."""
    now, left, most = 0.0, list[float](), 0
    leaving: list[tuple[float, float, int]] = []
    closing: list[tuple[float, int]] = []

    def close(until: float) -> None:
        nonlocal now
        while due := [instant for instant, *_ in leaving + closing if instant <= until]:
            now = max(now, min(due))
            for instant, length, slot in [each for each in leaving if each[0] <= now]:
                leaving.remove((instant, length, slot))
                meter.departed(slot, now)
                left.append(now)
                closing.append((now + length, slot))
            for instant, slot in [each for each in closing if each[0] <= now]:
                closing.remove((instant, slot))
                meter.ended(slot, now)
        now = until

    for pause, delay, length in wanted:
        close(now + pause)
        while (ready := meter.ready_at(now)) > now:
            close(min([ready, *(instant for instant, *_ in leaving + closing)]))
        leaving.append((now + delay, length, meter.grant(now)))
        most = max(most, len(leaving) + len(closing))
    close(max((instant for instant, *_ in leaving + closing), default=math.inf))
    return left, most


@given(rates, wants)
def test_no_second_sees_more_than_the_burst(rate: Rates, wanted: list[tuple[float, float, float]]) -> None:
    """In any window of one second at most ``burst`` connections leave, however late each leaves after its grant."""
    left, _ = run(meter_of(rate), wanted)
    assert most_in_a_second(left) <= rate.burst


@given(rates, wants)
def test_the_long_run_keeps_the_rate(rate: Rates, wanted: list[tuple[float, float, float]]) -> None:
    """In any t seconds at most ``burst + rate × t`` connections are granted."""
    left, _ = run(meter_of(rate), [(pause, 0.0, length) for pause, _, length in wanted])
    for index, start in enumerate(left):
        for count, end in enumerate(left[index:], start=1):
            assert count <= rate.burst + rate.connections_per_second * (end - start) + 1e-6


@given(rates, wants)
def test_never_more_open_than_allowed(rate: Rates, wanted: list[tuple[float, float, float]]) -> None:
    """At most ``at_once`` connections are open at a time, those on their way included."""
    _, most = run(meter_of(rate), wanted)
    assert most <= rate.at_once


@given(rates, st.integers(1, 60))
def test_the_plans_arithmetic_is_the_meters(rate: Rates, count: int) -> None:
    """Connections that take no time leave in exactly the time that ``pace_seconds`` promises, up to the window."""
    left, _ = run(meter_of(rate), [(0.0, 0.0, 0.0)] * count)
    assert pace_seconds(count, rate) - 1e-6 <= left[-1] <= pace_seconds(count, rate) + 1.1 + 1e-6


def test_a_granted_connection_that_has_not_left_holds_its_place() -> None:
    """A grant that was not used counts as leaving at every instant until it does."""
    meter = meter_of(Rates(connections_per_second=1, burst=1, at_once=5))
    slot = meter.grant(0.0)
    assert meter.ready_at(100.0) == math.inf
    meter.departed(slot, 100.0)
    assert 101.0 < meter.ready_at(100.0) < 101.2


def test_a_grant_that_never_left_frees_its_place() -> None:
    """A connection that failed before its first packet takes nothing from the second's count."""
    meter = meter_of(Rates(connections_per_second=1, burst=1, at_once=1))
    meter.ended(meter.grant(0.0), 0.0)
    assert meter.ready_at(5.0) == 5.0


async def test_nobody_overtakes_who_waits() -> None:
    """While somebody waits for an address, nobody else leaves at once, also in the moment when a place is free."""
    rate_limiter, one = QueuedRateLimiter(), Rates(connections_per_second=100, burst=100, at_once=1)
    first = rate_limiter.admit_now("127.0.0.1", one)
    assert first is not None
    first.departed()
    assert rate_limiter.admit_now("127.0.0.1", one) is None
    waiting = asyncio.create_task(rate_limiter.admit("127.0.0.1", one))
    await asyncio.sleep(0)
    first.ended()
    assert rate_limiter.admit_now("127.0.0.1", one) is None
    second = await waiting
    second.departed()
    second.ended()
    assert rate_limiter.admit_now("127.0.0.1", one) is not None


def test_resets_in_a_row_double_the_peace_and_an_answer_ends_the_row() -> None:
    """After each further reset the address gets twice the peace, at most eight seconds; an answer starts anew."""
    meter = meter_of(Rates())
    pauses = []
    for now in range(0, 1000, 100):
        meter.back_off(float(now), on_request=False)
        pauses.append(meter.ready_at(float(now)) - now)
    assert pauses[:4] == [0.25, 0.5, 1.0, 2.0]
    assert pauses[-1] == 8.0
    meter.succeeded()
    meter.back_off(5000.0, on_request=False)
    assert meter.ready_at(5000.0) == 5000.25


@pytest.mark.parametrize(("asked", "pause"), [(0.0, 2.0), (17.0, 17.0), (86400.0, 60.0)])
def test_a_server_that_asks_for_peace_gets_it(asked: float, pause: float) -> None:
    """Retry-After is honoured up to a minute; without it there is peace for two seconds."""
    meter = meter_of(Rates())
    meter.back_off(0.0, on_request=True, seconds=asked)
    assert meter.ready_at(0.0) == pause


@given(rates, rates)
def test_two_authorisations_of_one_address_are_both_kept(one: Rates, other: Rates) -> None:
    """The stricter of two paces is never above either."""
    both = strictest(one, other)
    for each in (one, other):
        assert both.burst <= each.burst
        assert both.connections_per_second <= each.connections_per_second
        assert both.at_once <= each.at_once


@given(st.integers(1, 1000))
def test_port_questions_keep_their_rate(rate: int) -> None:
    """nmap's delay between questions allows fewer than the rate in any second, the fence post included."""
    delay = sweep_delay_ms(Rates(port_questions_per_second=rate))
    assert 1000 // delay + (1 if rate > 1 else 0) <= rate + (1 if rate == 1 else 0)
    assert sweep_seconds(100, Rates(port_questions_per_second=rate)) >= 100 / rate
