"""What the inspection itself says of a server: the one seam between the harness and the product.

``facts`` looks through the real door with the product's own means and says what they saw in the harness's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from inspector import Aim, Answer, Capture, Cost, Network, Observation, Raw, Reading, Scheme, Target, Trouble, probe
from inspector.network import Stream
from inspector.testing import run_probe
from inspector_tls.enumeration.enumerate import MOST_CONNECTIONS, enumerate_endpoint
from inspector_tls.enumeration.facts import Enumeration, Offer, Preference
from inspector_tls.enumeration.reading import certificates, read_transcript
from inspector_tls.enumeration.transcript import Mode, Transcript
from inspector_tls.starttls.preambles import SCHEMES
from inspector_tls.starttls.stepping import prepare
from tests.agreement import names
from tests.agreement.facts import SSL_2, TLS_1_3, Facts, Value, members
from tests.agreement.planting import derived
from tests.agreement.stage import HOST
from tests.agreement.tools.asking import Asked, Silent

#: The product's scheme for what the zoo calls a protocol, where the names differ.
_SCHEMES = {"postgres": "postgresql", "xmpp": "xmpp-client"}


class Seen(Observation):
    """An enumeration, and the digests of the server's own certificates."""

    kind: ClassVar[str] = "agreement/1"

    enumeration: Enumeration
    leaves: tuple[str, ...]


def _read(capture: Capture, _reading: Reading) -> Seen:
    transcript = Transcript.from_lines(capture.named("transcript") or b"")
    enumeration = read_transcript(transcript)
    leaves = {chain.certificates[0] for chain in enumeration.served if chain.server_name == HOST}
    return Seen(enumeration=enumeration, leaves=tuple(sorted(leaves & set(certificates(transcript)))))


@probe(
    "agreement",
    kind=Seen,
    schemes={Scheme("tls"), *SCHEMES},
    aim=Aim.ADDRESS,
    read=_read,
    cost=Cost(connections=MOST_CONNECTIONS, seconds=120),
)
async def look(target: Target, network: Network) -> Capture:
    """Enumerate the target, through the preamble of its scheme."""

    async def opening(stream: Stream) -> None:
        await prepare(stream, target.scheme, network.identity, host=target.host)

    transcript = await enumerate_endpoint(
        network, server_name=HOST, mode=Mode.FAST, opening=opening, answer_seconds=3.0
    )
    return Capture(raw=(Raw(name="transcript", data=transcript.lines()),))


def facts(asked: Asked) -> Facts:
    """What the product says; raises Silent when it says nothing."""
    scheme = _SCHEMES.get(asked.protocol, asked.protocol)
    looked = run_probe(look, f"{scheme}://{HOST}:{asked.port}", address=asked.address)
    try:
        seen = looked.seen(Seen)
    except Trouble as trouble:
        raise Silent(f"{trouble.cause.value}: {trouble.message}") from None
    found = dict(_enumerated(seen.enumeration))
    if seen.leaves:
        found["certificates"] = members(seen.leaves, seen.leaves)
    return found | derived(found)


def _enumerated(seen: Enumeration) -> Iterator[tuple[str, Value]]:
    codes = names.suite_codes()
    for each in seen.versions:
        version = each.version.value
        if each.accepted.is_seen:
            yield version, each.accepted.value
        if not each.accepted.seen:
            continue
        if each.suites.complete.is_seen:
            yield f"suites {version}", members(codes[name] for name in each.suites.accepted)
        if each.preference.seen in {Preference.SERVER, Preference.CLIENT} and version != SSL_2:
            yield f"preference {version}", str(each.preference.seen)
    yield from _groups(seen)
    yield from _traits(seen)


def _groups(seen: Enumeration) -> Iterator[tuple[str, Value]]:
    older = [each.version.value for each in seen.accepted if each.version.value not in {SSL_2, "SSLv3", TLS_1_3}]
    offers: list[tuple[list[str], Offer]] = [([TLS_1_3], seen.groups), (older, seen.curves)]
    for versions, offer in offers:
        if offer.complete.is_seen and offer.accepted:
            for version in versions:
                yield f"groups {version}", members(map(names.group, offer.accepted))


def _traits(seen: Enumeration) -> Iterator[tuple[str, Value]]:
    said = seen.extensions
    answers: list[tuple[str, Answer[bool | None], bool]] = [
        ("insecure-renegotiation", said.secure_renegotiation, False),
        ("crime", said.compression, True),
        ("fallback-scsv", said.fallback_refused, True),
        ("extended-master-secret", said.extended_master_secret, True),
    ]
    for name, answer, flawed in answers:
        if answer.is_seen and answer.value is not None:
            yield name, answer.value is flawed
