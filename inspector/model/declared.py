"""The part of a declaration that checks and probes may see: without the level and the organisation's name."""

from __future__ import annotations

import datetime
import re
from enum import StrEnum
from typing import Any, Literal

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from inspector.model.base import Model, or_short


class Stage(StrEnum):
    """The stage of a system's life cycle."""

    DESIGN = "design"
    BUILD = "build"
    UPGRADE = "upgrade"
    OPERATING = "operating"
    RETIRED = "retired"


class ApprovalStatus(StrEnum):
    """The dossier's state, in the vocabulary of Decree 331/2026 form 08; ``none``: no dossier yet."""

    NONE = "none"
    DRAFTING = "drafting"
    SUBMITTED = "submitted"
    APPRAISED = "appraised"
    APPROVED = "approved"


class PlanStatus(StrEnum):
    """How much of the security assurance plan is implemented, in the vocabulary of form 08."""

    NOT_STARTED = "not-started"
    PARTIAL = "partial"
    FULL = "full"


class MeasureStatus(StrEnum):
    """The declared state of one measure of the plan."""

    PLANNED = "planned"
    PARTIAL = "partial"
    DONE = "done"
    EQUIVALENT = "equivalent"
    INHERITED = "inherited"


class Tenancy(StrEnum):
    """Whether a host belongs to the declared system alone."""

    DEDICATED = "dedicated"
    SHARED = "shared"
    CDN = "cdn"
    UNKNOWN = "unknown"


class Approval(Model):
    """Facts of the approval; ``regime`` is the regime under which it was given, ``investment_from`` when work began."""

    status: ApprovalStatus
    decision: str | None = None
    date: datetime.date | None = None
    regime: str | None = None
    investment_from: datetime.date | None = None


class Measure(Model):
    """The declared status of one clause's measure; ``from`` names the provider of an inherited one."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    clause: str
    status: MeasureStatus
    provider: str | None = Field(default=None, alias="from")


class Facts(Model):
    """Declared facts that select overlays or test the level. None: not declared."""

    state_body: bool = False
    archive_system: bool = False
    internal_only: bool | None = None
    users: int | None = Field(default=None, ge=0)
    basic_data_subjects: int | None = Field(default=None, ge=0)
    sensitive_data_subjects: int | None = Field(default=None, ge=0)
    online_public_service: int | None = Field(default=None, ge=1, le=4)
    administrative_procedures: bool | None = None
    conditional_business: bool | None = None
    shared_infrastructure: bool | None = None
    nationwide: bool | None = None
    always_on: bool | None = None
    national_security: bool | None = None
    information: tuple[Literal["public", "private", "personal", "sensitive-personal", "state-secret"], ...] = ()


class DeclaredPort(Model):
    """A port that a host is declared to offer; short forms: ``443``, ``"53/udp"``."""

    port: int = Field(ge=1, le=65535)
    protocol: Literal["tcp", "udp"] = "tcp"
    service: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_short(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"port": value}
        if not isinstance(value, str):
            return value
        parts = re.fullmatch(r"([0-9]{1,5})(?:/(tcp|udp))?", value)
        if parts is None:
            raise ValueError(f'{value!r} is not a port; write 443, "53/udp" or {{port: 22, service: ssh}}')
        return {"port": int(parts[1]), "protocol": parts[2] or "tcp"}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = {"type": "integer", "minimum": 1, "maximum": 65535}
        return or_short(core, handler, number, {"type": "string", "pattern": "^[0-9]{1,5}(/(tcp|udp))?$"})

    def __str__(self) -> str:
        return f"{self.port}/{self.protocol}"


class Declared(Model):
    """What is declared about a check's subject.

    ``ports`` are those of the subject's host, or of all hosts when the subject is a system. ``endpoints`` are those of
    the whole system, ``endpoints_here`` those on the subject's host. ``host_declared``: the declaration lists that host
    with its ports.
    """

    stage: Stage = Stage.OPERATING
    approval: Approval | None = None
    plan: PlanStatus | None = None
    measures: tuple[Measure, ...] = ()
    facts: Facts = Facts()
    host_declared: bool = False
    ports: tuple[DeclaredPort, ...] = ()
    tenancy: Tenancy = Tenancy.UNKNOWN
    endpoints: tuple[str, ...] = ()
    endpoints_here: tuple[str, ...] = ()
    selectors: tuple[str, ...] = ()
