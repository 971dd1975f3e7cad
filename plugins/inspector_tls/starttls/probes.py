"""The probes for TLS inside another protocol: one asks for it politely, an intrusive one smuggles a command."""

from __future__ import annotations

import ssl
from contextlib import suppress

from inspector import (
    Answer,
    Cause,
    Cost,
    FailureNote,
    Intrusiveness,
    Model,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    SubjectKind,
    Target,
    probe,
)
from inspector.network.client import Stream
from inspector_tls.starttls.injection import SMUGGLED, Smuggled
from inspector_tls.starttls.negotiation import SCHEMES, Names, NoTls, NotOffered, Preamble, Refused, shown
from inspector_tls.starttls.observations import Readiness, StartTls, StartTlsInjection
from inspector_tls.starttls.runner import carry_out, names_of

_TALKS = "talks.json"
#: Seconds for the handshake, and for the answers inside TLS; bytes of those answers.
_INSIDE_SECONDS = 10.0
#: Seconds that a server is given to protest; one that takes longer may reset the line, which decides nothing.
_PROTEST_SECONDS = 0.5
_INSIDE_BYTES = 16_384
_LINES_SHOWN = 60
_SMUGGLED = {scheme.name: smuggled for scheme, smuggled in SMUGGLED.items()}
_NOBODY = Names(host="", ehlo="")


class Talk(Model):
    """What was heard on one connection: before TLS, piece by piece, and ``inside`` it.

    ``smuggled``: a command went out in clear with the request for TLS; ``stands``: the handshake was made; ``note``:
    what ended the talk early.
    """

    heard: tuple[bytes, ...] = ()
    smuggled: bool = False
    stands: bool = False
    inside: bytes = b""
    note: FailureNote | None = None

    def readiness(self, scheme: str) -> tuple[Readiness, str]:
        """What the server said to the request for TLS: its words if it declined, its capabilities if not.

        Raises ScanFailure.
        """
        try:
            preamble = Preamble(scheme, _NOBODY)
            for piece in self.heard:
                preamble.take()
                preamble.feed(piece)
        except NotOffered as declined:
            return Readiness.NOT_OFFERED, declined.message
        except Refused as declined:
            return Readiness.REFUSED, declined.message
        if not preamble.is_ready:
            raise self.failure
        return Readiness.OFFERED, preamble.said.decode("latin-1")

    def has_sent(self, scheme: str, command: bytes) -> bool:
        """Whether it came as far as the request for TLS, with which the smuggled command goes out."""
        preamble = Preamble(scheme, _NOBODY, extra=command)
        sent = preamble.take()
        with suppress(ScanFailure):
            for piece in self.heard:
                preamble.feed(piece)
                sent += preamble.take()
        return sent.endswith(command)

    @property
    def failure(self) -> ScanFailure:
        """Why nothing more is known."""
        note = self.note or FailureNote(cause=Cause.PROTOCOL_ERROR, detail="breaks off")
        return ScanFailure(note.cause, note.detail)


class Talks(Model):
    """The talks of one scan."""

    talks: tuple[Talk, ...]

    def captured(self) -> ScanOutput:
        """Them as evidence."""
        return ScanOutput(raw=(Raw(name=_TALKS, data=self.canonical(), media_type="application/json"),))

    @classmethod
    def of(cls, output: ScanOutput) -> tuple[Talk, ...]:
        """Them from evidence."""
        return cls.parse(output.named(_TALKS) or b"").talks


# --- Is TLS offered? --------------------------------------------------------------------------------------------------


def parse(output: ScanOutput, context: ParseContext) -> StartTls:
    """What the server said to the request for TLS; raises ScanFailure when it said nothing that decides."""
    (talk,) = Talks.of(output)
    scheme = context.subject.scheme
    readiness, words = talk.readiness(scheme)
    if readiness is not Readiness.OFFERED:
        return StartTls(scheme=scheme, readiness=readiness, words=words)
    lines = [shown(line.encode("latin-1")) for line in words.replace("\r", "").split("\n")]
    told = tuple(line for line in lines if line)[:_LINES_SHOWN]
    return StartTls(scheme=scheme, readiness=readiness, capabilities=told)


@probe(
    "starttls",
    kind=StartTls,
    schemes=SCHEMES,
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=Cost(connections=1, seconds=40),
    parse=parse,
)
async def starttls(target: Target, network: Network, *, talk_seconds: int = 20) -> ScanOutput:
    """Greet, ask for TLS, and leave before it begins. ``talk_seconds`` bounds what is said before TLS."""
    return Talks(talks=(await _talk(target, network, talk_seconds),)).captured()


async def _talk(
    target: Target, network: Network, seconds: int, smuggled: Smuggled | None = None, *, go_on: bool = False
) -> Talk:
    """Have one talk, with a command smuggled or without; ``go_on`` into TLS."""
    names = names_of(target.host, network.identity)
    preamble = Preamble(target.scheme, names, extra=smuggled.command if smuggled else b"")
    heard: list[bytes] = []
    inside = bytearray()
    stands, note = False, None
    try:
        stream = await network.connect()
        try:
            await carry_out(preamble, stream, timeout=seconds, heard=heard)
            if smuggled is not None:
                await _wait_for_protest(stream)
            if go_on:
                await stream.start_tls(_any_tls(), names.host or None, timeout=_INSIDE_SECONDS)
                stands = True
                if smuggled is not None:
                    await _part(stream, smuggled, inside)
        finally:
            await stream.close()
    except NoTls:
        pass  # the words that say so are among what was heard
    except ScanFailure as failure:
        note = FailureNote(cause=failure.cause, detail=failure.message[:500])
    return Talk(heard=tuple(heard), smuggled=smuggled is not None, stands=stands, inside=bytes(inside), note=note)


# --- Does a smuggled command survive? ---------------------------------------------------------------------------------


def _any_tls() -> ssl.SSLContext:
    """A client that takes any version, suite and certificate: others judge those."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


async def _wait_for_protest(stream: Stream) -> None:
    """Let a server that takes the smuggled command for a hello say so, before a real hello makes it reset the line."""
    try:
        data = await stream.read(512, timeout=_PROTEST_SECONDS)
    except ScanFailure as failure:
        if failure.cause is Cause.TIMEOUT:
            return
        raise
    said = f"says {shown(data)}" if data else "ends the connection"
    raise ScanFailure(Cause.PROTOCOL_ERROR, f"{said} instead of waiting for a hello")


async def _part(stream: Stream, smuggled: Smuggled, inside: bytearray) -> None:
    """Say the parting command inside TLS, and hear what is answered up to its own answer."""
    await stream.write(smuggled.parting)
    while smuggled.told(bytes(inside)) is None and len(inside) < _INSIDE_BYTES:
        data = await stream.read(4096, timeout=_INSIDE_SECONDS)
        if not data:
            return
        inside += data


def parse_injection(output: ScanOutput, context: ParseContext) -> StartTlsInjection:
    """What became of the smuggled command; raises ScanFailure when nothing was said about TLS."""
    first, *others = Talks.of(output)
    scheme = context.subject.scheme
    readiness, _words = (others or [first])[-1].readiness(scheme)
    return StartTlsInjection(scheme=scheme, readiness=readiness, carried_out=_carried_out(scheme, first, others))


def _carried_out(scheme: str, first: Talk, others: list[Talk]) -> Answer[bool]:
    smuggled = _SMUGGLED[scheme]
    if first.stands:
        told = smuggled.told(first.inside)
        return Answer(unseen=first.failure.cause) if told is None else Answer(seen=told)
    if others and others[0].stands and first.has_sent(scheme, smuggled.command):
        return Answer(seen=False)
    return Answer(unseen=first.failure.cause)


def _turned_away(talk: Talk) -> bool:
    """Whether the server declined, or made no TLS of what it was sent: by an answer, not by silence or a reset."""
    return not talk.stands and (talk.note is None or talk.note.cause is Cause.PROTOCOL_ERROR)


@probe(
    "starttls-injection",
    kind=StartTlsInjection,
    schemes=SMUGGLED.keys(),
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=Cost(connections=3, seconds=150),
    parse=parse_injection,
)
async def starttls_injection(target: Target, network: Network, *, talk_seconds: int = 20) -> ScanOutput:
    """Send a harmless command in clear behind the request for TLS, and see whether it is answered inside.

    A server that goes over to TLS without the command and not with it has kept it out: that is asked by one more talk.
    A reset, or an end before the request, is asked about once more. ``talk_seconds`` bounds what is said before TLS.
    """
    smuggled = _SMUGGLED[target.scheme]
    first = await _talk(target, network, talk_seconds, smuggled, go_on=True)
    if first.note is not None and (
        first.note.cause is Cause.RESET
        or (first.note.cause is Cause.PROTOCOL_ERROR and not first.has_sent(target.scheme, smuggled.command))
    ):
        first = await _talk(target, network, talk_seconds, smuggled, go_on=True)
    talks = [first]
    if _turned_away(first):
        talks.append(await _talk(target, network, talk_seconds, go_on=True))
    return Talks(talks=tuple(talks)).captured()
