"""The difference between two inspections of one system: new, fixed, still, not seen again, by the rules.

Findings are compared by their id, which a requirement and a subject have at all addresses together. A failure is fixed
only where everything that it rested on was seen again and its subject passes at every address: whatever is missing in
the later inspection, nothing becomes fixed by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from inspector.model.base import Instant, Model
from inspector.model.finding import Finding, Obligation, finding_id
from inspector.model.observation import Evidence
from inspector.model.subject import SYSTEM, SubjectKind
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment
from inspector.record.inspection import Inspection

#: A scan as both inspections know it: the family of what it observes, the subject's URI, and its address.
ScanKey = tuple[str, str, str | None]


class FindingChange(StrEnum):
    """What became of a finding between two inspections."""

    NEW = "new"
    STILL = "still"
    NOT_SEEN_AGAIN = "not-seen-again"
    BY_THE_RULES = "by-the-rules"
    FIXED = "fixed"


class ChangeReason(StrEnum):
    """Why a finding that failed counts as not seen again, or as changed by the rules."""

    SYSTEM_MISSING = "system-missing"
    SUBJECT_MISSING = "subject-missing"
    ADDRESS_MISSING = "address-missing"
    SCAN_MISSING = "scan-missing"
    SCANS_UNKNOWN = "scans-unknown"
    NOT_SELECTED = "not-selected"
    WITHDRAWAL_AGREED = "withdrawal-agreed"
    NOT_DECIDED = "not-decided"
    NOT_APPLICABLE = "not-applicable"
    NOT_DEMANDED = "not-demanded"
    FAILS_BY_THE_RULES = "fails-by-the-rules"
    PASSES_BY_THE_RULES = "passes-by-the-rules"
    EARLIER_MISSING = "earlier-missing"


class Side(Model):
    """One of the two inspections of a system; all but ``system`` is unknown where only its findings are given.

    ``level``, ``regime`` and ``as_of`` are the rules that its findings are compared under.
    """

    system: str
    inspection: str | None = None
    capture: str | None = None
    begun: Instant | None = None
    level: int | None = None
    regime: str | None = None
    as_of: Instant | None = None


class ChangedFinding(Model):
    """A failure of either inspection, and what became of it.

    ``before`` and ``after`` are the gravest outcomes at the addresses of the subject, None where there is no finding.
    ``addresses`` are those that fail, now where it fails now. ``finding`` is one of the failing findings.
    """

    change: FindingChange
    reason: ChangeReason | None = None
    before: Outcome | None = None
    after: Outcome | None = None
    addresses: tuple[str, ...] = ()
    finding: Finding

    @property
    def fails(self) -> bool:
        """Whether it fails in the later inspection."""
        return self.after is Outcome.FAIL


class SystemDifference(Model):
    """What changed in one system.

    ``no_longer_seen`` are findings that passed before and are not decided now, one for each id: no failure, and no
    reason to think that all is as it was.
    """

    before: Side | None
    after: Side | None
    changes: tuple[ChangedFinding, ...] = ()
    no_longer_seen: tuple[Finding, ...] = ()

    @property
    def system(self) -> str:
        """The id of the system, as the later inspection has it where both do."""
        side = self.after or self.before
        return side.system if side is not None else ""

    def of(self, change: FindingChange) -> tuple[ChangedFinding, ...]:
        """The findings with this change, the gravest first."""
        return tuple(each for each in self.changes if each.change is change)


@dataclass(frozen=True, slots=True)
class Judged:
    """The findings of one system and what they rest on.

    ``requirements`` are the ids of the rows that are demanded, ``scans`` every scan by the digest of its evidence,
    ``seen`` those that gave an observation, ``planned`` the URI and address of every scan that was to run. All four are
    None where only findings are given, as in a ``findings.json``. ``asked`` are the ids of the findings that a
    re-inspection asked about (None: no such limit), ``left_out`` the ids of rows that ``--only`` or ``--select`` did.
    """

    side: Side
    findings: tuple[Finding, ...]
    requirements: frozenset[str] | None = None
    scans: Mapping[str, ScanKey] | None = None
    seen: frozenset[ScanKey] | None = None
    planned: frozenset[tuple[str, str]] = frozenset()
    asked: frozenset[str] | None = None
    left_out: frozenset[str] = frozenset()
    _groups: dict[str, tuple[Finding, ...]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        groups: dict[str, list[Finding]] = {}
        for each in self.findings:
            groups.setdefault(each.id, []).append(each)
        self._groups.update({name: tuple(found) for name, found in groups.items()})

    @classmethod
    def of(
        cls, inspection: Inspection, assessment: Assessment, evidence: Iterable[tuple[str, Evidence]], capture: str
    ) -> Judged:
        """The findings of an assessment, with the evidence of its capture, whose digest is ``capture``."""
        scans: dict[str, ScanKey] = {}
        seen: set[ScanKey] = set()
        for digest, each in evidence:
            scans[digest] = (each.kind.partition("/")[0], each.subject.uri, each.subject.address)
            if each.facts is not None:
                seen.add(scans[digest])
        side = Side(
            system=assessment.system,
            inspection=inspection.id,
            capture=capture,
            begun=inspection.begun,
            level=assessment.level,
            regime=f"{assessment.regime} {assessment.regime_version}",
            as_of=assessment.as_of,
        )
        planned = {
            (each.subject.uri, each.subject.address)
            for each in inspection.plan.tasks
            if each.cause is None and each.subject.address is not None
        }
        rows = frozenset(each.id for each in assessment.requirements)
        selection, coverage = inspection.plan.selection, assessment.coverage
        asked = frozenset(finding_id(each.requirement, each.subject) for each in selection.findings) or None
        is_limited = bool(selection.only or selection.tags or selection.findings)
        left_out = frozenset(coverage.not_selected) - frozenset(coverage.not_installed) if is_limited else frozenset()
        return cls(
            side, assessment.findings, rows, scans, frozenset(seen), frozenset(planned), asked=asked, left_out=left_out
        )

    @property
    def is_partial(self) -> bool:
        """Whether the inspection was limited to some requirements or findings."""
        return self.asked is not None or bool(self.left_out)

    def asks(self, name: str, requirement: str) -> bool:
        """Whether the inspection asked about the finding with this id, of this row."""
        return requirement not in self.left_out and (self.asked is None or name in self.asked)

    def groups(self) -> Mapping[str, tuple[Finding, ...]]:
        """The findings at all addresses by their id."""
        return self._groups

    def group(self, name: str) -> tuple[Finding, ...]:
        """The findings with this id; empty where there are none."""
        return self._groups.get(name, ())

    def rested_on(self, group: Sequence[Finding]) -> frozenset[ScanKey] | None:
        """The scans that these findings rest on; None where that is not known."""
        if self.scans is None:
            return None
        digests = {each.evidence for finding in group for each in finding.evidence}
        return frozenset(self.scans[each] for each in digests if each in self.scans)


def compare(before: Judged | None, after: Judged | None, then: Judged | None = None) -> SystemDifference:
    """The difference between two inspections of one system, both judged under the same rules if that is possible.

    ``then`` are the findings of the earlier one under the rules of its time; None: those are the same, or not known.
    """
    known = [each for each in (before, after, then) if each is not None]
    names = dict.fromkeys(name for each in known for name in each.groups())
    changes = [made for name in names if (made := _change(name, before, after, then or before)) is not None]
    return SystemDifference(
        before=before.side if before else None,
        after=after.side if after else None,
        changes=tuple(sorted(changes, key=_rank)),
        no_longer_seen=tuple(_no_longer_seen(before, after)),
    )


def _change(name: str, before: Judged | None, after: Judged | None, then: Judged | None) -> ChangedFinding | None:
    """What became of the findings with this id; None where they fail on neither side."""
    was = before.group(name) if before else ()
    is_now = after.group(name) if after else ()
    at_the_time = then.group(name) if then else ()
    failing = [each for each in is_now if each.outcome is Outcome.FAIL]
    failed = [each for each in was if each.outcome is Outcome.FAIL]
    failed_then = [each for each in at_the_time if each.outcome is Outcome.FAIL]
    reason: ChangeReason | None = None
    if failing:
        if failed_then:
            change = FindingChange.STILL
        elif failed:
            change, reason = FindingChange.BY_THE_RULES, ChangeReason.FAILS_BY_THE_RULES
        else:
            change = FindingChange.NEW
            if before is not None and before.asked is not None and name not in before.asked:
                reason = ChangeReason.NOT_SELECTED
    elif failed:
        change, reason = _without_failure(was, is_now, before, after)
    elif failed_then:
        change, reason = FindingChange.BY_THE_RULES, ChangeReason.PASSES_BY_THE_RULES
    else:
        return None
    shown = failing or failed or failed_then
    return ChangedFinding(
        change=change,
        reason=reason,
        before=_gravest(was or at_the_time),
        after=_gravest(is_now),
        addresses=tuple(sorted({each.address for each in shown if each.address})),
        finding=shown[0],
    )


def _without_failure(
    was: Sequence[Finding], is_now: Sequence[Finding], before: Judged | None, after: Judged | None
) -> tuple[FindingChange, ChangeReason | None]:
    """Whether a failure that is not found any more is fixed."""
    if after is None or before is None:
        return FindingChange.NOT_SEEN_AGAIN, ChangeReason.SYSTEM_MISSING
    if after.requirements is not None and was[0].requirement not in after.requirements:
        return FindingChange.BY_THE_RULES, ChangeReason.NOT_DEMANDED
    if after.asked is not None and was[0].id not in after.asked:
        return FindingChange.NOT_SEEN_AGAIN, ChangeReason.NOT_SELECTED
    reason = _what_is_missing(was, is_now, before, after)
    return (FindingChange.FIXED, None) if reason is None else (FindingChange.NOT_SEEN_AGAIN, reason)


def _what_is_missing(
    was: Sequence[Finding], is_now: Sequence[Finding], before: Judged, after: Judged
) -> ChangeReason | None:
    """What is missing for a failure to be fixed; None where the subject was seen whole and passes everywhere."""
    addresses = frozenset(each.address for each in was)
    rested_on = before.rested_on(was)
    if rested_on is not None and after.seen is not None:
        return what_is_missing(is_now, after, addresses, rested_on)
    reason = what_is_missing(is_now, after, addresses, frozenset())
    return ChangeReason.SCANS_UNKNOWN if reason is None and any(map(_may_rest_on_others, was)) else reason


def what_is_missing(
    is_now: Sequence[Finding], after: Judged, addresses: frozenset[str | None], rested_on: frozenset[ScanKey]
) -> ChangeReason | None:
    """What is missing for an earlier failure to be fixed by ``is_now``, the findings with its id in ``after``.

    ``addresses`` are those of its earlier findings, ``rested_on`` the scans behind them. None: the subject was seen
    whole, and passes everywhere.
    """
    if not is_now:
        return ChangeReason.SUBJECT_MISSING
    outcomes = {each.outcome for each in is_now}
    if outcomes - {Outcome.PASS, Outcome.NOT_APPLICABLE}:
        return ChangeReason.NOT_DECIDED
    if outcomes != {Outcome.PASS}:
        return ChangeReason.NOT_APPLICABLE
    seen_at = {each.address for each in is_now}
    planned = {address for uri, address in after.planned if uri == is_now[0].subject and None not in seen_at}
    if not addresses | planned <= seen_at:
        return ChangeReason.ADDRESS_MISSING
    return None if rested_on <= (after.seen or frozenset()) else ChangeReason.SCAN_MISSING


def _may_rest_on_others(finding: Finding) -> bool:
    """Whether a finding may rest on services that its subject does not name: about a system, a host, or all addresses.

    Then its evidence alone does not tell whether the later inspection saw the same ones.
    """
    if finding.address is not None or not finding.evidence:
        return False
    kind = finding.subject.partition(":")[0]
    several = len({each.evidence for each in finding.evidence if each.scan == 1}) > 1
    return several or finding.subject == SYSTEM.uri or kind == SubjectKind.HOST.value


def _no_longer_seen(before: Judged | None, after: Judged | None) -> Iterable[Finding]:
    """One finding for each id that passed before everywhere and is not decided now, though it is demanded."""
    if before is None:
        return
    for name, was in before.groups().items():
        if {each.outcome for each in was} != {Outcome.PASS}:
            continue
        if after is not None and after.requirements is not None and was[0].requirement not in after.requirements:
            continue
        if after is not None and after.asked is not None and name not in after.asked:
            continue
        is_now = after.group(name) if after is not None else ()
        if not is_now or _gravest(is_now) in (Outcome.INCONCLUSIVE, Outcome.ERROR):
            yield was[0]


#: The outcomes, the gravest first.
_GRAVITY = (
    Outcome.FAIL,
    Outcome.ERROR,
    Outcome.INCONCLUSIVE,
    Outcome.NOT_OBSERVABLE,
    Outcome.NOT_APPLICABLE,
    Outcome.PASS,
)


def _gravest(group: Sequence[Finding]) -> Outcome | None:
    return min((each.outcome for each in group), key=_GRAVITY.index, default=None)


def _rank(changed: ChangedFinding) -> tuple[int, int, int, str, str]:
    """By change, then the gravest first."""
    finding = changed.finding
    return (
        list(FindingChange).index(changed.change),
        -finding.severity.rank,
        list(Obligation).index(finding.obligation),
        finding.requirement,
        finding.subject,
    )
