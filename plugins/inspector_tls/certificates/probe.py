"""The probe of certificates: a handshake for every kind of client, each closed once the certificates have come."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from inspector import (
    Answer,
    Cause,
    Cost,
    FailureNote,
    Gap,
    Intrusiveness,
    Network,
    Raw,
    ScanOutput,
    Stream,
    SubjectKind,
    Target,
    probe,
)
from inspector_tls.certificates.handshake import HandshakeEnd, HandshakeResult, Opening, fetch_certificates
from inspector_tls.certificates.hello_profiles import CertificateKind, HelloProfile
from inspector_tls.certificates.observations import Certificates
from inspector_tls.certificates.parsing import (
    HANDSHAKES,
    Handshake,
    Handshakes,
    is_uncertain,
    parse,
    refuses,
    settle,
    unconfirmed,
)
from inspector_tls.enumeration.probe import HTTPS, TLS
from inspector_tls.starttls.negotiation import IMPLICIT, SCHEMES, needs_negotiation
from inspector_tls.starttls.runner import NEGOTIATION_SECONDS, prepare
from inspector_tls.wire.code_points import WIRE
from inspector_tls.wire.key_exchange import certificate_curve
from inspector_tls.wire.versions import TlsVersion

#: The hello and the kind of certificate that it asks for.
_Asked = tuple[HelloProfile, CertificateKind]
#: Each profile is tried once, the first that times out once more, each other kind at most twice, one of them in another
#: form, and in the end the first question again.
MOST_CONNECTIONS = len(HelloProfile) + 1 + 2 * (len(CertificateKind) - 1) + 1 + 1
#: Connections one after another: the profiles, the other kinds together, twice, and the first question again.
_MOST_ROUNDS = len(HelloProfile) + 1 + 2 + 1
#: Hellos without any answer after which the server is not asked again.
_MOST_UNANSWERED = 3
#: Failures of one connection, after which another may succeed.
_OF_ONE_CONNECTION = frozenset({Cause.TIMEOUT, Cause.RESET})
#: Failures of one hello, after which one in another form may succeed.
_OF_ONE_HELLO = _OF_ONE_CONNECTION | {Cause.TOOL_MISSING}


def certificate_cost(scheme: str, options: Mapping[str, Any]) -> Cost:
    """The upper bounds of a scan of certificates in the protocol of this scheme."""
    handshakes = 2 * MOST_CONNECTIONS * int(options.get("answer_seconds", 6))
    before = _MOST_ROUNDS * int(NEGOTIATION_SECONDS) if needs_negotiation(scheme) else 0
    return Cost(connections=MOST_CONNECTIONS, seconds=handshakes + before)


@probe(
    "certificates",
    kind=Certificates,
    schemes={HTTPS, TLS, *IMPLICIT, *SCHEMES},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=lambda target, options: certificate_cost(target.scheme, options),
    parse=parse,
    parse_in_worker=True,
    version="4",
)
async def certificates(target: Target, network: Network, *, answer_seconds: int = 6) -> ScanOutput:
    """Fetch the certificates that each kind of client is presented under the host's name.

    ``answer_seconds`` bounds one handshake, after the negotiation of TLS in the protocol before it.
    """

    async def negotiate(stream: Stream) -> None:
        await prepare(stream, target.scheme, network.identity, host=target.host)

    scan = CertificateScan(network, answer_seconds, negotiate)
    await scan.run()
    return scan.output()


async def _no_negotiation(_stream: Stream) -> None:
    """Where TLS begins with the first byte."""


class CertificateScan:
    """The handshakes with one server, each of at most so many seconds after ``opening``."""

    def __init__(self, network: Network, seconds: int, opening: Opening = _no_negotiation) -> None:
        self._network = network
        self._server_name = network.target.server_name
        self._seconds = seconds
        self._open = opening
        self._made: list[Handshake] = []
        self._files: dict[str, bytes] = {}
        self.failure: FailureNote | None = None

    def output(self) -> ScanOutput:
        """The handshakes in the order of asking, with the certificates and responses that came."""
        handshakes = Handshakes(server_name=self._server_name, made=tuple(self._made)).canonical()
        return ScanOutput(
            raw=(Raw(name=HANDSHAKES, data=handshakes, media_type="application/json"), *self._raw_files()),
            gaps=tuple(self._gaps()),
            failure=self.failure,
        )

    async def run(self) -> None:
        """Find a profile that the server answers, then ask for the other kinds of certificate in it."""
        profile = await self._find_profile()
        if profile is None:
            return
        others = self._other_kinds()
        await self._ask(*self._other_form(profile), *((profile, kind) for kind in others))
        await self._ask(*((profile, kind) for kind in others if self._is_open(kind)))
        if any(refuses(each) or is_uncertain(each) for each in unconfirmed(self._made)):
            # The first question again shows whether the server still answers.
            first = next(each for each in self._made if each.end in (HandshakeEnd.PRESENTED, HandshakeEnd.ANONYMOUS))
            await self._ask((first.profile, CertificateKind.USUAL))

    def _other_form(self, profile: HelloProfile) -> Iterable[_Asked]:
        """The question for an RSA certificate in a hello that names no finite-field group, where it may differ.

        A server of TLS 1.2 with a prime of its own for DHE may refuse the one that names them (RFC 7919 §4).
        """
        chosen = next((each.version for each in self._made if each.chain), None)
        is_older = chosen is not None and chosen < WIRE[TlsVersion.TLS_1_3]
        if profile is HelloProfile.TLS_1_3 and is_older and self._is_on_curve():
            yield HelloProfile.TLS_1_2, CertificateKind.RSA

    def _other_kinds(self) -> list[CertificateKind]:
        """The kinds to ask for besides the usual one.

        The last is the kind that was already presented: presented again, it confirms the refusal before it.
        """
        kinds = [CertificateKind.RSA, CertificateKind.OTHER]
        return kinds if self._is_on_curve() else kinds[::-1]

    def _is_on_curve(self) -> bool:
        """Whether the first certificate that was presented has a key on a curve."""
        leaf = next((each.chain[0] for each in self._made if each.chain), None)
        return leaf is not None and certificate_curve(self._files[f"{leaf}.der"]) is not None

    async def _find_profile(self) -> HelloProfile | None:
        for profile in HelloProfile:
            await self._ask((profile, CertificateKind.USUAL))
            if self._made[-1].cause in _OF_ONE_CONNECTION and len(self._made) == 1:
                await self._ask((profile, CertificateKind.USUAL))
            last = self._made[-1]
            if last.end is HandshakeEnd.PRESENTED:
                return profile
            if last.end is HandshakeEnd.ANONYMOUS:
                return HelloProfile.TLS_1_2
            if self._is_over(last):
                return None
        return None

    def _is_over(self, last: Handshake) -> bool:
        if self.failure is not None or last.end is HandshakeEnd.NOT_TLS:
            return True
        if last.cause is not None and last.cause not in _OF_ONE_HELLO:
            return True
        unanswered = [each.cause is Cause.TIMEOUT and each.version is None for each in self._made]
        return len(unanswered) >= _MOST_UNANSWERED and all(unanswered)

    async def _ask(self, *asked: _Asked) -> None:
        """Ask these questions at once."""
        if self.failure is not None:
            return
        results = await asyncio.gather(
            *(
                fetch_certificates(
                    self._network,
                    profile,
                    kind,
                    self._server_name,
                    opening=self._open,
                    seconds=float(self._seconds),
                )
                for profile, kind in asked
            )
        )
        for (profile, kind), result in zip(asked, results, strict=True):
            self._record(profile, kind, result)

    def _record(self, profile: HelloProfile, kind: CertificateKind, result: HandshakeResult) -> None:
        presented = result.presented
        self._made.append(
            Handshake(
                profile=profile,
                kind=kind,
                end=result.end,
                cause=result.cause,
                alert=result.alert,
                version=result.version,
                note=result.note[:300],
                chain=tuple(self._file(each, "der") for each in presented.certificates) if presented else (),
                staple=Answer(unseen=Cause.NOT_REACHED)
                if result.staple is None
                else Answer(seen=self._file(result.staple, "ocsp") if result.staple else None),
                timestamps=presented.timestamps if presented else b"",
            )
        )
        if result.cause is not None and result.cause not in (*_OF_ONE_HELLO, Cause.REFUSED, Cause.NOT_REACHED):
            self.failure = self.failure or FailureNote(cause=result.cause, detail=result.note)

    def _file(self, data: bytes, kind: str) -> str:
        """Keep the bytes under their digest, which is returned."""
        digest = hashlib.sha256(data).hexdigest()
        self._files[f"{digest}.{kind}"] = data
        return digest

    def _raw_files(self) -> Iterable[Raw]:
        """Certificates and responses, by name."""
        kinds = {"der": "application/pkix-cert", "ocsp": "application/ocsp-response"}
        for name, data in sorted(self._files.items()):
            yield Raw(name=name, data=data, media_type=kinds[name.partition(".")[2]])

    def _is_open(self, kind: CertificateKind) -> bool:
        """Whether a question had neither certificates nor a definite refusal as its answer."""
        return not any(each.chain or refuses(each) for each in self._made if each.kind is kind)

    def _gaps(self) -> Iterable[Gap]:
        """The questions without an answer, of a server that presented certificates."""
        if not any(each.end is HandshakeEnd.PRESENTED for each in self._made):
            return
        for kind in CertificateKind:
            cause = settle(self._made, kind).unseen
            if cause is not None:
                yield Gap(question=f"which certificate a client gets: {kind.value}", cause=cause)
