"""The probes for TLS inside another protocol: a polite one requests it, an intrusive one injects a command."""

from __future__ import annotations

from collections.abc import Sequence
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
    Stream,
    SubjectKind,
    Target,
    masked,
    permissive_tls_context,
    probe,
)
from inspector_tls.starttls.injection import INJECTED, InjectedCommand
from inspector_tls.starttls.logins import logins_before_tls
from inspector_tls.starttls.negotiation import SCHEMES, Names, Negotiation, NoTls, NotOffered, Refused, shown
from inspector_tls.starttls.observations import StartTls, StartTlsInjection, TlsReadiness
from inspector_tls.starttls.runner import names_of, negotiate

_DIALOGUES = "dialogues.json"
#: Seconds for the handshake, and for the answers inside TLS; bytes of those answers.
_INSIDE_SECONDS = 10.0
#: Seconds in which a server may reject the injected command; one that takes longer may reset the connection, which
#: is inconclusive.
_REJECTION_SECONDS = 0.5
_INSIDE_BYTES = 16_384
_BY_NAME = {scheme.name: injected for scheme, injected in INJECTED.items()}
_NO_NAMES = Names(host="", ehlo="")


def _masked(pieces: Sequence[bytes]) -> tuple[bytes, ...]:
    """What was received, masked as a whole and cut as it came: a word may arrive in two pieces."""
    whole, masks = masked(b"".join(pieces)), []
    for piece in pieces:
        masks.append(whole[: len(piece)])
        whole = whole[len(piece) :]
    return tuple(masks)


class StoredDialogue(Model):
    """What was received on one connection: before TLS, in chunks, and ``inside`` it.

    ``injected``: a command was sent in clear text with the request for TLS; ``note``: what ended the dialogue early.
    """

    received: tuple[bytes, ...] = ()
    injected: bool = False
    handshake_done: bool = False
    inside: bytes = b""
    note: FailureNote | None = None

    def readiness(self, scheme: str) -> tuple[TlsReadiness, str]:
        """What the server answered to the request for TLS, with its reply where it declined; raises ScanFailure."""
        try:
            negotiation = Negotiation(scheme, _NO_NAMES)
            for piece in self.received:
                negotiation.take()
                negotiation.feed(piece)
        except NotOffered as declined:
            return TlsReadiness.NOT_OFFERED, declined.message
        except Refused as declined:
            return TlsReadiness.REFUSED, declined.message
        if not negotiation.is_ready:
            raise self.failure
        return TlsReadiness.OFFERED, ""

    def has_sent(self, scheme: str, command: bytes) -> bool:
        """Whether the request for TLS was sent, and the injected command with it."""
        negotiation = Negotiation(scheme, _NO_NAMES, extra=command)
        sent = negotiation.take()
        with suppress(ScanFailure):
            for piece in self.received:
                negotiation.feed(piece)
                sent += negotiation.take()
        return sent.endswith(command)

    @property
    def failure(self) -> ScanFailure:
        """The cause for which nothing more is known."""
        note = self.note or FailureNote(cause=Cause.PROTOCOL_ERROR, detail="ends early")
        return ScanFailure(note.cause, note.detail)


class StoredDialogues(Model):
    """The dialogues of one scan."""

    dialogues: tuple[StoredDialogue, ...]

    def captured(self) -> ScanOutput:
        """The raw bytes of the dialogues."""
        return ScanOutput(raw=(Raw(name=_DIALOGUES, data=self.canonical(), media_type="application/json"),))

    @classmethod
    def of(cls, output: ScanOutput) -> tuple[StoredDialogue, ...]:
        """The dialogues from their raw bytes."""
        return cls.parse(output.named(_DIALOGUES) or b"").dialogues


async def _dialogue(
    target: Target, network: Network, seconds: int, injected: InjectedCommand | None = None, *, enter_tls: bool = False
) -> StoredDialogue:
    """Run one dialogue, with an injected command or without; ``enter_tls``: make the handshake as well."""
    names = names_of(target.host, network.identity)
    negotiation = Negotiation(target.scheme, names, extra=injected.command if injected else b"")
    received: list[bytes] = []
    inside = bytearray()
    handshake_done, note = False, None
    try:
        stream = await network.connect()
        try:
            await negotiate(negotiation, stream, timeout=seconds, received=received)
            if injected is not None:
                await _wait_for_rejection(stream)
            if enter_tls:
                await stream.start_tls(permissive_tls_context(), names.host or None, timeout=_INSIDE_SECONDS)
                handshake_done = True
                if injected is not None:
                    await _close(stream, injected, inside)
        finally:
            await stream.close()
    except NoTls:
        pass  # the reply is among what was received
    except ScanFailure as failure:
        note = FailureNote(cause=failure.cause, detail=failure.message[:500])
    return StoredDialogue(
        received=_masked(received),
        injected=injected is not None,
        handshake_done=handshake_done,
        inside=masked(bytes(inside)),
        note=note,
    )


async def _wait_for_rejection(stream: Stream) -> None:
    """Wait before the ClientHello, so that a server that parses the injected command as one can reject it."""
    try:
        data = await stream.read(512, timeout=_REJECTION_SECONDS)
    except ScanFailure as failure:
        if failure.cause is Cause.TIMEOUT:
            return
        raise
    sent = f"sends {shown(data)}" if data else "ends the connection"
    raise ScanFailure(Cause.PROTOCOL_ERROR, f"{sent} instead of waiting for a ClientHello")


async def _close(stream: Stream, injected: InjectedCommand, inside: bytearray) -> None:
    """Send the closing command inside TLS, and read up to the answer to it."""
    await stream.write(injected.closing_command)
    while injected.was_carried_out(bytes(inside)) is None and len(inside) < _INSIDE_BYTES:
        data = await stream.read(4096, timeout=_INSIDE_SECONDS)
        if not data:
            return
        inside += data


# --- Is TLS offered? --------------------------------------------------------------------------------------------------


def parse(output: ScanOutput, context: ParseContext) -> StartTls:
    """What the server answered to the request for TLS; raises ScanFailure when no answer is conclusive."""
    (dialogue,) = StoredDialogues.of(output)
    scheme = context.subject.scheme
    readiness, reply = dialogue.readiness(scheme)
    logins = logins_before_tls(scheme, b"".join(dialogue.received))
    return StartTls(scheme=scheme, readiness=readiness, logins=logins, reply=reply)


@probe(
    "starttls",
    kind=StartTls,
    schemes=SCHEMES,
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.POLITE,
    cost=Cost(connections=1, seconds=40),
    parse=parse,
)
async def starttls(target: Target, network: Network, *, negotiation_seconds: int = 20) -> ScanOutput:
    """Request TLS and close the connection before the handshake; ``negotiation_seconds`` bounds the whole."""
    return StoredDialogues(dialogues=(await _dialogue(target, network, negotiation_seconds),)).captured()


# --- Is an injected command executed? ---------------------------------------------------------------------------------


def parse_injection(output: ScanOutput, context: ParseContext) -> StartTlsInjection:
    """Whether the injected command was carried out; raises ScanFailure when the request for TLS was not answered."""
    first, *others = StoredDialogues.of(output)
    scheme = context.subject.scheme
    readiness, _reply = (others or [first])[-1].readiness(scheme)
    return StartTlsInjection(scheme=scheme, readiness=readiness, carried_out=_carried_out(scheme, first, others))


def _carried_out(scheme: str, first: StoredDialogue, others: list[StoredDialogue]) -> Answer[bool]:
    injected = _BY_NAME[scheme]
    if first.handshake_done:
        carried_out = injected.was_carried_out(first.inside)
        return Answer(unseen=first.failure.cause) if carried_out is None else Answer(seen=carried_out)
    if others and others[0].handshake_done and first.has_sent(scheme, injected.command):
        return Answer(seen=False)
    return Answer(unseen=first.failure.cause)


def _is_declined(dialogue: StoredDialogue) -> bool:
    """Whether the server declined, or could not begin TLS: by an answer, not by a timeout or a reset."""
    return not dialogue.handshake_done and (dialogue.note is None or dialogue.note.cause is Cause.PROTOCOL_ERROR)


@probe(
    "starttls-injection",
    kind=StartTlsInjection,
    schemes=INJECTED.keys(),
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.INTRUSIVE,
    cost=Cost(connections=3, seconds=150),
    parse=parse_injection,
)
async def starttls_injection(target: Target, network: Network, *, negotiation_seconds: int = 20) -> ScanOutput:
    """Send a harmless command in clear text together with the request for TLS; see whether it is answered inside TLS.

    A server that begins TLS without the command and not with it has discarded it: a second dialogue shows that. After
    a reset, or an end before the request, the first dialogue is repeated once. ``negotiation_seconds`` bounds each
    negotiation.
    """
    injected = _BY_NAME[target.scheme]
    first = await _dialogue(target, network, negotiation_seconds, injected, enter_tls=True)
    if first.note is not None and (
        first.note.cause is Cause.RESET
        or (first.note.cause is Cause.PROTOCOL_ERROR and not first.has_sent(target.scheme, injected.command))
    ):
        first = await _dialogue(target, network, negotiation_seconds, injected, enter_tls=True)
    dialogues = [first]
    if _is_declined(first):
        dialogues.append(await _dialogue(target, network, negotiation_seconds, enter_tls=True))
    return StoredDialogues(dialogues=tuple(dialogues)).captured()
