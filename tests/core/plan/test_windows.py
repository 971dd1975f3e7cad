"""Which systems fit which authorised window, and what fits none."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from inspector.declare.authorisation import Authorisation, Rates, Window
from inspector.model.subject import Subject, SubjectKind
from inspector.plan.pace import HORIZON, pace_of
from inspector.plan.windows import WindowSchedule
from inspector.record.plan import CostBounds, Plan, ScanTask, Selection
from tests.core.systems import authorisation

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
#: 22:00 to 23:00 on every day.
NIGHT = Window(days=(1, 2, 3, 4, 5, 6, 7), start=time(22), end=time(23), timezone="UTC")


def granted(*windows: Window, **changes: Any) -> Authorisation:
    """One connection a second."""
    values: dict[str, Any] = {
        "windows": windows,
        "valid_from": AT - timedelta(days=1),
        "valid_until": AT + timedelta(days=365),
        "rates": Rates(connections_per_second=1, burst=1, at_once=1, port_questions_per_second=1),
    }
    return authorisation(**{**values, **changes})


def plan(minutes: int, *addresses: str, authorisation: str = "a-1") -> Plan:
    """A plan that takes so many minutes at each address."""
    tasks = tuple(
        ScanTask(
            probe="p",
            subject=Subject(kind=SubjectKind.ADDRESS, uri=f"sensor://{each}", scheme="sensor", host=each, address=each),
            authorisation=authorisation,
            bounds=CostBounds(connections=minutes * 54, seconds=1),  # a window of 1.1 s for a burst of one
        )
        for each in addresses
    )
    return Plan(tasks=tasks)


def test_systems_fill_one_night_after_the_other() -> None:
    """Two at a time, half an hour each: four in the first hour, the fifth in the next night."""
    schedule = WindowSchedule(AT, at_once=2)
    for number in range(5):
        schedule.add(f"system-{number}", plan(29, f"192.0.2.{number}"), [granted(NIGHT)])
    first, second = schedule.windows
    assert (first.opens, first.closes) == (AT.replace(hour=22), AT.replace(hour=23))
    assert first.systems == ["system-0", "system-1", "system-2", "system-3"]
    assert second.opens == first.opens + timedelta(days=1)
    assert second.systems == ["system-4"]
    assert first.ends is not None
    assert timedelta(minutes=50) < first.ends - first.opens <= timedelta(hours=1)
    assert second.ends is not None
    assert second.ends - second.opens == timedelta(seconds=second.seconds)
    assert schedule.misfits == []


def test_systems_at_one_address_come_one_after_the_other() -> None:
    """However many may be inspected at the same time."""
    schedule = WindowSchedule(AT, at_once=60)
    for number in range(3):
        schedule.add(f"system-{number}", plan(25, "192.0.2.1", f"192.0.2.{number + 2}"), [granted(NIGHT)])
    assert [each.systems for each in schedule.windows] == [["system-0", "system-1"], ["system-2"]]


def test_a_later_system_may_fit_an_earlier_window() -> None:
    """What one leaves of a window, a shorter one takes."""
    schedule = WindowSchedule(AT, at_once=1)
    for number, minutes in enumerate((40, 30, 15)):
        schedule.add(f"system-{number}", plan(minutes, f"192.0.2.{number}"), [granted(NIGHT)])
    assert [each.systems for each in schedule.windows] == [["system-0", "system-2"], ["system-1"]]


def test_what_is_longer_than_every_window_fits_none() -> None:
    """It is named with the time that it needs in one; what sends nothing needs no window."""
    schedule = WindowSchedule(AT, at_once=1)
    assert schedule.add("long", plan(70, "192.0.2.1"), [granted(NIGHT)]) is None
    assert schedule.add("nothing", Plan(), [granted(NIGHT)]) is None
    assert schedule.add("over", plan(1, "192.0.2.1"), [granted(valid_until=AT - timedelta(hours=1))]) is None
    assert [each.system for each in schedule.misfits] == ["long", "over"]
    assert schedule.misfits[0].seconds > 3600
    assert schedule.windows == []


def test_a_sweep_of_all_ports_is_spread_over_windows() -> None:
    """It takes what is left of each, and the rest of the last one is for others; what no windows hold fits none."""
    schedule = WindowSchedule(AT, at_once=1)
    schedule.add("before", plan(20, "192.0.2.9"), [granted(NIGHT)])
    long = plan(70, "192.0.2.1").model_copy(update={"selection": Selection(all_ports=True)})
    assert schedule.add("long", long, [granted(NIGHT)]) is schedule.windows[0]
    schedule.add("after", plan(20, "192.0.2.8"), [granted(NIGHT)])
    assert [each.systems for each in schedule.windows] == [["before", "long"], ["long", "after"]]
    [spread] = schedule.spreads
    assert spread.system == "long"
    assert [each.opens for each in spread.windows] == [each.opens for each in schedule.windows]
    assert [seconds > 0 for seconds in spread.seconds] == [True, True]
    assert sum(spread.seconds) == pace_of(long.tasks, [granted(NIGHT)])["192.0.2.1"].seconds > 3600
    endless = plan(32 * 60, "192.0.2.2").model_copy(update={"selection": Selection(all_ports=True)})
    assert schedule.add("endless", endless, [granted(NIGHT)]) is None
    assert [each.system for each in schedule.misfits] == ["endless"]
    short = plan(5, "192.0.2.3").model_copy(update={"selection": Selection(all_ports=True)})
    schedule.add("short", short, [granted(NIGHT)])
    assert [each.system for each in schedule.spreads] == ["long"]


def test_without_windows_the_validity_is_one() -> None:
    """Hours that are not limited are one window, as far as is looked ahead."""
    schedule = WindowSchedule(AT, at_once=1)
    for number in range(10):
        schedule.add(f"system-{number}", plan(90, f"192.0.2.{number}"), [granted()])
    [window] = schedule.windows
    assert (window.opens, window.closes, len(window.systems)) == (AT, AT + HORIZON, 10)


def test_every_authorisation_of_a_system_must_be_open() -> None:
    """Where two authorise its parts, it fits the time that both permit; one that it does not use counts for nothing."""
    half = Window(days=NIGHT.days, start=time(22, 30), end=time(23, 30), timezone="UTC")
    never = granted(Window(days=(1,), start=time(1), end=time(1, 1), timezone="UTC"), id="a-3")
    both = Plan(
        tasks=(*plan(5, "192.0.2.1").tasks, *plan(5, "192.0.2.2", authorisation="a-2").tasks),
    )
    schedule = WindowSchedule(AT, at_once=1)
    schedule.add("system", both, [granted(NIGHT), granted(half, id="a-2"), never])
    [window] = schedule.windows
    assert (window.opens, window.closes) == (AT.replace(hour=22, minute=30), AT.replace(hour=23))
