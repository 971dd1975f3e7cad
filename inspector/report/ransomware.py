"""The exposure to ransomware: the ways in that Dispatch 33/CĐ-TTg asks about, and what was seen of each.

Rows with the tag ``ransomware`` are about ways in; a second tag, ``ransomware-rdp`` for example, names the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inspector.model.base import Cause
from inspector.model.finding import Finding
from inspector.model.verdict import Outcome
from inspector.record.assessment import Assessment, Coverage
from inspector.regime.regime import Requirement

#: The tag of requirements about services by which ransomware gets in.
RANSOMWARE = "ransomware"


class EntryPath(StrEnum):
    """A way by which ransomware gets in; the value is the end of the tag that names it."""

    RDP = "rdp"
    SMB = "smb"
    ADMINISTRATION = "administration"
    VPN = "vpn"
    HYPERVISOR = "hypervisor"
    BACKUP = "backup"
    STORE = "store"
    EXPLOITED = "exploited"
    OTHER = "other"


class Reach(StrEnum):
    """What was seen of a way in. *not-found*: everything was looked at, and nothing was there."""

    EXPOSED = "exposed"
    NOT_FOUND = "not-found"
    UNDECIDED = "undecided"


#: Why a way in is undecided: the causes of what was not seen, or the outcome of a row that was about nothing.
Reason = Cause | Outcome


@dataclass(frozen=True, slots=True)
class PathExposure:
    """What was seen of one way in; ``open`` are the failures that show it, ``reasons`` say why it is undecided."""

    path: EntryPath
    reach: Reach
    open: tuple[Finding, ...] = ()
    reasons: tuple[Reason, ...] = ()


def exposure_of(assessment: Assessment) -> tuple[PathExposure, ...]:
    """What was seen of each way in, in their order; nothing where no requirement is about any.

    A way that no row is about was not looked at, and neither was one of which a row was not asked.
    """
    rows: dict[EntryPath, list[Requirement]] = {}
    for each in assessment.requirements:
        if RANSOMWARE in each.tags:
            for path in _paths(each):
                rows.setdefault(path, []).append(each)
    wanted = [each for each in EntryPath if each is not EntryPath.OTHER or each in rows] if rows else []
    found: dict[str, list[Finding]] = {each.id: [] for about in rows.values() for each in about}
    for finding in assessment.findings:
        if finding.requirement in found:
            found[finding.requirement].append(finding)
    return tuple(_seen(path, {row.id: found[row.id] for row in rows.get(path, ())}, assessment) for path in wanted)


def entry_requirements(requirements: Iterable[Requirement]) -> frozenset[str]:
    """The ids of the requirements about services by which ransomware gets in."""
    return frozenset(each.id for each in requirements if RANSOMWARE in each.tags)


def _paths(row: Requirement) -> list[EntryPath]:
    named = [each for each in EntryPath if f"{RANSOMWARE}-{each.value}" in row.tags]
    return named or [EntryPath.OTHER]


def _seen(path: EntryPath, about: Mapping[str, Sequence[Finding]], assessment: Assessment) -> PathExposure:
    """What was seen of a way in; ``about`` has the findings of each row about it."""
    if any(each.outcome is Outcome.FAIL for found in about.values() for each in found):
        failures = tuple(
            each for each in assessment.findings if each.requirement in about and each.outcome is Outcome.FAIL
        )
        return PathExposure(path, Reach.EXPOSED, failures)
    reasons = [reason for row, found in about.items() for reason in _reasons(row, found, assessment.coverage)]
    if not about:
        reasons.append(Cause.NOT_SELECTED)
    if assessment.coverage.limits:
        reasons.append(Cause.NOT_REACHED)
    if reasons:
        return PathExposure(path, Reach.UNDECIDED, reasons=tuple(dict.fromkeys(reasons)))
    return PathExposure(path, Reach.NOT_FOUND)


def _reasons(row: str, found: Sequence[Finding], coverage: Coverage) -> Iterator[Reason]:
    """Why a row leaves open whether the way is there; nothing where all that it is about was looked at.

    A check that does not apply to what was scanned found nothing there; where nothing was scanned, nothing was seen.
    """
    if not found:
        yield Cause.NOT_AUTHORISED if row in coverage.not_authorised else Cause.NOT_SELECTED
    for each in found:
        if each.outcome in (Outcome.INCONCLUSIVE, Outcome.ERROR):
            yield each.cause or each.outcome
        elif each.outcome is Outcome.NOT_OBSERVABLE or (each.outcome is Outcome.NOT_APPLICABLE and not each.evidence):
            yield each.outcome
