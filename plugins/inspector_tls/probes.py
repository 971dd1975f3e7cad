"""The TLS probe: a look makes a few handshakes in a worker process, a read turns their traces into facts."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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
from inspector_tls.observations import Chain, Served, Tls, TlsVersion, Trust, Versions
from inspector_tls.replies import Alert, Attempt, End, NotTls, Question
from inspector_tls.scan import MOST_CONNECTIONS, Order, Survey, scan

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

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
    newest = replies.newest(attempts)
    if newest is None:
        raise _no_tls(attempts)
    with warnings.catch_warnings():
        # A malformed certificate is a fact to judge here, not an event to warn about.
        warnings.simplefilter("ignore")
        roots = _Roots(reading)
        versions = {version.name.lower(): _settled(attempts, version) for version in TlsVersion}
        host = reading.subject.host or ""
        return Tls(
            host=host,
            server_name=_server_name(host),
            seen_at=reading.seen_at,
            versions=Versions(**versions),
            certificates=_served(capture, attempts, newest.version, roots),
            public_roots=len(roots.public),
            declared_roots=len(roots.declared),
        )


@probe(
    "tls",
    kind=Tls,
    schemes={HTTPS, TLS},
    aim=Aim.ADDRESS,
    touch=Touch.POLITE,
    cost=_cost,
    read=read,
    heavy=True,
)
async def tls(target: Target, network: Network, *, answer_seconds: int = 6) -> Capture:
    """Ask for each protocol version and each sort of certificate with handshakes of their own.

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
    certificates = tuple(
        Raw(name=f"{digest}.der", data=der, media_type="application/pkix-cert")
        for digest, der in sorted(survey.certificates.items())
    )
    attempts = survey.model_copy(update={"certificates": {}})
    return Capture(
        raw=(Raw(name=_SURVEY, data=attempts.canonical(), media_type="application/json"), *certificates),
        gaps=tuple(_gaps(survey.attempts)),
        tools=survey.tools,
    )


def _server_name(host: str) -> str | None:
    """The name to send in the hello: an address literal is none (RFC 6066 §3)."""
    return None if is_address(host) else host


def _settled(attempts: Sequence[Attempt], version: TlsVersion) -> Answer[bool]:
    return replies.settle(replies.about(attempts, Question.VERSION, version))


def _gaps(attempts: Sequence[Attempt]) -> Iterable[Gap]:
    if replies.newest(attempts) is None:
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


def _served(capture: Capture, attempts: Sequence[Attempt], version: TlsVersion, roots: _Roots) -> Served:
    """The certificates of each sort, asked for with this version.

    What came along with older versions is left aside: SSL 3.0 carries no server name.
    """
    sorts = {question: replies.about(attempts, question, version) for question in replies.SORTS}
    distinct = sorted({each.chain for asked in sorts.values() for each in asked if each.chain})
    chains = tuple(chain for digests in distinct if (chain := _chain(capture, digests, roots)) is not None)
    leaves = {chain.leaf.sha256 for chain in chains}

    def leaf(question: Question) -> Answer[str | None]:
        settled = replies.settle_certificate(sorts[question])
        is_malformed = settled.seen is not None and settled.seen not in leaves
        return Answer(unseen=Cause.PROTOCOL_ERROR) if is_malformed else settled

    return Served(usual=leaf(Question.USUAL), rsa=leaf(Question.RSA), other=leaf(Question.OTHER), chains=chains)


def _chain(capture: Capture, digests: Sequence[str], roots: _Roots) -> Chain | None:
    """The facts of one chain; None when the leaf cannot be parsed."""
    from inspector_tls.certificates import facts, load

    loaded = [load(capture.named(f"{digest}.der") or b"") for digest in digests]
    if loaded[0] is None:
        return None
    certificates = [each for each in loaded if each is not None]
    whole = len(certificates) == len(loaded)
    return Chain(
        certificates=tuple(facts(each) for each in certificates),
        public_trust=roots.trust(certificates, roots.public, whole=whole),
        declared_trust=roots.trust(certificates, roots.declared, whole=whole),
    )


class _Roots:
    """The roots of one reading, and the instant at which paths are judged."""

    def __init__(self, reading: Reading) -> None:
        from cryptography.x509 import load_pem_x509_certificates

        self.at = reading.seen_at
        self.public = load_pem_x509_certificates(reading.public_roots) if reading.public_roots.strip() else []
        self.declared = load_pem_x509_certificates(reading.declared_roots) if reading.declared_roots.strip() else []

    def trust(self, served: Sequence[Certificate], roots: Sequence[Certificate], *, whole: bool) -> Answer[Trust]:
        """What the chain leads to; unseen where there are no roots, or where part of it cannot be judged."""
        from inspector_tls.paths import NotJudged, TooComplex, trust

        if not roots:
            return Answer(unseen=Cause.NOT_SELECTED)
        try:
            found = trust(served, roots, self.at)
        except (NotJudged, TooComplex):
            return Answer(unseen=Cause.PROTOCOL_ERROR)
        return Answer(seen=found) if found.chains or whole else Answer(unseen=Cause.PROTOCOL_ERROR)
