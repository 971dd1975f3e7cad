"""The plan: which scans run in which order and at what cost, and which do not, and why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from inspector import (
    HOST,
    Check,
    Intrusiveness,
    Network,
    Observation,
    ScanOutput,
    SubjectKind,
    Target,
    Verdict,
    check,
    passed,
    probe,
)
from inspector.declare.authorisation import Covers, Rates
from inspector.declare.document import SourceLocation, SourceMap
from inspector.model.base import Cause
from inspector.model.errors import InputFileError, UsageError, WindowTooShort
from inspector.model.language import Language
from inspector.model.observation import Discovered
from inspector.network import Scope
from inspector.pipeline.prepare import PlannedInspection
from inspector.plan.pace import check_window, pace_of
from inspector.plan.planner import (
    ADDRESSES_OF_INFRASTRUCTURE,
    TASKS_PER_SCAN,
    Planner,
    checks_of,
    first_of_families,
    make_plan,
    needed_parts,
    probes_of,
    refused_endpoints,
    scan_options,
    validate_options,
    wave_of,
)
from inspector.record.plan import PinnedHost, ScanTask
from inspector.record.plan import Selection as Chosen
from inspector.report.messages import translated
from tests.core.systems import (
    CHECKS,
    Job,
    authorisation,
    average,
    job,
    neighbour,
    planned,
    regime,
    registry,
    row,
    sensor,
    sensor_online,
    system,
)


class Swept(Observation):
    """The result of a sweep."""

    kind: ClassVar[str] = "swept/1"


class Found(Observation):
    """What is behind the ports that a sweep found."""

    kind: ClassVar[str] = "found/1"


def test_scans_come_in_waves(tmp_path: Path) -> None:
    """Who needs an observation is asked after who gives it."""
    plan = planned(job(tmp_path)).plan
    assert [(task.probe, task.wave) for task in plan.tasks] == [("sensor", 0), ("average", 1)]
    assert (wave_of(average, registry()), wave_of(neighbour, registry())) == (1, 0)


def test_whole_hosts_are_scanned_after_every_declared_service(tmp_path: Path) -> None:
    """A sweep comes after all scans of services, however late, and what needs its result after it."""

    @probe("sweep", kind=Swept, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=lambda *_: Swept())
    async def sweep(target: Target, network: Network) -> ScanOutput:
        """Sweeps the ports."""
        return ScanOutput()

    @probe("found", kind=Found, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=lambda *_: Found())
    async def found(target: Target, network: Network, swept: Swept) -> ScanOutput:
        """Reads what the sweep found."""
        return ScanOutput()

    @check("found-well", title="Well")
    def found_well(seen: Found) -> Verdict:
        """What was found is well.

        Remediation: mend it.
        """
        return passed("well")

    checks = (*CHECKS, found_well)
    given = job(
        tmp_path,
        *("host:127.0.0.1", "sensor://127.0.0.1"),
        registry=registry([sweep, found, sensor(), average, neighbour], checks),
        regime=regime(*(row(each.id) for each in checks)),
    )
    waves = {task.probe: task.wave for task in planned(given).plan.tasks}
    assert waves == {"sensor": 0, "average": 1, "sweep": 2, "found": 3}


def test_what_discovers_a_subject_is_asked_along() -> None:
    """A check of neighbours needs their probe, the one that discovers them, and its needs."""
    assert probes_of(checks_of([row("neighbours-known")], registry()).values(), registry()).keys() == {
        "neighbour",
        "sensor",
    }
    assert probes_of(checks_of([row("average-computed")], registry()).values(), registry()).keys() == {
        "average",
        "sensor",
    }


def test_equal_scans_are_asked_once(tmp_path: Path) -> None:
    """Two spellings of one endpoint are one question."""
    given = job(tmp_path, "sensor://127.0.0.1", "sensor://127.0.0.1:7")
    assert len([task for task in planned(given).plan.tasks if task.probe == "sensor"]) == 1


@pytest.mark.parametrize(
    ("asked", "merged"),
    [
        ([], {"channels": 1, "wide": False}),
        ([{"channels": 2}, {"channels": 5}, {"wide": True}], {"channels": 5, "wide": True}),
        ([{"wide": True}, {"wide": False}], {"channels": 1, "wide": True}),
    ],
)
def test_scan_options_are_merged_to_the_widest(asked: list[dict[str, Any]], merged: Mapping[str, Any]) -> None:
    """Rows that share a scan get the widest options of all."""
    rows = [row("sensor-online", id=f"r-{number}", scan={"sensor": options}) for number, options in enumerate(asked)]
    assert scan_options(sensor(), rows) == merged


@probe("parted", kind=Swept, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=lambda *_: Swept())
async def parted(target: Target, network: Network, *, parts: tuple[str, ...] | None = None) -> ScanOutput:
    """Scans some parts only."""
    return ScanOutput()


@probe("wanting", kind=Found, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=lambda *_: Found())
async def wanting(target: Target, network: Network, swept: Swept) -> ScanOutput:
    """Needs the whole observation."""
    return ScanOutput()


def _needing(*needs: str, whole: bool = False) -> Check:
    @check("swept-well", title="Well", needs=None if whole else needs)
    def swept_well(seen: Swept) -> Verdict:
        """What was swept is well.

        Remediation: mend it.
        """
        return passed("well")

    return swept_well


def test_a_scan_asks_for_the_parts_that_the_checks_need() -> None:
    """All parts of all selected checks; the whole observation where a check or another probe needs it."""
    assert needed_parts(parted, [_needing("b"), _needing("a", "b"), _needing()], [parted]) == ("a", "b")
    assert needed_parts(parted, [_needing()], [parted]) == ()
    assert needed_parts(parted, [_needing("a"), _needing(whole=True)], [parted]) is None
    assert needed_parts(parted, [_needing("a")], [parted, wanting]) is None
    assert needed_parts(parted, [_needing("a")], [parted, replace(wanting, needs_parts=frozenset("b"))]) == ("a", "b")
    assert needed_parts(parted, [_needing("a")], [parted, replace(wanting, needs_parts=frozenset())]) == ("a",)


def test_rows_may_ask_for_more_parts() -> None:
    """Parts that a profile asks for are added to those that checks need, and never make a whole scan partial."""
    rows = [row("swept-well", scan={"parted": {"parts": ["c"]}})]
    assert scan_options(parted, rows, ("a",)) == {"parts": ["a", "c"]}
    assert scan_options(parted, rows, None) == {"parts": None}
    assert scan_options(sensor(), [], ("a",)) == scan_options(sensor(), [])


@pytest.mark.parametrize("options", [{"channels": "many"}, {"colour": "red"}])
def test_scan_options_that_do_not_fit_are_a_usage_error(options: dict[str, Any]) -> None:
    """They are validated when the plan is made, not in the middle of an inspection."""
    with pytest.raises(UsageError, match=r"scan option sensor\."):
        scan_options(sensor(), [row("sensor-online", scan={"sensor": options})])


def test_scan_options_at_odds_are_a_usage_error() -> None:
    """Where there is no widest, the profile has to choose."""
    rows = [
        row("sensor-online", id=f"r-{number}", scan={"sensor": {"channels": each}})
        for number, each in enumerate(("a", "b"))
    ]
    with pytest.raises(UsageError, match="rows ask for scan options 'a' and 'b'"):
        scan_options(sensor(), rows)


def test_check_options_that_do_not_fit_are_a_usage_error() -> None:
    """The row and the option are named."""
    with pytest.raises(UsageError, match="requirement sensor-online: option limit"):
        validate_options([row("sensor-online", options={"limit": "warm"})], registry())


def test_missing_check_is_a_usage_error() -> None:
    """A regime with a check that no plugin has is refused before any scan."""
    with pytest.raises(UsageError, match="checks that no installed plugin has: device-healthy"):
        checks_of([row("device-healthy")], registry(checks=[sensor_online]))


def test_a_missing_check_is_located(tmp_path: Path) -> None:
    """A check id that no plugin has is an error with file, line and column of the row that names it."""
    rows = tmp_path / "ours" / "requirements" / "devices.yaml"
    rows.parent.mkdir(parents=True)
    rows.write_text("- {check: sensor-online, levels: 1-5}\n- levels: 1-5\n  check: sensor-hott\n")
    known = replace(registry(), profiles=(tmp_path / "ours",))
    with pytest.raises(
        InputFileError, match=r"ours/requirements/devices\.yaml:3:10: no installed plugin has a check 'sensor-hott'"
    ):
        checks_of([row("sensor-hott")], known)


def test_a_missing_check_of_an_installed_plugin_is_an_error(tmp_path: Path) -> None:
    """Naming an installed plugin in a row does not hide a mistyped check: the inspection does not begin."""
    given = job(tmp_path, regime=regime(row("sensor-hott", plugin="example")))
    with pytest.raises(UsageError, match="sensor-hott"):
        planned(given)


def test_a_row_of_a_missing_plugin_is_not_planned(tmp_path: Path) -> None:
    """A row whose optional plugin is not installed asks for nothing, beside rows that are asked as ever."""
    given = job(tmp_path, regime=regime(row("sensor-online"), row("device-healthy", plugin="second")))
    made = planned(given)
    assert [each.id for each in made.not_installed] == ["device-healthy"]
    assert made.not_permitted == ()
    assert {task.probe for task in made.plan.tasks} == {"sensor"}


def test_unreachable_names_are_refused_with_their_reason(tmp_path: Path) -> None:
    """A scan of a name without address is planned as one that will not happen."""
    given = job(tmp_path, "sensor://a.test")
    pins = [PinnedHost(name="a.test", failure=Cause.TIMEOUT, detail="the resolver says nothing")]
    drawn = make_plan(planner(given, pins), pins, Chosen())
    assert {(task.probe, task.cause, task.detail) for task in drawn.tasks} == {
        ("average", Cause.TIMEOUT, "the resolver says nothing"),
        ("sensor", Cause.TIMEOUT, "the resolver says nothing"),
    }
    assert drawn.bounds.connections == 0


def planner(given: Job, pins: list[PinnedHost]) -> Planner:
    request, parts = given
    probes = parts.registry.probes
    options: dict[str, dict[str, Any]] = {name: {} for name in probes}
    scope = Scope(request.authorisations, request.system, pins)
    return Planner(request.system, parts.registry, probes, options, scope, datetime.now(UTC))


def test_of_many_addresses_the_first_are_inspected_and_the_rest_is_stated(tmp_path: Path) -> None:
    """At most the ceiling of each family is planned; the rest is one refused scan, and a limit of the plan."""
    given = job(tmp_path, "sensor://a.test", authorisations=(authorisation(covers=Covers(blocks=("127.0.0.0/8",))),))
    addresses = tuple(f"127.0.{number // 250}.{number % 250 + 1}" for number in range(3000))
    pins = [PinnedHost(name="a.test", addresses=addresses)]
    drawn = make_plan(planner(given, pins), pins, Chosen())
    kept = {task.subject.address for task in drawn.tasks if task.cause is None}
    assert kept == set(addresses[:16])
    assert {(task.probe, task.subject.address, task.cause, task.detail) for task in drawn.tasks if task.cause} == {
        (probe, None, Cause.ABORTED, "16 of 3000 addresses are inspected") for probe in ("average", "sensor")
    }
    assert [(limit.id, limit.addresses) for limit in drawn.limits] == [("addresses", ("a.test (16/3000)",))]
    assert first_of_families(["127.0.0.1", "127.0.0.2", "::1", "::2"], 1) == ["127.0.0.1", "::1"]


def test_name_servers_are_bounded_and_counted(tmp_path: Path) -> None:
    """A discovered name server is asked at a few of its addresses; the plan counts questions to infrastructure."""
    parts = registry([sensor(), replace(neighbour, infrastructure=True)], [sensor_online])
    own = PinnedHost(name="127.0.0.1", addresses=("127.0.0.1",))
    found = Discovered(uri="neighbour://ns.test:8", why="seen", infrastructure=True)
    many = PinnedHost(name="ns.test", addresses=tuple(f"127.0.9.{number}" for number in range(1, 61)))

    def drawn(block: str) -> tuple[Planner, ScanTask, list[ScanTask]]:
        granted = authorisation(covers=Covers(blocks=(block,)))
        made = planner(job(tmp_path, "sensor://127.0.0.1", registry=parts, authorisations=(granted,)), [])
        [by] = made.tasks("sensor://127.0.0.1", own)
        return made, by, list(made.discovered(found, by, many))

    made, by, tasks = drawn("127.0.0.0/8")
    asked = [task for task in tasks if task.cause is None]
    assert (len(asked), len(tasks)) == (ADDRESSES_OF_INFRASTRUCTURE, ADDRESSES_OF_INFRASTRUCTURE + 1)
    assert tasks[-1].detail == f"{ADDRESSES_OF_INFRASTRUCTURE} of 60 addresses are inspected"
    counted = sum(task.bounds.infrastructure_questions for task in asked)
    assert by.bounds.infrastructure_questions >= TASKS_PER_SCAN * counted > 0
    assert make_plan(made, [own], Chosen()).bounds.infrastructure_questions == by.bounds.infrastructure_questions
    _, _, refused = drawn("127.0.0.1/32")
    assert {task.cause for task in refused[:-1]} == {Cause.OUT_OF_SCOPE}


def test_discovered_subjects_are_asked_or_refused_with_a_cause(tmp_path: Path) -> None:
    """Every discovered subject is recorded."""
    made = planner(job(tmp_path), [])
    [by] = [
        task
        for task in made.tasks("sensor://127.0.0.1", PinnedHost(name="127.0.0.1", addresses=("127.0.0.1",)))
        if task.wave == 0
    ]
    found = Discovered(uri="neighbour://127.0.0.2:8", why="seen")
    pin = PinnedHost(name="127.0.0.2", addresses=("127.0.0.2",))
    [task] = made.discovered(found, by, pin)
    assert (task.cause, task.subject.parent, task.endpoint) == (None, by.subject.uri, "sensor://127.0.0.1")
    [task] = made.discovered(found, by, pin, asked=False)
    assert task.cause is not None
    [task] = made.discovered(found, by, None)
    assert task.cause is Cause.NOT_REACHED
    [task] = made.discovered(Discovered(uri="neighbour://no host/", why="seen"), by, None)
    assert task.cause is Cause.PROTOCOL_ERROR
    assert list(made.discovered(Discovered(uri="ghost://a", why="seen"), by, None)) == []


def polite(folder: Path, *endpoints: str, **changes: Any) -> PlannedInspection:
    """The plan with a probe that does send the target packets."""
    parts = registry([replace(sensor(), intrusiveness=Intrusiveness.POLITE)], [sensor_online])
    return planned(job(folder, *endpoints, registry=parts, regime=regime(row("sensor-online")), **changes))


def test_pace_is_reported_with_the_arithmetic(tmp_path: Path) -> None:
    """Three connections at one a second, five questions at one a second."""
    made = polite(tmp_path)
    [pace] = pace_of(made.plan.tasks, made.request.authorisations).values()
    assert "127.0.0.1: 3 connections at 1/s (burst 1) = " in pace.text()
    assert "5 port questions at 1/s = " in pace.text()
    assert "127.0.0.1: 3 kết nối với nhịp 1/giây" in translated(pace.text(), Language.VI)
    assert pace.seconds >= 6
    assert made.plan.bounds.seconds == 20 + pace.seconds


def test_plan_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """Seconds needed and seconds granted stand in the words; one second more would do."""
    made = polite(tmp_path)
    [pace] = pace_of(made.plan.tasks, made.request.authorisations).values()
    at = datetime.now(UTC)

    def scope(left: int) -> Scope:
        return Scope([authorisation(valid_until=at + timedelta(seconds=left))], made.request.system, made.plan.pins)

    check_window(made.plan, scope(pace.seconds), at)
    with pytest.raises(WindowTooShort, match=f"{pace.seconds} s needed, {pace.seconds - 1} s granted"):
        check_window(made.plan, scope(pace.seconds - 1), at)


def test_plan_that_does_not_fit_is_located(tmp_path: Path) -> None:
    """The fault stands where the authorisation is written whose time is too short."""
    made = polite(tmp_path)
    at = datetime.now(UTC)
    short = authorisation(valid_until=at + timedelta(seconds=1))
    source_map = SourceMap(
        {("authorisations", short.id): SourceLocation(source="authorisation.yaml", line=7, column=1)}
    )
    with pytest.raises(WindowTooShort, match=r"^authorisation\.yaml:7:1: the plan does not fit the authorised time"):
        check_window(made.plan, Scope([short], made.request.system, made.plan.pins), at, source_map)


def test_refused_endpoints_are_those_without_authorisation(tmp_path: Path) -> None:
    """One that is covered by part of the authorisations is not among them."""
    covers = authorisation(covers=Covers(blocks=("127.0.0.1/32",)), rates=Rates())
    made = polite(tmp_path, "sensor://127.0.0.1", "sensor://127.0.0.2", authorisations=(covers,))
    refused = refused_endpoints(made.plan)
    assert refused.keys() == {"sensor://127.0.0.2"}
    assert refused["sensor://127.0.0.2"].cause is Cause.OUT_OF_SCOPE


def test_system_without_endpoints_has_an_empty_plan(tmp_path: Path) -> None:
    """There is nothing to ask, and that is no error."""
    made = planned(job(tmp_path, system=system()))
    assert (made.plan.tasks, made.plan.pins, made.plan.bounds.connections) == ((), (), 0)
