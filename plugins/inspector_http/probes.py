"""The probe ``http``: one plain GET, along redirects that stay on the same service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx

from inspector import (
    Answer,
    Cause,
    CertificateFlaw,
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
    Uri,
    probe,
)
from inspector_http.headers import HSTS
from inspector_http.observations import Http, Part
from inspector_http.parsing import BAD_REQUEST, parse_http
from inspector_http.redaction import Exchange, Exchanges, Redaction, is_plain
from inspector_http.urls import HTTP, HTTPS, hosts, location, plain, uri_of

#: Bounds of one scan: redirects followed, bytes read of a body, seconds for the head of a reply and for its body.
REDIRECTS_FOLLOWED = 5
BODY_BYTES = 65536
HEAD_SECONDS = 12.0
#: The most connections besides one for each handshake: a hello refused, and one that shows what the library lacks.
REFUSED_HELLOS = 2
#: The most handshakes in which a certificate is verified.
VERIFYING_HANDSHAKES = 3
BODY_SECONDS = 3.0
#: What an ordinary client accepts.
ACCEPT = {"Accept": "text/html,*/*;q=0.8"}


def _cost(target: Target, _options: Mapping[str, Any]) -> Cost:
    """The bounds of one scan; on port 443 with those of the scan of port 80 that it discovers."""
    steps = REDIRECTS_FOLLOWED + 2 + REFUSED_HELLOS
    scans = 2 if _discovers_port_80(target) else 1
    handshakes = VERIFYING_HANDSHAKES + REFUSED_HELLOS if target.scheme == HTTPS.name else 0
    seconds = int(HEAD_SECONDS + BODY_SECONDS) * steps + (int(HEAD_SECONDS) if handshakes else 0)
    return Cost(connections=scans * steps + handshakes, seconds=seconds)


def _discovers_port_80(target: Target) -> bool:
    return target.scheme == HTTPS.name and target.port == HTTPS.port


@probe(
    "http",
    kind=Http,
    schemes={HTTPS, HTTP},
    subject_kind=SubjectKind.URL,
    parse=parse_http,
    discovers={HTTPS, HTTP},
    cost=_cost,
    version="2",
)
async def http(target: Target, network: Network, *, parts: tuple[Part, ...] | None = None) -> ScanOutput:
    """Get the declared path as an ordinary client does, without cookies and whatever certificate is presented.

    Whether clients accept the certificate counts where a reply over HTTPS has Strict-Transport-Security, and is asked
    for unless ``parts`` leaves it out: the first handshake verifies it, and where it rejects it, a second one does not.

    A port that does not answer in the declared protocol is requested in the other of HTTP and HTTPS. An endpoint on
    port 443 discovers port 80 of its host, a redirect to another service discovers that service, unless its host is not
    declared. Bodies are read to
    the bound, as any client does.
    """
    verifies = target.scheme == HTTPS.name and target.server_name is not None
    verifies = verifies and (parts is None or Part.CERTIFICATE in parts)
    session = _Session(network, Redaction(network.fingerprint), verify=verifies)
    followed, redirect = await session.follow(target.uri)
    other = await session.other(target.uri) if _may_be_other_protocol(followed[0], target) else None
    certificate = await _certificate(followed, network) if verifies else _NOT_VERIFIED
    outside = bool(redirect) and _leads_outside(target, redirect)
    exchanges = Exchanges(followed=followed, other=other, certificate=certificate, leads_outside=outside)
    return ScanOutput(
        raw=(
            Raw(
                name="exchanges.json",
                data=exchanges.canonical(),
                media_type="application/json",
                sensitivity=Sensitivity.REDACTED,
            ),
        ),
        gaps=tuple(Gap(question=each.url, cause=each.cause, detail=each.detail) for each in followed if each.cause),
        discovered=tuple(_discovered(target, "" if outside else redirect)),
    )


_NOT_VERIFIED: Answer[CertificateFlaw | None] = Answer(unseen=Cause.NOT_SELECTED)


async def _certificate(followed: Sequence[Exchange], network: Network) -> Answer[CertificateFlaw | None]:
    """Why clients reject the certificate; asked only for a reply with HSTS, which they then ignore (RFC 6797 §8.1)."""
    names = {name.lower() for each in followed for name, _ in each.headers}
    if HSTS not in names:
        return _NOT_VERIFIED
    try:
        async with network.within(HEAD_SECONDS):
            return Answer(seen=await network.verify_certificate())
    except ScanFailure as failure:
        return Answer(unseen=failure.cause)
    except TimeoutError:
        return Answer(unseen=Cause.TIMEOUT)


def _discovered(target: Target, redirect: str) -> Iterator[Discovered]:
    if _discovers_port_80(target):
        yield Discovered(uri=str(Uri(HTTP, target.host, HTTP.port, "/")), why="port 80 beside HTTPS")
    if redirect:
        uri = uri_of(plain(redirect))
        # A path that may hold a token is kept nowhere: the root of the service stands for it.
        path = uri.path if all(is_plain(each) for each in uri.path.split("/") if each) else "/"
        yield Discovered(uri=str(replace(uri, path=path)), why="redirect")


def _leads_outside(target: Target, redirect: str) -> bool:
    """Whether a redirect leads to a host that is not declared: never scanned, and shown by the observation."""
    other = uri_of(redirect).host
    return other != target.host and other not in hosts(target.declared.endpoints)


def _may_be_other_protocol(first: Exchange, target: Target) -> bool:
    """Whether the first reply suggests that the port answers the other of HTTP and HTTPS."""
    if first.cause is None:
        return target.scheme == HTTP.name and first.status == BAD_REQUEST
    return first.cause in (Cause.PROTOCOL_ERROR, Cause.RESET)


class _Session:
    """The exchanges with one service."""

    def __init__(self, network: Network, redaction: Redaction, *, verify: bool) -> None:
        self._network = network
        self._redaction = redaction
        self._verify = verify

    async def follow(self, url: str) -> tuple[tuple[Exchange, ...], str]:
        """The exchanges along redirects on the same service, and the URL of another service to which the last leads."""
        followed: list[Exchange] = []
        visited = {url}
        while True:
            exchange, redirect = await self.get(url)
            followed.append(exchange)
            if not redirect or uri_of(redirect).service != uri_of(url).service:
                return tuple(followed), redirect
            if redirect in visited or len(followed) > REDIRECTS_FOLLOWED:
                reason = "redirect loop" if redirect in visited else "too many redirects"
                stopped = Exchange(url=self._redaction.url(redirect), cause=Cause.PROTOCOL_ERROR, detail=reason)
                return (*followed, stopped), ""
            visited.add(redirect)
            url = redirect

    async def other(self, url: str) -> Exchange:
        """The exchange with the same port in the other of HTTP and HTTPS."""
        uri = uri_of(url)
        exchange, _ = await self.get(str(replace(uri, scheme=HTTP if uri.scheme == HTTPS else HTTPS)))
        return exchange

    async def get(self, url: str) -> tuple[Exchange, str]:
        """One exchange, with its secrets replaced, and the real URL to which it redirects."""
        redacted = self._redaction.url(url)
        async with AsyncExitStack() as stack:
            try:
                async with self._network.within(HEAD_SECONDS):
                    request = self._network.request(url, headers=ACCEPT, timeout=HEAD_SECONDS, verify=self._verify)
                    reply = await stack.enter_async_context(request)
            except (ScanFailure, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                return Exchange(url=redacted, cause=_cause(error), detail=_detail(error)), ""
            body = await _body(reply, self._network)
        values = [value.decode("latin-1") for name, value in reply.headers.raw if name.lower() == b"location"]
        exchange = Exchange(
            url=redacted,
            status=reply.status_code,
            version=reply.http_version,
            reason=self._redaction.reason(reply.status_code, reply.reason_phrase),
            headers=self._redaction.headers(reply.headers.raw, url),
            malformed=self._redaction.lines(reply.extensions.get("malformed", ())),
            body_bytes=body.size,
            body_sha256=body.sha256,
            body_complete=body.complete,
            body_cause=body.cause,
        )
        return exchange, location(url, reply.status_code, values).seen or ""


class _BodyStart:
    """The first bytes of a body: only their number and digest are recorded."""

    def __init__(self) -> None:
        self.size = 0
        self.complete = False
        self.cause: Cause | None = None
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def add(self, chunk: bytes) -> None:
        part = chunk[: BODY_BYTES - self.size]
        self._digest.update(part)
        self.size += len(part)


async def _body(reply: httpx.Response, network: Network) -> _BodyStart:
    """The first bytes of a reply's body, also where the rest fails."""
    body = _BodyStart()
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
    """A description of the error, without the received bytes that a parser quotes."""
    return f"{type(error).__name__}: {str(error).partition('bytearray')[0]}"[:300]
