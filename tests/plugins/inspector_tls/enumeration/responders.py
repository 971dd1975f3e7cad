"""Difficult servers, each in a process of its own: ``python responders.py KIND PORT [BACKEND]``.

Most relay to a real server and change its bytes; others answer by themselves. They share no code with what they
are to test.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import select
import socket
import struct
import sys
from collections.abc import Awaitable, Callable, Iterator

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
Answer = Callable[[bytes, Reader, Writer], Awaitable[None]]

SERVER_HELLO = bytes.fromhex("0303") + bytes(32) + b"\x00" + bytes.fromhex("002f") + b"\x00"


def record(kind: int, body: bytes) -> bytes:
    """One record of TLS 1.2."""
    return struct.pack(">BHH", kind, 0x0303, len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    """One handshake message."""
    return bytes((kind,)) + len(body).to_bytes(3, "big") + body


def suites(hello: bytes) -> tuple[int, int]:
    """Where the list of suites of a ClientHello begins, and its length in bytes."""
    if hello[:1] != b"\x16":
        return 0, 0
    at = 44 + hello[43]
    return at + 2, int.from_bytes(hello[at : at + 2], "big")


async def reset(writer: Writer) -> None:
    """End with a RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


async def no_answer(_writer: Writer) -> None:
    """Send nothing more, and do not close."""
    await asyncio.sleep(60)


# --- In front of a real server ----------------------------------------------------------------------------------------


class Relay:
    """Forwards a hello and its answer, both changed."""

    def __init__(self, backend: int) -> None:
        self.backend = backend

    def hello(self, hello: bytes) -> bytes:
        """The hello as the server behind gets it."""
        return hello

    def answer(self, data: bytes) -> Iterator[bytes]:
        """What the server behind sent, as the client gets it."""
        yield data

    async def __call__(self, hello: bytes, reader: Reader, writer: Writer) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.backend)
        ours.write(self.hello(hello))
        passing = asyncio.create_task(self.carry(theirs, writer))
        leaving = asyncio.create_task(reader.read())
        await asyncio.wait((passing, leaving), return_when=asyncio.FIRST_COMPLETED)
        for task in (passing, leaving):
            task.cancel()
        await asyncio.gather(passing, leaving, return_exceptions=True)
        ours.close()

    async def carry(self, theirs: Reader, writer: Writer) -> None:
        """Forward the answer until the server closes."""
        while data := await self.read(theirs):
            for part in self.answer(data):
                writer.write(part)
                await writer.drain()
                await self.pause()

    async def read(self, reader: Reader) -> bytes:
        """Some bytes of the server behind."""
        return await reader.read(16384)

    async def pause(self) -> None:
        """Wait after each part of an answer."""


class Truncating(Relay):
    """Reads the first 128 suites of a list and no more."""

    def hello(self, hello: bytes) -> bytes:
        at, length = suites(hello)
        if length <= 256:
            return hello
        cut = length - 256
        body = hello[9 : at - 2] + struct.pack(">H", 256) + hello[at : at + 256] + hello[at + length :]
        assert len(body) == len(hello) - 9 - cut
        return hello[:3] + struct.pack(">H", len(body) + 4) + b"\x01" + len(body).to_bytes(3, "big") + body


class Records(Relay):
    """Reads whole records from the server."""

    async def read(self, reader: Reader) -> bytes:
        with contextlib.suppress(asyncio.IncompleteReadError):
            head = await reader.readexactly(5)
            return head + await reader.readexactly(int.from_bytes(head[3:5], "big"))
        return b""


class Fragmenting(Records):
    """Puts each byte of a handshake in a record of its own."""

    def answer(self, data: bytes) -> Iterator[bytes]:
        if data[0] != 22:
            yield data
            return
        yield b"".join(data[:3] + b"\x00\x01" + bytes((byte,)) for byte in data[5:])


class Coalescing(Records):
    """Joins what the server sends at once into one record."""

    async def read(self, reader: Reader) -> bytes:
        body = b""
        head = b""
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    head = await reader.readexactly(5)
                    part = await reader.readexactly(int.from_bytes(head[3:5], "big"))
                    if head[0] != 22:
                        return (record(22, body) if body else b"") + head + part
                    body += part
        return record(22, body) if body else b""


class WarningFirst(Relay):
    """Warns of an unknown name first (RFC 6066 §3)."""

    async def __call__(self, hello: bytes, reader: Reader, writer: Writer) -> None:
        writer.write(record(21, b"\x01\x70"))
        await super().__call__(hello, reader, writer)


class Slow(Relay):
    """Forwards one byte per second."""

    def answer(self, data: bytes) -> Iterator[bytes]:
        for byte in data:
            yield bytes((byte,))

    async def pause(self) -> None:
        await asyncio.sleep(1)


def unless(
    refuses: Callable[[bytes], bool], answer_otherwise: Callable[[Writer], Awaitable[None]], relay: Relay
) -> Answer:
    """Relay hellos, but answer some in another way."""

    async def answer(hello: bytes, reader: Reader, writer: Writer) -> None:
        if refuses(hello):
            await answer_otherwise(writer)
        else:
            await relay(hello, reader, writer)

    return answer


def has_left(connection: socket.socket) -> bool:
    """Whether the client has closed this connection; the kernel knows before the bytes are read."""
    if connection.fileno() < 0:
        return True
    watch = select.poll()
    watch.register(connection.fileno(), select.POLLRDHUP)
    return bool(watch.poll(0))


def one_at_a_time(relay: Relay) -> Answer:
    """Close new connections while the client of another one is still connected."""
    served: list[socket.socket] = []

    async def answer(hello: bytes, reader: Reader, writer: Writer) -> None:
        if all(has_left(each) for each in served):
            served[:] = [writer.get_extra_info("socket")]
            await relay(hello, reader, writer)

    return answer


def alert(number: int) -> Callable[[Writer], Awaitable[None]]:
    """Refuse with a fatal alert."""

    async def send(writer: Writer) -> None:
        writer.write(record(21, bytes((2, number))))
        await writer.drain()

    return send


def has_grease(hello: bytes) -> bool:
    """Whether a hello begins its suites with a reserved value (RFC 8701)."""
    at, length = suites(hello)
    return length > 0 and hello[at] == hello[at + 1] and hello[at] & 0x0F == 0x0A


def relays(backend: int) -> dict[str, Answer]:
    """The relays in front of a real server."""
    relay = Relay(backend)
    count = itertools.count(1)
    return {
        "drops-long": unless(lambda hello: len(hello) > 512, no_answer, relay),
        "resets-long": unless(lambda hello: len(hello) > 512, reset, relay),
        "refuses-many": unless(lambda hello: suites(hello)[1] > 256, alert(40), relay),
        "fails-on-many": unless(lambda hello: suites(hello)[1] > 256, alert(50), relay),
        "truncates": Truncating(backend),
        "fragments": Fragmenting(backend),
        "coalesces": Coalescing(backend),
        "warns-first": WarningFirst(backend),
        "slowly": Slow(backend),
        "refuses-grease": unless(has_grease, alert(47), relay),
        "refuses-future": unless(lambda hello: hello[9:11] == b"\x03\x99", alert(70), relay),
        "drops-two-kilobytes": unless(lambda hello: len(hello) > 2000, no_answer, relay),
        "resets-sometimes": unless(lambda _hello: next(count) % 5 == 0, reset, relay),
        "one-at-a-time": one_at_a_time(relay),
        "no-answer-about-tls-1-1": unless(lambda hello: hello[9:11] == b"\x03\x02", no_answer, relay),
    }


# --- By themselves ----------------------------------------------------------------------------------------------------


def sending(*parts: bytes, endlessly: bytes = b"") -> Answer:
    """Send this to any client, and repeat the last part endlessly."""

    async def answer(_hello: bytes, _reader: Reader, writer: Writer) -> None:
        for part in parts:
            writer.write(part)
        await writer.drain()
        while endlessly:
            writer.write(endlessly)
            await writer.drain()

    return answer


async def empty_records(_hello: bytes, _reader: Reader, writer: Writer) -> None:
    """Empty handshake records, endlessly."""
    while True:
        writer.write(record(22, b"") * 1000)
        await writer.drain()


def resetting_at_every_step() -> Answer:
    """Break off after one more byte each time."""
    whole = record(22, message(2, SERVER_HELLO) + message(11, bytes(3)) + message(14, b""))
    count = itertools.count()

    async def answer(_hello: bytes, _reader: Reader, writer: Writer) -> None:
        writer.write(whole[: next(count) % len(whole)])
        await writer.drain()
        await asyncio.sleep(0.005)
        await reset(writer)

    return answer


def wrong_lengths() -> Answer:
    """Send a different length each time, none of them right."""
    inner = [
        message(2, SERVER_HELLO[:20]),
        b"\x02\xff\xff\xff" + SERVER_HELLO,
        message(2, SERVER_HELLO[:34] + b"\xff" + SERVER_HELLO[35:]),
        message(2, SERVER_HELLO + b"\xff\xff\x00"),
        message(2, SERVER_HELLO) + message(11, b"\xff\xff\xff\x00"),
        message(2, SERVER_HELLO) + message(11, b"\x00\x00\x09\x00\x00\xff" + bytes(6)),
        message(2, SERVER_HELLO) + message(22, b"\x01"),
        message(11, bytes(3)),
        b"",
    ]
    outer = [record(22, each) for each in inner]
    outer += [b"\x16\x03\x03\xff\xff" + bytes(64), b"\x16\x03", b"\x80\x0b\x04\x00\x01\x00\x02\xff\xff\xff\xff\x00\x00"]
    answers = itertools.cycle(outer)

    async def answer(_hello: bytes, _reader: Reader, writer: Writer) -> None:
        writer.write(next(answers))
        await writer.drain()

    return answer


def alone() -> dict[str, Answer]:
    """The servers that answer by themselves."""
    hello = record(22, message(2, SERVER_HELLO))
    return {
        "no-answer": unless(lambda _hello: True, no_answer, Relay(0)),
        "resets": unless(lambda _hello: True, reset, Relay(0)),
        "http": sending(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
        "noise": sending(bytes(range(200, 256)) * 4),
        "endless-record": sending(hello, endlessly=record(22, message(0, b"") * 500)),
        "empty-records": empty_records,
        "oversized-certificate": sending(
            hello, record(22, b"\x0b\xff\xff\xff\xff\xff\xfc"), endlessly=record(22, bytes(16384))
        ),
        "alert-storm": sending(endlessly=record(21, b"\x01\x5a") * 100),
        "resets-at-every-step": resetting_at_every_step(),
        "wrong-lengths": wrong_lengths(),
    }


# --- Serving ----------------------------------------------------------------------------------------------------------


async def serve(answer: Answer, port: int) -> None:
    """Answer on this port until killed."""

    async def handle(reader: Reader, writer: Writer) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readexactly(5)
            length = int.from_bytes(head[3:5], "big") if head[0] == 0x16 else (head[0] & 0x7F) * 256 + head[1] - 3
            await answer(head + await reader.readexactly(length), reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    kind, port, *backend = sys.argv[1:]
    answers = relays(int(backend[0])) if backend else alone()
    asyncio.run(serve(answers[kind], int(port)))
