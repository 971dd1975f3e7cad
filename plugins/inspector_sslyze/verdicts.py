"""What command runs prove: pure, so that stored runs can be assessed again.

sslyze's result counts only where the connections show that the server was really asked: a server that stopped
answering, reset the connection or never finished its first flight is not secure, it is unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any

from inspector import Answer, Cause
from inspector_sslyze.observations import Robot
from inspector_sslyze.recorded_bytes import (
    alerts,
    alerts_after_hello,
    certificates,
    has_heartbeat,
    hello_version,
    is_hello_done,
    retry_group,
    speaks_first,
)
from inspector_sslyze.results import NOT_OFFERED, Command, CommandRun, ConnectionEnd, ConnectionTrace
from inspector_tls.wire.alerts import HELLO_REFUSALS, AlertNumber
from inspector_tls.wire.versions import TlsVersion

# --- one run ----------------------------------------------------------------------------------------------------------


def accepts(run: CommandRun) -> Answer[bool]:
    """Whether the server accepts the version of a handshake: it chose it, chose another, or refused by an alert."""
    if not run.traces:
        return run.unseen
    trace = run.traces[0]
    chosen = hello_version(trace.received)
    if chosen is not None:
        return Answer(seen=chosen is run.version)
    return Answer(seen=False) if _is_refused(trace) else run.unseen


def _is_refused(trace: ConnectionTrace) -> bool:
    """Whether the server refused the ClientHello by an alert."""
    return hello_version(trace.received) is None and bool(HELLO_REFUSALS & set(alerts(trace.received)))


def _ends_at_hello(run: CommandRun) -> bool:
    """Whether the server ended every connection of a run at the ClientHello, at least once without refusing it.

    That may be a refusal or a failure: see ``settle``.
    """
    ended = [_may_be_refused(trace) for trace in run.traces]
    return any(ended) and all(end or _is_refused(trace) for end, trace in zip(ended, run.traces, strict=True))


def _may_be_refused(trace: ConnectionTrace) -> bool:
    """Whether the answer to the ClientHello is the end of the connection, or an alert that may be about the server."""
    if not trace.received:
        return trace.end in (ConnectionEnd.CLOSED, ConnectionEnd.RESET)
    sent = frozenset(alerts(trace.received))
    return hello_version(trace.received) is None and bool(sent) and not sent & (HELLO_REFUSALS | _OF_THE_CLIENT)


#: Alerts about the client or the name that it asks for, not about what it offers.
_OF_THE_CLIENT = frozenset({AlertNumber.ACCESS_DENIED, AlertNumber.UNRECOGNIZED_NAME})


def _is_accepted(run: CommandRun) -> bool:
    """Whether the server accepted a ClientHello of the run's version, whatever followed."""
    return any(hello_version(trace.received) is run.version for trace in run.traces)


def heartbleed(run: CommandRun) -> Answer[bool]:
    """Vulnerable: the server answered a heartbeat that it must discard (RFC 6520 §4).

    Not vulnerable: after its whole first flight it sent an alert or closed the connection; or it sent nothing, and then
    rejected the next record, which it reads after the heartbeat.
    """
    trace = _last(run)
    if run.error or not is_hello_done(trace.received):
        return run.unseen
    if run.result == str(True):
        return Answer(seen=True) if has_heartbeat(trace.received) else Answer(unseen=Cause.AMBIGUOUS)
    rejected = trace.end is ConnectionEnd.CLOSED or alerts_after_hello(trace.received)
    return Answer(seen=False) if rejected else run.unseen


def ccs_injection(run: CommandRun) -> Answer[bool]:
    """Vulnerable: after a premature ChangeCipherSpec the server tried to decrypt (CVE-2014-0224).

    Not vulnerable: it rejected that message before anything followed, or by another alert than bad_record_mac. A server
    that only closes the connection after the next record may have tried to decrypt that one without an alert.
    """
    trace = _last(run)
    if not is_hello_done(trace.received):
        return run.unseen
    if trace.answered_early:
        return Answer(seen=False)
    if run.error:
        return run.unseen
    sent = alerts_after_hello(trace.received)
    if run.result == str(True):
        return Answer(seen=True) if AlertNumber.BAD_RECORD_MAC in sent else Answer(unseen=Cause.AMBIGUOUS)
    return Answer(seen=False) if sent and AlertNumber.BAD_RECORD_MAC not in sent else run.unseen


def _last(run: CommandRun) -> ConnectionTrace:
    return run.traces[-1] if run.traces else ConnectionTrace(end=ConnectionEnd.UNREACHABLE)


_ROBOT = {
    "VULNERABLE_WEAK_ORACLE": Robot.WEAK_ORACLE,
    "VULNERABLE_STRONG_ORACLE": Robot.STRONG_ORACLE,
    "NOT_VULNERABLE_NO_ORACLE": Robot.NO_ORACLE,
    "NOT_VULNERABLE_RSA_NOT_SUPPORTED": Robot.NO_RSA,
}


def robot(run: CommandRun) -> Answer[Robot]:
    """An oracle is a difference between answers that was the same three times.

    No oracle: every attempt was answered, and alike. No RSA: it was refused by an alert.
    """
    if run.error:
        return run.unseen
    found = _ROBOT.get(run.result)
    if found is None:
        return Answer(unseen=Cause.UNSTABLE)
    if found is Robot.NO_RSA:
        refused = [_is_refused(trace) for trace in run.traces]
        if refused and all(refused):
            return Answer(seen=found)
        # The last ClientHello offers every suite with RSA: a server that accepted one before does not refuse it.
        return Answer(unseen=Cause.UNSTABLE) if refused[-1:] == [True] and _is_accepted(run) else run.unseen
    if found is Robot.NO_ORACLE:
        answered = not any(trace.has_failed for trace in run.traces)
        asked = sum(is_hello_done(trace.received) and not trace.handshake_done for trace in run.traces)
        return Answer(seen=found) if answered and asked >= _ROBOT_QUESTIONS else run.unseen
    return Answer(seen=found)


#: Five paddings, three times each.
_ROBOT_QUESTIONS = 15


def renegotiations(run: CommandRun) -> Answer[int]:
    """How many renegotiations in a row the server carried out; 0 where it refused the first by an answer.

    Application data is no answer: a server that sends it unasked, as those of mail do, had not read the request.
    """
    trace = _last(run)
    if not trace.handshake_done:
        return run.unseen
    if "unsafe legacy renegotiation disabled" in run.error:
        return Answer(seen=1)  # the server answered with a ServerHello; the client refused to go on
    if run.error:
        return run.unseen
    if run.number:
        return Answer(seen=run.number)
    if speaks_first(trace.received, trace.drained_bytes):
        return Answer(unseen=Cause.AMBIGUOUS)
    return run.unseen if trace.has_failed else Answer(seen=0)


def early_data(run: CommandRun) -> Answer[bool]:
    """Whether the server accepted a byte before the handshake was done, on a session that it had given out.

    A server that refuses TLS 1.3 accepts none, and so does one whose tickets do not say how many bytes (RFC 8446
    §4.6.1): a client must not send any then, and nothing was resumed. One that sends a HelloRetryRequest must ignore
    data with the first ClientHello (RFC 8446 §4.2.10), and may accept early data from another client.
    """
    if accepts(run).seen is False:
        return Answer(seen=False)
    if run.error or any(trace.end in (ConnectionEnd.RESET, ConnectionEnd.TIMEOUT) for trace in run.traces):
        return run.unseen
    if run.result == NOT_OFFERED:
        return Answer(seen=False) if run.traces and _last(run).handshake_done else run.unseen
    if run.result == str(True):
        return Answer(seen=True)
    if retry_group(_last(run).received) is not None:
        return Answer(unseen=Cause.AMBIGUOUS)
    return Answer(seen=False) if len(run.traces) > 1 and run.traces[0].handshake_done else run.unseen


VERDICTS: dict[Command, Callable[[CommandRun], Answer[Any]]] = {
    Command.VERSION: accepts,
    Command.HEARTBLEED: heartbleed,
    Command.CCS_INJECTION: ccs_injection,
    Command.ROBOT: robot,
    Command.RENEGOTIATION: renegotiations,
    Command.EARLY_DATA: early_data,
}


# --- several runs -----------------------------------------------------------------------------------------------------


def settle(runs: Iterable[CommandRun]) -> Answer[Any]:
    """The first answer that was seen, else why the last was not.

    A refusal of what the server accepted at another time is not an answer. Where it ends every connection at the
    ClientHello, of two runs or more, that is a refusal like an unspecific alert.
    """
    tried = list(runs)
    accepted_once = any(_is_accepted(run) for run in tried)
    answer = _first_seen(_stable(run, accepted_once=accepted_once) for run in tried)
    return Answer(seen=_REFUSED[tried[0].command]) if not answer.is_seen and _end_at_hello(tried) else answer


def _end_at_hello(runs: Sequence[CommandRun]) -> bool:
    """Whether several runs of one command, and no other, ended at the ClientHello."""
    return len(runs) > 1 and runs[0].command in _REFUSED and all(map(_ends_at_hello, runs))


#: The answers of the commands whose ClientHello may be refused.
_REFUSED: dict[Command, Any] = {Command.VERSION: False, Command.ROBOT: Robot.NO_RSA, Command.EARLY_DATA: False}


def _stable(run: CommandRun, *, accepted_once: bool) -> Answer[Any]:
    answer = VERDICTS[run.command](run)
    contradicts = answer.is_seen and accepted_once and not _is_accepted(run)
    return Answer(unseen=Cause.UNSTABLE) if contradicts else answer


def _first_seen(answers: Iterable[Answer[Any]]) -> Answer[Any]:
    answer: Answer[Any] = Answer(unseen=Cause.NOT_REACHED)
    for answer in answers:
        if answer.is_seen:
            break
    return answer


def about(runs: Sequence[CommandRun], command: Command, version: TlsVersion | None = None) -> list[CommandRun]:
    """The runs of a command."""
    return [run for run in runs if run.command is command and version in (None, run.version)]


def concluded(runs: Sequence[CommandRun], command: Command) -> Answer[Any]:
    """The result of a command, given all runs.

    A server that answers where no name is sent may be another one: its answer counts where it shows the same
    certificates. That a server accepts no RSA key exchange, or refuses TLS 1.3 by an unspecific alert or by ending the
    connection, counts where it accepted another ClientHello afterwards. Where that was one of TLS 1.3, it refuses only
    what sslyze offers, and early data cannot be tried.
    """
    answer = settle(run for run in about(runs, command) if run.named or _is_same_server(run, runs))
    if answer.seen is not Robot.NO_RSA and not refused_unspecifically(about(runs, command)):
        return answer
    if command is Command.EARLY_DATA and accepted(runs, TlsVersion.TLS_1_3).seen and _never_accepted(runs, command):
        return Answer(unseen=Cause.TOOL_MISSING)
    return answer if _is_accepted_after(runs, command) else Answer(unseen=Cause.UNSTABLE)


def _never_accepted(runs: Sequence[CommandRun], command: Command) -> bool:
    return not any(map(_is_accepted, about(runs, command)))


def _is_accepted_after(runs: Sequence[CommandRun], command: Command, version: TlsVersion | None = None) -> bool:
    """Whether the server accepted a ClientHello after the last run of a command (at a version)."""
    last = about(runs, command, version)[-1:]
    return any(map(_is_accepted, takewhile(lambda run: run not in last, reversed(runs))))


def _is_same_server(nameless: CommandRun, runs: Sequence[CommandRun]) -> bool:
    """Whether the server that answered without a name showed the certificates of the named one."""
    known = {certificates(trace.received) for run in runs if run.named for trace in run.traces} - {None}
    return all(certificates(trace.received) in known for trace in nameless.traces)


def refused_unspecifically(runs: Sequence[CommandRun]) -> bool:
    """Whether early data was refused as any ClientHello may be, and not by the alert protocol_version."""
    of_early_data = about(runs, Command.EARLY_DATA)
    firsts = [run.traces[0] for run in of_early_data if run.traces]
    by_alert = (_is_refused(trace) and AlertNumber.PROTOCOL_VERSION not in alerts(trace.received) for trace in firsts)
    return any(by_alert) or _end_at_hello(of_early_data)


#: Commands that begin with an ordinary handshake.
_OFFERING_ALL = (Command.VERSION, Command.EARLY_DATA)


def accepted(runs: Sequence[CommandRun], version: TlsVersion) -> Answer[bool]:
    """Whether the server accepts a version.

    Its ServerHello shows that, whatever the command. A refusal counts only of a ClientHello that offers every suite;
    that the server ends the connection is one where it accepted another ClientHello afterwards.
    """
    tried = [run for run in runs if run.version is version]
    if any(_is_accepted(run) for run in tried):
        return Answer(seen=True)
    for command in _OFFERING_ALL:
        if _end_at_hello(about(tried, command)) and _is_accepted_after(runs, command, version):
            return Answer(seen=False)
    return _first_seen(accepts(run) for run in tried if run.command in _OFFERING_ALL)


#: Versions that the attacks are about, newest first.
ATTACKED = (TlsVersion.TLS_1_2, TlsVersion.TLS_1_1, TlsVersion.TLS_1_0, TlsVersion.SSL_3)


def newest_attacked(runs: Sequence[CommandRun]) -> Answer[TlsVersion | None]:
    """The newest version up to TLS 1.2 that is accepted; None where TLS 1.3 is and all others are refused."""
    for version in ATTACKED:
        found = accepted(runs, version)
        if not found.is_seen:
            return Answer(unseen=found.unseen)
        if found.seen:
            return Answer(seen=version)
    newest = accepted(runs, TlsVersion.TLS_1_3)
    if newest.seen:
        return Answer(seen=None)
    return Answer(unseen=newest.unseen or Cause.PROTOCOL_ERROR)
