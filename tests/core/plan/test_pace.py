"""The seconds of a plan: never fewer than its scans take at the authorised rates and under the ceilings."""

import heapq

from hypothesis import given
from hypothesis import strategies as st

from inspector.declare.authorisation import Rates
from inspector.declare.settings import Ceilings
from inspector.model.subject import Subject, SubjectKind
from inspector.network.pacing.address_meter import AddressMeter
from inspector.plan.pace import LEAST_AT_ONCE, longest
from inspector.record.plan import CostBounds, ScanTask
from tests.core.systems import authorisation


def scan(number: int, *, address: str, wave: int = 0, connections: int = 1, seconds: int = 10) -> ScanTask:
    subject = Subject(kind=SubjectKind.ADDRESS, uri=f"tcp://{number}", scheme="tcp", host=str(number), address=address)
    bounds = CostBounds(connections=connections, seconds=seconds)
    return ScanTask(probe="p", subject=subject, wave=wave, authorisation="a", bounds=bounds)


scans = st.builds(
    scan,
    st.integers(0, 999),
    address=st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3"]),
    wave=st.integers(0, 2),
    connections=st.integers(0, 30),
    seconds=st.integers(1, 60),
)
rates = st.builds(
    lambda rate, more: Rates(connections_per_second=rate, burst=rate + more, at_once=1000),
    st.integers(1, 8),
    st.integers(0, 8),
)


def simulated(tasks: list[ScanTask], own: Rates, places: int) -> float:
    """When the last scan ends: each asks for its connections when it begins, and lasts its own time besides.

    The scans of a wave begin in order as places become free; the meter of each address grants connections.
    """
    meters: dict[str, AddressMeter] = {}
    now = 0.0
    for wave in sorted({task.wave for task in tasks}):
        free = [now] * places
        for task in (each for each in tasks if each.wave == wave):
            begins = heapq.heappop(free)
            meter = meters.setdefault(task.subject.address or "", AddressMeter())
            granted = begins
            for _ in range(task.bounds.connections):
                asked = max(granted, meter_time(meter))
                meter.demand(own, asked)
                granted = meter.ready_at(asked)
                slot = meter.grant(granted)
                meter.departed(slot, granted)
                meter.ended(slot, granted)
                times[id(meter)] = granted
            heapq.heappush(free, max(granted, begins) + task.bounds.seconds)
        now = max(free)
    return now


times: dict[int, float] = {}


def meter_time(meter: AddressMeter) -> float:
    """The instant of the last grant: a meter's clock does not run backwards."""
    return times.get(id(meter), 0.0)


@given(st.lists(scans, min_size=1, max_size=60), rates, st.integers(1, 60))
def test_no_plan_takes_longer_than_it_says(tasks: list[ScanTask], own: Rates, ceiling: int) -> None:
    """Whatever the scans, waves, addresses, rates and the ceiling of concurrent scans."""
    times.clear()
    permit = authorisation(id="a", rates=own)
    bound = longest(tasks, [permit], Ceilings(scans=ceiling, connections=100_000))
    assert simulated(tasks, own, min(ceiling, LEAST_AT_ONCE)) <= bound + 1e-6


def test_thousands_of_scans_are_not_done_at_once() -> None:
    """Scans at 3,000 addresses take as many turns as there are places."""
    tasks = [scan(number, address=f"10.0.{number // 256}.{number % 256}") for number in range(3000)]
    assert longest(tasks, [authorisation(id="a")], Ceilings()) >= 3000 * 10 / LEAST_AT_ONCE
    few = Ceilings(connections=1)
    assert longest(tasks, [authorisation(id="a")], few) >= 3000 * 10


def test_waves_wait_for_different_addresses() -> None:
    """What one address makes a wave wait is not hidden by what another makes the next one wait."""
    permit = authorisation(id="a", rates=Rates(connections_per_second=1, burst=1))
    one = scan(1, address="192.0.2.1", connections=101, seconds=1)
    two = scan(2, address="192.0.2.2", connections=101, seconds=1, wave=1)
    assert longest([one, two], [permit], Ceilings()) >= 202
