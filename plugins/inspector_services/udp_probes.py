"""The probes of UDP services: one question of the expected protocol for each port, and intrusive questions."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inspector import (
    HOST,
    Answer,
    Cause,
    Cost,
    Gap,
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
from inspector_services.udp_observations import (
    Handling,
    UdpExposure,
    UdpPort,
    UdpProtocol,
    UdpReply,
    UdpServices,
    UdpState,
)
from inspector_services.udp_protocols import dns, ntp, snmp
from inspector_services.udp_protocols.question import KEPT_BYTES, TOKEN_BYTES, UdpQuestion
from inspector_services.udp_questions import BY_PORT, CHECKED_PORTS, EMPTY, control_port, questions_for

#: A silent port is asked once more before it counts as silent.
ATTEMPTS = 2
ANSWER_SECONDS = 2.0
#: Systems limit the ICMP errors that they send; Linux to one a second to each address, after a burst of six.
ICMP_SECONDS = 1.1
#: Questions to the control port: before and after the others.
_CONTROLS = 2
_STORED = "udp.json"
#: Answers of the target itself, or of a device that speaks for it.
_REJECTIONS = {Cause.REFUSED: UdpState.CLOSED, Cause.BLOCKED: UdpState.FILTERED}


class StoredUdp(Model):
    """One question to a port and what came back: the kept replies, and the bytes of the whole ones.

    ``service`` is the declared one, which decides the question unless it is ``of_number``; ``attempt`` counts the
    questions of either kind. ``cause`` says why nothing came back.
    """

    port: int
    service: str | None = None
    of_number: bool = False
    attempt: int = 0
    sent: bytes = b""
    replies: tuple[bytes, ...] = ()
    received: int = 0
    cause: Cause | None = None
    detail: str = ""

    @property
    def question(self) -> UdpQuestion:
        """What was asked."""
        questions = questions_for(self.port, None if self.of_number else self.service)
        return questions[min(self.attempt, len(questions) - 1)]

    @property
    def is_identified(self) -> bool:
        """Whether a reply is one of the protocol that was asked for."""
        return any(self.question.shown_by(self.sent, reply) is not None for reply in self.replies)

    @property
    def is_settled(self) -> bool:
        """Whether another question could tell nothing more: the port was identified, or rejects what comes."""
        return self.is_identified or (self.cause is not None and self.cause is not Cause.TIMEOUT)


class StoredUdpServices(Model):
    """The questions to all ports; ``controls`` are the causes at the control port, None where something answered."""

    ports: tuple[StoredUdp, ...] = ()
    controls: tuple[Cause | None, ...] = ()


def attempts_at(port: int, service: str | None) -> tuple[StoredUdp, ...]:
    """What a port is asked until it is identified, before it is asked: at least ``ATTEMPTS`` questions.

    A declared service does not keep a port of the list from being asked what its number stands for: what is declared as
    something else could hide behind the declaration.
    """
    declared, own = questions_for(port, service), questions_for(port)
    asked = [StoredUdp(port=port, service=service, attempt=number) for number in range(len(declared))]
    if own not in (declared, (EMPTY,)):
        asked += [StoredUdp(port=port, service=service, of_number=True, attempt=number) for number in range(len(own))]
    again = (asked[-1].model_copy(update={"attempt": asked[-1].attempt + more}) for more in itertools.count(1))
    return (*asked, *itertools.islice(again, max(0, ATTEMPTS - len(asked))))


def declared_services(target: Target) -> dict[int, str | None]:
    """The declared UDP ports of the target's host, with the services that the declaration names."""
    return {each.port: each.service for each in target.declared.ports if each.protocol == "udp"}


def ports_to_ask(target: Target, *, whole_list: bool) -> dict[int, str | None]:
    """The UDP ports that are asked, ascending, with their declared services."""
    listed = BY_PORT.keys() if whole_list else CHECKED_PORTS
    services = dict.fromkeys(listed) | declared_services(target)
    return dict(sorted(services.items()))


def _cost(target: Target, options: Mapping[str, Any]) -> Cost:
    ports = ports_to_ask(target, whole_list=options.get("whole_list", False))
    questions = sum(len(attempts_at(port, service)) for port, service in ports.items()) + _CONTROLS
    return Cost(connections=questions, seconds=int(questions * ANSWER_SECONDS) + 1)


# --- asking ---


async def _ask(network: Network, question: UdpQuestion, port: int) -> tuple[bytes, tuple[bytes, ...]]:
    """The datagram that was sent, and those that came back. Raises ScanFailure."""
    sent = question.ask(os.urandom(TOKEN_BYTES))
    replies = await network.udp(
        sent,
        lambda reply: question.shown_by(sent, reply) is not None,
        port=port,
        timeout=ANSWER_SECONDS,
        from_any_port=question.from_any_port,
    )
    return sent, replies


async def _asked(network: Network, attempt: StoredUdp) -> StoredUdp:
    """One question to one port, stored without names and free texts."""
    try:
        sent, replies = await _ask(network, attempt.question, attempt.port)
    except ScanFailure as failure:
        return attempt.model_copy(update={"cause": failure.cause, "detail": failure.message[:300]})
    return attempt.model_copy(
        update={
            "sent": sent,
            "replies": tuple(_kept(attempt.question, sent, reply) for reply in replies),
            "received": sum(map(len, replies)),
        }
    )


def _kept(question: UdpQuestion, sent: bytes, reply: bytes) -> bytes:
    """What is stored of a reply: nothing where it is not one of the protocol, for it may say anything."""
    return question.kept(reply)[:KEPT_BYTES] if question.shown_by(sent, reply) is not None else b""


async def _control(network: Network, port: int) -> Cause | None:
    """Why a port at which nothing is expected does not answer; None when it does."""
    try:
        await _ask(network, EMPTY, port)
    except ScanFailure as failure:
        return failure.cause
    return None


async def _ask_again(network: Network, attempts: Iterable[StoredUdp], *, rejects: bool) -> list[StoredUdp]:
    """Ask silent ports once more; where the target sends ICMP errors, no faster than such a limit allows."""
    if not rejects:
        return list(await asyncio.gather(*(_asked(network, each) for each in attempts)))
    found: list[StoredUdp] = []
    for each in attempts:
        await _await_icmp(found)
        found.append(await _asked(network, each))
    return found


async def _ask_until_settled(network: Network, wanted: Mapping[int, str | None], *, rejects: bool) -> list[StoredUdp]:
    """Each port's last word: that of the question that identified it, or that it rejects; else what came back, if any.

    ``rejects``: the target is known to send ICMP errors.
    """
    left = {port: list(attempts_at(port, service)) for port, service in wanted.items()}
    found = {
        each.port: each for each in await asyncio.gather(*(_asked(network, asked.pop(0)) for asked in left.values()))
    }
    while unsettled := [port for port, each in found.items() if left[port] and not each.is_settled]:
        rejects = rejects or any(each.cause is Cause.REFUSED for each in found.values())
        due = [left[port].pop(0) for port in unsettled]
        worthwhile = [each for each in due if _is_worthwhile(found[each.port], each)]
        again = await _ask_again(network, worthwhile, rejects=rejects)
        found |= {each.port: each for each in again if each.is_identified or not found[each.port].replies}
    return list(found.values())


def _is_worthwhile(before: StoredUdp, following: StoredUdp) -> bool:
    """Whether to ask a question: it is another one, or nothing has come back so far."""
    return not before.replies or following.question is not before.question


async def _await_icmp(asked: Sequence[StoredUdp]) -> None:
    """Wait until the target may send an ICMP error again: the last question began as long ago as it was waited for."""
    was_refused = bool(asked) and asked[-1].cause is Cause.REFUSED
    await asyncio.sleep(max(0.0, ICMP_SECONDS - (0.0 if was_refused else ANSWER_SECONDS)))


# --- what a short list of ports answers ---


def _state(stored: StoredUdp, controls: tuple[Cause | None, ...]) -> Answer[UdpReply]:
    """The answer of one port."""
    if stored.cause in _REJECTIONS:
        return Answer[UdpReply](seen=UdpReply(state=_REJECTIONS[stored.cause], sent=len(stored.sent)))
    if stored.cause is Cause.TIMEOUT:
        limited = controls[:1] == (Cause.REFUSED,) and controls[-1] is Cause.TIMEOUT
        return Answer[UdpReply](unseen=Cause.RATE_LIMITED if limited else Cause.TIMEOUT)
    if stored.cause is not None:
        return Answer[UdpReply](unseen=stored.cause)
    shown = (stored.question.shown_by(stored.sent, reply) for reply in stored.replies)
    detail = next((each for each in shown if each is not None), None)
    if detail is None and None in controls:
        return Answer[UdpReply](unseen=Cause.AMBIGUOUS)
    return Answer[UdpReply](
        seen=UdpReply(
            state=UdpState.OPEN,
            protocol=UdpProtocol.UNKNOWN if detail is None else stored.question.protocol,
            detail=detail or "",
            sent=len(stored.sent),
            received=stored.received,
        )
    )


def parse_udp_services(output: ScanOutput, context: ParseContext) -> UdpServices:
    """The answer of every port that was asked; raises ValueError when the stored replies are missing."""
    raw = output.named(_STORED)
    if raw is None:
        raise ValueError(f"the UDP replies of {context.subject.address} are missing")
    stored = StoredUdpServices.parse(raw)
    found = {each.port: UdpPort(port=each.port, answer=_state(each, stored.controls)) for each in stored.ports}
    return UdpServices(ports=tuple(found[port] for port in sorted(found)))


@probe(
    "udp-services",
    kind=UdpServices,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    parse=parse_udp_services,
    cost=_cost,
)
async def udp_services(target: Target, network: Network, *, whole_list: bool = False) -> ScanOutput:
    """Ask the declared UDP ports and a short list of others the question of the protocol that belongs to each.

    One datagram for a question, of the shortest answer; a silent port is asked once more. A port where nothing is
    expected is asked before and after: when it first rejects and later does not, ICMP errors are limited, and silence
    shows even less than it does anyway. ``whole_list`` adds the ports that no check is about.
    """
    wanted = ports_to_ask(target, whole_list=whole_list)
    control = control_port(wanted)
    controls: list[Cause | None] = [await _control(network, control)]
    stored = await _ask_until_settled(network, wanted, rejects=controls[0] is Cause.REFUSED)
    silent = [each for each in stored if each.cause is Cause.TIMEOUT]
    if silent:
        await _await_icmp(silent)
        controls.append(await _control(network, control))
    _raise_if_nothing_was_asked(stored)
    ordered = tuple(sorted(stored, key=lambda each: each.port))
    return ScanOutput(
        raw=(_raw(StoredUdpServices(ports=ordered, controls=tuple(controls))),),
        gaps=_gaps(ordered),
    )


#: Failures for which no datagram left this machine.
_NOT_ASKED = frozenset({Cause.OUT_OF_SCOPE, Cause.NOT_AUTHORISED, Cause.OUTSIDE_WINDOW, Cause.ABORTED, Cause.BUG})


def _raise_if_nothing_was_asked(stored: Iterable[StoredUdp]) -> None:
    """Raise ScanFailure with the common cause for which no question at all was sent, if there is one."""
    causes = {each.cause: each.detail for each in stored}
    if len(causes) == 1:
        ((cause, detail),) = causes.items()
        if cause is not None and cause in _NOT_ASKED:
            raise ScanFailure(cause, detail)


def _raw(stored: Model) -> Raw:
    return Raw(name=_STORED, data=stored.canonical(), media_type="application/json")


def _gaps(stored: Iterable[StoredUdp]) -> tuple[Gap, ...]:
    return tuple(
        Gap(question=f"{each.question.protocol.value} at {each.port}/udp", cause=each.cause, detail=each.detail)
        for each in stored
        if each.cause is not None and each.cause not in _REJECTIONS
    )


# --- intrusive questions ---

#: The questions by the fact that they are asked for, and what a reply to each means.
_INTRUSIVE: Mapping[str, UdpQuestion] = {
    "recursion": dns.RECURSION,
    "ntp_control": ntp.CONTROL,
    "ntp_monitor": ntp.MONITOR,
    "snmp_v1": snmp.PUBLIC_V1,
    "snmp_v2c": snmp.PUBLIC_V2C,
}
#: At how many declared ports beside these they are asked, and how many of them at one.
MAX_ELSEWHERE = 8
_MOST_AT_A_PORT = len(_INTRUSIVE)
_HANDLING = {
    dns.RESOLVES: Handling.ANSWERED,
    dns.REFUSES: Handling.REFUSED,
    ntp.ANSWERED: Handling.ANSWERED,
    ntp.REFUSED: Handling.REFUSED,
    snmp.ACCEPTED: Handling.ANSWERED,
    snmp.REFUSED: Handling.REFUSED,
}


class StoredExposure(Model):
    """One intrusive question and what came back.

    ``port`` is None at the port of the protocol. ``is_closed``: nothing was asked, because the port was seen closed or
    filtered. ``is_alive``: the service answered an ordinary question after this one had stayed silent.
    """

    name: str
    port: int | None = None
    sent: bytes = b""
    reply: bytes = b""
    is_closed: bool = False
    is_alive: bool = False
    cause: Cause | None = None
    detail: str = ""


class StoredExposures(Model):
    """The intrusive questions of one scan."""

    questions: tuple[StoredExposure, ...] = ()


def _handling(stored: StoredExposure | None) -> Answer[Handling]:
    """What became of one question."""
    if stored is None:
        return Answer[Handling](unseen=Cause.NOT_SELECTED)
    if stored.is_closed or stored.cause in _REJECTIONS:
        return Answer[Handling](seen=Handling.CLOSED)
    if stored.cause is Cause.TIMEOUT and stored.is_alive and stored.name != "recursion":
        return Answer[Handling](seen=Handling.IGNORED)
    if stored.cause is not None:
        return Answer[Handling](unseen=stored.cause)
    shown = _INTRUSIVE[stored.name].shown_by(stored.sent, stored.reply)
    if shown is None:
        return Answer[Handling](unseen=Cause.PROTOCOL_ERROR)
    handling = _HANDLING.get(shown)
    return Answer[Handling](seen=handling) if handling else Answer[Handling](unseen=Cause.AMBIGUOUS)


def parse_udp_exposure(output: ScanOutput, context: ParseContext) -> UdpExposure:
    """What became of every question; raises ValueError when the stored replies are missing."""
    raw = output.named(_STORED)
    if raw is None:
        raise ValueError(f"the UDP replies of {context.subject.address} are missing")
    questions = StoredExposures.parse(raw).questions
    stored = {each.name: each for each in questions if each.port is None}
    elsewhere = sorted((each for each in questions if each.port is not None), key=lambda each: (each.port, each.name))
    facts = {name: _handling(stored.get(name)) for name in _INTRUSIVE}
    others = [{"port": each.port, "question": each.name, "handling": _handling(each)} for each in elsewhere]
    return UdpExposure.model_validate({**facts, "elsewhere": others})


def _cost_of_intrusion(target: Target, _options: Mapping[str, Any]) -> Cost:
    ports = min(MAX_ELSEWHERE, len(declared_services(target)))
    questions = (ATTEMPTS + 1) * (len(_INTRUSIVE) + _MOST_AT_A_PORT * ports)
    return Cost(connections=questions, seconds=45 + 10 * ports)


def _elsewhere(target: Target, services: UdpServices) -> list[tuple[str, int]]:
    """The questions at declared ports of another number: of their declared service, and of the one that is there."""
    stated = {port: questions_for(port, service)[0].protocol for port, service in declared_services(target).items()}
    return [
        (name, port)
        for port in sorted(stated)
        for name, question in _INTRUSIVE.items()
        if port != question.port
        and (stated[port] is question.protocol or port in services.identified(question.protocol))
    ]


@probe(
    "udp-exposure",
    kind=UdpExposure,
    schemes={HOST},
    subject_kind=SubjectKind.ADDRESS,
    intrusiveness=Intrusiveness.INTRUSIVE,
    parse=parse_udp_exposure,
    cost=_cost_of_intrusion,
)
async def udp_exposure(target: Target, network: Network, services: UdpServices) -> ScanOutput:
    """Ask what only a misconfigured service answers: to resolve a name, NTP's modes 6 and 7, the community ``public``.

    A silent port is asked once more. Where it stays silent, an ordinary question shows whether the service is there,
    and so ignores the other one. Ports that were closed or filtered are not asked. Declared ports with such a service
    are asked as those are that belong to it; beyond ``MAX_ELSEWHERE`` of them the questions are recorded as aborted.
    """
    elsewhere = _elsewhere(target, services)
    beyond = sorted({port for _, port in elsewhere if not _is_rejected(services, port)})[MAX_ELSEWHERE:]
    asked = [*((name, None) for name in _INTRUSIVE), *(each for each in elsewhere if each[1] not in beyond)]
    stored = list(await asyncio.gather(*(_intrude(network, name, port, services) for name, port in asked)))
    stored += [
        StoredExposure(name=name, port=port, cause=Cause.ABORTED, detail=f"more than {MAX_ELSEWHERE} declared ports")
        for name, port in elsewhere
        if port in beyond
    ]
    return ScanOutput(
        raw=(_raw(StoredExposures(questions=tuple(stored))),),
        gaps=tuple(
            Gap(
                question=each.name if each.port is None else f"{each.name} at {each.port}/udp",
                cause=each.cause,
                detail=each.detail,
            )
            for each in stored
            if each.cause is not None and each.cause not in _REJECTIONS and not each.is_alive
        ),
    )


def _is_rejected(services: UdpServices, port: int) -> bool:
    """Whether the port was seen closed or filtered, so that it is not asked."""
    return services.state(port).seen in (UdpState.CLOSED, UdpState.FILTERED)


async def _intrude(network: Network, name: str, elsewhere: int | None, services: UdpServices) -> StoredExposure:
    question = _INTRUSIVE[name]
    port = question.port if elsewhere is None else elsewhere
    found = StoredExposure(name=name, port=elsewhere)
    if _is_rejected(services, port):
        return found.model_copy(update={"is_closed": True})
    failure: ScanFailure | None = None
    for _ in range(ATTEMPTS):
        try:
            sent, replies = await _ask(network, question, port)
        except ScanFailure as raised:
            failure = raised
            if failure.cause is not Cause.TIMEOUT:
                break
            continue
        answer = next((each for each in replies if question.shown_by(sent, each) is not None), None)
        return found.model_copy(update={"sent": sent, "reply": b"" if answer is None else question.kept(answer)})
    assert failure is not None  # noqa: S101  (every attempt failed)
    detail = failure.message[:300]
    if failure.cause in _REJECTIONS and services.state(port).seen is UdpState.OPEN:
        return found.model_copy(update={"cause": Cause.UNSTABLE, "detail": detail})
    is_alive = failure.cause is Cause.TIMEOUT and await _is_alive(network, BY_PORT[question.port][0], port)
    return found.model_copy(update={"cause": failure.cause, "detail": detail, "is_alive": is_alive})


async def _is_alive(network: Network, ordinary: UdpQuestion, port: int) -> bool:
    """Whether the service at a port answers the ordinary question of its protocol now."""
    try:
        sent, replies = await _ask(network, ordinary, port)
    except ScanFailure:
        return False
    return any(ordinary.shown_by(sent, reply) is not None for reply in replies)
