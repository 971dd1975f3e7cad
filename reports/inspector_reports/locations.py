"""The location of a finding in the declaration, which CI formats require of every result."""

from __future__ import annotations

from dataclasses import dataclass

from inspector import Finding, View, with_u_labels

#: The file that stands for the declaration where nothing was declared in one: the findings, which are written beside.
AD_HOC = "findings.json"


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A path as given on the command line; line and column from 1."""

    path: str
    line: int
    column: int


def location_of(view: View, finding: Finding) -> FileLocation:
    """The endpoint's line in the declaration, else the first line of the declaration, else ``AD_HOC``."""
    position = view.position(finding)
    if position is None:
        return FileLocation(AD_HOC, 1, 1)
    return FileLocation(position.source.removeprefix("./"), max(position.line, 1), max(position.column, 1))


def subject_of(finding: Finding) -> str:
    """The subject of a finding as text: its URI, with the address where there is one, and its host in U-labels."""
    return with_u_labels(f"{finding.subject} [{finding.address}]" if finding.address else finding.subject)
