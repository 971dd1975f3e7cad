"""What becomes of the failures of one system from inspection to inspection: pure functions.

A failure stays open until everything that it rested on was seen again and its subject passes at every address. What a
later inspection did not see of these addresses and scans is carried on while it fails elsewhere: whatever an inspection
did not see, nothing is fixed by it. What it did not ask about, as a re-inspection leaves out all but earlier failures,
stays as it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from inspector.compare.difference import ChangeReason, Judged, ScanKey, what_is_missing
from inspector.model.finding import Finding, Force, Obligation, Severity
from inspector.model.subject import SubjectKind
from inspector.model.verdict import Outcome

#: A failure that comes back within this time after it was fixed keeps its first date.
RETURNED_WITHIN = timedelta(days=90)


class FindingState(StrEnum):
    """The state of a finding that has failed at least once."""

    NEW = "new"
    STILL = "still"
    RETURNED = "returned"
    NOT_SEEN_AGAIN = "not-seen-again"
    WITHDRAWN = "withdrawn"
    BY_THE_RULES = "by-the-rules"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class TrackedFinding:
    """A failure of a system, by the id of its findings.

    ``first_seen`` and ``last_seen`` are the beginnings of the first and last inspection in which it failed (of this
    period: a failure that comes back later than ``RETURNED_WITHIN`` begins anew), ``changed`` that of the inspection
    which gave it its state, or the instant of the consent to its withdrawal. ``capture`` and ``rules`` are the capture
    that decided about it last, and the digest of the rules by which. ``failing`` are the addresses at which it fails as
    far as is known, ``addresses`` and ``rests_on`` (``scan_digest``) all that has to be seen again before it is fixed;
    an address may be None.
    """

    id: str
    requirement: str
    check: str
    subject: str
    endpoint: str | None
    severity: Severity
    obligation: Obligation
    force: Force
    not_yet_due: bool
    excused: bool
    state: FindingState
    reason: ChangeReason | None
    first_seen: datetime
    last_seen: datetime
    changed: datetime
    capture: str
    rules: str
    failing: frozenset[str | None]
    addresses: frozenset[str | None]
    rests_on: frozenset[str]

    @property
    def is_open(self) -> bool:
        """Whether it has to be mended, as far as is known."""
        if self.state is FindingState.BY_THE_RULES:
            return self.reason is ChangeReason.FAILS_BY_THE_RULES
        if self.state is FindingState.WITHDRAWN:
            return self.reason is not ChangeReason.WITHDRAWAL_AGREED
        return self.state is not FindingState.FIXED


@dataclass(frozen=True, slots=True)
class InspectionResult:
    """One assessed inspection: ``rules`` is the digest of the rules, ``endpoints`` and ``hosts`` are declared."""

    capture: str
    begun: datetime
    rules: str
    judged: Judged
    endpoints: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Previous:
    """The last inspection of the same system that asked about everything: the digests of its capture and its rules."""

    capture: str
    rules: str


#: The findings of a capture, by its digest, under the rules of the present inspection; None where it is not at hand.
Rejudge = Callable[[str], Judged | None]


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a finding's state that an inspection gave rise to."""

    finding: str
    state: FindingState
    reason: ChangeReason | None


def scan_digest(key: ScanKey) -> str:
    """A short digest of a scan: the first 16 hexadecimal digits of SHA-256."""
    return hashlib.sha256("\n".join(each or "" for each in key).encode()).hexdigest()[:16]


def advance(
    known: Mapping[str, TrackedFinding], result: InspectionResult, previous: Previous | None, rejudge: Rejudge
) -> dict[str, TrackedFinding]:
    """The findings whose state or dates an inspection changes, by id; inspections come in the order of their beginning.

    ``rejudge`` is asked only where the rules differ.
    """
    seen = frozenset(map(scan_digest, result.judged.seen or ()))
    changed: dict[str, TrackedFinding] = {}
    names = dict.fromkeys((*(name for name, each in known.items() if each.is_open), *result.judged.groups()))
    for name in names:
        group, before = result.judged.group(name), known.get(name)
        if any(each.outcome is Outcome.FAIL for each in group):
            changed[name] = _failing(name, group, before, result, previous, rejudge, seen)
        elif before is not None and before.is_open and _is_asked(before, result.judged):
            changed[name] = _without_failure(before, group, result, rejudge, seen)
    return changed


def _is_asked(before: TrackedFinding, judged: Judged) -> bool:
    """Whether an inspection says anything of a finding: it was asked about, or the rules do not demand it any more."""
    is_demanded = judged.requirements is None or before.requirement in judged.requirements
    return not is_demanded or judged.asks(before.id, before.requirement)


def agree_withdrawals(
    known: Mapping[str, TrackedFinding], agreed: Collection[str], at: datetime
) -> dict[str, TrackedFinding]:
    """The findings that a consent of this instant closes: those among ``agreed`` that were withdrawn by then."""
    return {
        name: replace(each, reason=ChangeReason.WITHDRAWAL_AGREED, changed=at)
        for name, each in known.items()
        if name in agreed and each.state is FindingState.WITHDRAWN and each.is_open and each.changed <= at
    }


#: States between which a finding that keeps failing passes without an event.
_FAILING = frozenset({FindingState.NEW, FindingState.STILL, FindingState.RETURNED, FindingState.BY_THE_RULES})


def events(known: Mapping[str, TrackedFinding], changed: Mapping[str, TrackedFinding]) -> Iterator[Event]:
    """What ``advance`` changed, without failures that are as they were."""
    for name, each in changed.items():
        if _is_event(known.get(name), each):
            yield Event(name, each.state, each.reason)


def _is_event(before: TrackedFinding | None, after: TrackedFinding) -> bool:
    if before is None or before.is_open is not after.is_open:
        return True
    return before.state is not after.state and not {before.state, after.state} <= _FAILING


# --- What fails -----------------------------------------------------------------------------------------------------


def _failing(
    name: str,
    group: Sequence[Finding],
    before: TrackedFinding | None,
    result: InspectionResult,
    previous: Previous | None,
    rejudge: Rejudge,
    seen: frozenset[str],
) -> TrackedFinding:
    failing = [each for each in group if each.outcome is Outcome.FAIL]
    addresses: frozenset[str | None] = frozenset(each.address for each in group)
    if None not in addresses:
        addresses |= {address for uri, address in result.judged.planned if uri == group[0].subject}
    rests_on = frozenset(map(scan_digest, result.judged.rested_on(group) or ()))
    at = frozenset(each.address for each in failing)
    if before is not None and before.is_open:
        decided = frozenset(each.address for each in group if each.outcome in (Outcome.FAIL, Outcome.PASS))
        unseen = before.failing - decided
        at, addresses, rests_on = at | unseen, addresses | unseen, rests_on | (before.rests_on - seen)
    state, reason, first_seen = _state_of_failing(name, before, result, previous, rejudge)
    shown = failing[0]
    made = TrackedFinding(
        id=name,
        requirement=shown.requirement,
        check=shown.check,
        subject=shown.subject,
        endpoint=shown.endpoint,
        severity=max((each.severity for each in failing), key=lambda each: each.rank),
        obligation=shown.obligation,
        force=shown.force,
        not_yet_due=shown.not_yet_due,
        excused=all(each.excused for each in failing),
        state=state,
        reason=reason,
        first_seen=first_seen,
        last_seen=result.begun,
        changed=result.begun,
        capture=result.capture,
        rules=result.rules,
        failing=at,
        addresses=addresses,
        rests_on=rests_on,
    )
    if before is not None and not _is_event(before, made):
        return replace(made, changed=before.changed)
    return made


def _state_of_failing(
    name: str,
    before: TrackedFinding | None,
    result: InspectionResult,
    previous: Previous | None,
    rejudge: Rejudge,
) -> tuple[FindingState, ChangeReason | None, datetime]:
    """The state of a finding that fails now, with its first date."""
    if before is not None and before.is_open:
        return FindingState.STILL, None, before.first_seen
    basis = previous if before is None else Previous(before.capture, before.rules)
    if basis is not None and basis.rules != result.rules:
        again = rejudge(basis.capture)
        if again is not None and _fails(again.group(name)):
            return FindingState.BY_THE_RULES, ChangeReason.FAILS_BY_THE_RULES, result.begun
    closed = (FindingState.FIXED, FindingState.WITHDRAWN)
    if before is not None and before.state in closed and result.begun - before.changed <= RETURNED_WITHIN:
        return FindingState.RETURNED, None, before.first_seen
    return FindingState.NEW, None, result.begun


def _fails(group: Sequence[Finding]) -> bool:
    return any(each.outcome is Outcome.FAIL for each in group)


# --- What failed, and does not fail now -----------------------------------------------------------------------------


def _without_failure(
    before: TrackedFinding,
    group: Sequence[Finding],
    result: InspectionResult,
    rejudge: Rejudge,
    seen: frozenset[str],
) -> TrackedFinding:
    state, reason = _state_without_failure(before, group, result, rejudge, seen)
    made = replace(before, state=state, reason=reason)
    if not made.is_open:
        made = replace(made, capture=result.capture, rules=result.rules, failing=frozenset())
    return replace(made, changed=result.begun) if _is_event(before, made) else made


def _state_without_failure(
    before: TrackedFinding,
    group: Sequence[Finding],
    result: InspectionResult,
    rejudge: Rejudge,
    seen: frozenset[str],
) -> tuple[FindingState, ChangeReason | None]:
    requirements = result.judged.requirements
    if requirements is not None and before.requirement not in requirements:
        return FindingState.BY_THE_RULES, ChangeReason.NOT_DEMANDED
    other_rules = before.rules != result.rules
    again = rejudge(before.capture) if other_rules else None
    if again is not None and _passes(again.group(before.id)):
        return FindingState.BY_THE_RULES, ChangeReason.PASSES_BY_THE_RULES
    missing = what_is_missing(group, result.judged, before.addresses, frozenset())
    if missing is None and not before.rests_on <= seen:
        missing = ChangeReason.SCAN_MISSING
    if missing is None and other_rules and again is None:
        missing = ChangeReason.EARLIER_MISSING
    if missing is not None:
        gone = not _is_declared(before, result)
        return (FindingState.WITHDRAWN if gone else FindingState.NOT_SEEN_AGAIN), missing
    if other_rules and not _is_mended(before.id, again, rejudge(result.capture)):
        return FindingState.BY_THE_RULES, ChangeReason.PASSES_BY_THE_RULES
    return FindingState.FIXED, None


def _passes(group: Sequence[Finding]) -> bool:
    """Whether rules say of an earlier observation that nothing is wrong with it; without any finding they do not."""
    return bool(group) and {each.outcome for each in group} <= {Outcome.PASS, Outcome.NOT_APPLICABLE}


def _is_mended(name: str, before: Judged | None, after: Judged | None) -> bool:
    """Whether one and the same version of the rules fails the earlier observation and passes the later one."""
    return before is not None and _fails(before.group(name)) and after is not None and _passes(after.group(name))


def _is_declared(before: TrackedFinding, result: InspectionResult) -> bool:
    """Whether what a finding is about is still declared: its endpoint, or its host."""
    if before.endpoint is not None:
        return before.endpoint in result.endpoints
    kind, _, host = before.subject.partition(":")
    return kind != SubjectKind.HOST.value or host.removeprefix("//") in result.hosts
