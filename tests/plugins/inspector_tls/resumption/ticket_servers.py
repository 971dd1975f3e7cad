"""A server of tlslite-ng that gives tickets of any lifetime, in and out of the protocol's bounds."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey

from tests.plugins.inspector_tls.servers import Answer

TLS_1_2, TLS_1_3 = (3, 3), (3, 4)
#: The key that encrypts the tickets of every connection.
_KEY = bytes(range(32))


def _connection(lifetimes: tuple[int, ...]) -> type[Any]:
    class Ticketing(TLSConnection):  # type: ignore[misc]  # tlslite-ng is not typed
        def _serverSendTickets(self, settings: Any) -> Iterator[Any]:  # noqa: N802  (tlslite-ng's name)
            settings.ticket_count = 1
            for seconds in lifetimes:
                settings.ticketLifetime = seconds  # its own check of the bounds is over by now
                yield from super()._serverSendTickets(settings)

    return Ticketing


def ticketing(
    files: tuple[Path, Path],
    *lifetimes: int,
    version: tuple[int, int] = TLS_1_3,
    unresponsive: bool = False,
    abrupt: bool = False,
    ciphers: tuple[str, ...] = (),
) -> Answer:
    """Answer with one version of TLS and a ticket of each of these lifetimes, in seconds.

    An ``unresponsive`` server sends nothing after the handshake and keeps the connection open; an ``abrupt`` one ends
    it without close_notify. ``ciphers``: the only ones that it accepts, in the names of tlslite-ng.
    """
    chain = X509CertChain()
    chain.parsePemList(files[0].read_text())
    key = parsePEMKey(files[1].read_text(), private=True)
    connect = _connection(lifetimes)

    def answer(connection: socket.socket) -> None:
        settings = HandshakeSettings()
        settings.minVersion = settings.maxVersion = version
        settings.versions = [version]
        settings.eccCurves = ["x25519", "secp256r1"]
        if ciphers:
            settings.cipherNames = list(ciphers)
            settings.keyExchangeNames = ["rsa", "ecdhe_rsa"]
        settings.ticketKeys = [bytearray(_KEY)]
        with contextlib.suppress(Exception):
            tls = connect(connection)
            tls.handshakeServer(certChain=chain, privateKey=key, settings=settings)
            while unresponsive and connection.recv(4096):
                pass
            tls.read(max=1, min=1)
            if not abrupt:
                tls.close()

    return answer
