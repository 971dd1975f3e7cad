"""The overview of a run over several systems: a small row for each, and the requirements that fail most."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum

from inspector.model.base import Instant, Model
from inspector.model.finding import Finding, Obligation, Severity
from inspector.model.language import Language
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment
from inspector.regime.regime import BilingualText
from inspector.report.ransomware import EntryPath, Reach, exposure_of
from inspector.report.urgency import needs_action, urgency

#: How many failing requirements a row names.
WORST = 3


class RunState(StrEnum):
    """What became of the inspection of one system."""

    ASSESSED = "assessed"
    NOT_ASSESSED = "not-assessed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    UNREADABLE = "unreadable"


class SeverityCounts(Model):
    """Numbers by severity; information is not counted."""

    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0

    @property
    def total(self) -> int:
        """The sum."""
        return self.critical + self.high + self.medium + self.low


class SystemRow(Model):
    """One system of a run.

    ``failing`` counts the failing requirements, ``must`` those of them that must be met, ``undecided`` those without a
    conclusion for at least one subject, ``undecided_must`` those of them that must be met. ``worst`` are the ids of the
    most urgent failing requirements, ``ransomware`` what was seen of each way in for it. ``folder`` is the bundle's,
    ``report`` the HTML report's path by language, both relative to the run's folder. ``detail`` says why a system was
    not inspected.
    """

    system: str
    state: RunState
    inspection: str
    folder: str | None = None
    detail: str = ""
    name: str = ""
    owner: str = ""
    level: int | None = None
    regime: str = ""
    began: Instant | None = None
    as_of: Instant | None = None
    failing: SeverityCounts = SeverityCounts()
    must: int = 0
    undecided: int = 0
    undecided_must: int = 0
    scans_planned: int = 0
    scans_seen: int = 0
    worst: tuple[str, ...] = ()
    ransomware: dict[EntryPath, Reach] = {}
    report: dict[Language, str] = {}

    @property
    def ways_in(self) -> tuple[EntryPath, ...]:
        """The ways by which ransomware could get in."""
        return tuple(path for path in EntryPath if self.ransomware.get(path) is Reach.EXPOSED)

    @property
    def urgency(self) -> tuple[bool, int, int, int, int, int, int, str]:
        """The rank of a row: what was not inspected last, then by failures; the smallest is the worst."""
        counts = self.failing
        return (
            self.state is not RunState.ASSESSED,
            -counts.critical,
            -counts.high,
            -self.must,
            -counts.medium,
            -counts.low,
            -self.undecided,
            self.system,
        )


class RequirementRow(Model):
    """One requirement that fails somewhere in a run: in how many systems, at how many subjects."""

    requirement: str
    check: str
    title: BilingualText
    severity: Severity
    obligation: Obligation
    systems: int
    subjects: int


class SharedIdentity(Model):
    """A key or machine that systems of different owners share: the check that showed it, and its fingerprint."""

    check: str
    title: BilingualText
    fact: str
    systems: tuple[str, ...]


class RunTotals(Model):
    """The numbers of systems of a run; ``severe`` have a failure of high or critical severity, ``clean`` have nothing
    that fails or is undecided, ``exposed`` an open way in for ransomware."""

    systems: int
    assessed: int
    must: int
    severe: int
    clean: int
    exposed: int
    scans_planned: int
    scans_seen: int


class RunOverview(Model):
    """A run: its systems, the worst first, and the failing requirements, those of most systems first in a severity."""

    run: str
    inspector_version: str
    systems: tuple[SystemRow, ...]
    requirements: tuple[RequirementRow, ...]
    shared: tuple[SharedIdentity, ...] = ()

    @property
    def totals(self) -> RunTotals:
        """The numbers over all systems."""
        rows = self.assessed
        return RunTotals(
            systems=len(self.systems),
            assessed=len(rows),
            must=sum(each.must > 0 for each in rows),
            severe=sum(each.failing.critical + each.failing.high > 0 for each in rows),
            clean=sum(not each.failing.total and not each.undecided for each in rows),
            exposed=sum(bool(each.ways_in) for each in rows),
            scans_planned=sum(each.scans_planned for each in rows),
            scans_seen=sum(each.scans_seen for each in rows),
        )

    @property
    def assessed(self) -> tuple[SystemRow, ...]:
        """The systems with an assessment."""
        return tuple(each for each in self.systems if each.state is RunState.ASSESSED)

    @property
    def others(self) -> tuple[SystemRow, ...]:
        """The systems without one."""
        return tuple(each for each in self.systems if each.state is not RunState.ASSESSED)


class RunCounter:
    """Counts the assessments of a run one after the other; it keeps numbers and ids, no findings.

    ``identifying`` are the ids of the checks whose facts identify a machine or a key.
    """

    def __init__(self, identifying: Collection[str] = ()) -> None:
        self._requirements: dict[str, RequirementRow] = {}
        self._identifying = identifying
        self._titles: dict[str, BilingualText] = {}
        self._owners: dict[tuple[str, str], dict[str, str]] = {}

    def row(self, row: SystemRow, assessment: Assessment, title: Callable[[Finding, Language], str]) -> SystemRow:
        """The row of a system with the numbers of its assessment, which also count for the requirements."""
        failing: dict[str, list[Finding]] = {}
        undecided: dict[str, Obligation] = {}
        for each in assessment.findings:
            if needs_action(each):
                failing.setdefault(each.requirement, []).append(each)
            elif each.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
                undecided[each.requirement] = each.obligation
            if each.check in self._identifying:
                self._note(row, each, title)
        for found in failing.values():
            self._count(found, title)
        first = sorted((min(found, key=urgency) for found in failing.values()), key=_by_urgency)
        numbers = {severity.value: 0 for severity in Severity}
        for each in first:
            numbers[each.severity.value] += 1
        return row.model_copy(
            update={
                "state": RunState.ASSESSED,
                "level": assessment.level,
                "regime": assessment.regime,
                "as_of": assessment.as_of,
                "failing": SeverityCounts(**{name: numbers[name] for name in SeverityCounts.model_fields}),
                "must": sum(each.obligation is Obligation.MUST for each in first),
                "undecided": len(undecided),
                "undecided_must": sum(each is Obligation.MUST for each in undecided.values()),
                "scans_planned": assessment.coverage.asked,
                "scans_seen": assessment.coverage.seen,
                "worst": tuple(each.requirement for each in first[:WORST]),
                "ransomware": {
                    each.path: each.reach for each in exposure_of(assessment.requirements, assessment.findings)
                },
            }
        )

    def _note(self, row: SystemRow, finding: Finding, title: Callable[[Finding, Language], str]) -> None:
        self._titles.setdefault(finding.check, _titles(finding, title))
        for fact in finding.facts:
            self._owners.setdefault((finding.check, fact), {})[row.system] = row.owner

    def _shared(self) -> Iterator[SharedIdentity]:
        for (check, fact), owners in sorted(self._owners.items()):
            if len(set(owners.values())) > 1:
                yield SharedIdentity(check=check, title=self._titles[check], fact=fact, systems=tuple(sorted(owners)))

    def _count(self, found: list[Finding], title: Callable[[Finding, Language], str]) -> None:
        worst = min(found, key=urgency)
        known = self._requirements.get(worst.requirement)
        if known is None:
            known = RequirementRow(
                requirement=worst.requirement,
                check=worst.check,
                title=_titles(worst, title),
                severity=worst.severity,
                obligation=worst.obligation,
                systems=0,
                subjects=0,
            )
        self._requirements[worst.requirement] = known.model_copy(
            update={
                "severity": max(known.severity, worst.severity, key=lambda each: each.rank),
                "obligation": Obligation.MUST if worst.obligation is Obligation.MUST else known.obligation,
                "systems": known.systems + 1,
                "subjects": known.subjects + len(found),
            }
        )

    def overview(self, run: str, version: str, rows: Iterable[SystemRow]) -> RunOverview:
        """The overview of the rows and of what was counted."""
        return RunOverview(
            run=run,
            inspector_version=version,
            systems=tuple(sorted(rows, key=lambda each: each.urgency)),
            requirements=tuple(
                sorted(
                    self._requirements.values(),
                    key=lambda each: (-each.severity.rank, -each.systems, -each.subjects, each.requirement),
                )
            ),
            shared=tuple(self._shared()),
        )


def _titles(finding: Finding, title: Callable[[Finding, Language], str]) -> BilingualText:
    return BilingualText(vi=title(finding, Language.VI), en=title(finding, Language.EN))


def _by_urgency(finding: Finding) -> tuple[tuple[int, int, bool], str]:
    return (urgency(finding), finding.requirement)
