"""How a web endpoint is scanned: one plain GET, followed along redirects that stay on the same service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx

from inspector import (
    Cause,
    Cost,
    Discovered,
    Gap,
    Network,
    Raw,
    ScanFailure,
    ScanOutput,
    Sensitivity,
    SubjectKind,
    Target,
    probe,
)
from inspector.model.subject import Uri
from inspector_http.observations import Http
from inspector_http.parsing import BAD_REQUEST, HTTP, HTTPS, location, parse_http, plain, uri_of
from inspector_http.redaction import Exchange, Exchanges, Redaction

#: Bounds of one scan: redirects followed, bytes read of a body, seconds for the head of a reply and for its body.
REDIRECTS_FOLLOWED = 5
BODY_BYTES = 65536
HEAD_SECONDS = 12.0
BODY_SECONDS = 3.0


def _cost(target: Target, _options: Mapping[str, Any]) -> Cost:
    """The bounds of one scan; on port 443 with those of the scan of port 80 that it brings to light."""
    steps = REDIRECTS_FOLLOWED + 2
    scans = 2 if _brings_port_80(target) else 1
    return Cost(connections=scans * steps, seconds=int(HEAD_SECONDS + BODY_SECONDS) * steps)


def _brings_port_80(target: Target) -> bool:
    return target.scheme == HTTPS.name and target.port == HTTPS.port


@probe(
    "http",
    kind=Http,
    schemes={HTTPS, HTTP},
    subject_kind=SubjectKind.URL,
    parse=parse_http,
    discovers={HTTPS, HTTP},
    cost=_cost,
)
async def http(target: Target, network: Network) -> ScanOutput:
    """Get the declared path as an ordinary client does, without cookies and without judging certificates.

    A port that does not speak the declared language is asked in the other one. An endpoint on port 443 brings port 80
    of its host to light, a redirect to another service that service.
    """
    client = httpx.AsyncClient(
        transport=network.transport(),
        trust_env=False,
        follow_redirects=False,
        timeout=HEAD_SECONDS,
        headers={
            "User-Agent": network.identity.user_agent,
            "Accept": "text/html,*/*;q=0.8",
            "Accept-Encoding": "identity",
        },
    )
    async with client:
        visit = _Visit(client, network, Redaction(network.fingerprint))
        along, onward = await visit.follow(target.uri)
        other = await visit.other(target.uri) if _speaks_otherwise(along[0], target) else None
    kept = Exchanges(along=along, other=other)
    return ScanOutput(
        raw=(
            Raw(
                name="exchanges.json",
                data=kept.canonical(),
                media_type="application/json",
                sensitivity=Sensitivity.REDACTED,
            ),
        ),
        gaps=tuple(Gap(question=each.url, cause=each.cause, detail=each.detail) for each in along if each.cause),
        discovered=tuple(_discovered(target, onward)),
    )


def _discovered(target: Target, onward: str) -> Iterator[Discovered]:
    if _brings_port_80(target):
        yield Discovered(uri=str(Uri(HTTP, target.host, HTTP.port, "/")), why="port 80 beside HTTPS")
    if onward:
        yield Discovered(uri=str(uri_of(plain(onward))), why="redirect")


def _speaks_otherwise(first: Exchange, target: Target) -> bool:
    """Whether the first reply looks as if the port spoke the other of HTTP and HTTPS."""
    if first.cause is None:
        return target.scheme == HTTP.name and first.status == BAD_REQUEST
    return first.cause in (Cause.PROTOCOL_ERROR, Cause.RESET)


class _Visit:
    """One client's exchanges with one service."""

    def __init__(self, client: httpx.AsyncClient, network: Network, redaction: Redaction) -> None:
        self._client = client
        self._network = network
        self._redaction = redaction

    async def follow(self, url: str) -> tuple[tuple[Exchange, ...], str]:
        """The exchanges along redirects that stay on the service, and the URL elsewhere to which the last one sends."""
        along: list[Exchange] = []
        visited = {url}
        while True:
            exchange, onward = await self.get(url)
            along.append(exchange)
            if not onward or uri_of(onward).service != uri_of(url).service:
                return tuple(along), onward
            if onward in visited or len(along) > REDIRECTS_FOLLOWED:
                ending = "redirect loop" if onward in visited else "too many redirects"
                lost = Exchange(url=self._redaction.url(onward), cause=Cause.PROTOCOL_ERROR, detail=ending)
                return (*along, lost), ""
            visited.add(onward)
            url = onward

    async def other(self, url: str) -> Exchange:
        """The exchange with the same port in the other of HTTP and HTTPS."""
        uri = uri_of(url)
        exchange, _ = await self.get(str(replace(uri, scheme=HTTP if uri.scheme == HTTPS else HTTPS)))
        return exchange

    async def get(self, url: str) -> tuple[Exchange, str]:
        """One exchange, with its secrets replaced, and the real URL to which it redirects."""
        shown = self._redaction.url(url)
        try:
            async with self._network.within(HEAD_SECONDS):
                reply = await self._client.send(self._client.build_request("GET", url), stream=True)
        except (ScanFailure, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            return Exchange(url=shown, cause=_cause(error), detail=_detail(error)), ""
        body = await _body(reply, self._network)
        values = [value.decode("latin-1") for name, value in reply.headers.raw if name.lower() == b"location"]
        exchange = Exchange(
            url=shown,
            status=reply.status_code,
            version=reply.http_version,
            reason=reply.reason_phrase,
            headers=self._redaction.headers(reply.headers.raw),
            body_bytes=body.size,
            body_sha256=body.sha256,
            body_complete=body.complete,
            body_cause=body.cause,
        )
        return exchange, location(url, reply.status_code, values).seen or ""


class _Beginning:
    """The beginning of a body: only its size and digest are kept."""

    def __init__(self) -> None:
        self.size = 0
        self.complete = False
        self.cause: Cause | None = None
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def add(self, chunk: bytes) -> None:
        kept = chunk[: BODY_BYTES - self.size]
        self._digest.update(kept)
        self.size += len(kept)


async def _body(reply: httpx.Response, network: Network) -> _Beginning:
    """The beginning of a reply's body, whatever becomes of the rest."""
    body = _Beginning()
    try:
        async with network.within(BODY_SECONDS):
            async for chunk in reply.aiter_raw():
                body.add(chunk)
                if body.size >= BODY_BYTES:
                    break
            else:
                body.complete = not reply.extensions.get("truncated", False)
    except (ScanFailure, httpx.HTTPError, httpx.StreamError, TimeoutError) as error:
        body.cause = _cause(error)
    finally:
        await reply.aclose()
    return body


def _cause(error: Exception) -> Cause:
    match error:
        case ScanFailure():
            return error.cause
        case TimeoutError() | httpx.TimeoutException():
            return Cause.TIMEOUT
        case httpx.NetworkError():
            return Cause.RESET
    return Cause.PROTOCOL_ERROR


def _detail(error: Exception) -> str:
    """The error in words, without the received bytes that a parser quotes."""
    return f"{type(error).__name__}: {str(error).partition('bytearray')[0]}"[:300]
