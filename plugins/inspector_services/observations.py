"""What the probes of network services write down."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from inspector import Answer, Cause, Model, Observation

PortNumber = Annotated[int, Field(ge=1, le=65535)]


class PortState(StrEnum):
    """How a TCP port answers, as seen from the vantage.

    ``filtered`` is itself seen: a firewall said no, or a repeated question found silence while the same address still
    answered elsewhere, before and after. Silence that proves nothing is ``unseen``.
    """

    OPEN = "open"
    CLOSED = "closed"
    FILTERED = "filtered"


class Span(Model):
    """Ports ``first`` to ``last``, both included, that share one answer."""

    first: PortNumber
    last: PortNumber
    state: Answer[PortState]

    @property
    def ports(self) -> range:
        """The ports themselves."""
        return range(self.first, self.last + 1)


class OpenPorts(Observation):
    """The TCP ports that were asked at one address, in ascending spans.

    Every declared, notable or open port is a span of its own. A port in no span was never asked.
    """

    kind: ClassVar[str] = "ports/1"

    spans: tuple[Span, ...] = ()

    def state(self, port: int) -> Answer[PortState]:
        """How ``port`` answers; unseen (not-selected) when it was never asked."""
        for span in self.spans:
            if port in span.ports:
                return span.state
        return Answer[PortState](unseen=Cause.NOT_SELECTED)

    def are(self, state: PortState) -> tuple[int, ...]:
        """The ports that were seen in this state, ascending."""
        return tuple(port for span in self.spans if span.state.seen is state for port in span.ports)

    @property
    def open(self) -> tuple[int, ...]:
        """The ports that accept connections."""
        return self.are(PortState.OPEN)

    @property
    def asked(self) -> int:
        """How many ports were asked."""
        return sum(len(span.ports) for span in self.spans)

    def unseen(self, among: Iterable[int]) -> dict[int, Cause]:
        """Those of ``among`` whose state nobody saw, with the cause."""
        states = {port: span.state.unseen for span in self.spans for port in span.ports}
        causes = {port: states.get(port, Cause.NOT_SELECTED) for port in sorted(among)}
        return {port: cause for port, cause in causes.items() if cause is not None}

    @property
    def dark(self) -> tuple[int, ...]:
        """The ports that were asked, but whose state nobody saw."""
        return tuple(port for span in self.spans if not span.state.is_seen for port in span.ports)

    @property
    def blind(self) -> Cause | None:
        """Why some port that was asked was not seen; None when every one was."""
        return next((span.state.unseen for span in self.spans if span.state.unseen is not None), None)


class Protocol(StrEnum):
    """What a server's first words show it to be. ``silent`` waits for the client; ``unknown`` said something else."""

    FTP = "ftp"
    HTTP = "http"
    IMAP = "imap"
    MYSQL = "mysql"
    POP3 = "pop3"
    REDIS = "redis"
    RSYNC = "rsync"
    SMTP = "smtp"
    SSH = "ssh"
    TELNET = "telnet"
    VNC = "vnc"
    SILENT = "silent"
    UNKNOWN = "unknown"


class Said(Model):
    """A server's first words: at most 512 bytes as printable ASCII (anything else escaped), and what they show.

    ``in_clear`` tells whether an unencrypted session is to be had: True or False where the protocol, or the server's
    reply to an ordinary client's next word, shows it; None where nothing does.
    """

    text: str
    protocol: Protocol
    in_clear: bool | None = None


class Greeting(Model):
    """What one open port says by itself; unseen when it could not be listened to, or closed without a word."""

    port: PortNumber
    said: Answer[Said]


class Greetings(Observation):
    """What the open ports that matter, and those that nobody declared, say by themselves; ascending by port."""

    kind: ClassVar[str] = "greetings/1"

    ports: tuple[Greeting, ...] = ()

    def speaking(self, *protocols: Protocol) -> tuple[int, ...]:
        """The ports whose first words are of these protocols."""
        return tuple(each.port for each in self.ports if each.said.seen and each.said.seen.protocol in protocols)

    def said(self, port: int) -> Answer[Said]:
        """What ``port`` said; unseen (not-selected) when nobody listened there."""
        listened = next((each.said for each in self.ports if each.port == port), None)
        return listened or Answer[Said](unseen=Cause.NOT_SELECTED)

    @property
    def deaf(self) -> Cause | None:
        """Why some port could not be listened to; None when every one could."""
        return next((each.said.unseen for each in self.ports if each.said.unseen is not None), None)
