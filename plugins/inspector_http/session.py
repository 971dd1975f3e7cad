"""Requests to one service, along redirects that stay on it, as they are recorded."""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import NamedTuple

import httpx

from inspector import Cause, Network, ScanFailure
from inspector_http.observations import Page
from inspector_http.page_content import PageJob, is_simple, read_in_worker, read_page, read_text
from inspector_http.pages import meta_policies
from inspector_http.redaction import Exchange, Redaction
from inspector_http.urls import HTTP, HTTPS, location, plain, uri_of

#: Bounds of one scan: redirects followed, bytes read of a body, seconds for the head of a reply and for its body.
REDIRECTS_FOLLOWED = 5
BODY_BYTES = 65536
#: Bytes that are read of a page.
PAGE_BYTES = 262144
HEAD_SECONDS = 12.0
BODY_SECONDS = 3.0
#: The most connections besides one for each handshake: a hello refused, and one that shows what the library lacks.
REFUSED_HELLOS = 2
#: The most connections because a server chooses HTTP/2 and breaks it.
HTTP2_BROKEN = 1
#: A path that no site has, by which one that answers every path is recognised.
MISSING = "/inspector-asks-for-no-such-page"
#: Seconds for parsing a page in a process of its own, most of which a busy machine takes to start it.
PAGE_SECONDS = 30.0
#: What an ordinary client accepts.
ACCEPT = {"Accept": "text/html,*/*;q=0.8"}
#: The same of a page, which browsers let servers compress.
ACCEPT_PAGE = {**ACCEPT, "Accept-Encoding": "gzip"}
_GZIP = ("gzip", "x-gzip")


class Session:
    """The exchanges with one service. ``last_body`` has the first bytes of the last reply's body: recorded by none.

    ``last_url`` is the URL that was asked for last. ``reads_pages``: what a page names is recorded.
    """

    def __init__(
        self,
        network: Network,
        redaction: Redaction,
        *,
        verify: bool,
        body_bytes: int = BODY_BYTES,
        reads_pages: bool = True,
    ) -> None:
        self._network = network
        self._reads_pages = reads_pages
        self._body_bytes = body_bytes
        self._accept = ACCEPT if body_bytes == BODY_BYTES else ACCEPT_PAGE
        self._redaction = redaction
        self._verify = verify
        self.last_body = b""
        self.last_url = ""

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

    async def get(
        self, url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, http1: bool = False
    ) -> tuple[Exchange, str]:
        """One exchange, with its secrets replaced, and the real URL to which it redirects.

        With ``http1`` it is over HTTP/1.1; else over HTTP/2 where the server chooses that.
        """
        redacted = self._redaction.url(url)
        self.last_body = b""
        self.last_url = url
        async with AsyncExitStack() as stack:
            try:
                async with self._network.within(HEAD_SECONDS):
                    request = self._network.request(
                        url,
                        method=method,
                        headers={**self._accept, **(headers or {})},
                        timeout=HEAD_SECONDS,
                        verify=self._verify,
                        http1=http1,
                    )
                    reply = await stack.enter_async_context(request)
            except (ScanFailure, httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                return Exchange(url=redacted, cause=_cause(error), detail=_detail(error)), ""
            body = await _body(reply, self._network, self._body_bytes)
            self.last_body = bytes(body.data)
            content = _content(reply, body) if self._reads_pages else _NOT_READ
            page, page_cause = await self._page(reply, content, url)
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
            meta_policies=self._meta_policies(content),
            page=page,
            page_cause=page_cause,
            http2_failure=reply.extensions.get("http2_failure"),
        )
        return exchange, location(url, reply.status_code, values).seen or ""

    def _meta_policies(self, content: _Content) -> tuple[str, ...] | None:
        """The policies in the page itself, with other words replaced; None where the page cannot be read so far."""
        if content.data is None:
            return None
        found = meta_policies(content.data, is_whole=content.is_whole)
        return None if found is None else self._redaction.policies(found)

    async def _page(self, reply: httpx.Response, content: _Content, url: str) -> tuple[Page | None, Cause | None]:
        """What the page names, and why that was not seen.

        A page whose tree may become large is parsed in a process of its own, which is killed where that lasts long.
        """
        kind, charset = _content_type(reply)
        if content.data is None or kind not in (*_HTML, _TEXT):
            return None, content.cause
        data, url = content.data, str(uri_of(plain(url)))
        if kind == _TEXT:
            return read_text(data), None
        if is_simple(data):
            return self._redaction.page(read_page(data, url, charset=charset, is_whole=content.is_whole)), None
        job = PageJob(url=url, charset=charset, is_whole=content.is_whole, text=data.decode("latin-1"))
        try:
            found = await self._network.run_in_worker(read_in_worker, job.canonical(), timeout=PAGE_SECONDS)
        except ScanFailure as failure:
            return None, Cause.AMBIGUOUS if failure.cause is Cause.BUG else failure.cause
        return self._redaction.page(Page.parse(found)), None


_HTML = ("", "text/html")
_TEXT = "text/plain"


def _content_type(reply: httpx.Response) -> tuple[str, str]:
    """The media type of a reply, and the encoding that it declares, both in lower case; empty for none."""
    declared = reply.headers.get("content-type", "").lower()
    found = re.search(r";\s*charset\s*=\s*[\"']?([^\s;\"']+)", declared)
    return declared.partition(";")[0].strip(), found[1] if found else ""


class _Content(NamedTuple):
    """The beginning of what a body stands for; no ``data`` where it cannot be read, for the ``cause``."""

    data: bytes | None
    is_whole: bool = False
    cause: Cause | None = None


_NOT_READ = _Content(None, cause=Cause.NOT_SELECTED)


def _content(reply: httpx.Response, body: _BodyStart) -> _Content:
    """The beginning of a reply's content, decompressed to as many bytes as are read of any."""
    encoding = reply.headers.get("content-encoding", "").strip().lower()
    if body.cause is not None:
        return _Content(None, cause=body.cause)
    if encoding in ("", "identity"):
        return _Content(bytes(body.data), body.complete)
    if encoding not in _GZIP:
        return _Content(None, cause=Cause.AMBIGUOUS)
    unpacking = zlib.decompressobj(wbits=31)
    try:
        data = unpacking.decompress(body.data, body.most)
    except zlib.error:
        return _Content(None, cause=Cause.PROTOCOL_ERROR)
    return _Content(data, body.complete and unpacking.eof)


class _BodyStart:
    """The first bytes of a body: of a page only their number and digest are recorded."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.data = bytearray()
        self.complete = False
        self.cause: Cause | None = None

    @property
    def size(self) -> int:
        return len(self.data)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def add(self, chunk: bytes) -> None:
        self.data += chunk[: self.most - self.size]


async def _body(reply: httpx.Response, network: Network, most: int) -> _BodyStart:
    """The first bytes of a reply's body, also where the rest fails."""
    body = _BodyStart(most)
    try:
        async with network.within(BODY_SECONDS):
            async for chunk in reply.aiter_raw():
                body.add(chunk)
                if body.size >= most:
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
