"""The exposure to ransomware: the ways in that Dispatch 33/CĐ-TTg asks about, and what was seen of each.

Rows with the tag ``ransomware`` are about ways in; a second tag, ``ransomware-rdp`` for example, names the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inspector.model.finding import Finding
from inspector.model.verdict import Outcome
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
    """What was seen of a way in. *not-seen*: it was looked at, and nothing was there."""

    EXPOSED = "exposed"
    NOT_SEEN = "not-seen"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PathExposure:
    """What was seen of one way in; ``open`` are the failures that show it."""

    path: EntryPath
    reach: Reach
    open: tuple[Finding, ...] = ()


def exposure_of(requirements: Iterable[Requirement], findings: Sequence[Finding]) -> tuple[PathExposure, ...]:
    """What was seen of each way in, in their order; nothing where no requirement is about any.

    A way that no row is about was not looked at, and so is not known.
    """
    rows: dict[EntryPath, set[str]] = {}
    for each in requirements:
        if RANSOMWARE in each.tags:
            for path in _paths(each):
                rows.setdefault(path, set()).add(each.id)
    wanted = [each for each in EntryPath if each is not EntryPath.OTHER or each in rows] if rows else []
    return tuple(_seen(path, [each for each in findings if each.requirement in rows.get(path, ())]) for path in wanted)


def _paths(row: Requirement) -> list[EntryPath]:
    named = [each for each in EntryPath if f"{RANSOMWARE}-{each.value}" in row.tags]
    return named or [EntryPath.OTHER]


def _seen(path: EntryPath, findings: Sequence[Finding]) -> PathExposure:
    failures = tuple(each for each in findings if each.outcome is Outcome.FAIL)
    if failures:
        return PathExposure(path, Reach.EXPOSED, failures)
    outcomes = {each.outcome for each in findings}
    looked_at = Outcome.PASS in outcomes and outcomes <= {Outcome.PASS, Outcome.NOT_APPLICABLE}
    return PathExposure(path, Reach.NOT_SEEN if looked_at else Reach.UNKNOWN)
