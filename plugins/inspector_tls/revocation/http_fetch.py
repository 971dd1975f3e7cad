"""Fetches from one source of a certificate over plain HTTP, where the authorisation covers its host."""

from __future__ import annotations

from dataclasses import dataclass

from inspector import Cause, Network, ScanFailure

#: Addresses of one host that are tried, one after another.
MOST_ADDRESSES = 2
_OK = 200
#: Failures of one address, after which another may succeed.
_TRANSIENT = frozenset({Cause.REFUSED, Cause.NOT_REACHED, Cause.RESET, Cause.TIMEOUT})
_HEADERS = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}


@dataclass(frozen=True, slots=True)
class Received:
    """The body of a reply, or the cause for which there is none."""

    body: bytes = b""
    cause: Cause | None = None
    detail: str = ""


async def fetch(network: Network, url: str, sent: bytes | None, *, seconds: float) -> Received:
    """GET the URL, or POST ``sent`` there (RFC 6960 §A.1), once for each address until one replies.

    Redirects are not followed: their hosts are named by no certificate. ``seconds`` bounds each exchange.
    """
    try:
        clients = await network.third_parties(url)
    except ScanFailure as failure:
        return Received(cause=failure.cause, detail=failure.message)
    tried: list[Received] = []
    for client in clients[:MOST_ADDRESSES]:
        tried.append(await _ask(client, sent, seconds))
        if tried[-1].cause not in _TRANSIENT:
            return tried[-1]
    return tried[0]


async def _ask(network: Network, sent: bytes | None, seconds: float) -> Received:
    import httpx

    try:
        async with network.within(seconds):
            return await _exchange(network, sent, seconds)
    except TimeoutError:
        return Received(cause=Cause.TIMEOUT, detail=f"no answer within {seconds:g} s")
    except ScanFailure as failure:
        return Received(cause=failure.cause, detail=failure.message)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Received(cause=Cause.PROTOCOL_ERROR, detail=str(error)[:300])


async def _exchange(network: Network, sent: bytes | None, seconds: float) -> Received:
    async with network.request(
        network.target.uri,
        method="GET" if sent is None else "POST",
        content=sent,
        headers=None if sent is None else _HEADERS,
        timeout=seconds,
    ) as response:
        if response.status_code != _OK:
            return Received(cause=Cause.PROTOCOL_ERROR, detail=f"answered with HTTP status {response.status_code}")
        body = await response.aread()
        if response.extensions["truncated"]:
            return Received(cause=Cause.ABORTED, detail=f"longer than {network.answer_bytes} bytes")
        return Received(body)
