"""What probes record: typed facts, and the evidence of how they were obtained."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import model_validator

from inspector.model.base import Cause, Instant, Model
from inspector.model.subject import Subject

if TYPE_CHECKING:
    from inspector.model.verdict import Verdict


class Observation(Model):
    """Typed facts of one scan. ``kind`` is name and version, e.g. ``tls/1``; a check never takes another version."""

    kind: ClassVar[str]

    def parts_at(self, facts: Collection[str]) -> tuple[str, ...] | None:
        """The parts of the observation that a failing verdict relies on by these ``facts``; None: all of it.

        A probe that can scan in parts (the option ``parts`` of ``probe``) is asked for these in the confirmation scan.
        """
        del facts
        return None

    def explain(self, cause: Cause) -> Verdict | None:
        """What the assessor says of an answer of this observation that was not seen for this cause.

        None for the general sentence; anything else is *inconclusive*.
        """
        del cause
        return None


class Sensitivity(StrEnum):
    """How an attachment must be handled. ``redacted``: session values and tokens were replaced before storing."""

    PLAIN = "plain"
    REDACTED = "redacted"


class Raw(Model):
    """Raw bytes as received, or as the tool printed them. ``truncated``: a size limit cut them."""

    name: str
    data: bytes
    media_type: str = "application/octet-stream"
    sensitivity: Sensitivity = Sensitivity.PLAIN
    truncated: bool = False


class RawRef(Model):
    """A reference to raw bytes in the bundle; ``sha256`` and ``size`` (bytes) are of the uncompressed data."""

    name: str
    sha256: str
    size: int
    media_type: str
    sensitivity: Sensitivity = Sensitivity.PLAIN
    truncated: bool = False


#: The gap of a scan whose address stopped answering before all was asked.
STOPPED_ANSWERING = "connections to an address that had stopped answering"


class Gap(Model):
    """A question that got no answer during an otherwise successful scan."""

    question: str
    cause: Cause
    detail: str = ""


class FailureNote(Model):
    """Why a scan ended early; ``detail`` is for technicians and contains no secret."""

    cause: Cause
    detail: str = ""


class Discovered(Model):
    """A subject that a scan discovered, e.g. an MX host; the scheme of ``uri`` decides which probes scan it.

    ``address`` is that of infrastructure; the core resolves and pins targets itself.
    """

    uri: str
    why: str
    infrastructure: bool = False
    address: str | None = None

    @model_validator(mode="after")
    def _only_infrastructure_names_its_address(self) -> Self:
        if self.address is not None and not self.infrastructure:
            raise ValueError("only infrastructure may be discovered with its address")
        return self


class ScanOutput(Model):
    """What ``scan`` returns: raw bytes, gaps, discovered subjects, versions of the tools used; no assessment.

    ``failure`` says why the scan stopped early; what was seen before is kept.
    """

    raw: tuple[Raw, ...] = ()
    gaps: tuple[Gap, ...] = ()
    discovered: tuple[Discovered, ...] = ()
    tools: dict[str, str] = {}
    failure: FailureNote | None = None

    def named(self, name: str) -> bytes | None:
        """The raw bytes with this name, or None."""
        return next((raw.data for raw in self.raw if raw.name == name), None)


class Evidence(Model):
    """The record of one scan, present also when the scan failed.

    ``facts`` is the observation's JSON form (None when nothing could be parsed), ``kind`` its name and version.
    """

    probe: str
    probe_version: str
    kind: str
    subject: Subject
    endpoint: str | None = None
    scan: int = 1
    began: Instant
    ended: Instant
    vantage: str
    authorisation: str | None = None
    options: dict[str, Any] = {}
    tools: dict[str, str] = {}
    facts: dict[str, Any] | None = None
    gaps: tuple[Gap, ...] = ()
    discovered: tuple[Discovered, ...] = ()
    failure: FailureNote | None = None
    raw: tuple[RawRef, ...] = ()
