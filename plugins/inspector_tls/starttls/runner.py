"""A preamble carried out on a connection of the gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inspector import Cause, ScanFailure
from inspector.model.subject import is_address
from inspector_tls.starttls.negotiation import Names, Preamble, needs_preamble

if TYPE_CHECKING:
    from inspector.network.client import Identity, Stream

#: Seconds for the whole preamble; tarpits that greet late on purpose mostly wait less.
PREAMBLE_SECONDS = 20.0
#: A server that spells its answers out byte by byte is left.
_READS = 500


def names_of(host: str, identity: Identity) -> Names:
    """Whom a preamble names: an address literal is no name."""
    return Names(host="" if is_address(host) else host, ehlo=identity.ehlo)


async def prepare(
    stream: Stream, scheme: str, identity: Identity, *, host: str = "", timeout: float = PREAMBLE_SECONDS
) -> bytes:
    """Bring a fresh connection to the point where the client's first TLS byte is due; give the capabilities told.

    Does nothing where the scheme begins with TLS. ``timeout`` bounds the whole preamble. Raises ``NotOffered`` or
    ``Refused`` when the server says so, ``NotUnderstood`` when it speaks another protocol, else ``ScanFailure``.
    """
    if not needs_preamble(scheme):
        return b""
    preamble = Preamble(scheme, names_of(host, identity))
    await carry_out(preamble, stream, timeout=timeout)
    return preamble.said


async def carry_out(
    preamble: Preamble, stream: Stream, *, timeout: float = PREAMBLE_SECONDS, heard: list[bytes] | None = None
) -> None:
    """Run a preamble on a connection; ``heard`` keeps what arrived, also when this raises."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    for _ in range(_READS):
        outgoing = preamble.take()
        if outgoing:
            await stream.write(outgoing, timeout=max(0.1, deadline - clock()))
        if preamble.is_ready:
            return
        data = await stream.read(4096, timeout=max(0.1, deadline - clock()))
        if not data:
            raise ScanFailure(Cause.PROTOCOL_ERROR, "ends the connection before TLS")
        if heard is not None:
            heard.append(data)
        preamble.feed(data)
    raise ScanFailure(Cause.TIMEOUT, "answers in crumbs")
