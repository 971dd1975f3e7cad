"""The overview of a run over several systems: a small row for each, and the requirements that fail most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from inspector.model.base import Cause, Instant, Model
from inspector.model.finding import Finding, Obligation, Severity
from inspector.model.language import Language
from inspector.record.assessment import Assessment
from inspector.regime.regime import BilingualText
from inspector.report.ransomware import EntryPath, Reach, entry_requirements, exposure_of
from inspector.report.urgency import RequirementCounts, failing_requirements, order_of

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
    not inspected, ``missed`` counts the scans without an observation by their cause.
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
    missed: dict[Cause, int] = {}
    worst: tuple[str, ...] = ()
    ransomware: dict[EntryPath, Reach] = {}
    report: dict[Language, str] = {}

    @property
    def ways_in(self) -> tuple[EntryPath, ...]:
        """The ways by which ransomware could get in."""
        return tuple(path for path in EntryPath if self.ransomware.get(path) is Reach.EXPOSED)

    @property
    def urgency(self) -> tuple[bool, tuple[int, ...], str]:
        """The rank of a row: what was not inspected last, then by failures; the smallest is the worst."""
        counts = RequirementCounts(
            failing=self.failing.total,
            must=self.must,
            by_severity={severity: getattr(self.failing, severity.value, 0) for severity in Severity},
            undecided=self.undecided,
            undecided_must=self.undecided_must,
        )
        return (self.state is not RunState.ASSESSED, counts.rank, self.system)


class RequirementRow(Model):
    """One requirement that fails somewhere in a run: in how many systems, at how many subjects."""

    requirement: str
    check: str
    title: BilingualText
    severity: Severity
    obligation: Obligation
    systems: int
    subjects: int


class Identity(Model):
    """A fact that identifies a machine or a key, as a fingerprint, with the check that showed it."""

    check: str
    title: BilingualText
    fact: str


class SharedIdentity(Identity):
    """An identity that systems of different owners share."""

    systems: tuple[str, ...]


class AssessedSystem(Model):
    """The row of a system that was assessed, one for each requirement that fails there, and what identifies it."""

    row: SystemRow
    requirements: tuple[RequirementRow, ...]
    identities: tuple[Identity, ...] = ()

    @classmethod
    def of(
        cls,
        row: SystemRow,
        assessment: Assessment,
        title: Callable[[Finding, Language], str],
        identifying: Collection[str] = (),
    ) -> AssessedSystem:
        """``row`` with the numbers of the system's assessment.

        ``identifying`` are the ids of the checks whose facts identify a machine or a key.
        """
        failing = failing_requirements(assessment.findings)
        counts = RequirementCounts.of(assessment.findings)
        entries = entry_requirements(assessment.requirements)
        first = sorted((found[0] for found in failing.values()), key=lambda each: order_of(each, entries))
        exposure = exposure_of(assessment)
        counted = row.model_copy(
            update={
                "state": RunState.ASSESSED,
                "level": assessment.level,
                "regime": assessment.regime,
                "as_of": assessment.as_of,
                "failing": SeverityCounts(
                    **{name: counts.by_severity[Severity(name)] for name in SeverityCounts.model_fields}
                ),
                "must": counts.must,
                "undecided": counts.undecided,
                "undecided_must": counts.undecided_must,
                "scans_planned": assessment.coverage.asked,
                "scans_seen": assessment.coverage.seen,
                "missed": dict(sorted(Counter(each.cause for each in assessment.coverage.missed).items())),
                "worst": tuple(each.requirement for each in first[:WORST]),
                "ransomware": {each.path: each.reach for each in exposure},
            }
        )
        identities = {
            (each.check, fact): Identity(check=each.check, title=_titles(each, title), fact=fact)
            for each in assessment.findings
            if each.check in identifying
            for fact in each.facts
        }
        return cls(
            row=counted,
            requirements=tuple(_requirement(found, title) for found in failing.values()),
            identities=tuple(identities[key] for key in sorted(identities)),
        )


def _requirement(found: Sequence[Finding], title: Callable[[Finding, Language], str]) -> RequirementRow:
    """The row of a requirement with these failures in one system."""
    worst = found[0]
    return RequirementRow(
        requirement=worst.requirement,
        check=worst.check,
        title=_titles(worst, title),
        severity=worst.severity,
        obligation=worst.obligation,
        systems=1,
        subjects=len(found),
    )


class RunTotals(Model):
    """The numbers of systems of a run; ``severe`` have a failure of high or critical severity, ``clean`` have nothing
    that fails or is undecided, ``exposed`` an open way in for ransomware, ``maybe_exposed`` one that is undecided.
    """

    systems: int
    assessed: int
    must: int
    severe: int
    clean: int
    exposed: int
    maybe_exposed: int
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
            maybe_exposed=sum(not each.ransomware or Reach.UNDECIDED in each.ransomware.values() for each in rows),
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
    """Counts the systems of a run one after the other; it keeps numbers and ids, no findings."""

    def __init__(self) -> None:
        self._requirements: dict[str, RequirementRow] = {}
        self._identities: dict[tuple[str, str], Identity] = {}
        self._owners: dict[tuple[str, str], dict[str, str]] = {}

    def add(self, system: AssessedSystem) -> None:
        """Count the requirements that fail in a system, and note what identifies it."""
        for identity in system.identities:
            key = (identity.check, identity.fact)
            self._identities.setdefault(key, identity)
            self._owners.setdefault(key, {})[system.row.system] = system.row.owner
        for each in system.requirements:
            known = self._requirements.get(each.requirement)
            if known is None:
                self._requirements[each.requirement] = each
                continue
            self._requirements[each.requirement] = known.model_copy(
                update={
                    "severity": max(known.severity, each.severity, key=lambda one: one.rank),
                    "obligation": Obligation.MUST if each.obligation is Obligation.MUST else known.obligation,
                    "systems": known.systems + each.systems,
                    "subjects": known.subjects + each.subjects,
                }
            )

    def _shared(self) -> Iterator[SharedIdentity]:
        for key, owners in sorted(self._owners.items()):
            if len(set(owners.values())) > 1:
                known = self._identities[key]
                yield SharedIdentity(
                    check=known.check, title=known.title, fact=known.fact, systems=tuple(sorted(owners))
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
