"""What the worker is told and brings back, and what that comes to: pure, and without sslyze."""

from __future__ import annotations

from enum import StrEnum

from inspector import Answer, Cause, Model
from inspector_tls.cross_check.observations import CrossCheckedVersion, Heard, TlsCrossCheck
from inspector_tls.vulnerabilities.results import ConnectionEnd, VulnerabilityJob
from inspector_tls.wire.versions import TlsVersion

__all__ = ["MOST_CONNECTIONS", "Asked", "Report", "VulnerabilityJob", "Word", "facts_of", "unheard"]

#: One connection for each suite of each version (533), for each group in TLS 1.2 (30), and in TLS 1.3 (5).
MOST_CONNECTIONS = 568


class Word(StrEnum):
    """sslyze's word about one question; ``unable``: its client could not ask it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNABLE = "unable"
    UNCLEAR = "unclear"


class Asked(Model):
    """One suite or group at one version: sslyze's word, and how the connection ended."""

    version: TlsVersion
    name: str
    is_group: bool = False
    word: Word
    end: ConnectionEnd
    error: str = ""


class Report(Model):
    """Everything that was asked, in order. ``given_up``: versions at which the server was silent too often."""

    asked: tuple[Asked, ...] = ()
    given_up: tuple[TlsVersion, ...] = ()
    tools: dict[str, str] = {}


_CAUSES = {
    ConnectionEnd.TIMEOUT: Cause.TIMEOUT,
    ConnectionEnd.RESET: Cause.RESET,
    ConnectionEnd.REFUSED: Cause.REFUSED,
    ConnectionEnd.UNREACHABLE: Cause.NOT_REACHED,
}


def unheard(asked: Asked) -> Cause | None:
    """Why the question stays open, whatever sslyze says; None when it was answered.

    sslyze counts a handshake that timed out as refused, and so it counts a reset.
    """
    if asked.word is Word.ACCEPTED:
        return None
    if asked.word is Word.REFUSED and asked.end in (ConnectionEnd.OPEN, ConnectionEnd.CLOSED):
        return None
    return _CAUSES.get(asked.end, Cause.PROTOCOL_ERROR)


def facts_of(report: Report, server_name: str | None) -> TlsCrossCheck:
    """What was answered, version by version."""
    return TlsCrossCheck(
        server_name=server_name,
        versions=tuple(
            CrossCheckedVersion(
                version=version,
                suites=_heard(report, version, is_group=False),
                groups=_heard(report, version, is_group=True),
            )
            for version in TlsVersion
        ),
    )


def _heard(report: Report, version: TlsVersion, *, is_group: bool) -> Heard:
    asked = [each for each in report.asked if each.version is version and each.is_group is is_group]
    put = [each for each in asked if each.word is not Word.UNABLE]
    answered = [each for each in put if unheard(each) is None]
    causes = [cause for cause in map(unheard, put) if cause is not None]
    if version in report.given_up:
        causes.append(Cause.TIMEOUT)
    return Heard(
        accepted=tuple(sorted(each.name for each in answered if each.word is Word.ACCEPTED)),
        refused=tuple(sorted(each.name for each in answered if each.word is Word.REFUSED)),
        complete=Answer(unseen=causes[0]) if causes else Answer(seen=True),
    )
