"""The scan of sslyze at what the enumerator enumerates: asked on request only, for it costs much."""

from __future__ import annotations

from inspector import (
    Cause,
    Cost,
    Gap,
    Intrusiveness,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    SubjectKind,
    Target,
    probe,
)
from inspector.model.subject import is_address
from inspector_tls.cross_check.observations import TlsCrossCheck
from inspector_tls.cross_check.results import MOST_CONNECTIONS, Report, facts_of
from inspector_tls.cross_check.worker import cross_check
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.starttls.negotiation import SCHEMES
from inspector_tls.vulnerabilities.results import VulnerabilityJob

_REPORT = "report.json"
#: Seconds for all questions, waits for the pace not counted; then the worker is killed.
_SECONDS = 590


def _server_name(host: str) -> str | None:
    """The name to send: an address is never one (RFC 6066 §3), and a strict server would refuse."""
    return None if is_address(host) else host


def parse(output: ScanOutput, context: ParseContext) -> TlsCrossCheck:
    """What sslyze saw; raises ScanFailure when not one question was answered."""
    report = Report.parse(output.named(_REPORT) or b"")
    facts = facts_of(report, _server_name(context.subject.host or ""))
    if not any(heard.accepted or heard.refused for each in facts.versions for heard in (each.suites, each.groups)):
        cause = next((gap.unseen for _, gap in facts.gaps if gap.unseen is not None), None)
        raise ScanFailure(cause or Cause.PROTOCOL_ERROR, "sslyze got no answer to any question")
    return facts


@probe(
    "tls-cross-check",
    kind=TlsCrossCheck,
    schemes={HTTPS, TLS, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=Cost(connections=MOST_CONNECTIONS, seconds=_SECONDS),
    parse=parse,
)
async def tls_cross_check(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Let sslyze ask for each suite of each version, and for each group, in a handshake of its own.

    ``answer_seconds`` bounds the wait for one answer.
    """
    order = VulnerabilityJob(
        address=target.address,
        port=target.port,
        scheme=target.scheme,
        server_name=_server_name(target.host),
        ehlo=network.identity.ehlo,
        user_agent=network.identity.user_agent,
        answer_seconds=answer_seconds,
    )
    told = await network.run_in_worker(cross_check, order.canonical(), timeout=_SECONDS)
    report = Report.parse(told)
    return ScanOutput(
        raw=(Raw(name=_REPORT, data=told, media_type="application/json"),),
        gaps=tuple(
            Gap(question=f"which {what} sslyze sees", cause=gap.unseen)
            for what, gap in facts_of(report, order.server_name).gaps
            if gap.unseen is not None
        ),
        tools=report.tools,
    )
