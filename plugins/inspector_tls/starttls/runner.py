"""Runs a negotiation on a connection of the gateway."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inspector import Cause, ScanFailure, is_address
from inspector_tls.starttls.negotiation import Names, Negotiation, needs_negotiation

if TYPE_CHECKING:
    from inspector import Identity, Stream

#: Seconds for a whole negotiation; servers that delay their greeting deliberately mostly wait less.
NEGOTIATION_SECONDS = 20.0
#: The most reads of one negotiation, for servers that answer byte by byte.
_READS = 500


def names_of(host: str, identity: Identity) -> Names:
    """The names that a negotiation sends, without address literals."""
    return Names(host="" if is_address(host) else host, ehlo=identity.ehlo)


async def prepare(
    stream: Stream, scheme: str, identity: Identity, *, host: str = "", timeout: float = NEGOTIATION_SECONDS
) -> None:
    """Negotiate TLS on a new connection, up to the client's first TLS byte.

    Does nothing where the scheme begins with TLS. ``timeout`` bounds the whole negotiation, in seconds. Raises
    ``NotOffered`` or ``Refused`` when the server answers so, ``NotUnderstood`` when it uses another protocol, else
    ``ScanFailure``.
    """
    if needs_negotiation(scheme):
        await negotiate(Negotiation(scheme, names_of(host, identity)), stream, timeout=timeout)


async def negotiate(
    negotiation: Negotiation,
    stream: Stream,
    *,
    timeout: float = NEGOTIATION_SECONDS,
    received: list[bytes] | None = None,
) -> None:
    """Run a negotiation on a connection; ``received`` keeps what arrived, also when this raises."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout
    for _ in range(_READS):
        outgoing = negotiation.take()
        if outgoing:
            await stream.write(outgoing, timeout=max(0.1, deadline - clock()))
        if negotiation.is_ready:
            return
        data = await stream.read(4096, timeout=max(0.1, deadline - clock()))
        if not data:
            raise ScanFailure(Cause.PROTOCOL_ERROR, "ends the connection before TLS")
        if received is not None:
            received.append(data)
        negotiation.feed(data)
    raise ScanFailure(Cause.TIMEOUT, f"sends its answer in more than {_READS} pieces")
