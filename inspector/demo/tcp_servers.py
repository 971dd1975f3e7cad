"""The process of the TCP servers: web pages with and without TLS, banners, and a server that never answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import warnings
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from inspector.demo.child_process import read_configuration, report_ready

#: Limits for one client.
REQUEST_BYTES = 16_384
CLIENT_SECONDS = 60.0


class Behaviour(StrEnum):
    """What a server does after accepting a connection: answer a request, send a banner, or nothing."""

    ANSWERS = "answers"
    SENDS_BANNER = "sends-banner"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Tls:
    """A server's TLS configuration: PEM files of chain and key, the oldest version, and OpenSSL's cipher list."""

    chain: str
    key: str
    oldest: str = "TLSv1_2"
    suites: str = "DEFAULT"

    def context(self) -> ssl.SSLContext:
        """The server's TLS context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # old versions are intended
            context.set_ciphers(self.suites)
            context.minimum_version = ssl.TLSVersion[self.oldest]
        context.load_cert_chain(self.chain, self.key)
        return context


@dataclass(frozen=True, slots=True)
class Service:
    """One listening socket, by its descriptor, and the data it sends (each character is one byte).

    ``files`` are the replies to requests of some paths, in place of ``data``.
    """

    descriptor: int
    behaviour: Behaviour
    data: str = ""
    tls: Tls | None = None
    files: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The service as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Service:
        """The service of a JSON object."""
        tls = Tls(**value["tls"]) if value["tls"] else None
        return cls(value["descriptor"], Behaviour(value["behaviour"]), value["data"], tls, value["files"])


async def _respond(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    data = service.data
    if service.behaviour is Behaviour.ANSWERS:
        parts = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)
        data = service.files.get(parts[1].decode("latin-1"), data) if len(parts) > 1 else data
    if service.behaviour is not Behaviour.SILENT:
        writer.write(data.encode("latin-1"))
        await writer.drain()
    if service.behaviour is not Behaviour.ANSWERS:
        while await reader.read(REQUEST_BYTES):
            pass


async def _open(service: Service) -> asyncio.Server:
    async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, TimeoutError):
            async with asyncio.timeout(CLIENT_SECONDS):
                await _respond(service, reader, writer)
        with contextlib.suppress(OSError, TimeoutError):
            writer.close()
            await writer.wait_closed()

    sock = socket.socket(fileno=service.descriptor)
    context = service.tls.context() if service.tls else None
    return await asyncio.start_server(serve_client, sock=sock, ssl=context, limit=REQUEST_BYTES)


async def _serve(services: list[Service]) -> None:
    servers = [await _open(service) for service in services]
    report_ready(services=len(servers))
    await asyncio.Event().wait()


def main() -> None:
    """Serve until the parent ends."""
    configuration = read_configuration()
    asyncio.run(_serve([Service.from_json(each) for each in configuration["services"]]))


if __name__ == "__main__":
    main()
