"""An incident: something of a capture that was lost, or that changed how it went on."""

from __future__ import annotations

from inspector.model.base import Instant, Model


class Incident(Model):
    """What happened to a capture at the instant ``at``; ``file`` is relative to the capture."""

    at: Instant
    file: str
    what: str
