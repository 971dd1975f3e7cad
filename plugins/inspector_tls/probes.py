"""The TLS probe: a look makes a few handshakes in a worker process, a read turns their traces into facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inspector import (
    Aim,
    Answer,
    Capture,
    Cause,
    Cost,
    Form,
    Gap,
    Network,
    Raw,
    Reading,
    Scheme,
    Target,
    Touch,
    Trouble,
    probe,
)
from inspector.subject import is_address
from inspector_tls import replies
from inspector_tls.observations import Tls, TlsVersion, Versions
from inspector_tls.replies import Alert, Attempt, End, NotTls
from inspector_tls.scan import MOST_CONNECTIONS, Order, Survey, scan

HTTPS = Scheme("https", Form.PAGE, 443)
TLS = Scheme("tls")
#: Seconds that handshakes may take in all, and seconds after which the worker is killed.
_ALL_SECONDS = 90
_WORKER_SECONDS = 110
_SURVEY = "survey.json"


def _cost(_target: Target, _options: Mapping[str, Any]) -> Cost:
    return Cost(connections=MOST_CONNECTIONS, seconds=_WORKER_SECONDS)


def read(capture: Capture, reading: Reading) -> Tls:
    """The facts in a look's raw bytes; raises Trouble when no version was accepted, which tells why."""
    survey = Survey.parse(capture.named(_SURVEY) or b"")
    attempts = survey.attempts
    if not replies.is_tls(attempts):
        raise _no_tls(attempts)
    host = reading.subject.host or ""
    return Tls(
        host=host,
        server_name=_server_name(host),
        versions=Versions(**{version.name.lower(): _settled(attempts, version) for version in TlsVersion}),
    )


@probe(
    "tls",
    kind=Tls,
    schemes={HTTPS, TLS},
    aim=Aim.ADDRESS,
    touch=Touch.POLITE,
    cost=_cost,
    read=read,
)
async def tls(target: Target, network: Network, *, answer_seconds: int = 6) -> Capture:
    """Ask for each protocol version with a handshake of its own.

    ``answer_seconds`` bounds one handshake.
    """
    order = Order(
        address=target.address,
        port=target.port,
        server_name=_server_name(target.host),
        answer_seconds=answer_seconds,
        all_seconds=_ALL_SECONDS,
    )
    survey = Survey.parse(await network.work(scan, order.canonical(), timeout=_WORKER_SECONDS))
    return Capture(
        raw=(Raw(name=_SURVEY, data=survey.canonical(), media_type="application/json"),),
        gaps=tuple(_gaps(survey.attempts)),
        tools=survey.tools,
    )


def _server_name(host: str) -> str | None:
    """The name to send in the hello: an address literal is none (RFC 6066 §3)."""
    return None if is_address(host) else host


def _settled(attempts: Sequence[Attempt], version: TlsVersion) -> Answer[bool]:
    return replies.settle(replies.about(attempts, version))


def _gaps(attempts: Sequence[Attempt]) -> Iterable[Gap]:
    if not replies.is_tls(attempts):
        return
    for version in TlsVersion:
        cause = _settled(attempts, version).unseen
        if cause is not None:
            yield Gap(question=f"whether {version.value} is accepted", cause=cause)


def _no_tls(attempts: Sequence[Attempt]) -> Trouble:
    """Why there is nothing to tell of a server's TLS."""
    said = [replies.first_words(each.received) for each in attempts]
    other = next((each for each in said if isinstance(each, NotTls)), None)
    if other is not None:
        return Trouble(Cause.PROTOCOL_ERROR, f"answers a TLS hello with {other.data!r}")
    alerts = sorted({each.number for each in said if isinstance(each, Alert)})
    if alerts:
        numbers = ", ".join(map(str, alerts))
        return Trouble(Cause.PROTOCOL_ERROR, f"answers every hello with an alert (number {numbers})")
    ends = [each.end for each in attempts if each.end is not End.NOT_ASKED]
    if not ends:
        return Trouble(Cause.NOT_REACHED, "no handshake was made")
    told = {
        End.REFUSED: (Cause.REFUSED, "the connection is refused"),
        End.UNREACHABLE: (Cause.NOT_REACHED, attempts[0].note or "the address cannot be reached"),
        End.TIMEOUT: (Cause.TIMEOUT, "the server does not answer a TLS hello in time"),
        End.RESET: (Cause.RESET, "the server resets the connection"),
        End.CLOSED: (Cause.PROTOCOL_ERROR, "the server closes the connection without a word"),
    }
    cause, words = next((told[end] for end in told if end in ends), (Cause.PROTOCOL_ERROR, "no version is accepted"))
    return Trouble(cause, words)
