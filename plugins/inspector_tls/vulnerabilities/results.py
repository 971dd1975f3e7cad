"""What was tried and what came of it: written by the worker, judged again from its recording.

sslyze's word is taken only where the connections show that it really asked: a server that fell silent, reset the line
or never finished its hello is not safe, it is unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import takewhile
from typing import Any

from inspector import Answer, Cause, Model
from inspector_tls.vulnerabilities.observations import Robot
from inspector_tls.wire.recorded_bytes import (
    BAD_RECORD_MAC,
    PROTOCOL_VERSION,
    REFUSALS,
    alerts,
    alerts_after_hello,
    certificates,
    has_heartbeat,
    hello_version,
    is_hello_done,
    retry_group,
    speaks_first,
)
from inspector_tls.wire.versions import TlsVersion


class Command(StrEnum):
    """What was tried: ``version`` is one handshake, the others are sslyze's scan commands."""

    VERSION = "version"
    HEARTBLEED = "heartbleed"
    CCS_INJECTION = "ccs-injection"
    ROBOT = "robot"
    RENEGOTIATION = "renegotiation"
    EARLY_DATA = "early-data"


class End(StrEnum):
    """How a connection ended. ``open``: it was left by this side."""

    OPEN = "open"
    CLOSED = "closed"
    RESET = "reset"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_TLS = "no-tls"


_CAUSES = {
    End.OPEN: Cause.PROTOCOL_ERROR,
    End.CLOSED: Cause.PROTOCOL_ERROR,
    End.RESET: Cause.RESET,
    End.TIMEOUT: Cause.TIMEOUT,
    End.REFUSED: Cause.REFUSED,
    End.UNREACHABLE: Cause.NOT_REACHED,
    End.NO_TLS: Cause.PROTOCOL_ERROR,
}


class Line(Model):
    """One connection: what was received first, how it ended, whether the handshake was made.

    ``prodded``: the silent server was sent a record that it must reject, to see whether it still listens.
    ``protested``: it answered a ChangeCipherSpec that came early, or closed the line, before anything followed.
    ``heard``: how many of the bytes were heard out after the handshake before anything was asked; 0: it was not heard.
    """

    received: bytes = b""
    end: End = End.OPEN
    shaken: bool = False
    prodded: bool = False
    protested: bool = False
    heard: int = 0

    @property
    def cause(self) -> Cause:
        """Why nothing can be concluded from it."""
        return _CAUSES[self.end]


class Run(Model):
    """One command run once: sslyze's result in its words (empty where it raised ``error``), and the connections.

    ``named``: the server's name was sent, or it has none.
    """

    command: Command
    version: TlsVersion
    named: bool = True
    result: str = ""
    number: int = 0
    error: str = ""
    lines: tuple[Line, ...] = ()

    @property
    def unseen(self) -> Answer[Any]:
        """That nothing was seen, for the cause of the first connection that went wrong, or of the last."""
        if not self.lines:
            return Answer(unseen=Cause.NOT_REACHED)
        bad = next((line for line in self.lines if line.end not in (End.OPEN, End.CLOSED)), self.lines[-1])
        return Answer(unseen=bad.cause)


class Order(Model):
    """What the worker is told: where to connect, under which names, and the seconds for one answer and in all."""

    address: str
    port: int
    scheme: str
    server_name: str | None = None
    ehlo: str = ""
    user_agent: str = ""
    answer_seconds: int = 5
    all_seconds: int = 120


class Report(Model):
    """What the worker brings back."""

    runs: tuple[Run, ...] = ()
    tools: dict[str, str] = {}


# --- judging one run --------------------------------------------------------------------------------------------------


def accepts(run: Run) -> Answer[bool]:
    """Whether the server accepts the version of a handshake: it chose it, chose another, or refused in words."""
    if not run.lines:
        return run.unseen
    line = run.lines[0]
    chosen = hello_version(line.received)
    if chosen is not None:
        return Answer(seen=chosen is run.version)
    return Answer(seen=False) if _is_refused(line) else run.unseen


def _is_refused(line: Line) -> bool:
    """Whether the server refused the hello in words."""
    return hello_version(line.received) is None and bool(REFUSALS & set(alerts(line.received)))


def _took(run: Run) -> bool:
    """Whether the server took a hello of the run's version, whatever came of it."""
    return any(hello_version(line.received) is run.version for line in run.lines)


def heartbleed(run: Run) -> Answer[bool]:
    """Open to it: the server answered a heartbeat that it must discard (RFC 6520 §4).

    Closed: after its whole hello it sent an alert or closed the line; or it kept silent, and then rejected the next
    record, which it reads after the heartbeat.
    """
    line = _last(run)
    if run.error or not is_hello_done(line.received):
        return run.unseen
    if run.result == str(True):
        return Answer(seen=True) if has_heartbeat(line.received) else Answer(unseen=Cause.AMBIGUOUS)
    return Answer(seen=False) if line.end is End.CLOSED or alerts_after_hello(line.received) else run.unseen


def ccs_injection(run: Run) -> Answer[bool]:
    """Open to it: after an early ChangeCipherSpec the server tried to decrypt (CVE-2014-0224).

    Closed: it protested against that message by itself, or named another fault than a bad MAC. Who only closes the line
    after the next record may have tried to decrypt that one in silence.
    """
    line = _last(run)
    if not is_hello_done(line.received):
        return run.unseen
    if line.protested:
        return Answer(seen=False)
    if run.error:
        return run.unseen
    said = alerts_after_hello(line.received)
    if run.result == str(True):
        return Answer(seen=True) if BAD_RECORD_MAC in said else Answer(unseen=Cause.AMBIGUOUS)
    return Answer(seen=False) if said and BAD_RECORD_MAC not in said else run.unseen


def _last(run: Run) -> Line:
    return run.lines[-1] if run.lines else Line(end=End.UNREACHABLE)


_ROBOT = {
    "VULNERABLE_WEAK_ORACLE": Robot.WEAK_ORACLE,
    "VULNERABLE_STRONG_ORACLE": Robot.STRONG_ORACLE,
    "NOT_VULNERABLE_NO_ORACLE": Robot.NO_ORACLE,
    "NOT_VULNERABLE_RSA_NOT_SUPPORTED": Robot.NO_RSA,
}


def robot(run: Run) -> Answer[Robot]:
    """An oracle is a difference between answers that held three times over.

    None: every attempt was answered, and alike. No RSA: it was refused in words.
    """
    if run.error:
        return run.unseen
    found = _ROBOT.get(run.result)
    if found is None:
        return Answer(unseen=Cause.UNSTABLE)
    if found is Robot.NO_RSA:
        refused = [_is_refused(line) for line in run.lines]
        if refused and all(refused):
            return Answer(seen=found)
        # The last hello offers every suite with RSA: it is refused by whom took one of them before.
        return Answer(unseen=Cause.UNSTABLE) if refused[-1:] == [True] and _took(run) else run.unseen
    if found is Robot.NO_ORACLE:
        answered = all(line.end in (End.OPEN, End.CLOSED) for line in run.lines)
        asked = sum(is_hello_done(line.received) and not line.shaken for line in run.lines)
        return Answer(seen=found) if answered and asked >= _ROBOT_QUESTIONS else run.unseen
    return Answer(seen=found)


#: Five paddings, three times each.
_ROBOT_QUESTIONS = 15


def renegotiations(run: Run) -> Answer[int]:
    """How many renegotiations in a row the server carried out; 0 where it refused the first by an answer.

    Data is none: a server that speaks first, as those of mail do, had not heard the question.
    """
    line = _last(run)
    if not line.shaken:
        return run.unseen
    if "unsafe legacy renegotiation disabled" in run.error:
        return Answer(seen=1)  # the server answered with a hello; it was the client that would not go on
    if run.error:
        return run.unseen
    if run.number:
        return Answer(seen=run.number)
    if speaks_first(line.received, line.heard):
        return Answer(unseen=Cause.AMBIGUOUS)
    return Answer(seen=0) if line.end in (End.OPEN, End.CLOSED) else run.unseen


def early_data(run: Run) -> Answer[bool]:
    """Whether the server took a byte before the handshake was done, on a session that it had given out.

    Who refuses TLS 1.3 takes none. Who asks for a second hello must ignore what came with the first (RFC 8446 §4.2.10),
    and may take it from another client.
    """
    if accepts(run).seen is False:
        return Answer(seen=False)
    if run.error or any(line.end in (End.RESET, End.TIMEOUT) for line in run.lines):
        return run.unseen
    if run.result == str(True):
        return Answer(seen=True)
    if retry_group(_last(run).received) is not None:
        return Answer(unseen=Cause.AMBIGUOUS)
    return Answer(seen=False) if len(run.lines) > 1 and run.lines[0].shaken else run.unseen


JUDGES: dict[Command, Callable[[Run], Answer[Any]]] = {
    Command.VERSION: accepts,
    Command.HEARTBLEED: heartbleed,
    Command.CCS_INJECTION: ccs_injection,
    Command.ROBOT: robot,
    Command.RENEGOTIATION: renegotiations,
    Command.EARLY_DATA: early_data,
}


# --- judging them together --------------------------------------------------------------------------------------------


def settle(runs: Iterable[Run]) -> Answer[Any]:
    """The first answer that was seen, else why the last was not.

    No answer is a refusal of what the server took at another time.
    """
    tried = list(runs)
    taken = any(_took(run) for run in tried)
    return _first_seen(_steady(run, taken=taken) for run in tried)


def _steady(run: Run, *, taken: bool) -> Answer[Any]:
    answer = JUDGES[run.command](run)
    return Answer(unseen=Cause.UNSTABLE) if answer.is_seen and taken and not _took(run) else answer


def _first_seen(answers: Iterable[Answer[Any]]) -> Answer[Any]:
    answer: Answer[Any] = Answer(unseen=Cause.NOT_REACHED)
    for answer in answers:
        if answer.is_seen:
            break
    return answer


def about(runs: Sequence[Run], command: Command, version: TlsVersion | None = None) -> list[Run]:
    """The runs of a command."""
    return [run for run in runs if run.command is command and version in (None, run.version)]


def concluded(runs: Sequence[Run], command: Command) -> Answer[Any]:
    """What a command came to, in the light of everything that was tried.

    Whoever answers where no name is sent may be another server: it is heard where it shows the same certificates. That
    a server takes no RSA key exchange, or turns TLS 1.3 away, is believed where it took another hello afterwards.
    """
    answer = settle(run for run in about(runs, command) if run.named or _is_the_named(run, runs))
    if answer.seen is not Robot.NO_RSA and not turned_away(about(runs, command)):
        return answer
    afterwards = takewhile(lambda run: run.command is not command, reversed(runs))
    return answer if any(map(_took, afterwards)) else Answer(unseen=Cause.UNSTABLE)


def _is_the_named(nameless: Run, runs: Sequence[Run]) -> bool:
    """Whether who answered without a name showed the certificates of whom was named."""
    known = {certificates(line.received) for run in runs if run.named for line in run.lines} - {None}
    return all(certificates(line.received) in known for line in nameless.lines)


def turned_away(runs: Sequence[Run]) -> bool:
    """Whether early data came to nothing by an alert that any hello may meet, and not by one about the version."""
    firsts = [run.lines[0] for run in runs if run.command is Command.EARLY_DATA and run.lines]
    return any(_is_refused(line) and PROTOCOL_VERSION not in alerts(line.received) for line in firsts)


#: Commands that begin with a handshake like any other.
_OFFERING_ALL = (Command.VERSION, Command.EARLY_DATA)


def accepted(runs: Sequence[Run], version: TlsVersion) -> Answer[bool]:
    """Whether the server accepts a version.

    Its hello shows that, whatever was tried with it. A refusal is believed only of a hello that offers all there is.
    """
    tried = [run for run in runs if run.version is version]
    if any(_took(run) for run in tried):
        return Answer(seen=True)
    return _first_seen(accepts(run) for run in tried if run.command in _OFFERING_ALL)


#: Versions that the attacks are about, newest first.
ATTACKED = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_1, TlsVersion.TLS_1_0, TlsVersion.SSL_3)


def newest_attacked(runs: Sequence[Run]) -> Answer[TlsVersion | None]:
    """The newest version up to TLS 1.2 that is accepted; None where TLS 1.3 is and all others are refused."""
    for version in ATTACKED:
        taken = accepted(runs, version)
        if not taken.is_seen:
            return Answer(unseen=taken.unseen)
        if taken.seen:
            return Answer(seen=version)
    newest = accepted(runs, TlsVersion.TLS_1_3)
    if newest.seen:
        return Answer(seen=None)
    return Answer(unseen=newest.unseen or Cause.PROTOCOL_ERROR)
