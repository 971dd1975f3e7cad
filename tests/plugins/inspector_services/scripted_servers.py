"""Servers with a few fixed habits, in a process of their own: ``python -m … ADDRESS PORT=HABIT …``.

Prints ``ready`` when every port listens. Habits whose words are wanted in return (FTP's AUTH, VNC's version) answer as
the real servers named beside them do.
"""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import tempfile

from tests.plugins.inspector_services import scripted_products
from tests.plugins.inspector_services.scripted_products import Habit


def says(first: bytes, *, expects: bytes | None = None, then: bytes = b"") -> Habit:
    """Say ``first``; when ``expects`` arrives say ``then``; keep the line until the client leaves."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        if expects is not None and await reader.readexactly(len(expects)) == expects:
            writer.write(then)
        await reader.read()

    return habit


def replies(first: bytes, **lines: bytes) -> Habit:
    """Say ``first``, then answer each line by its first word; 500 to every other one (RFC 959 §4.2, RFC 5321 §4.2)."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while line := await reader.readline():
            writer.write(lines.get(line.split()[0].decode(), b"500 unknown command") + b"\r\n")

    return habit


async def greets_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """SMTP whose greeting has two replies, of which the second one comes after EHLO; relays for nobody."""
    writer.write(b"220 mail.example ESMTP\r\n")
    refused = {b"RCPT": b"554 5.7.1 Relay access denied\r\n", b"EHLO": b"220 ready\r\n"}
    while line := await reader.readline():
        await asyncio.sleep(0.1)  # so that each reply is read by itself
        writer.write(refused.get(line[:4], b"250 2.0.0 Ok\r\n"))
        if line[:4] == b"EHLO":
            await asyncio.sleep(0.1)
            writer.write(b"250 mail.example\r\n")


def speaks_smb2(until: int | None = None) -> Habit:
    """Answer the negotiation of SMB 2, and close on anything else; from connection ``until`` on, on everything."""
    connections = 0
    reply = b"\xfeSMB\x40\x00\x01\x00" + bytes(56) + b"\x41\x00\x03\x00\x11\x03\x01\x00" + bytes(56)

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        if until is not None and number >= until:
            return
        head = await reader.readexactly(8)
        if head[4:] == b"\xfeSMB":
            writer.write(len(reply).to_bytes(4, "big") + reply)
            await reader.read()

    return habit


def answers(reply: bytes) -> Habit:
    """Wait for the client; say ``reply`` to whatever comes, and close."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply)

    return habit


def says_slowly(*parts: bytes) -> Habit:
    """Wait for the client, then say the parts, each in a packet of its own, and close."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.2)

    return habit


async def hangs_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One letter now and then, without end."""
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.2)


async def floods(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 65536)
        await writer.drain()


#: Replies of servers that want a login, or TLS, first.
LOGIN = b"530 Please login with USER and PASS."
RFB = b"RFB 003.008\n"
MYSQL = (
    b"\x0a5.7.44\x00\x08\x00\x00\x00saltsalt\x00\xff\xf7\x08\x02\x00\xff\x81\x15" + bytes(10) + b"salt" * 3 + b"\x00"
)

#: The ending of a habit that is kept inside TLS.
IN_TLS = "+tls"

HABITS: dict[str, Habit] = {
    **scripted_products.HABITS,
    "drip": drips,
    "flood": floods,
    "ftp": replies(b"220 (vsFTPd 3.0.3)\r\n", NOOP=LOGIN, AUTH=LOGIN),
    "ftp-cut-refusal": replies(b"220 files\r\n", USER=b"331 name", PASS=b"530-sorry:\r\n230 users are logged in"),
    "ftp-long-refusal": replies(
        b"220 files\r\n", USER=b"331 name", PASS=b"530-sorry:\r\n230 users are logged in\r\n530 come back"
    ),
    "ftp-full": replies(
        b"220 files\r\n",
        USER=b"331 name",
        PASS=b"530 Sorry, the maximum number of clients (5) from your host are already connected.",
        AUTH=b"500 AUTH not understood",
    ),
    "ftp-of-mail": replies(b"220-Files of the mail service\r\n220 ask SMTP-team\r\n", NOOP=b"200 OK", AUTH=b"500 no"),
    "ftps": replies(b"220 ProFTPD Server (files) [::1]\r\n", NOOP=b"200 OK", AUTH=b"234 AUTH TLS successful"),
    "hangup": hangs_up,
    "hostile-nats": says(b'INFO {"server_id": "A", "version": ' + b"[" * 3000 + b"}\r\n"),
    "hostile-page": answers(
        b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"version": {"number": "\\ud800"}, "tagline": "x"}'
    ),
    "http": answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
    "leaver": answers(b""),
    "login": says(b"\r\nUser Access Verification\r\n\r\nUsername: "),
    "mongodb-page": answers(
        b"HTTP/1.0 200 OK\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 85\r\n\r\n"
        b"It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n"
    ),
    "mqtt-cut": says_slowly(b"\x20\x02\x00"),
    "mqtt-in-pieces": says_slowly(b"\x20\x02", b"\x00\x00"),
    "mysql": says(len(MYSQL).to_bytes(3, "little") + b"\x00" + MYSQL),
    "rsync": says(b"@RSYNCD: 31.0\n"),
    "script": says(b"\x1b]0;owned\x07<script>alert(1)</script>\xc3\x28\r\n"),
    "silent": says(b""),
    "smb2-gone": speaks_smb2(until=1),
    "smb2-only": speaks_smb2(),
    "smtp": replies(b"220 mail.example ESMTP\r\n", NOOP=b"250 2.0.0 Ok"),
    "smtp-late": greets_late,
    "smtp-of-files": replies(b"220 mail.example FTP-Gateway\r\n", NOOP=b"250 OK", AUTH=b"500 unknown"),
    "ssh": says(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "third": replies(b"220 FTP and SMTP spoken\r\n"),
    "transport-page": answers(
        b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\r\nThis is not an HTTP port"
    ),
    "tls": answers(b"\x15\x03\x01\x00\x02\x02\x46"),
    "telnet": says(b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"),
    "vmware-auth": replies(
        b"220 VMware Authentication Daemon Version 1.10: SSL Required, ServerDaemonProtocol:SOAP\r\n",
        NOOP=LOGIN,
    ),
    "vnc": says(RFB, expects=RFB, then=b"\x01\x02"),
    "vnc33": says(b"RFB 003.003\n"),
    "vnctls": says(RFB, expects=RFB, then=b"\x01\x12"),
}


def unresponsive(address: str, port: int) -> list[socket.socket]:
    """A port that answers no SYN: its queue of one is full. Linux drops what does not fit."""
    listener = socket.create_server((address, port), backlog=0)
    fillers = [listener]
    for _ in range(2):
        filler = socket.socket()
        filler.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            filler.connect((address, port))
        fillers.append(filler)
    return fillers


async def once(address: str, port: int) -> asyncio.Server:
    """A port that is closed for good as soon as somebody has come."""

    async def leave(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.close()
        writer.close()

    server = await asyncio.start_server(leave, address, port)
    return server


def server_context() -> ssl.SSLContext:
    """TLS with a certificate that the server signs itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        files = [f"{folder}/certificate.pem", f"{folder}/key.pem"]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server"]
        subprocess.run([*request, "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        context.load_cert_chain(*files)
    return context


async def serve(address: str, ports: dict[int, str]) -> None:
    kept: list[object] = []
    for port, habit in ports.items():
        if habit == "once":
            kept.append(await once(address, port))
            continue
        if habit == "deaf":
            kept.append(unresponsive(address, port))
            continue

        plain = HABITS[habit.removesuffix(IN_TLS)]

        async def answer(
            reader: asyncio.StreamReader,
            writer: asyncio.StreamWriter,
            habit: Habit = plain,
        ) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
                await habit(reader, writer)
            writer.close()

        tls = server_context() if habit.endswith(IN_TLS) else None
        kept.append(await asyncio.start_server(answer, address, port, ssl=tls))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    asyncio.run(serve(sys.argv[1], {int(port): habit for port, habit in pairs}))
