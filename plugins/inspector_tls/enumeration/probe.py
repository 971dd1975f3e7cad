"""The TLS probe: scanning enumerates the server, parsing gives the facts in the transcript."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
    Scheme,
    Stream,
    SubjectKind,
    Target,
    UriForm,
    masked,
    probe,
)
from inspector_tls.enumeration.analysis.tls import read_transcript
from inspector_tls.enumeration.prime_tests import WORKER_SECONDS, PrimeTests, run_in_worker
from inspector_tls.enumeration.scheduler import enumerate_endpoint
from inspector_tls.enumeration.strategy.context import EVERY_PART
from inspector_tls.enumeration.transcript import Exchange, Mode, Transcript
from inspector_tls.observations import Part, Tls
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES, needs_negotiation
from inspector_tls.starttls.runner import prepare
from inspector_tls.wire.server_flight import read_flight

HTTPS = Scheme("https", UriForm.PAGE, 443)
TLS = Scheme("tls")
#: The most connections of a scan: about twice those of a server with every old version and suite.
MOST_CONNECTIONS = {Mode.ECONOMICAL: 300, Mode.FAST: 400}
#: Seconds for all questions, and seconds after which the scan is ended.
_ALL_SECONDS = 120
_SCAN_SECONDS = 140 + WORKER_SECONDS
_TRANSCRIPT = "transcript.json"
_MESSAGES = "messages"
_PRIME_TESTS = "prime-tests.json"
_SHOWN_BYTES = 100


def _cost(_target: Target, options: Mapping[str, Any]) -> Cost:
    most = options.get("most_connections") or MOST_CONNECTIONS[Mode(options.get("mode", Mode.ECONOMICAL))]
    return Cost(connections=most, seconds=_SCAN_SECONDS)


#: The facts of the latest scans by their raw bytes: ``parse`` gives the same without parsing them again.
_recent_facts: dict[tuple[bytes, bytes], Tls] = {}
_MOST_RECENT = 16


def _remember(stored: tuple[bytes, bytes], facts: Tls) -> None:
    """Keep the facts until they are used, or until enough later ones have come."""
    _recent_facts[stored] = facts
    if len(_recent_facts) > _MOST_RECENT:
        del _recent_facts[next(iter(_recent_facts))]


def transcript_of(output: ScanOutput) -> Transcript:
    """The transcript in the raw bytes of a scan; raises ValueError."""
    return Transcript.from_stored(*_stored(output))


def _stored(output: ScanOutput) -> tuple[bytes, bytes]:
    return output.named(_TRANSCRIPT) or b"", output.named(_MESSAGES) or b""


def parse(output: ScanOutput, context: ParseContext) -> Tls:
    """The facts in the raw bytes of a scan; raises ScanFailure with the reason when no version was accepted."""
    facts = _recent_facts.pop(_stored(output), None) or read_transcript(transcript_of(output))
    if not facts.accepted:
        raise _no_tls(transcript_of(output))
    tested = output.named(_PRIME_TESTS)
    if tested is not None:
        facts = PrimeTests.parse(tested).apply(facts)
    return facts.model_copy(update={"scheme": context.subject.scheme})


@probe(
    "tls",
    kind=Tls,
    schemes={HTTPS, TLS, *IMPLICIT, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=_cost,
    parse=parse,
    version="4",
)
async def tls(
    target: Target,
    network: Network,
    *,
    mode: Mode = Mode.ECONOMICAL,
    answer_seconds: int = 6,
    most_connections: int | None = None,
    parts: tuple[Part, ...] | None = None,
) -> ScanOutput:
    """Enumerate versions, suites, groups and extensions, and test the tolerance of unusual hellos.

    Versions are always asked for, and of the ``parts`` of the observation these, or all (None).

    ``mode`` minimises connections or rounds; ``answer_seconds`` bounds the wait for one answer; after
    ``most_connections`` (None: 300, or 400 in fast mode) questions are not asked, and their facts are unseen.
    """

    async def opening(stream: Stream) -> None:
        await prepare(stream, target.scheme, network.identity, host=target.host)

    found = await enumerate_endpoint(
        network,
        server_name=target.server_name,
        mode=mode,
        opening=opening if needs_negotiation(target.scheme) else None,
        answer_seconds=answer_seconds,
        all_seconds=_ALL_SECONDS,
        most_connections=most_connections or MOST_CONNECTIONS[mode],
        parts=EVERY_PART if parts is None else frozenset(map(Part, parts)),
    )
    stored, facts = found.transcript.stored(), found.facts
    _remember(stored, facts)
    raw = [
        Raw(name=_TRANSCRIPT, data=stored[0], media_type="application/json"),
        Raw(name=_MESSAGES, data=stored[1], media_type="application/octet-stream"),
    ]
    if moduli := found.moduli(prime.sha256 for prime in facts.primes if not prime.flaw.is_seen):
        tests = await run_in_worker(network, moduli)
        raw.append(Raw(name=_PRIME_TESTS, data=tests.canonical(), media_type="application/json"))
    return ScanOutput(
        raw=tuple(raw),
        gaps=tuple(_gaps(found.transcript, facts)),
    )


def _gaps(transcript: Transcript, facts: Tls) -> Iterator[Gap]:
    """The questions that got no answer; not those of parts that are not asked for."""
    is_cut = any(not each.asked for each in transcript.exchanges)
    for question, cause in facts.gaps:
        if is_cut or cause is not Cause.NOT_SELECTED:
            yield Gap(question=question, cause=cause)


def _no_tls(transcript: Transcript) -> ScanFailure:
    """Why no version of TLS was accepted."""
    asked = [each for each in transcript.exchanges if each.asked]
    flights = [(each, read_flight(each.received)) for each in asked]
    other = next((each for each, flight in flights if flight.fault and not flight.parsed_bytes), None)
    if other is not None:
        return ScanFailure(Cause.PROTOCOL_ERROR, f"answers a TLS hello with {masked(other.received)[:_SHOWN_BYTES]!r}")
    alerts = sorted({alert.number for _each, flight in flights for alert in flight.alerts})
    if alerts:
        numbers = ", ".join(map(str, alerts))
        return ScanFailure(Cause.PROTOCOL_ERROR, f"answers every hello with an alert (number {numbers})")
    return _failure(asked or transcript.exchanges)


def _failure(exchanges: tuple[Exchange, ...] | list[Exchange]) -> ScanFailure:
    """The most significant cause, where no connection was answered with TLS."""
    notes = {each.cause: each.note for each in reversed(exchanges) if each.cause is not None}
    cause = next((cause for cause in _BY_WEIGHT if cause in notes), next(iter(notes), None))
    if cause is None:
        return ScanFailure(Cause.PROTOCOL_ERROR, "the server closes the connection without an answer")
    return ScanFailure(cause, notes[cause] or "the server cannot be asked")


#: Causes, the most significant first.
_BY_WEIGHT = (Cause.REFUSED, Cause.NOT_REACHED, Cause.TIMEOUT, Cause.RESET)
