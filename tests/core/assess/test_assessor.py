"""Judging captured evidence: two scans, holes, errors of ours, and silence that is never a pass."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

import pytest

from inspector import (
    Answer,
    Cause,
    Check,
    Declared,
    Every,
    FailureNote,
    Intrusiveness,
    Network,
    Observation,
    Outcome,
    ParseContext,
    ScanOutput,
    Scheme,
    Subject,
    SubjectKind,
    Target,
    Verdict,
    check,
    failed,
    passed,
    probe,
)
from inspector.assess.assessor import AssessmentInput, Reached, assess, tasks_to_confirm
from inspector.declare.authorisation import Authorisation, AuthorisationKind, Covers
from inspector.declare.declaration import System
from inspector.declare.settings import Vantage, VantageKind
from inspector.model.base import digest
from inspector.model.declared import Measure
from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.observation import Evidence
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection
from inspector.record.plan import Plan, Selection
from inspector.regime.regime import BilingualText, Clause, Regime, Requirement
from inspector.registry.registry import Plugin, Registry

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEVICE = Scheme("device", port=1)
GRANTED = Authorisation(
    id="a",
    kind=AuthorisationKind.OWN_ESTATE,
    granted_by="me",
    covers=Covers(names=("a",)),
    valid_from=NOW,
    valid_until=NOW + timedelta(days=1),
)


class Health(Observation):
    kind: ClassVar[str] = "health/1"
    healthy: Answer[bool]

    def parts_at(self, facts: Collection[str]) -> tuple[str, ...] | None:
        """A part for each fact; none of "unknown" ones, which raise."""
        if "unknown" in facts:
            raise LookupError(facts)
        return tuple(facts) or None


class Exploit(Observation):
    kind: ClassVar[str] = "exploit/1"
    whole: Answer[bool]


def _read(_capture: ScanOutput, _reading: ParseContext) -> Health:
    raise NotImplementedError


@probe("health", kind=Health, schemes={DEVICE}, subject_kind=SubjectKind.ADDRESS, parse=_read)
async def health(target: Target, network: Network) -> ScanOutput:
    """Never called here: judging needs no scan."""
    raise NotImplementedError


@check("device-healthy", title="Healthy")
def device_healthy(seen: Health, *, wanted: bool = True) -> Verdict:
    """D.

    Remediation: r.
    """
    if seen.healthy.value is wanted:
        return passed("healthy is {measured}", measured=seen.healthy.value)
    return failed("healthy is {measured}, not {threshold}", measured=seen.healthy.value, threshold=wanted)


@check("all-devices-healthy", title="All healthy", about=SubjectKind.SYSTEM)
def all_devices_healthy(seen: Every[Health]) -> Verdict:
    """D.

    Remediation: r.
    """
    return passed("all") if all(each.healthy.value for each in seen) else failed("not all")


@check("check-broken", title="Broken", about=SubjectKind.SYSTEM)
def check_broken(declared: Declared) -> Verdict:
    """D.

    Remediation: r.
    """
    raise ZeroDivisionError(declared.stage)


def _registry(*checks: Check) -> Registry:
    return Registry(
        plugins=(Plugin("p", "d", "1", "p"),),
        probes={"health": health},
        checks={each.id: each for each in checks},
        renderers={},
        profiles=(),
        schemes={"device": DEVICE},
        kinds={"health/1": Health},
    )


def _row(check_id: str, **update: object) -> Requirement:
    made = Requirement(
        id=f"row-{check_id}",
        check=check_id,
        levels=(3,),
        force=Force.BASELINE,
        obligation=Obligation.SHOULD,
        severity=Severity.HIGH,
        source="test",
        title=BilingualText(vi="x", en="x"),
    )
    return made.model_copy(update=update)


def _regime(*rows: Requirement) -> Regime:
    text = {"vi": "x", "en": "x"}
    clause = Clause.model_validate(
        {
            "id": "doc-1.2",
            "document": "DOC",
            "number": "1.2",
            "title": text,
            "levels": (1, 2, 3, 4, 5),
            "force": "clause-evidence",
            "source": "test",
            "confidence": "M",
        }
    )
    return Regime.model_construct(
        id="test-regime",
        version="1",
        title=None,
        documents={},
        clauses=(clause,),
        requirements=rows,
        valid_from=date(2020, 1, 1),
        next=None,
    )


def _evidence(
    healthy: bool | None, *, address: str = "127.0.0.1", scan: int = 1, cause: Cause = Cause.TIMEOUT
) -> Evidence:
    subject = Subject(kind=SubjectKind.ADDRESS, uri="device://a", scheme="device", host="a", port=1, address=address)
    return Evidence(
        probe="health",
        probe_version="1",
        kind="health/1",
        subject=subject,
        endpoint="device://a",
        scan=scan,
        began=NOW,
        ended=NOW,
        vantage="test",
        facts=None if healthy is None else Health(healthy=Answer(seen=healthy)).model_dump(mode="json"),
        failure=FailureNote(cause=cause) if healthy is None else None,
    )


def _evaluate(
    rows: list[Requirement],
    checks: list[Check],
    evidence: list[Evidence],
    *,
    selection: Selection | None = None,
    measures: tuple[Measure, ...] = (),
    endpoints: tuple[str, ...] = ("device://a",),
) -> Assessment:
    return assess(_given(rows, checks, evidence, selection=selection, measures=measures, endpoints=endpoints))


def _given(
    rows: list[Requirement],
    checks: list[Check],
    evidence: list[Evidence],
    *,
    selection: Selection | None = None,
    measures: tuple[Measure, ...] = (),
    endpoints: tuple[str, ...] = ("device://a",),
) -> AssessmentInput:
    system = System(id="s", name="S", owner="O", level=3, measures=measures, endpoints=endpoints)
    inspection = Inspection.model_construct(
        id="i",
        run="r",
        begun=NOW,
        inspector_version="0",
        system=system,
        authorisations=(GRANTED,),
        vantage=Vantage(kind=VantageKind.INTERNET),
        plan=Plan(),
        regime=None,
    )
    return AssessmentInput(
        inspection=inspection,
        registry=_registry(*checks),
        regime=_regime(*rows),
        requirements=rows,
        evidence=[(f"{index:064x}", each) for index, each in enumerate(evidence)],
        as_of=NOW,
        selection=selection or Selection(),
    )


def _digested(evidence: list[Evidence]) -> list[tuple[str, Evidence]]:
    return [(digest(each.canonical()), each) for each in evidence]


def _one(*evidence: Evidence, row: Requirement | None = None) -> Finding:
    (finding,) = _evaluate([row or _row("device-healthy")], [device_healthy], list(evidence)).findings
    return finding


def test_a_failure_seen_twice_is_confirmed() -> None:
    """Both scans agree."""
    finding = _one(_evidence(False), _evidence(False, scan=2))
    assert (finding.outcome, finding.confirmed) == (Outcome.FAIL, True)
    assert [each.scan for each in finding.evidence] == [1, 2]


def test_a_failure_that_a_second_scan_contradicts_is_unstable() -> None:
    """A server that changes between scans is neither good nor bad."""
    finding = _one(_evidence(False), _evidence(True, scan=2))
    assert (finding.outcome, finding.cause, finding.confirmed) == (Outcome.INCONCLUSIVE, Cause.UNSTABLE, None)


def test_a_failure_that_a_second_scan_could_not_see_stands() -> None:
    """A server that bans after the first scan fails, unconfirmed."""
    finding = _one(_evidence(False), _evidence(None, scan=2))
    assert (finding.outcome, finding.confirmed) == (Outcome.FAIL, False)


def test_a_pass_that_a_second_scan_contradicts_is_unstable() -> None:
    """A scan repeated for another check may see a failure where the first saw none; neither is believed alone."""
    finding = _one(_evidence(True), _evidence(False, scan=2))
    assert (finding.outcome, finding.cause, finding.confirmed) == (Outcome.INCONCLUSIVE, Cause.UNSTABLE, None)
    assert finding.message.id == "the confirmation scan found a failure ({measured}), the first scan did not"


def test_a_failure_that_only_the_second_scan_could_see_is_not_confirmed() -> None:
    """Where the first scan saw nothing, the second one's failure stands alone."""
    finding = _one(_evidence(None), _evidence(False, scan=2))
    assert (finding.outcome, finding.confirmed) == (Outcome.FAIL, False)


def test_a_pass_needs_no_second_scan() -> None:
    """Only failing scans are confirmed."""
    evidence = [_evidence(True), _evidence(False, address="127.0.0.2")]
    keys = tasks_to_confirm(_given([_row("device-healthy")], [device_healthy], evidence))
    assert keys == {("health", "address", "device://a", "127.0.0.2"): None}


def test_what_only_informs_needs_no_second_scan() -> None:
    """A failing row of force info alone is not scanned again, and is reported as not confirmed."""
    informs = _row("device-healthy", force=Force.INFO, severity=Severity.INFO)
    (finding,) = _evaluate([informs], [device_healthy], [_evidence(False)]).findings
    assert (finding.outcome, finding.confirmed) == (Outcome.FAIL, False)
    assert tasks_to_confirm(_given([informs], [device_healthy], [_evidence(False)])) == {}


@check("device-healthy-inside", title="Healthy inside", needs=("inside",))
def healthy_inside(seen: Health) -> Verdict:
    """D.

    Remediation: r.
    """
    return passed("healthy") if seen.healthy.value else failed("ill")


def _of_parts(evidence: Evidence, *parts: str) -> Evidence:
    """The same from a scan that asked for these parts only."""
    return evidence.model_copy(update={"options": {"parts": list(parts)}})


def _inside(*evidence: Evidence) -> Finding:
    (finding,) = _evaluate([_row("device-healthy-inside")], [healthy_inside], list(evidence)).findings
    return finding


def test_a_part_never_asked_is_not_selected_and_never_a_pass() -> None:
    """Whatever the observation holds, a check judges it only where the scan asked for the parts that it needs."""
    finding = _inside(_of_parts(_evidence(True), "outside"))
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, Cause.NOT_SELECTED)
    assert _inside(_of_parts(_evidence(True), "inside", "outside")).outcome is Outcome.PASS
    assert _inside(_evidence(True)).outcome is Outcome.PASS
    whole = _one(_of_parts(_evidence(True), "inside", "outside"))
    assert (whole.outcome, whole.cause) == (Outcome.INCONCLUSIVE, Cause.NOT_SELECTED)
    unreached = _inside(_of_parts(_evidence(None, cause=Cause.REFUSED), "outside"))
    assert (unreached.outcome, unreached.cause) == (Outcome.INCONCLUSIVE, Cause.REFUSED)


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [({"reach": 100}, Outcome.INCONCLUSIVE), ({}, Outcome.INCONCLUSIVE), ({"reach": 1000}, Outcome.PASS)],
    ids=["less", "not known", "all"],
)
def test_what_a_scan_for_a_lower_level_did_not_ask_is_not_selected(asked: dict[str, int], outcome: Outcome) -> None:
    """A pass needs a scan as wide as the rows want; a failure that a narrower one saw stands."""
    rows = [_row("device-healthy"), _row("all-devices-healthy", scan={"health": {"reach": 1000}})]

    def judged(healthy: bool) -> set[tuple[Outcome, Cause | None]]:
        evidence = _evidence(healthy).model_copy(update={"options": asked})
        findings = _evaluate(rows, [device_healthy, all_devices_healthy], [evidence]).findings
        return {(each.outcome, each.cause) for each in findings}

    assert judged(healthy=True) == {(outcome, Cause.NOT_SELECTED if outcome is Outcome.INCONCLUSIVE else None)}
    assert judged(healthy=False) == {(Outcome.FAIL, None)}


def test_a_confirmation_scan_counts_only_for_what_it_asked() -> None:
    """One that left a part out neither confirms nor contradicts a failure of that part, nor makes a pass unstable."""
    left_out = _inside(_evidence(False), _of_parts(_evidence(True, scan=2), "outside"))
    assert (left_out.outcome, left_out.confirmed) == (Outcome.FAIL, False)
    assert [each.scan for each in left_out.evidence] == [1]
    assert _inside(_evidence(True), _of_parts(_evidence(False, scan=2), "outside")).outcome is Outcome.PASS


def test_a_confirmation_scan_of_a_part_confirms_or_contradicts_it() -> None:
    """A contradiction is unstable, and a scan that saw nothing leaves the failure standing, unconfirmed."""
    first = _evidence(False)
    assert _inside(first, _of_parts(_evidence(False, scan=2), "inside")).confirmed is True
    assert _inside(first, _of_parts(_evidence(True, scan=2), "inside")).cause is Cause.UNSTABLE
    nothing = _inside(first, _of_parts(_evidence(None, scan=2), "inside"))
    assert (nothing.outcome, nothing.confirmed) == (Outcome.FAIL, False)


def test_a_confirmation_scan_asks_for_the_parts_that_failing_checks_need() -> None:
    """The parts of all failing checks, or the whole observation where one needs it."""
    key = ("health", "address", "device://a", "127.0.0.1")
    rows = [_row("device-healthy-inside"), _row("device-healthy")]
    assert tasks_to_confirm(_given(rows[:1], [healthy_inside], [_evidence(False)])) == {key: ("inside",)}
    assert tasks_to_confirm(_given(rows, [healthy_inside, device_healthy], [_evidence(False)])) == {key: None}


@check("device-healthy-somewhere", title="Healthy where it matters")
def healthy_somewhere(seen: Health, *, where: str) -> Verdict:
    """D.

    Remediation: r.
    """
    return passed("healthy") if seen.healthy.value else failed("ill", facts=tuple(filter(None, where.split(","))))


def _somewhere(where: str, *evidence: Evidence) -> AssessmentInput:
    row = _row("device-healthy-somewhere", options={"where": where})
    return _given([row], [healthy_somewhere], list(evidence))


@pytest.mark.parametrize(
    ("facts", "parts"), [("door", ("door",)), ("door,roof", ("door", "roof")), ("", None), ("unknown", None)]
)
def test_a_confirmation_scan_asks_for_the_parts_that_a_failure_relies_on(
    facts: str, parts: tuple[str, ...] | None
) -> None:
    """A check of the whole observation that fails for some of it needs only these again; without them all of it."""
    key = ("health", "address", "device://a", "127.0.0.1")
    assert tasks_to_confirm(_somewhere(facts, _evidence(False))) == {key: parts}
    assert tasks_to_confirm(_somewhere(facts, _evidence(True))) == {}


def test_a_failure_of_other_parts_than_were_scanned_again_stands_unconfirmed() -> None:
    """As where a bundle is judged by other rules later: what was not asked again contradicts and confirms nothing."""
    for healthy, expected in ((False, (Outcome.FAIL, True)), (True, (Outcome.INCONCLUSIVE, None))):
        again = _of_parts(_evidence(healthy, scan=2), "door", "roof")
        (same,) = assess(_somewhere("door", _evidence(False), again)).findings
        assert (same.outcome, same.confirmed) == expected
        (other,) = assess(_somewhere("door,cellar", _evidence(False), again)).findings
        assert (other.outcome, other.confirmed) == (Outcome.FAIL, False)
        (passing,) = assess(_somewhere("door", _evidence(True), again)).findings
        assert (passing.outcome, [each.scan for each in passing.evidence]) == (Outcome.PASS, [1])


def test_an_error_of_ours_is_not_taken_over() -> None:
    """A verdict is reached once for the same evidence, but a check that went wrong is asked again."""
    outcomes = iter([ValueError("a passing trouble"), passed("is healthy"), failed("never asked a third time")])

    @check("device-unstable", title="The device is healthy today")
    def unstable(_health: Health) -> Verdict:
        """It depends on the day.

        Remediation: wait for a better one.
        """
        outcome = next(outcomes)
        if isinstance(outcome, ValueError):
            raise outcome
        return outcome

    given = _given([_row("device-unstable")], [unstable], [_evidence(True)])
    assert [assess(given).findings[0].outcome for _ in range(3)] == [Outcome.ERROR, Outcome.PASS, Outcome.PASS]


def test_a_verdict_is_not_taken_over_for_other_options() -> None:
    """Two rows of one check over the same evidence are judged apart where their options differ."""
    rows = [_row("device-healthy"), _row("device-healthy", id="row-unhealthy", options={"wanted": False})]
    findings = _evaluate(rows, [device_healthy], [_evidence(True)]).findings
    assert {each.requirement: each.outcome for each in findings} == {
        "row-device-healthy": Outcome.PASS,
        "row-unhealthy": Outcome.FAIL,
    }


def test_what_also_recommends_is_scanned_again() -> None:
    """One failing row of another force is enough, whatever else rests on the scan."""
    informs = _row("device-healthy", id="row-informs", force=Force.INFO, severity=Severity.INFO)
    given = _given([informs, _row("device-healthy")], [device_healthy], [_evidence(False)])
    assert tasks_to_confirm(given) == {("health", "address", "device://a", "127.0.0.1"): None}


_ROWS = [_row("device-healthy"), _row("all-devices-healthy")]
_SCANS = [_evidence(False), _evidence(True, address="127.0.0.2")]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"evidence": [*_SCANS, _evidence(False, scan=2)]},
        {"evidence": [*_SCANS, _evidence(True, scan=2)]},
        {"evidence": [*_SCANS, _evidence(None, address="127.0.0.3")]},
        {"evidence": [_SCANS[1]]},
        {"evidence": []},
        {"as_of": NOW + timedelta(days=400)},
        {"requirements": [_row("device-healthy", options={"wanted": False}), _ROWS[1]]},
        {"requirements": [*_ROWS, _row("device-healthy", id="row-wider", scan={"health": {"deep": True}})]},
        {"inspection": {"vantage": Vantage(name="other", kind=VantageKind.INSIDE)}},
    ],
    ids=str,
)
def test_what_was_reached_before_changes_nothing(changed: dict[str, Any]) -> None:
    """An assessment that takes over what another one reached gives the same bytes, whatever has changed since."""
    checks = [device_healthy, all_devices_healthy]
    rows = [row.model_copy(update={"vantages": (VantageKind.INTERNET,)}) for row in _ROWS]
    given = replace(_given(rows, checks, []), evidence=_digested(_SCANS))
    tasks_to_confirm(given)
    if "evidence" in changed:
        changed = {"evidence": _digested(changed["evidence"])}
    if "inspection" in changed:
        changed = {"inspection": given.inspection.model_copy(update=changed["inspection"])}
    now = replace(given, **changed)
    assert assess(now).canonical() == assess(replace(now, reached=Reached())).canonical()


def test_results_over_the_same_evidence_are_not_worked_out_again() -> None:
    """Neither a known result of a row, nor a known verdict is asked for again; with other evidence it is."""
    asked: list[bool] = []

    @check("device-asked", title="The device was asked about")
    def device_asked(seen: Health) -> Verdict:
        """It counts.

        Remediation: r.
        """
        asked.append(bool(seen.healthy.value))
        return failed("asked")

    given = _given([_row("device-asked")], [device_asked], _SCANS)
    tasks_to_confirm(given)
    assert (sorted(asked), len(given.reached.results)) == ([False, True], 1)
    assess(given)
    assert len(asked) == 2
    again = _evidence(True, scan=2)
    assess(replace(given, evidence=[*given.evidence, ("again", again)]))
    assert asked[2:] == [True]


def test_every_address_has_its_finding_under_one_id() -> None:
    """The address is a property; the id is the same."""
    assessment = _evaluate(
        [_row("device-healthy")], [device_healthy], [_evidence(True), _evidence(False, address="127.0.0.2")]
    )
    assert [each.outcome for each in assessment.findings] == [Outcome.PASS, Outcome.FAIL]
    assert len({each.id for each in assessment.findings}) == 1


def test_what_was_not_seen_is_inconclusive_with_its_cause() -> None:
    """Silence is neither good nor bad."""
    finding = _one(_evidence(None, cause=Cause.REFUSED))
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, Cause.REFUSED)


def test_a_bug_of_a_probe_is_an_error() -> None:
    """Our bug is never the system's failure, nor a mere gap."""
    assert _one(_evidence(None, cause=Cause.BUG)).outcome is Outcome.ERROR


def test_a_check_that_raises_is_an_error() -> None:
    """The exception is named."""
    (finding,) = _evaluate([_row("check-broken")], [check_broken], []).findings
    assert (finding.outcome, finding.cause) == (Outcome.ERROR, Cause.BUG)
    assert "ZeroDivisionError" in str(finding.message.values["detail"])


def test_another_version_of_an_observation_is_not_guessed_at() -> None:
    """health/2 where health/1 is wanted is inconclusive."""
    newer = _evidence(True).model_copy(update={"kind": "health/2"})
    assert _one(newer).cause is Cause.AMBIGUOUS


def test_a_system_wide_pass_over_a_hole_is_inconclusive() -> None:
    """The hole keeps its cause."""
    rows, checks = [_row("all-devices-healthy")], [all_devices_healthy]
    (finding,) = _evaluate(rows, checks, [_evidence(True), _evidence(None, address="127.0.0.2")]).findings
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, Cause.TIMEOUT)
    (finding,) = _evaluate(rows, checks, [_evidence(False), _evidence(None, address="127.0.0.2")]).findings
    assert finding.outcome is Outcome.FAIL


def test_what_the_declaration_does_not_name_is_not_applicable() -> None:
    """It is said in one finding about the system; an endpoint that no plugin knows any more is none."""
    (finding,) = _evaluate(
        [_row("device-healthy")], [device_healthy], [], endpoints=("tcp://a:1", "other://a")
    ).findings
    assert (finding.outcome, finding.subject) == (Outcome.NOT_APPLICABLE, "system:")


def test_a_row_that_nobody_can_see_prints_the_declared_status() -> None:
    """The status of the measure stands beside *not-observable*, by clause number or id."""
    row = _row("not-observable", clauses=("doc-1.2",))
    measure = Measure.model_validate({"clause": "1.2", "status": "partial"})
    (finding,) = _evaluate([row], [], [], measures=(measure,)).findings
    assert (finding.outcome, finding.declared_status) == (Outcome.NOT_OBSERVABLE, "partial")


def test_before_its_day_a_failure_is_not_yet_due() -> None:
    """The outcome stays; it is marked."""
    finding = _one(_evidence(False), row=_row("device-healthy", due_from=date(2027, 1, 1)))
    assert (finding.outcome, finding.not_yet_due) == (Outcome.FAIL, True)


def test_a_vantage_that_does_not_count_cannot_judge() -> None:
    """A row of another vantage is inconclusive."""
    finding = _one(_evidence(False), row=_row("device-healthy", vantages=(VantageKind.INSIDE,)))
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, Cause.WRONG_VANTAGE)


def test_an_unknown_vantage_counts_for_no_row_that_names_vantages() -> None:
    """Until somebody says where the machine is, a row that counts from the Internet is not judged."""
    given = _given([_row("device-healthy", vantages=(VantageKind.INTERNET,))], [device_healthy], [_evidence(False)])
    unsaid = given.inspection.model_copy(update={"vantage": Vantage()})
    (finding,) = assess(replace(given, inspection=unsaid)).findings
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, Cause.WRONG_VANTAGE)


def test_what_was_not_scanned_is_not_absent() -> None:
    """A capture judged under rules that ask more is inconclusive about a declared endpoint, never not-applicable."""
    (finding,) = _evaluate([_row("device-healthy")], [device_healthy], []).findings
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, Cause.NOT_SELECTED)


def test_what_is_not_selected_is_counted_and_not_judged() -> None:
    """It stands in the coverage, never among the findings."""
    rows = [_row("device-healthy"), _row("all-devices-healthy")]
    assessment = _evaluate(
        rows, [device_healthy, all_devices_healthy], [_evidence(True)], selection=Selection(only=("device-healthy",))
    )
    assert [each.check for each in assessment.findings] == ["device-healthy"]
    assert assessment.coverage.not_selected == ("row-all-devices-healthy",)
    assert (assessment.coverage.asked, assessment.coverage.seen) == (1, 1)


def test_what_no_authorisation_permits_is_counted_and_not_judged() -> None:
    """A row that needs intrusive scans is listed in the coverage, unless it is asked for by name."""

    @probe(
        "exploit",
        kind=Exploit,
        schemes={DEVICE},
        subject_kind=SubjectKind.ADDRESS,
        parse=_read,
        intrusiveness=Intrusiveness.INTRUSIVE,
    )
    async def exploit(target: Target, network: Network) -> ScanOutput:
        raise NotImplementedError

    @check("device-whole", title="Whole")
    def device_whole(seen: Exploit) -> Verdict:
        """D.

        Remediation: r.
        """
        return passed("whole", facts=str(seen.whole.value))

    registry = replace(_registry(device_whole), probes={"exploit": exploit})
    for selection, expected in ((Selection(), ()), (Selection(only=("device-whole",)), (Outcome.NOT_APPLICABLE,))):
        given = AssessmentInput(
            inspection=Inspection.model_construct(
                id="i",
                system=System(id="s", name="S", owner="O", level=3),
                authorisations=(GRANTED,),
                vantage=Vantage(),
                plan=Plan(),
            ),
            registry=registry,
            regime=_regime(_row("device-whole")),
            requirements=[_row("device-whole")],
            evidence=[],
            as_of=NOW,
            selection=selection,
        )
        assessment = assess(given)
        assert tuple(each.outcome for each in assessment.findings) == expected
        assert assessment.coverage.not_authorised == (() if expected else ("row-device-whole",))


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_evidence_does_not_matter(order: int) -> None:
    """Equal inputs give equal bytes."""
    evidence = [_evidence(True), _evidence(False, address="127.0.0.2"), _evidence(False, address="127.0.0.2", scan=2)]
    digests = {id(each): index for index, each in enumerate(evidence)}
    rows, checks = [_row("device-healthy"), _row("all-devices-healthy")], [device_healthy, all_devices_healthy]
    first = _evaluate(rows, checks, evidence)
    given = AssessmentInput(
        inspection=Inspection.model_construct(
            id="i",
            system=System(id="s", name="S", owner="O", level=3),
            authorisations=(GRANTED,),
            vantage=Vantage(),
            plan=Plan(),
        ),
        registry=_registry(*checks),
        regime=_regime(*rows),
        requirements=rows,
        evidence=[(f"{digests[id(each)]:064x}", each) for each in evidence[::order]],
        as_of=NOW,
    )
    again = assess(given)
    assert [each.canonical() for each in again.findings] == [each.canonical() for each in first.findings]
