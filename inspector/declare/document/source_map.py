"""Where things stand in the files that people write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from inspector.model.base import Model
from inspector.model.errors import Diagnostic


class SourceLocation(Model):
    """Where something stands in a file: line and column count from 1."""

    source: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SourceMap:
    """Where the named things of documents stand: systems, hosts and endpoints of a declaration; authorisations."""

    known: Mapping[tuple[str, ...], SourceLocation] = field(default_factory=dict)

    @classmethod
    def of_endpoints(cls, system: str, endpoints: Mapping[str, SourceLocation]) -> SourceMap:
        """Where the endpoints of one system stand, and nothing else."""
        return cls({("systems", system, "endpoints", uri): position for uri, position in endpoints.items()})

    def system(self, id: str) -> SourceLocation | None:  # noqa: A002
        """Where a system begins."""
        return self.known.get(("systems", id))

    def approval(self, system: str) -> SourceLocation | None:
        """Where the approval of a system is written."""
        return self.known.get(("systems", system, "approval"))

    def host(self, system: str, name: str) -> SourceLocation | None:
        """Where a host of a system is named."""
        return self.known.get(("systems", system, "hosts", name))

    def endpoint(self, system: str, uri: str) -> SourceLocation | None:
        """Where an endpoint (normalised URI) of a system is written."""
        return self.known.get(("systems", system, "endpoints", uri))

    def endpoints(self, system: str) -> dict[str, SourceLocation]:
        """All endpoints of a system with their places."""
        prefix = ("systems", system, "endpoints")
        return {names[3]: position for names, position in self.known.items() if names[:3] == prefix}

    def authorisation(self, id: str) -> SourceLocation | None:  # noqa: A002
        """Where an authorisation begins."""
        return self.known.get(("authorisations", id))


def diagnostic_at(position: SourceLocation | None, what: str, remedy: str = "", *, source: str = "") -> Diagnostic:
    """A fault at this place; ``source`` names the thing when no place is known."""
    if position is None:
        return Diagnostic(source, 0, 0, what, remedy)
    return Diagnostic(position.source, position.line, position.column, what, remedy)
