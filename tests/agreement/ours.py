"""What the inspection itself says of a server: the one seam between the harness and the product.

Each part looks through the real door with one of the product's probes and says what it saw in the harness's words. What
a probe could not see, it is silent about.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, TypeVar

from inspector import (
    Aim,
    Answer,
    Capture,
    Cost,
    Network,
    Observation,
    Probe,
    Raw,
    Reading,
    Scheme,
    Target,
    Trouble,
    probe,
)
from inspector.network import Stream
from inspector.testing import run_probe
from inspector_tls.attacks.observations import Robot, TlsAttacks, TlsSessions
from inspector_tls.attacks.probes import tls_attacks, tls_sessions
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.probe import certificates
from inspector_tls.enumeration.enumerate import MOST_CONNECTIONS, enumerate_endpoint
from inspector_tls.enumeration.facts import Enumeration, Offer, Preference
from inspector_tls.enumeration.reading import read_transcript
from inspector_tls.enumeration.transcript import Mode, Transcript
from inspector_tls.starttls.observations import StartTlsInjection
from inspector_tls.starttls.preambles import SCHEMES
from inspector_tls.starttls.probes import starttls_injection
from inspector_tls.starttls.stepping import prepare
from tests.agreement import names
from tests.agreement.facts import SSL_2, SSL_3, TLS_1_3, Facts, Value, members
from tests.agreement.planting import derived
from tests.agreement.stage import HOST
from tests.agreement.tools.asking import Asked, Silent

#: The product's scheme for what the zoo calls a protocol, where the names differ.
_SCHEMES = {"tls": "https", "postgres": "postgresql", "xmpp": "xmpp-client"}
_ROBOT = {Robot.NO_RSA: False, Robot.NO_ORACLE: False, Robot.WEAK_ORACLE: True, Robot.STRONG_ORACLE: True}
T = TypeVar("T", bound=Observation)


def facts(asked: Asked) -> Facts:
    """What the product says; raises Silent when it cannot even tell the versions."""
    found: dict[str, Value] = dict(_enumerated(_look(enumerated, Enumerated, asked).facts))
    found |= derived(found)
    for part in (_certificates, _attacks, _sessions, _injection):
        try:
            found |= dict(part(asked))
        except Silent:
            continue
    return found


def _look(by: Probe, kind: type[T], asked: Asked) -> T:
    """One look; raises Silent with the trouble that ended it, or where the probe does not look at such servers."""
    scheme = _SCHEMES.get(asked.protocol, asked.protocol)
    if scheme not in {each.name for each in by.schemes}:
        raise Silent(f"{by.name} does not look at {scheme}")
    try:
        return run_probe(by, f"{scheme}://{HOST}:{asked.port}", address=asked.address).seen(kind)
    except Trouble as trouble:
        raise Silent(f"{trouble.cause.value}: {trouble.message}") from None


# --- Versions, suites, groups -------------------------------------------------------------------------------------------


class Enumerated(Observation):
    """An enumeration, as a probe writes it down."""

    kind: ClassVar[str] = "agreement-enumeration/1"

    facts: Enumeration


def _read(capture: Capture, _reading: Reading) -> Enumerated:
    return Enumerated(facts=read_transcript(Transcript.from_lines(capture.named("transcript") or b"")))


@probe(
    "agreement-enumeration",
    kind=Enumerated,
    schemes={Scheme("https"), *SCHEMES},
    aim=Aim.ADDRESS,
    read=_read,
    cost=Cost(connections=MOST_CONNECTIONS, seconds=120),
)
async def enumerated(target: Target, network: Network) -> Capture:
    """Enumerate the target, through the preamble of its scheme."""

    async def opening(stream: Stream) -> None:
        await prepare(stream, target.scheme, network.identity, host=target.host)

    transcript = await enumerate_endpoint(
        network, server_name=target.host, mode=Mode.FAST, opening=opening, answer_seconds=3.0
    )
    return Capture(raw=(Raw(name="transcript", data=transcript.lines()),))


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
    said = seen.extensions
    yield from _told("insecure-renegotiation", said.secure_renegotiation, False)
    yield from _told("crime", said.compression, True)
    yield from _told("fallback-scsv", said.fallback_refused, True)
    yield from _told("extended-master-secret", said.extended_master_secret, True)


def _groups(seen: Enumeration) -> Iterator[tuple[str, Value]]:
    older = [each.version.value for each in seen.accepted if each.version.value not in {SSL_2, SSL_3, TLS_1_3}]
    offers: list[tuple[list[str], Offer]] = [([TLS_1_3], seen.groups), (older, seen.curves)]
    for versions, offer in offers:
        if offer.complete.is_seen and offer.accepted:
            for version in versions:
                yield f"groups {version}", members(map(names.group, offer.accepted))


def _told(name: str, answer: Answer[bool | None] | Answer[bool], flawed: bool) -> Iterator[tuple[str, Value]]:
    """A flaw or trait, where the question arises and was answered."""
    if answer.is_seen and answer.value is not None:
        yield name, answer.value is flawed


# --- Certificates and flaws ---------------------------------------------------------------------------------------------


def _certificates(asked: Asked) -> Iterator[tuple[str, Value]]:
    seen = _look(certificates, Certificates, asked)
    if all(answer.is_seen for answer in seen.named.answers):
        yield "certificates", members(leaf.sha256 for leaf in seen.leaves)


def _attacks(asked: Asked) -> Iterator[tuple[str, Value]]:
    seen = _look(tls_attacks, TlsAttacks, asked)
    yield from _told("heartbleed", seen.heartbleed, True)
    yield from _told("ccs-injection", seen.ccs_injection, True)
    if seen.robot.is_seen:
        yield "robot", _ROBOT[seen.robot.value]
    if seen.renegotiations.is_seen:
        yield "client-renegotiation", seen.renegotiations.value > 0


def _sessions(asked: Asked) -> Iterator[tuple[str, Value]]:
    yield from _told("early-data", _look(tls_sessions, TlsSessions, asked).early_data, True)


def _injection(asked: Asked) -> Iterator[tuple[str, Value]]:
    yield from _told("starttls-injection", _look(starttls_injection, StartTlsInjection, asked).carried_out, True)
