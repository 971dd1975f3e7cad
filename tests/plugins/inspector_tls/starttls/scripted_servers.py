"""Servers of line-based protocols with STARTTLS, written from the RFCs; some keep clear-text commands inside TLS."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum, auto

from tests.plugins.inspector_tls.servers import Answer


class Habit(Enum):
    """How a server handles bytes in clear text after the request for TLS."""

    FORGETS = auto()
    KEEPS = auto()
    HANDSHAKES = auto()
    """Parses them as the ClientHello."""
    DECLINES = auto()
    """Answers the request with an error."""
    RESETS = auto()


@dataclass(frozen=True)
class Script:
    """A protocol's lines: ``request`` asks for TLS; ``inside`` is sent after the handshake."""

    greeting: bytes
    request: bytes
    agreed: bytes
    declined: bytes
    replies: dict[bytes, bytes] = field(default_factory=dict)
    unknown: bytes = b"500 what?\r\n"
    inside: bytes = b""


SMTP = Script(
    b"220 mx.example.vn ESMTP\r\n",
    b"STARTTLS",
    b"220 go ahead\r\n",
    b"554 no pipelining\r\n",
    {
        b"EHLO": b"250-mx.example.vn\r\n250-STARTTLS\r\n250 SIZE 1000\r\n",
        b"LHLO": b"250-mx.example.vn\r\n250 STARTTLS\r\n",
        b"NOOP": b"250 fine\r\n",
        b"QUIT": b"221 bye\r\n",
    },
)
IMAP = Script(
    b"* OK ready\r\n",
    b"a2 STARTTLS",
    b"a2 OK begin\r\n",
    b"a2 BAD no\r\n",
    {
        b"a1": b"* CAPABILITY IMAP4rev2 STARTTLS\r\na1 OK\r\n",
        b"a8": b"a8 OK done\r\n",
        b"a9": b"* BYE\r\na9 OK bye\r\n",
    },
)
POP3 = Script(
    b"+OK ready\r\n",
    b"STLS",
    b"+OK begin\r\n",
    b"-ERR no\r\n",
    {b"CAPA": b"+OK\r\nSTLS\r\n.\r\n", b"QUIT": b"+OK bye\r\n"},
    unknown=b"-ERR what?\r\n",
)
_SIEVE = b'"IMPLEMENTATION" "test"\r\n"SIEVE" "fileinto"\r\n'
SIEVE = Script(
    _SIEVE + b'"STARTTLS"\r\nOK\r\n',
    b"STARTTLS",
    b'OK "begin"\r\n',
    b'NO "no"\r\n',
    {b"LOGOUT": b"OK\r\n"},
    unknown=b'NO "what?"\r\n',
    inside=_SIEVE + b"OK\r\n",
)
FTP = Script(
    b"220-hello\r\n220 ready\r\n",
    b"AUTH TLS",
    b"234 go\r\n",
    b"503 no\r\n",
    {b"FEAT": b"211-Features:\r\n AUTH TLS\r\n211 End\r\n", b"NOOP": b"200 fine\r\n", b"QUIT": b"221 bye\r\n"},
)
NNTP = Script(
    b"200 ready\r\n",
    b"STARTTLS",
    b"382 go\r\n",
    b"502 no\r\n",
    {b"CAPABILITIES": b"101 list\r\nSTARTTLS\r\n.\r\n", b"DATE": b"111 20260101000000\r\n", b"QUIT": b"205 bye\r\n"},
)
SCRIPTS = {
    "smtp": SMTP,
    "submission": SMTP,
    "lmtp": SMTP,
    "imap": IMAP,
    "pop3": POP3,
    "sieve": SIEVE,
    "ftp": FTP,
    "nntp": NNTP,
}


def speaking(script: Script, context: ssl.SSLContext, habit: Habit = Habit.FORGETS) -> Answer:
    """Answer by the script, before TLS and inside it."""

    def answer(connection: socket.socket) -> None:
        with ExitStack() as lines:
            run_dialogue(connection, lines)

    def run_dialogue(connection: socket.socket, lines: ExitStack) -> None:
        connection.sendall(script.greeting)
        buffer = b""
        line: socket.socket = connection
        while True:
            while b"\n" not in buffer:
                data = line.recv(4096)
                if not data:
                    return
                buffer += data
            command, _, buffer = buffer.partition(b"\r\n")
            if command != script.request:
                known = (reply for word, reply in script.replies.items() if command.split(b" ")[0] == word)
                line.sendall(next(known, script.unknown))
                continue
            if buffer and habit is Habit.DECLINES:
                line.sendall(script.declined)
                return
            line.sendall(script.agreed)
            if buffer and habit is Habit.RESETS:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                return
            if buffer and habit is Habit.HANDSHAKES:
                _fail_as_tls(context, connection, buffer)
                return
            line = lines.enter_context(context.wrap_socket(connection, server_side=True))
            line.sendall(script.inside)
            if habit is not Habit.KEEPS:
                buffer = b""

    return answer


def _fail_as_tls(context: ssl.SSLContext, connection: socket.socket, data: bytes) -> None:
    """Feed the bytes to TLS, and send its alert."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    incoming.write(data)
    state = context.wrap_bio(incoming, outgoing, server_side=True)
    try:
        state.do_handshake()
    except ssl.SSLError:
        connection.sendall(outgoing.read() or b"\x15\x03\x01\x00\x02\x02\x32")
