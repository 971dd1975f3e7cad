"""Source locations in the files that people write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from inspector.model.base import Model
from inspector.model.errors import Diagnostic


class SourceLocation(Model):
    """A position in a file: line and column from 1."""

    source: str
    line: int
    column: int


#: The locations of the parts of one system, by their names.
Locations = Mapping[tuple[str, ...], SourceLocation]


@dataclass(frozen=True, slots=True)
class SourceMap:
    """The source locations of systems, hosts and endpoints of a declaration, and of authorisations.

    ``systems`` gives the locations of a system, by its id, where they are not among the ``known`` ones.
    """

    known: Locations = field(default_factory=dict)
    systems: Mapping[str, Callable[[], Locations]] = field(default_factory=dict)

    @classmethod
    def of_endpoints(cls, system: str, endpoints: Mapping[str, SourceLocation]) -> SourceMap:
        """The locations of the endpoints of one system only."""
        return cls({("systems", system, "endpoints", uri): position for uri, position in endpoints.items()})

    def _of_system(self, id: str) -> Locations:  # noqa: A002
        return self.systems[id]() if id in self.systems else self.known

    def system(self, id: str) -> SourceLocation | None:  # noqa: A002
        """The location of a system."""
        return self._of_system(id).get(("systems", id))

    def approval(self, system: str) -> SourceLocation | None:
        """The location of a system's approval."""
        return self._of_system(system).get(("systems", system, "approval"))

    def host(self, system: str, name: str) -> SourceLocation | None:
        """The location of a host's name in a system."""
        return self._of_system(system).get(("systems", system, "hosts", name))

    def endpoint(self, system: str, uri: str) -> SourceLocation | None:
        """The location of an endpoint (normalised URI) of a system."""
        return self._of_system(system).get(("systems", system, "endpoints", uri))

    def endpoints(self, system: str) -> dict[str, SourceLocation]:
        """The endpoints of a system with their locations."""
        prefix = ("systems", system, "endpoints")
        return {names[3]: position for names, position in self._of_system(system).items() if names[:3] == prefix}

    def authorisation(self, id: str) -> SourceLocation | None:  # noqa: A002
        """The location of an authorisation."""
        return self.known.get(("authorisations", id))


def diagnostic_at(position: SourceLocation | None, what: str, remedy: str = "", *, source: str = "") -> Diagnostic:
    """A diagnostic at this position; ``source`` names the subject when the position is None."""
    if position is None:
        return Diagnostic(source, 0, 0, what, remedy)
    return Diagnostic(position.source, position.line, position.column, what, remedy)
