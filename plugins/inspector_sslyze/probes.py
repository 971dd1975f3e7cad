"""The probes of known attacks (intrusive) and of early data (polite): they run sslyze in a worker process."""

from __future__ import annotations

from collections.abc import Callable

from inspector import (
    Cost,
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
from inspector_sslyze.observations import TlsAttacks, TlsSessions
from inspector_sslyze.results import Command, CommandRun, Report, VulnerabilityJob
from inspector_sslyze.verdicts import accepted, concluded, newest_attacked
from inspector_sslyze.worker import MAX_ATTACK_CONNECTIONS, MAX_SESSION_CONNECTIONS, attack, resume
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES
from inspector_tls.wire.versions import TlsVersion

_REPORT = "report.json"
#: Seconds for all commands; the worker is killed ``_GRACE_SECONDS`` later.
_ATTACK_SECONDS, _SESSION_SECONDS, _GRACE_SECONDS = 120, 30, 60


async def _run_job(
    target: Target, network: Network, function: Callable[[bytes], bytes], *, answer_seconds: int, all_seconds: int
) -> ScanOutput:
    job = VulnerabilityJob(
        address=target.address,
        port=target.port,
        scheme=target.scheme,
        server_name=target.server_name,
        ehlo=network.identity.ehlo,
        user_agent=network.identity.user_agent,
        answer_seconds=answer_seconds,
        all_seconds=all_seconds,
    )
    data = await network.run_in_worker(function, job.canonical(), timeout=all_seconds + _GRACE_SECONDS)
    report = Report.parse(data)
    return ScanOutput(raw=(Raw(name=_REPORT, data=data, media_type="application/json"),), tools=report.tools)


def _runs(output: ScanOutput) -> tuple[CommandRun, ...]:
    return Report.parse(output.named(_REPORT) or b"").runs


def parse_attacks(output: ScanOutput, _context: ParseContext) -> TlsAttacks:
    """The result of each attack; raises ScanFailure when the server does not answer with TLS at all."""
    runs = _runs(output)
    version = newest_attacked(runs)
    if version.unseen is not None:
        raise ScanFailure(version.unseen, "which versions the server accepts was not seen")

    return TlsAttacks.model_validate(
        {
            "version": version,
            "heartbleed": concluded(runs, Command.HEARTBLEED),
            "ccs_injection": concluded(runs, Command.CCS_INJECTION),
            "robot": concluded(runs, Command.ROBOT),
            "renegotiations": concluded(runs, Command.RENEGOTIATION),
        },
        from_attributes=True,
    )


@probe(
    "tls-attacks",
    kind=TlsAttacks,
    schemes={HTTPS, TLS, *IMPLICIT, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=Cost(connections=MAX_ATTACK_CONNECTIONS, seconds=_ATTACK_SECONDS + _GRACE_SECONDS),
    parse=parse_attacks,
)
async def tls_attacks(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Test Heartbleed, CCS injection, client-initiated renegotiation and ROBOT, with the newest version up to TLS 1.2.

    ``answer_seconds`` bounds the wait for one answer.
    """
    return await _run_job(target, network, attack, answer_seconds=answer_seconds, all_seconds=_ATTACK_SECONDS)


def parse_sessions(output: ScanOutput, _context: ParseContext) -> TlsSessions:
    """Whether early data was accepted; a server that refuses TLS 1.3 accepts none."""
    runs = _runs(output)
    newest = accepted(runs, TlsVersion.TLS_1_3)
    if newest.unseen is not None:
        raise ScanFailure(newest.unseen, "whether the server accepts TLS 1.3 was not seen")
    return TlsSessions.model_validate({"early_data": concluded(runs, Command.EARLY_DATA)}, from_attributes=True)


@probe(
    "tls-sessions",
    kind=TlsSessions,
    schemes={HTTPS},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=Cost(connections=MAX_SESSION_CONNECTIONS, seconds=_SESSION_SECONDS + _GRACE_SECONDS),
    parse=parse_sessions,
)
async def tls_sessions(target: Target, network: Network, *, answer_seconds: int = 5) -> ScanOutput:
    """Resume a session of TLS 1.3 that permits early data, and send a byte before the handshake is done.

    Where it permits none, nothing is resumed. ``answer_seconds`` bounds one wait.
    """
    return await _run_job(target, network, resume, answer_seconds=answer_seconds, all_seconds=_SESSION_SECONDS)
