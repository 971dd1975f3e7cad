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


class Body(StrEnum):
    """Who appraises, approves or inspects, by its place towards the system."""

    SPECIALISED_UNIT = "specialised-unit"
    OWNER = "owner"
    OPERATOR = "operator"
    INFORMATION_MINISTRY = "information-ministry"
    PUBLIC_SECURITY = "public-security"
    DEFENCE = "defence"
    CIPHER_COMMITTEE = "cipher-committee"
    PRIME_MINISTER = "prime-minister"
    OTHER = "other"


class Approval(Model):
    """Facts of the approval; ``regime`` is the regime under which it was given, ``investment_from`` when work began.

    ``by`` is the place of the approving body, ``body`` its name; ``expected`` the day planned for an approval to come.
    """

    status: ApprovalStatus
    decision: str | None = None
    date: datetime.date | None = None
    by: Body | None = None
    body: str | None = None
    expected: datetime.date | None = None
    regime: str | None = None
    investment_from: datetime.date | None = None


class Opinion(StrEnum):
    """What the appraisal of a dossier says, in the words of Decree 331/2026 form 04."""

    SUITABLE = "suitable"
    NOT_YET_SUITABLE = "not-yet-suitable"


class Appraisal(Model):
    """The appraisal of the dossier; ``independent``: by others than those who operate the system."""

    by: Body | None = None
    body: str | None = None
    opinion: Opinion | None = None
    date: datetime.date | None = None
    independent: bool | None = None


class DocumentReference(Model):
    """A decision, regulation or certificate: number, date, and who issued it."""

    number: str | None = None
    date: datetime.date | None = None
    by: str | None = None


class InspectionKind(StrEnum):
    """The kind of an inspection of the system, in the vocabulary of Decree 331/2026 form 08 and beyond it."""

    BEFORE_OPERATION = "before-operation"
    PERIODIC = "periodic"
    AD_HOC = "ad-hoc"
    SELF = "self"


class RecordedInspection(Model):
    """An inspection of the system; ``licence``: the number of the inspector's licence or designation, or ``none``."""

    kind: InspectionKind
    date: datetime.date
    by: str | None = None
    licence: str | None = None


class Change(Model):
    """A change of the system since its approval.

    ``alters_level``: whether it alters what the level rests on. ``major``: whether it is a major one.
    ``redetermined`` is the day on which the level was approved again for it.
    """

    date: datetime.date
    description: str | None = None
    alters_level: bool | None = None
    major: bool | None = None
    redetermined: datetime.date | None = None


class YearlyReport(Model):
    """A yearly report that was sent; ``year`` is the year reported on."""

    year: int = Field(ge=2017, le=2100)
    sent: datetime.date
    to: Body = Body.PUBLIC_SECURITY


#: The day on which something was done, or ``never``.
DayOrNever = datetime.date | Literal["never"]


class Dossier(Model):
    """What the documents of a system say. Each field is optional: what is missing is *not stated*, never a failure.

    ``specialised_unit`` is the name of the security unit or section, or ``none``. ``changes``, ``inspections`` and
    ``serious_incidents``, which has their days, may be empty lists, which state that there was none.
    ``security_budget_percent`` is the share of security in the spending on information technology.
    """

    appraisal: Appraisal | None = None
    regulation: DocumentReference | None = None
    plan_expected: datetime.date | None = None
    in_operation_from: datetime.date | None = None
    specialised_unit: str | None = None
    provider: str | None = None
    inspections: tuple[RecordedInspection, ...] | None = None
    changes: tuple[Change, ...] | None = None
    serious_incidents: tuple[datetime.date, ...] | None = None
    risk_assessed: DayOrNever | None = None
    yearly_reports: tuple[YearlyReport, ...] | None = None
    incident_contact_filed: DayOrNever | None = None
    operators_certified: bool | None = None
    readiness_certificate: DocumentReference | Literal["none"] | None = None
    security_budget_percent: int | None = Field(default=None, ge=0, le=100)


class Measure(Model):
    """The declared status of one clause's measure; ``from`` names the provider of an inherited one."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    clause: str
    status: MeasureStatus
    provider: str | None = Field(default=None, alias="from")


class Facts(Model):
    """Declared facts that select overlays or test the level. None: not declared.

    ``internal_only``: the system serves its organisation alone, not people or businesses. ``shared_infrastructure``: it
    serves several bodies. ``hired_infrastructure``: it runs in a hired data centre or cloud. ``national_security``:
    it is on the list of systems critical to national security. ``service_firm``: its owner provides services on
    telecommunication networks or the Internet.
    """

    state_body: bool | None = None
    archive_system: bool | None = None
    hired_infrastructure: bool | None = None
    service_firm: bool | None = None
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


class Declared(Dossier):
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
