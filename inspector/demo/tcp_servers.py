"""The process of the TCP servers: web pages with and without TLS, greetings, and one that never says a word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import warnings
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from inspector.demo.child_process import say_ready, take_orders

#: Bounds of what one client may make a server do.
REQUEST_BYTES = 16_384
CLIENT_SECONDS = 60.0


class Manner(StrEnum):
    """How a server treats its clients: answers a request, speaks first, or accepts and stays silent."""

    ANSWERS = "answers"
    GREETS = "greets"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Tls:
    """How a server speaks TLS: PEM files of chain and key, the oldest version, and OpenSSL's list of suites."""

    chain: str
    key: str
    oldest: str = "TLSv1_2"
    suites: str = "DEFAULT"

    def context(self) -> ssl.SSLContext:
        """The server's side of TLS."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that old versions are deprecated is the point
            context.set_ciphers(self.suites)
            context.minimum_version = ssl.TLSVersion[self.oldest]
        context.load_cert_chain(self.chain, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Service:
    """One listening socket, by its descriptor, and what it says (each character one byte)."""

    descriptor: int
    manner: Manner
    says: str = ""
    tls: Tls | None = None

    def order(self) -> dict[str, Any]:
        """The service as the process takes it."""
        return asdict(self)

    @classmethod
    def from_order(cls, order: dict[str, Any]) -> Service:
        """The service that an order describes."""
        tls = Tls(**order["tls"]) if order["tls"] else None
        return cls(order["descriptor"], Manner(order["manner"]), order["says"], tls)


async def _treat(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if service.manner is Manner.ANSWERS:
        await reader.readuntil(b"\r\n\r\n")
    if service.manner is not Manner.SILENT:
        writer.write(service.says.encode("latin-1"))
        await writer.drain()
    if service.manner is not Manner.ANSWERS:
        while await reader.read(REQUEST_BYTES):
            pass


async def _open(service: Service) -> asyncio.Server:
    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(CLIENT_SECONDS):
                await _treat(service, reader, writer)
        with contextlib.suppress(OSError, TimeoutError):
            writer.close()
            await writer.wait_closed()

    sock = socket.socket(fileno=service.descriptor)
    context = service.tls.context() if service.tls else None
    return await asyncio.start_server(meet, sock=sock, ssl=context, limit=REQUEST_BYTES)


async def _serve(services: list[Service]) -> None:
    servers = [await _open(service) for service in services]
    say_ready(services=len(servers))
    await asyncio.Event().wait()


def main() -> None:
    """Serve until the parent is gone."""
    orders = take_orders()
    asyncio.run(_serve([Service.from_order(each) for each in orders["services"]]))


if __name__ == "__main__":
    main()
