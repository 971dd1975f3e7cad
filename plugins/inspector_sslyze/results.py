"""The job that the worker is given, and the command runs that it reports: stored, so that they can be parsed again."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from inspector import Answer, Cause, Model
from inspector_tls.wire.versions import TlsVersion


class Command(StrEnum):
    """What was run: ``version`` is one handshake, the others are sslyze's scan commands."""

    VERSION = "version"
    HEARTBLEED = "heartbleed"
    CCS_INJECTION = "ccs-injection"
    ROBOT = "robot"
    RENEGOTIATION = "renegotiation"
    EARLY_DATA = "early-data"


#: The result of a command for early data where the session to resume permits none: nothing was resumed then.
NOT_OFFERED = "not-offered"


class ConnectionEnd(StrEnum):
    """How a connection ended. ``open``: this side ended it."""

    OPEN = "open"
    CLOSED = "closed"
    RESET = "reset"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    NO_TLS = "no-tls"


_CAUSES = {
    ConnectionEnd.OPEN: Cause.PROTOCOL_ERROR,
    ConnectionEnd.CLOSED: Cause.PROTOCOL_ERROR,
    ConnectionEnd.RESET: Cause.RESET,
    ConnectionEnd.TIMEOUT: Cause.TIMEOUT,
    ConnectionEnd.REFUSED: Cause.REFUSED,
    ConnectionEnd.UNREACHABLE: Cause.NOT_REACHED,
    ConnectionEnd.NO_TLS: Cause.PROTOCOL_ERROR,
}


class ConnectionTrace(Model):
    """One connection: the first bytes received, how it ended, and the steps that it reached.

    ``handshake_done``: both sides finished. ``probed``: a server that had stopped answering was sent a record that it
    must reject, to see whether it still reads. ``answered_early``: it answered a premature ChangeCipherSpec, or closed
    the connection, before anything followed. ``drained_bytes``: how many bytes were received by the time that the data
    which the server sends unasked was read; 0: it was not read before the command.
    """

    received: bytes = b""
    end: ConnectionEnd = ConnectionEnd.OPEN
    handshake_done: bool = False
    probed: bool = False
    answered_early: bool = False
    drained_bytes: int = 0

    @property
    def cause(self) -> Cause:
        """The cause for which it is inconclusive."""
        return _CAUSES[self.end]

    @property
    def has_failed(self) -> bool:
        """Whether it ended other than by one side closing it."""
        return self.end not in (ConnectionEnd.OPEN, ConnectionEnd.CLOSED)


class CommandRun(Model):
    """One run of one command: sslyze's result as text (empty where it raised ``error``), and the connections.

    ``named``: the server's name was sent, or it has none. ``number``: renegotiations that were carried out.
    """

    command: Command
    version: TlsVersion
    named: bool = True
    result: str = ""
    number: int = 0
    error: str = ""
    traces: tuple[ConnectionTrace, ...] = ()

    @property
    def unseen(self) -> Answer[Any]:
        """An unseen answer, with the cause of the first connection that failed, else of the last."""
        if not self.traces:
            return Answer(unseen=Cause.NOT_REACHED)
        failed = next((trace for trace in self.traces if trace.has_failed), self.traces[-1])
        return Answer(unseen=failed.cause)


class VulnerabilityJob(Model):
    """The worker's job: where to connect, under which names, and the seconds for one answer and for all."""

    address: str
    port: int
    scheme: str
    server_name: str | None = None
    ehlo: str = ""
    user_agent: str = ""
    answer_seconds: int = 5
    all_seconds: int = 120


class Report(Model):
    """The worker's result."""

    runs: tuple[CommandRun, ...] = ()
    tools: dict[str, str] = {}
