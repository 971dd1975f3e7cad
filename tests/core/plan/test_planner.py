"""The plan: what will be asked of whom, in which order, at what cost; and what will not, and why."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inspector import Intrusiveness
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
    Planner,
    checks_of,
    make_plan,
    probes_of,
    refused_endpoints,
    scan_options,
    validate_options,
    wave_of,
)
from inspector.record.plan import PinnedHost
from inspector.record.plan import Selection as Chosen
from inspector.report.messages import translated
from tests.core.systems import (
    Job,
    authorisation,
    bread,
    crumb,
    job,
    oven,
    oven_hot,
    planned,
    regime,
    registry,
    row,
    system,
)


def test_looks_come_in_waves(tmp_path: Path) -> None:
    """Who needs an observation is asked after who gives it."""
    plan = planned(job(tmp_path)).plan
    assert [(task.probe, task.wave) for task in plan.tasks] == [("oven", 0), ("bread", 1)]
    assert (wave_of(bread, registry()), wave_of(crumb, registry())) == (1, 0)


def test_what_discovers_an_aim_is_asked_along() -> None:
    """A check on crumbs brings the probe that finds them, and that one's needs."""
    assert probes_of(checks_of([row("crumbs-swept")], registry()).values(), registry()).keys() == {"crumb", "oven"}
    assert probes_of(checks_of([row("bread-baked")], registry()).values(), registry()).keys() == {"bread", "oven"}


def test_equal_scans_are_asked_once(tmp_path: Path) -> None:
    """Two spellings of one endpoint are one question."""
    given = job(tmp_path, "oven://127.0.0.1", "oven://127.0.0.1:7")
    assert len([task for task in planned(given).plan.tasks if task.probe == "oven"]) == 1


@pytest.mark.parametrize(
    ("asked", "merged"),
    [
        ([], {"doors": 1, "wide": False}),
        ([{"doors": 2}, {"doors": 5}, {"wide": True}], {"doors": 5, "wide": True}),
        ([{"wide": True}, {"wide": False}], {"doors": 1, "wide": True}),
    ],
)
def test_look_options_are_merged_to_the_widest(asked: list[dict[str, Any]], merged: Mapping[str, Any]) -> None:
    """Rows that share a scan get the most that any of them asks for."""
    rows = [row("oven-hot", id=f"r-{number}", scan={"oven": options}) for number, options in enumerate(asked)]
    assert scan_options(oven(), rows) == merged


@pytest.mark.parametrize("options", [{"doors": "many"}, {"colour": "red"}])
def test_look_options_that_do_not_fit_are_misuse(options: dict[str, Any]) -> None:
    """They are validated when the plan is made, not in the middle of an inspection."""
    with pytest.raises(UsageError, match=r"look option oven\."):
        scan_options(oven(), [row("oven-hot", scan={"oven": options})])


def test_look_options_at_odds_are_misuse() -> None:
    """Where there is no widest, the profile has to choose."""
    rows = [row("oven-hot", id=f"r-{number}", scan={"oven": {"doors": each}}) for number, each in enumerate(("a", "b"))]
    with pytest.raises(UsageError, match="rows ask for scan options 'a' and 'b'"):
        scan_options(oven(), rows)


def test_check_options_that_do_not_fit_are_misuse() -> None:
    """The row and the option are named."""
    with pytest.raises(UsageError, match="requirement oven-hot: option degrees"):
        validate_options([row("oven-hot", options={"degrees": "warm"})], registry())


def test_missing_check_is_misuse() -> None:
    """A regime that asks for what no plugin has says so before anything is asked."""
    with pytest.raises(UsageError, match="checks that no installed plugin has: cake-sweet"):
        checks_of([row("cake-sweet")], registry(checks=[oven_hot]))


def test_a_missing_check_is_located(tmp_path: Path) -> None:
    """A check id that no plugin has is an error with file, line and column of the row that names it."""
    rows = tmp_path / "ours" / "requirements" / "cakes.yaml"
    rows.parent.mkdir(parents=True)
    rows.write_text("- {check: oven-hot, levels: 1-5}\n- levels: 1-5\n  check: oven-hott\n")
    known = replace(registry(), profiles=(tmp_path / "ours",))
    with pytest.raises(
        InputFileError, match=r"ours/requirements/cakes\.yaml:3:10: no installed plugin has a check 'oven-hott'"
    ):
        checks_of([row("oven-hott")], known)


def test_a_missing_check_of_an_installed_plugin_is_an_error(tmp_path: Path) -> None:
    """Naming an installed plugin in a row does not hide a mistyped check: the inspection does not begin."""
    given = job(tmp_path, regime=regime(row("oven-hott", plugin="bakery")))
    with pytest.raises(UsageError, match="oven-hott"):
        planned(given)


def test_a_row_of_a_missing_plugin_is_not_planned(tmp_path: Path) -> None:
    """A row whose optional plugin is not installed asks for nothing, beside rows that are asked as ever."""
    given = job(tmp_path, regime=regime(row("oven-hot"), row("cake-sweet", plugin="cafe")))
    made = planned(given)
    assert [each.id for each in made.not_installed] == ["cake-sweet"]
    assert made.not_permitted == ()
    assert {task.probe for task in made.plan.tasks} == {"oven"}


def test_unreachable_names_are_refused_with_their_reason(tmp_path: Path) -> None:
    """A scan of a name without address is planned as one that will not happen."""
    given = job(tmp_path, "oven://a.test")
    pins = [PinnedHost(name="a.test", failure=Cause.TIMEOUT, detail="the resolver says nothing")]
    drawn = make_plan(planner(given, pins), pins, Chosen())
    assert {(task.probe, task.cause, task.detail) for task in drawn.tasks} == {
        ("bread", Cause.TIMEOUT, "the resolver says nothing"),
        ("oven", Cause.TIMEOUT, "the resolver says nothing"),
    }
    assert drawn.bounds.connections == 0


def planner(given: Job, pins: list[PinnedHost]) -> Planner:
    request, parts = given
    probes = parts.registry.probes
    options: dict[str, dict[str, Any]] = {name: {} for name in probes}
    scope = Scope(request.authorisations, request.system, pins)
    return Planner(request.system, parts.registry, probes, options, scope, datetime.now(UTC))


def test_discovered_aims_are_asked_or_refused_with_a_cause(tmp_path: Path) -> None:
    """Nothing that a scan brings to light is left out in silence."""
    made = planner(job(tmp_path), [])
    [by] = [
        task
        for task in made.tasks("oven://127.0.0.1", PinnedHost(name="127.0.0.1", addresses=("127.0.0.1",)))
        if task.wave == 0
    ]
    found = Discovered(uri="crumb://127.0.0.2:8", why="seen")
    pin = PinnedHost(name="127.0.0.2", addresses=("127.0.0.2",))
    [task] = made.discovered(found, by, pin)
    assert (task.cause, task.subject.parent, task.endpoint) == (None, by.subject.uri, "oven://127.0.0.1")
    [task] = made.discovered(found, by, pin, asked=False)
    assert task.cause is not None
    [task] = made.discovered(found, by, None)
    assert task.cause is Cause.NOT_REACHED
    [task] = made.discovered(Discovered(uri="crumb://no host/", why="seen"), by, None)
    assert task.cause is Cause.PROTOCOL_ERROR
    assert list(made.discovered(Discovered(uri="ghost://a", why="seen"), by, None)) == []


def polite(folder: Path, *endpoints: str, **changes: Any) -> PlannedInspection:
    """The plan with a probe that does send the target packets."""
    parts = registry([replace(oven(), intrusiveness=Intrusiveness.POLITE)], [oven_hot])
    return planned(job(folder, *endpoints, registry=parts, regime=regime(row("oven-hot")), **changes))


def test_pace_is_told_with_the_arithmetic(tmp_path: Path) -> None:
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


def test_refused_endpoints_are_those_that_nobody_may_ask(tmp_path: Path) -> None:
    """One that is covered by part of the authorisations is not among them."""
    covers = authorisation(covers=Covers(blocks=("127.0.0.1/32",)), rates=Rates())
    made = polite(tmp_path, "oven://127.0.0.1", "oven://127.0.0.2", authorisations=(covers,))
    refused = refused_endpoints(made.plan)
    assert refused.keys() == {"oven://127.0.0.2"}
    assert refused["oven://127.0.0.2"].cause is Cause.OUT_OF_SCOPE


def test_system_without_endpoints_has_an_empty_plan(tmp_path: Path) -> None:
    """There is nothing to ask, and that is no error."""
    made = planned(job(tmp_path, system=system()))
    assert (made.plan.tasks, made.plan.pins, made.plan.bounds.connections) == ((), (), 0)
