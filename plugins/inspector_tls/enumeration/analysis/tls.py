"""The facts in a transcript, put together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from inspector_tls.enumeration.analysis.evidence import Evidence, seen
from inspector_tls.enumeration.analysis.exchange import ParsedExchange, parse_exchange, parse_exchanges
from inspector_tls.enumeration.analysis.extensions import extensions
from inspector_tls.enumeration.analysis.groups import curves, ephemeral_primes, groups_of_tls_1_3, signature_schemes
from inspector_tls.enumeration.analysis.tolerance import tolerance
from inspector_tls.enumeration.analysis.versions import accepted_versions, versions
from inspector_tls.enumeration.transcript import Transcript
from inspector_tls.observations import Tls
from inspector_tls.wire.client_hello import Hello
from inspector_tls.wire.server_flight import Flight


def read_transcript(transcript: Transcript) -> Tls:
    """The facts in a transcript; raises ValueError where a hello is not one that ``encode`` wrote."""
    return _facts(transcript, parse_exchanges(transcript))


def read_exchanges(transcript: Transcript, parsed: Iterable[tuple[Hello, Flight]]) -> Tls:
    """The facts in a transcript of which the hello and the flight of each exchange are known already."""
    known = zip(transcript.exchanges, parsed, strict=True)
    return _facts(transcript, [parse_exchange(each, hello, flight) for each, (hello, flight) in known])


def _facts(transcript: Transcript, exchanges: Iterable[ParsedExchange]) -> Tls:
    evidence = Evidence(transcript.mode, exchanges)
    accepted = accepted_versions(evidence)
    known = versions(evidence, accepted)
    newest = accepted.newest_clear
    return Tls(
        server_name=transcript.server_name,
        versions=known,
        groups=groups_of_tls_1_3(evidence, accepted),
        curves=curves(evidence, accepted, known[newest].suites.complete if newest else seen(True)),
        signatures=signature_schemes(evidence, accepted),
        primes=tuple(ephemeral_primes(evidence)),
        short_rsa_bits=_short_rsa_bits(evidence),
        extensions=extensions(evidence, accepted, known),
        tolerance=tolerance(evidence, accepted),
        served=_served(evidence),
    )


def _short_rsa_bits(evidence: Evidence) -> tuple[int, ...]:
    keys = (each.key for each in evidence.exchanges if each.key)
    return tuple(sorted({key.rsa_bits for key in keys if key.rsa_bits}))


def _served(evidence: Evidence) -> tuple[tuple[str, ...], ...]:
    """The distinct chains sent in clear text."""
    chains = {each.chain for each in evidence.exchanges if each.chain}
    return tuple(sorted(tuple(hashlib.sha256(der).hexdigest() for der in chain) for chain in chains))
