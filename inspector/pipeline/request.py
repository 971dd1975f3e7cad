"""What one inspection is started with, as plain data."""

from __future__ import annotations

from functools import lru_cache

from inspector.declare.authorisation import Authorisation
from inspector.declare.declaration import Organisation, SourceLocation, System
from inspector.declare.document import SourceMap
from inspector.declare.inspection_record import InspectionRecord
from inspector.declare.statement import Statement
from inspector.model.base import Instant, Model, Same, digest
from inspector.record.plan import Selection
from inspector.regime.regime import Regime


class RegimeRef(Model):
    """A regime by id and version; ``sha256`` is the digest of its canonical form."""

    id: str
    version: str
    sha256: str

    @classmethod
    def of(cls, regime: Regime) -> RegimeRef:
        """The reference to this regime."""
        return cls(id=regime.id, version=regime.version, sha256=_digest(Same(regime)))


@lru_cache(maxsize=16)
def _digest(regime: Same[Regime]) -> str:
    return digest(regime.value.canonical())


class InspectionRequest(Model):
    """The inspection of one system: what an engine stores, or sends to another machine.

    It holds only what the documents say about this system; plugins, regimes and settings are those of the process that
    runs it (``RunContext``), which must have the same regimes. ``formats`` are the report formats, ``record`` is the
    record of the inspection that they show; with ``keep_reports`` the reports are in the bundle, otherwise beside it.
    The locations, by endpoint (normalised URI) and by id of an authorisation, are for error messages.
    """

    run: str
    system: System
    organisation: Organisation | None = None
    authorisations: tuple[Authorisation, ...]
    statements: tuple[Statement, ...] = ()
    regime: RegimeRef
    next_regime: RegimeRef | None = None
    as_of: Instant
    selection: Selection = Selection()
    formats: tuple[str, ...] = ()
    record: InspectionRecord | None = None
    keep_reports: bool = False
    endpoint_locations: dict[str, SourceLocation] = {}
    authorisation_locations: dict[str, SourceLocation] = {}

    def source_map(self) -> SourceMap:
        """Where endpoints and authorisations are written."""
        system = ("systems", self.system.id, "endpoints")
        known: dict[tuple[str, ...], SourceLocation] = {
            (*system, uri): position for uri, position in self.endpoint_locations.items()
        }
        known.update({("authorisations", each): position for each, position in self.authorisation_locations.items()})
        return SourceMap(known)
