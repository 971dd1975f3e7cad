"""Servers with a few fixed habits, in a process of their own: ``python speakers.py ADDRESS PORT=HABIT …``.

Prints ``ready`` when every port listens. Habits whose words are wanted in return (FTP's AUTH, VNC's version) answer as
the real servers named beside them do.
"""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Awaitable, Callable

Habit = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def says(first: bytes, *, expects: bytes | None = None, then: bytes = b"") -> Habit:
    """Say ``first``; when ``expects`` arrives say ``then``; keep the line until the client leaves."""

    async def habit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        if expects is not None and await reader.readexactly(len(expects)) == expects:
            writer.write(then)
        await reader.read()

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


AUTH = b"AUTH TLS\r\n"
RFB = b"RFB 003.008\n"
MYSQL = (
    b"\x0a5.7.44\x00\x08\x00\x00\x00saltsalt\x00\xff\xf7\x08\x02\x00\xff\x81\x15" + bytes(10) + b"salt" * 3 + b"\x00"
)

HABITS: dict[str, Habit] = {
    "drip": drips,
    "flood": floods,
    "ftp": says(b"220 (vsFTPd 3.0.3)\r\n", expects=AUTH, then=b"530 Please login with USER and PASS.\r\n"),
    "ftps": says(b"220 ProFTPD Server (files) [::1]\r\n", expects=AUTH, then=b"234 AUTH TLS successful\r\n"),
    "hangup": hangs_up,
    "login": says(b"\r\nUser Access Verification\r\n\r\nUsername: "),
    "mysql": says(len(MYSQL).to_bytes(3, "little") + b"\x00" + MYSQL),
    "rsync": says(b"@RSYNCD: 31.0\n"),
    "script": says(b"\x1b]0;owned\x07<script>alert(1)</script>\xc3\x28\r\n"),
    "silent": says(b""),
    "smtp": says(b"220 mail.example ESMTP\r\n"),
    "ssh": says(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "telnet": says(b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"),
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


async def serve(address: str, ports: dict[int, str]) -> None:
    kept: list[object] = []
    for port, habit in ports.items():
        if habit == "once":
            kept.append(await once(address, port))
            continue
        if habit == "deaf":
            kept.append(unresponsive(address, port))
            continue

        async def answer(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter, habit: Habit = HABITS[habit]
        ) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await habit(reader, writer)
            writer.close()

        kept.append(await asyncio.start_server(answer, address, port))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    pairs = [pair.split("=") for pair in sys.argv[2:]]
    asyncio.run(serve(sys.argv[1], {int(port): habit for port, habit in pairs}))
