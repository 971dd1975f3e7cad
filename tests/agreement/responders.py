"""Servers of our own, written from specifications.

``python -m tests.agreement.responders KIND ADDRESS PORT CERTIFICATE KEY`` runs one until it is ended.

They share no code with what is tested. A kind is a sort of server (``KINDS``), with flaws or limits after a colon.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.agreement import simple_tls as own_tls

IDLE_SECONDS = 20
#: The suites of TLS 1.2, as OpenSSL selects them.
SUITES = "ECDHE+AESGCM:ECDHE+CHACHA20"
Answer = Callable[[socket.socket], None]


class Lines:
    """A connection read line by line; what came after the last line read stays in ``rest``."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.rest = connection, b""

    def read(self, end: bytes = b"\n") -> bytes:
        """Up to and with ``end``."""
        while end not in self.rest:
            part = self.connection.recv(4096)
            if not part or len(self.rest) > 1 << 16:
                raise EOFError
            self.rest += part
        line, _end, self.rest = self.rest.partition(end)
        return line + end

    def say(self, text: str) -> None:
        """Send."""
        self.connection.sendall(text.encode())


def tls(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS 1.2 and 1.3 by Python's library."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_ciphers(SUITES)
    return context


def behind(preamble: Answer) -> Callable[..., Answer]:
    """TLS after the first messages of a protocol."""

    def make(certificate: Path, key: Path) -> Answer:
        context = tls(certificate, key)

        def answer(connection: socket.socket) -> None:
            preamble(connection)
            with context.wrap_socket(connection, server_side=True) as secured:
                while secured.recv(4096):
                    pass

        return answer

    return make


# --- Protocols before TLS --------------------------------------------------------------------------------------------


def nntp(connection: socket.socket) -> None:
    """RFC 3977 and RFC 4642."""
    lines = Lines(connection)
    lines.say("200 news.example.vn ready\r\n")
    while True:
        command = lines.read().strip().upper()
        if command == b"STARTTLS":
            return lines.say("382 Continue with TLS negotiation\r\n")
        if command == b"CAPABILITIES":
            lines.say("101 Capability list:\r\nVERSION 2\r\nREADER\r\nSTARTTLS\r\n.\r\n")
        elif command == b"QUIT":
            lines.say("205 Bye\r\n")
            raise EOFError
        else:
            lines.say("500 Unknown command\r\n")


def xmpp(namespace: str) -> Answer:
    """RFC 6120 §5, for clients (``jabber:client``) or servers (``jabber:server``)."""

    def preamble(connection: socket.socket) -> None:
        lines = Lines(connection)
        while b"<stream:stream" not in lines.read(b">"):
            pass
        lines.say(
            "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' "
            f"xmlns='{namespace}' id='test' from='www.example.vn' version='1.0'>"
            "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
            "</stream:features>"
        )
        while b"<starttls" not in lines.read(b">"):
            pass
        lines.say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")

    return preamble


def rdp(connection: socket.socket) -> None:
    """[MS-RDPBCGR] §2.2.1.1 and §2.2.1.2: an X.224 connection request is confirmed with PROTOCOL_SSL."""
    head = connection.recv(4, socket.MSG_WAITALL)
    if len(head) < 4 or head[0] != 3:
        raise EOFError
    connection.recv(int.from_bytes(head[2:4], "big") - 4, socket.MSG_WAITALL)
    negotiation = bytes([2, 0]) + (8).to_bytes(2, "little") + (1).to_bytes(4, "little")
    confirm = bytes([14, 0xD0, 0, 0, 0x12, 0x34, 0]) + negotiation
    connection.sendall(bytes([3, 0]) + (4 + len(confirm)).to_bytes(2, "big") + confirm)


_SMTP_WORDS = {
    b"EHLO": "250-mail.example.vn\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
    b"HELO": "250 mail.example.vn\r\n",
    b"NOOP": "250 Ok\r\n",
    b"RSET": "250 Ok\r\n",
    b"QUIT": "221 Bye\r\n",
}


def _smtp(say: Callable[[str], None], line: bytes) -> bool:
    """Answer one command; False at its end."""
    word = line.strip().upper()[:4]
    say(_SMTP_WORDS.get(word, "502 Unknown\r\n"))
    return word != b"QUIT"


def injectable_smtp(certificate: Path, key: Path) -> Answer:
    """SMTP (RFC 3207) that keeps what came in clear after STARTTLS and obeys it inside TLS, as CVE-2011-0411 did."""
    context = tls(certificate, key)

    def answer(connection: socket.socket) -> None:
        lines = Lines(connection)
        lines.say("220 mail.example.vn ESMTP\r\n")
        while (line := lines.read()).strip().upper() != b"STARTTLS":
            if not _smtp(lines.say, line):
                return
        lines.say("220 Ready\r\n")
        with context.wrap_socket(connection, server_side=True) as secured:
            inside = Lines(secured)
            inside.rest = lines.rest
            while _smtp(inside.say, inside.read()):
                pass

    return answer


# --- Servers that do not bear certain hellos -------------------------------------------------------------------------


def hello_on(connection: socket.socket) -> bytes:
    """The ClientHello's record, left in the socket; empty when there is none."""
    connection.recv(1, socket.MSG_PEEK)
    head = connection.recv(5, socket.MSG_PEEK | socket.MSG_WAITALL)
    if len(head) < 5 or head[0] != 22:
        return b""
    return connection.recv(5 + int.from_bytes(head[3:], "big"), socket.MSG_PEEK | socket.MSG_WAITALL)


def suites_in(hello: bytes) -> list[int]:
    """The suites that a ClientHello's record offers (RFC 8446 §4.1.2)."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    count = int.from_bytes(hello[at : at + 2], "big")
    return [int.from_bytes(hello[each : each + 2], "big") for each in range(at + 2, at + 2 + count, 2)]


def version_in(hello: bytes) -> int:
    """The version in the record of a ClientHello."""
    return 0x0304 if b"\x00\x2b" in hello and b"\x03\x04" in hello else int.from_bytes(hello[9:11], "big")


def is_grease(number: int) -> bool:
    """Whether a number is one of RFC 8701's."""
    return number & 0x0F0F == 0x0A0A and number >> 8 == number & 0xFF


def offends(limit: str, hello: bytes) -> bool:
    """Whether a hello is more than the server bears."""
    if not hello:
        return False
    match limit.split("-"):
        case ["bytes", most]:
            return len(hello) - 5 > int(most)
        case ["suites", most]:
            return len(suites_in(hello)) > int(most)
        case ["version", newest]:
            return version_in(hello) > int(newest, 16)
        case ["grease"]:
            return any(map(is_grease, suites_in(hello)))
    raise ValueError(limit)


def intolerant(certificate: Path, key: Path, *limits: str) -> Answer:
    """TLS 1.2 that drops the connection without a word at a hello it does not bear."""
    context = tls(certificate, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def answer(connection: socket.socket) -> None:
        hello = hello_on(connection)
        if any(offends(limit, hello) for limit in limits):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            return
        with context.wrap_socket(connection, server_side=True) as secured:
            while secured.recv(4096):
                pass

    return answer


#: Every sort of server: what makes its answers from certificate, key and what follows the colon.
KINDS: dict[str, Callable[..., Answer]] = {
    "own-tls": own_tls.serving,
    "intolerant": intolerant,
    "injectable-smtp": injectable_smtp,
    "nntp": behind(nntp),
    "xmpp": behind(xmpp("jabber:client")),
    "xmpp-server": behind(xmpp("jabber:server")),
    "rdp": behind(rdp),
}


# --- Serving ---------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _closing(connection: socket.socket) -> Iterator[None]:
    """Whatever a client does ends its own connection and nothing else."""
    connection.settimeout(IDLE_SECONDS)
    with contextlib.suppress(OSError, ValueError, EOFError, IndexError), connection:
        yield


def serve(answer: Answer, address: str, port: int) -> None:
    """Accept for ever, each connection in a thread of its own."""

    def handle(connection: socket.socket) -> None:
        with _closing(connection):
            answer(connection)

    with socket.create_server((address, port), backlog=128) as listener:
        while True:
            connection, _peer = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()


def main() -> None:
    """Serve as the command line configures."""
    kind, address, port, certificate, key = sys.argv[1:]
    sort, _colon, more = kind.partition(":")
    answer = KINDS[sort](Path(certificate), Path(key), *filter(None, more.split(",")))
    serve(answer, address, int(port))


if __name__ == "__main__":
    main()
