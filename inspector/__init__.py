"""The names that plugins import: all that a probe, a check, a profile or a renderer needs.

They are loaded when first used, so that ``inspector --help`` costs nothing. The kit to test plugins with is
``inspector.testing``. A plugin imports nothing else of the core.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from inspector.declare.statement import EXCUSING, Decision, StatementKind
    from inspector.model.base import Answer, Cause, Instant, Model, NotSeen, Quantity, Timestamp, Value, canonical
    from inspector.model.certificate_flaw import CertificateFlaw
    from inspector.model.declared import (
        Approval,
        ApprovalStatus,
        Body,
        Change,
        Declared,
        Facts,
        InspectionKind,
        MeasureStatus,
        Opinion,
        PlanStatus,
        RecordedInspection,
        Stage,
        Tenancy,
    )
    from inspector.model.domain_name import BadName, a_labels, u_labels, with_u_labels
    from inspector.model.errors import ScanFailure
    from inspector.model.escaping import escape_control, truncate
    from inspector.model.finding import ClauseRef, CommonCause, Finding, Force, Obligation, Severity
    from inspector.model.intrusiveness import Intrusiveness
    from inspector.model.language import Language
    from inspector.model.observation import (
        Discovered,
        Evidence,
        FailureNote,
        Gap,
        Observation,
        Raw,
        ScanOutput,
        Sensitivity,
    )
    from inspector.model.subject import (
        HOST,
        SYSTEM,
        TCP,
        UDP,
        BadUri,
        Scheme,
        Subject,
        SubjectKind,
        Uri,
        UriForm,
        is_address,
        parse_uri,
    )
    from inspector.model.verdict import MessageValue, Outcome, Verdict, failed, inconclusive, not_applicable, passed
    from inspector.network.client import Identity, Network
    from inspector.network.dns_lookup import (
        DNS_QUESTIONS,
        DnsReplies,
        answer_of,
        collect_replies,
        dns_name_text,
        parse_dns_message,
        raw_dns_message,
    )
    from inspector.network.redaction import masked
    from inspector.network.transport.round_trip import RoundTripEnd
    from inspector.network.transport.stream import Stream
    from inspector.network.transport.tls_context import permissive_tls_context
    from inspector.plugin.check import Check, Every, SubjectResult, check, checks_in
    from inspector.plugin.probe import Cost, ParseContext, Probe, Target, probe
    from inspector.record.assessment import FailedScan
    from inspector.regime.regime import BilingualText, Deadline, Overlay, RegimeChange, Requirement, open_overlays
    from inspector.registry.hookspecs import hookimpl
    from inspector.report.display_json import display_json
    from inspector.report.findings_json import findings_json, findings_schema
    from inspector.report.ledger_totals import LedgerTotal
    from inspector.report.messages import Translator
    from inspector.report.remedies import ProductRemedies
    from inspector.report.renderer import Renderer
    from inspector.report.view import CauseGroup, View

__version__: Final = "0.1.0"

_HOME = {
    "Decision": "inspector.declare.statement",
    "EXCUSING": "inspector.declare.statement",
    "StatementKind": "inspector.declare.statement",
    "Answer": "inspector.model.base",
    "Cause": "inspector.model.base",
    "CauseGroup": "inspector.report.view",
    "Instant": "inspector.model.base",
    "Model": "inspector.model.base",
    "NotSeen": "inspector.model.base",
    "Quantity": "inspector.model.base",
    "Timestamp": "inspector.model.base",
    "Value": "inspector.model.base",
    "canonical": "inspector.model.base",
    "Approval": "inspector.model.declared",
    "ApprovalStatus": "inspector.model.declared",
    "Body": "inspector.model.declared",
    "Change": "inspector.model.declared",
    "Declared": "inspector.model.declared",
    "Facts": "inspector.model.declared",
    "InspectionKind": "inspector.model.declared",
    "MeasureStatus": "inspector.model.declared",
    "Opinion": "inspector.model.declared",
    "PlanStatus": "inspector.model.declared",
    "RecordedInspection": "inspector.model.declared",
    "Stage": "inspector.model.declared",
    "Tenancy": "inspector.model.declared",
    "BadName": "inspector.model.domain_name",
    "a_labels": "inspector.model.domain_name",
    "u_labels": "inspector.model.domain_name",
    "with_u_labels": "inspector.model.domain_name",
    "ScanFailure": "inspector.model.errors",
    "escape_control": "inspector.model.escaping",
    "truncate": "inspector.model.escaping",
    "ClauseRef": "inspector.model.finding",
    "CommonCause": "inspector.model.finding",
    "Finding": "inspector.model.finding",
    "Force": "inspector.model.finding",
    "Obligation": "inspector.model.finding",
    "Severity": "inspector.model.finding",
    "Intrusiveness": "inspector.model.intrusiveness",
    "Language": "inspector.model.language",
    "Discovered": "inspector.model.observation",
    "Evidence": "inspector.model.observation",
    "FailureNote": "inspector.model.observation",
    "Gap": "inspector.model.observation",
    "Observation": "inspector.model.observation",
    "Raw": "inspector.model.observation",
    "ScanOutput": "inspector.model.observation",
    "Sensitivity": "inspector.model.observation",
    "BadUri": "inspector.model.subject",
    "HOST": "inspector.model.subject",
    "SYSTEM": "inspector.model.subject",
    "Scheme": "inspector.model.subject",
    "Subject": "inspector.model.subject",
    "SubjectKind": "inspector.model.subject",
    "TCP": "inspector.model.subject",
    "UDP": "inspector.model.subject",
    "Uri": "inspector.model.subject",
    "UriForm": "inspector.model.subject",
    "is_address": "inspector.model.subject",
    "parse_uri": "inspector.model.subject",
    "MessageValue": "inspector.model.verdict",
    "Outcome": "inspector.model.verdict",
    "Verdict": "inspector.model.verdict",
    "failed": "inspector.model.verdict",
    "inconclusive": "inspector.model.verdict",
    "not_applicable": "inspector.model.verdict",
    "passed": "inspector.model.verdict",
    "Identity": "inspector.network.client",
    "Network": "inspector.network.client",
    "DNS_QUESTIONS": "inspector.network.dns_lookup",
    "DnsReplies": "inspector.network.dns_lookup",
    "answer_of": "inspector.network.dns_lookup",
    "collect_replies": "inspector.network.dns_lookup",
    "display_json": "inspector.report.display_json",
    "dns_name_text": "inspector.network.dns_lookup",
    "parse_dns_message": "inspector.network.dns_lookup",
    "raw_dns_message": "inspector.network.dns_lookup",
    "masked": "inspector.network.redaction",
    "CertificateFlaw": "inspector.model.certificate_flaw",
    "RoundTripEnd": "inspector.network.transport.round_trip",
    "Stream": "inspector.network.transport.stream",
    "permissive_tls_context": "inspector.network.transport.tls_context",
    "Check": "inspector.plugin.check",
    "Every": "inspector.plugin.check",
    "SubjectResult": "inspector.plugin.check",
    "check": "inspector.plugin.check",
    "checks_in": "inspector.plugin.check",
    "Cost": "inspector.plugin.probe",
    "ParseContext": "inspector.plugin.probe",
    "ProductRemedies": "inspector.report.remedies",
    "Probe": "inspector.plugin.probe",
    "Target": "inspector.plugin.probe",
    "probe": "inspector.plugin.probe",
    "FailedScan": "inspector.record.assessment",
    "BilingualText": "inspector.regime.regime",
    "Deadline": "inspector.regime.regime",
    "Overlay": "inspector.regime.regime",
    "RegimeChange": "inspector.regime.regime",
    "open_overlays": "inspector.regime.regime",
    "Requirement": "inspector.regime.regime",
    "hookimpl": "inspector.registry.hookspecs",
    "findings_json": "inspector.report.findings_json",
    "findings_schema": "inspector.report.findings_json",
    "LedgerTotal": "inspector.report.ledger_totals",
    "Translator": "inspector.report.messages",
    "Renderer": "inspector.report.renderer",
    "View": "inspector.report.view",
}

__all__ = [
    "DNS_QUESTIONS",
    "EXCUSING",
    "HOST",
    "SYSTEM",
    "TCP",
    "UDP",
    "Answer",
    "Approval",
    "ApprovalStatus",
    "BadName",
    "BadUri",
    "BilingualText",
    "Body",
    "Cause",
    "CauseGroup",
    "CertificateFlaw",
    "Change",
    "Check",
    "ClauseRef",
    "CommonCause",
    "Cost",
    "Deadline",
    "Decision",
    "Declared",
    "Discovered",
    "DnsReplies",
    "Every",
    "Evidence",
    "Facts",
    "FailedScan",
    "FailureNote",
    "Finding",
    "Force",
    "Gap",
    "Identity",
    "InspectionKind",
    "Instant",
    "Intrusiveness",
    "Language",
    "LedgerTotal",
    "MeasureStatus",
    "MessageValue",
    "Model",
    "Network",
    "NotSeen",
    "Obligation",
    "Observation",
    "Opinion",
    "Outcome",
    "Overlay",
    "ParseContext",
    "PlanStatus",
    "Probe",
    "ProductRemedies",
    "Quantity",
    "Raw",
    "RecordedInspection",
    "RegimeChange",
    "Renderer",
    "Requirement",
    "RoundTripEnd",
    "ScanFailure",
    "ScanOutput",
    "Scheme",
    "Sensitivity",
    "Severity",
    "Stage",
    "StatementKind",
    "Stream",
    "Subject",
    "SubjectKind",
    "SubjectResult",
    "Target",
    "Tenancy",
    "Timestamp",
    "Translator",
    "Uri",
    "UriForm",
    "Value",
    "Verdict",
    "View",
    "a_labels",
    "answer_of",
    "canonical",
    "check",
    "checks_in",
    "collect_replies",
    "display_json",
    "dns_name_text",
    "escape_control",
    "failed",
    "findings_json",
    "findings_schema",
    "hookimpl",
    "inconclusive",
    "is_address",
    "masked",
    "not_applicable",
    "open_overlays",
    "parse_dns_message",
    "parse_uri",
    "passed",
    "permissive_tls_context",
    "probe",
    "raw_dns_message",
    "truncate",
    "u_labels",
    "with_u_labels",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'inspector' has no attribute {name!r}")
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
