"""The observations that a check is called with, per subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial

from pydantic import ValidationError

from inspector.assess.evidence_index import DigestedEvidence, EvidenceIndex, Needs, family_of
from inspector.model.base import Cause
from inspector.model.declared import Declared
from inspector.model.observation import Observation
from inspector.model.subject import SYSTEM, Subject, SubjectKind
from inspector.model.table import NoTable, Table, TableAt, TableEntries
from inspector.model.verdict import Outcome, Verdict
from inspector.plugin.check import Check, CheckInput, Every, SubjectResult
from inspector.plugin.containment import contained


@dataclass(frozen=True, slots=True)
class CheckInputs:
    """The evidence and the tables that the arguments of one check about one subject come from, and what makes them.

    Evidence is by digest; ``tables`` tells each table by its digest and the day for which the check gets it.
    """

    subject: Subject
    evidence: tuple[DigestedEvidence, ...]
    tables: tuple[str, ...]
    _makers: tuple[Callable[[], object], ...]

    def arguments(self) -> tuple[object, ...]:
        """The arguments; where the verdict is known, no observation needs to be validated for them."""
        return tuple(make() for make in self._makers)


@dataclass(frozen=True, slots=True)
class CommonInputs:
    """What all checks of an assessment are given beside evidence: its tables by kind, and its instant."""

    tables: Mapping[str, Table]
    as_of: datetime

    @property
    def digests(self) -> dict[str, str]:
        """The digests of the tables, by kind."""
        return {kind: table.digest for kind, table in self.tables.items()}

    def table(self, kind: type[TableEntries], seen_on: date) -> TableAt[TableEntries] | NoTable:
        """The table of a kind, for facts that were seen that day."""
        table = self.tables.get(kind.kind)
        if table is None:
            return NoTable(kind.kind)
        try:
            return TableAt(table, kind, seen_on)
        except ValidationError:
            return NoTable(kind.kind)


def subjects_of(check: Check, index: EvidenceIndex) -> list[Subject]:
    """The subjects that a check is about, given what was to be scanned."""
    wanted = [wire for wire in check.inputs if wire.kind is not None]
    if not wanted:
        return [SYSTEM]
    relevant = [filed[1].subject for wire in wanted if wire.kind for filed in index.of(wire.kind, 1)]
    single = next((wire for wire in wanted if not wire.every), None)
    if check.about is None and single is not None and single.kind is not None:
        found = [filed[1].subject for filed in index.of(single.kind, 1)]
    elif check.about is SubjectKind.SYSTEM:
        found = [SYSTEM] if relevant else []
    elif check.about is SubjectKind.HOST:
        hosts = {subject.host for subject in relevant if subject.host}
        found = [Subject(kind=SubjectKind.HOST, uri=f"host:{host}", scheme="host", host=host) for host in hosts]
    elif check.about in (SubjectKind.ZONE, SubjectKind.MAIL):
        found = [subject for subject in index.subjects() if subject.kind is check.about]
    else:
        whole = [subject for subject in index.subjects() if subject.kind is check.about]
        found = [
            subject.model_copy(update={"address": None}) if all(wire.every for wire in wanted) else subject
            for subject in whole
            if any(subject.covers(other) for other in relevant)
        ]
    return [each for _, each in sorted({subject.key: subject for subject in found}.items())]


def _about(
    subject: Subject, wire: CheckInput, index: EvidenceIndex, scan: int, needs: Needs
) -> DigestedEvidence | None:
    """The one piece of evidence of this kind about this subject: exact, under it, or at the same host and address.

    A service at another port of that host is another subject, and never used.
    """
    if wire.kind is None:
        return None

    filed = index.by_subject(wire.kind, scan, needs)
    if subject.key in filed:
        return filed[subject.key]

    def related(other: Subject) -> bool:
        return subject.covers(other) or other.covers(subject)

    relations: tuple[Callable[[Subject], bool], ...] = (related, subject.shares_service)
    for fits in relations:
        for each in filed.values():
            if fits(each[1].subject):
                return each
    return None


def needs_of(check: Check, verdict: Verdict, filed: DigestedEvidence, index: EvidenceIndex) -> Needs:
    """The parts of this observation that the check's verdict depends on; None: all of it.

    A check that names no parts may fail for a few of them, as the facts tell that its verdict relies on.
    """
    family = family_of(filed[1].kind)
    singles = [wire.kind for wire in check.inputs if wire.kind is not None and not wire.every]
    kind = next((each for each in singles if family_of(each.kind) == family), None)
    if check.needs is not None or verdict.outcome is not Outcome.FAIL or kind is None:
        return check.needs
    observation = index.seen(kind, filed).observation
    try:
        with contained():
            return None if observation is None else observation.parts_at(verdict.facts)
    except Exception:  # noqa: BLE001  (it is the plugin's code)
        return None


def check_inputs_of(
    check: Check,
    subject: Subject,
    index: EvidenceIndex,
    declared: Declared,
    common: CommonInputs,
    confirms: Mapping[str, Needs] | None = None,
) -> CheckInputs:
    """What a check about a subject is called with.

    ``confirms``: it prefers the confirmation scan, where that asked for these parts of each family of observations.
    """
    scan, confirms = (1, {}) if confirms is None else (2, confirms)
    makers: list[Callable[[], object]] = []
    evidence: list[DigestedEvidence] = []
    for wire in check.inputs:
        if wire.kind is None:
            makers.append(partial(_declared, declared))
            continue
        needs = confirms.get(family_of(wire.kind.kind), check.needs)
        if wire.every:
            found = [each for each in index.of(wire.kind, scan, needs) if subject.covers(each[1].subject)]
            makers.append(partial(_every, index, wire.kind, found, needs))
            evidence.extend(found)
        else:
            one = _about(subject, wire, index, scan, needs)
            makers.append(partial(_single, index, wire.kind, one, needs, subject))
            evidence.extend([one] if one else [])
    tables = [(place, wire.table) for place, wire in enumerate(check.inputs) if wire.table is not None]
    if not tables:
        return CheckInputs(subject, tuple(evidence), (), tuple(makers))
    seen_on = max((each.ended for _, each in evidence), default=common.as_of).astimezone(UTC).date()
    for place, kind in tables:
        makers[place] = partial(common.table, kind, seen_on)
    known = tuple(f"{common.digests.get(kind.kind, '')} {seen_on}" for _, kind in tables)
    return CheckInputs(subject, tuple(evidence), known, tuple(makers))


def _declared(declared: Declared) -> Declared:
    return declared


def _every(
    index: EvidenceIndex, kind: type[Observation], found: Sequence[DigestedEvidence], needs: Needs
) -> Every[Observation]:
    return Every([index.seen(kind, each, needs) for each in found])


def _single(
    index: EvidenceIndex, kind: type[Observation], one: DigestedEvidence | None, needs: Needs, subject: Subject
) -> SubjectResult[Observation]:
    return SubjectResult(subject, None, Cause.NOT_SELECTED) if one is None else index.seen(kind, one, needs)
