"""Where a finding stands in the files of whoever declared: what pipelines ask of every result."""

from __future__ import annotations

from dataclasses import dataclass

from inspector.model.finding import Finding
from inspector.report.view import View

#: The file that results of an inspection without documents point at.
AD_HOC = "inspector-adhoc"


@dataclass(frozen=True, slots=True)
class LocatedFinding:
    """A path as whoever typed it wrote it, line and column from 1."""

    path: str
    line: int
    column: int


def located(view: View, finding: Finding) -> LocatedFinding:
    """The endpoint's line in the declaration, else its first line, else a name that stands for no file."""
    position = view.position(finding)
    if position is None:
        return LocatedFinding(AD_HOC, 1, 1)
    return LocatedFinding(position.source.removeprefix("./"), max(position.line, 1), max(position.column, 1))


def subject_of(finding: Finding) -> str:
    """What a finding is about, in one word for people: URI, and the address where there is one."""
    return f"{finding.subject} [{finding.address}]" if finding.address else finding.subject
