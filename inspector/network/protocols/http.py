"""HTTP client: HTTP/2 where a server chooses it, else HTTP/1.1; one connection per request, only to the target's
pinned address.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.subject import BadUri, normalise_host
from inspector.network.protocols import http2
from inspector.network.protocols.certificate import leaf_of, rejection, verifying_client
from inspector.network.protocols.tls_client import TlsClient, TlsConnector, http1_client, tolerant_client
from inspector.network.session import CertificateTrial, ProbeSession
from inspector.network.transport.stream import Stream

if importlib.util.find_spec("sniffio") is None:
    # httpcore imports it for every connection, and searches all folders again each time that it is not found.
    sys.modules["sniffio"] = None  # type: ignore[assignment]

#: Seconds for one request and its whole answer, without waits for the rate limits.
_EXCHANGE_SECONDS = 60.0
#: Bytes besides the body: status line, headers, chunk sizes.
_HEADER_BYTES = 256 * 1024
_PORTS = {"http": 80, "https": 443}
#: The maximum expansion of deflate (RFC 1951 allows 1032).
_DEFLATE_RATIO = 1032
_DEFLATED = frozenset({"gzip", "x-gzip", "deflate"})
#: Too Many Requests (RFC 6585 §4).
_TOO_MANY = 429
#: The only interim answer after which no other follows on an HTTP connection (RFC 9110 §15.2.2).
_SWITCHING_PROTOCOLS = 101
#: Bytes of one head, interim answers included each by itself; and how many of these may come before the final one.
_HEAD_BYTES = 100 * 1024
_MOST_INTERIM = 16
_END_OF_HEAD = re.compile(rb"\n\r?\n")
#: A status line; white space and reason phrase are read leniently (RFC 9112 §4).
_STATUS_LINE = re.compile(rb"(HTTP/[0-9]\.[0-9])[ \t]+([1-9][0-9]{2})(?:[ \t]+(.*))?", re.DOTALL)
#: A field line; the name counts without the white space before its colon (RFC 9112 §5.1).
_FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:([^\0\r]*)")
#: The fields by which the length of a body is known (RFC 9112 §6.3).
_FRAMING = frozenset({b"connection", b"content-length", b"transfer-encoding"})


@dataclass(frozen=True, slots=True)
class _Head:
    """The head of one answer. ``malformed`` holds the field lines that no client can use, as they came."""

    version: bytes
    status: int
    reason: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    malformed: tuple[bytes, ...]

    @classmethod
    def parse(cls, data: bytes) -> _Head | None:
        """Read a head up to its empty line; None unless it begins with a status line.

        A field line that is malformed costs only itself and the lines that continue it (RFC 9110 §2.4, RFC 9112 §5.2).
        """
        first, *lines = [line.removesuffix(b"\r") for line in data.split(b"\n")][:-2]
        status = _STATUS_LINE.fullmatch(first)
        if status is None:
            return None
        found = [(line, _FIELD_LINE.fullmatch(line)) for line in _unfold(lines)]
        return cls(
            version=status[1],
            status=int(status[2]),
            reason=(status[3] or b"").strip(),
            fields=tuple((each[1], each[2].strip(b" \t")) for _, each in found if each),
            malformed=tuple(line for line, each in found if not each),
        )

    @property
    def is_interim(self) -> bool:
        """Whether another head follows."""
        return 100 <= self.status < 200 and self.status != _SWITCHING_PROTOCOLS

    def framing(self) -> bytes:
        """The head with only the fields that say how long the body is."""
        lines = [b"%s: %s" % each for each in self.fields if each[0].lower() in _FRAMING]
        return b"\r\n".join([b"%s %d " % (self.version, self.status), *lines, b"", b""])


def _unfold(lines: Iterable[bytes]) -> list[bytes]:
    """Field lines joined with the lines that continue them (RFC 9112 §5.2)."""
    unfolded: list[list[bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and unfolded:
            unfolded[-1].append(line.strip(b" \t"))
        else:
            unfolded.append([line])
    return [b" ".join(parts) for parts in unfolded]


@dataclass(slots=True)
class _HeadReader:
    """Collects the bytes of heads; ``head`` is the final answer's once it has come."""

    head: _Head | None = None
    _data: bytearray = field(default_factory=bytearray)
    _searched: int = 0
    _interim: int = 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes, and give those that httpcore may read: the final head with its framing only, then the body.

        Raises httpcore.RemoteProtocolError when this is no HTTP, a head without end, or has too many interim answers.
        """
        self._data += data
        ready = b""
        while self.head is None:
            end = _END_OF_HEAD.search(self._data, self._searched)
            if end is None:
                self._searched = max(0, len(self._data) - 2)
                self._check_start()
                return ready
            head = _Head.parse(bytes(self._data[: end.end()]))
            if head is None:
                raise httpcore.RemoteProtocolError("the answer has no status line")
            del self._data[: end.end()]
            self._searched = 0
            if head.is_interim:
                self._interim += 1
                if self._interim > _MOST_INTERIM:
                    raise httpcore.RemoteProtocolError("the answer has too many interim answers before it")
                continue
            ready += head.framing()
            self.head = head
        ready += self._data
        self._data.clear()
        return ready

    def _check_start(self) -> None:
        end = self._data.find(b"\n")
        if end >= 0 and not _STATUS_LINE.fullmatch(self._data[:end].removesuffix(b"\r")):
            raise httpcore.RemoteProtocolError("the answer has no status line")
        if len(self._data) > _HEAD_BYTES:
            raise httpcore.RemoteProtocolError("the head of the answer has no end")


class _Connection(httpcore.AsyncNetworkStream):
    """A stream with the interface of httpcore; ``deadline`` is on the event loop's clock.

    httpcore refuses an answer for one malformed field line, so that it is given only the fields that frame the body;
    ``heads`` has all of them.
    """

    def __init__(self, stream: Stream, deadline: float) -> None:
        self.heads = _HeadReader()
        self._stream = stream
        self._deadline = deadline

    def _seconds(self, timeout: float | None) -> float:
        left = max(0.0, self._deadline - asyncio.get_running_loop().time())
        return left if timeout is None else min(left, timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            data = await self._stream.read(max_bytes, timeout=self._seconds(timeout))
            if not data and self._stream.truncated:
                raise _Full
            ready = data if self.heads.head else self.heads.feed(data)
            if ready or not data:
                return ready

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if buffer:
            await self._stream.write(buffer, timeout=self._seconds(timeout))

    async def aclose(self) -> None:
        await self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.ssl_object if info == "ssl_object" else None


class _Full(Exception):
    """The connection's allowance of bytes is used up."""


class _Body(httpx.AsyncByteStream):
    """A body that stops at its limit and marks the response as truncated."""

    def __init__(self, response: httpcore.Response, limit: int) -> None:
        self._response = response
        self._limit = limit
        self.extensions: dict[str, Any] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        try:
            async for part in self._response.aiter_stream():
                if len(part) > left:
                    self.extensions["truncated"] = True
                    yield part[:left]
                    return
                left -= len(part)
                yield part
        except _Full:
            self.extensions["truncated"] = True
        except httpcore.ProtocolError as error:
            raise ScanFailure(Cause.PROTOCOL_ERROR, f"HTTP: {_described(error)}") from None

    async def aclose(self) -> None:
        await self._response.aclose()


class _Http2Body(httpx.AsyncByteStream):
    """The body of an answer over HTTP/2, with the same limit."""

    def __init__(self, exchange: http2.Exchange, stream: Stream, limit: int) -> None:
        self._exchange = exchange
        self._stream = stream
        self._limit = limit
        self.extensions: dict[str, Any] = {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for part in self._exchange.body():
            if len(part) > left:
                self.extensions["truncated"] = True
                yield part[:left]
                return
            left -= len(part)
            yield part
        self.extensions["truncated"] = self._exchange.truncated

    async def aclose(self) -> None:
        await self._stream.close()


class _UnframedBody(httpx.AsyncByteStream):
    """The body of an answer whose head does not say where it ends: reading it fails (RFC 9112 §6.3)."""

    def __init__(self, failure: ScanFailure) -> None:
        self._failure = failure
        self.extensions: dict[str, Any] = {}

    def __aiter__(self) -> AsyncIterator[bytes]:
        raise self._failure


class _Response(httpx.Response):
    """An answer that a client of httpx takes for a redirect only where httpx reads its ``Location``.

    A client reads it whether it follows redirects or not, and where it cannot, it raises instead of giving the answer.
    """

    @property
    def has_redirect_location(self) -> bool:
        if not super().has_redirect_location:
            return False
        try:
            location = httpx.URL(self.headers["location"])
            return bool(location.host or not location.scheme)
        except (httpx.InvalidURL, UnicodeError):
            return False


class _Http2Failure(Exception):
    """A server chose HTTP/2 and then did not answer in it."""

    def __init__(self, failure: ScanFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Transport(httpx.AsyncBaseTransport):
    """Reaches the target's pinned address, whatever a URL names. Raises ScanFailure."""

    def __init__(self, session: ProbeSession, user_agent: str, *, verify: bool = False) -> None:
        self._session = session
        self._user_agent = user_agent
        self._verify = verify
        self._tls = TlsConnector(session)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request over a new connection; the result has the head of the answer and a limited body.

        A malformed field line is left out of ``headers``; ``extensions["malformed"]`` has such lines as they came. A
        server that breaks HTTP/2 is asked once more over HTTP/1.1, and by this session over that alone from then on:
        ``extensions["http2_failure"]`` has the cause. A request with ``extensions["http1"]`` is sent over that at once.
        """
        url = request.url
        port = url.port or _PORTS.get(url.scheme, 0)
        self._check_host(url, port)
        known = self._session.http1_ports
        if request.extensions.get("http1") or port in known:
            answer = await self._ask(request, port, http1=True)
        else:
            try:
                return await self._ask(request, port)
            except _Http2Failure as failed:
                known[port] = failed.failure.cause
                try:
                    answer = await self._ask(request, port, http1=True)
                except ScanFailure:
                    raise failed.failure from None
        answer.extensions["http2_failure"] = known.get(port)
        return answer

    async def _ask(self, request: httpx.Request, port: int, *, http1: bool = False) -> httpx.Response:
        url = request.url
        seconds: dict[str, float | None] = request.extensions.get("timeout", {})
        connecting = _bounded(seconds.get("connect"))
        if url.scheme == "https":
            name = str(request.extensions.get("sni_hostname") or _host(url))
            stream = await self._connect_tls(port, name, connecting, http1=http1)
        else:
            stream = await self._connect(port, connecting)
        try:
            if stream.ssl_object is not None and stream.ssl_object.selected_alpn_protocol() == http2.ALPN:
                return await self._exchange_http2(request, stream)
            return await self._exchange(request, stream)
        except BaseException:
            await stream.close()
            raise

    async def _connect(self, port: int, timeout: float) -> Stream:
        allowance = self._session.settings.ceilings.answer_bytes + _HEADER_BYTES
        return await self._session.connect(port, timeout=timeout, allowance=allowance)

    async def _open_tls(self, port: int, client: TlsClient, name: str, timeout: float) -> Stream:
        allowance = self._session.settings.ceilings.answer_bytes + _HEADER_BYTES
        return await self._tls.open(port, client, name, timeout=timeout, allowance=allowance)

    async def _connect_tls(self, port: int, name: str, timeout: float, *, http1: bool) -> Stream:
        """A connection with TLS; the first to a port verifies the certificate, and goes on where it is accepted."""
        if http1:
            return await self._open_tls(port, http1_client(), name, timeout)
        trial = self._session.trials.get(port)
        if self._verify and trial is None:
            try:
                stream = await self._open_tls(port, verifying_client(self._session.roots), name, timeout)
            except ScanFailure as failure:
                flaw = rejection(failure)
                if flaw is None:
                    raise
                trial = self._session.trials[port] = CertificateTrial(flaw)
            else:
                if leaf := leaf_of(stream):
                    self._session.trials[port] = CertificateTrial(None, leaf)
                return stream
        stream = await self._open_tls(port, tolerant_client(), name, timeout)
        if trial is not None and not trial.leaf and (leaf := leaf_of(stream)):
            self._session.trials[port] = CertificateTrial(trial.flaw, leaf)
        return stream

    def _check_host(self, url: httpx.URL, port: int) -> None:
        target = self._session.target
        try:
            same = normalise_host(_host(url)) == normalise_host(target.host)
        except BadUri:
            same = False
        if not same or url.scheme not in _PORTS:
            raise ScanFailure(Cause.OUT_OF_SCOPE, f"{url.scheme}://{_host(url)}:{port} is not {target.host}")

    async def _exchange(self, request: httpx.Request, stream: Stream) -> httpx.Response:
        connection = _Connection(stream, asyncio.get_running_loop().time() + _EXCHANGE_SECONDS)
        url = request.url
        core = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        http = httpcore.AsyncHTTP11Connection(core.origin, connection)
        answer: httpcore.Response | None = None
        failure = ScanFailure(Cause.PROTOCOL_ERROR, "HTTP: the answer has no head")
        try:
            answer = await http.handle_async_request(
                httpcore.Request(
                    method=request.method,
                    url=core,
                    headers=self._headers(request.headers.raw),
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except _Full:
            raise ScanFailure(Cause.PROTOCOL_ERROR, "HTTP: the head of the answer is too long") from None
        except httpcore.LocalProtocolError as error:
            raise ScanFailure(Cause.BUG, f"HTTP request: {_described(error)}") from None
        except httpcore.ProtocolError as error:
            failure = ScanFailure(Cause.PROTOCOL_ERROR, f"HTTP: {_described(error)}")
        head = connection.heads.head
        if head is None:
            raise failure
        if head.status == _TOO_MANY:
            stream.slow_down(_retry_after(head.fields))
        limit = self._session.settings.ceilings.answer_bytes
        if not _asks_for_gzip(request.headers.raw):
            limit = _body_limit(head.fields, limit)
        body = _UnframedBody(failure) if answer is None else _Body(answer, limit)
        response = _Response(
            status_code=head.status,
            headers=list(head.fields),
            stream=body,
            extensions={
                "http_version": head.version,
                "reason_phrase": head.reason,
                "malformed": head.malformed,
                "truncated": False,
            },
        )
        body.extensions = response.extensions
        return response

    async def _exchange_http2(self, request: httpx.Request, stream: Stream) -> httpx.Response:
        """The answer over HTTP/2. Raises _Http2Failure where the server may answer over HTTP/1.1 instead."""
        url = request.url
        exchange = http2.Exchange(stream, asyncio.get_running_loop().time() + _EXCHANGE_SECONDS)
        asked = http2.Request(
            method=request.method.encode("ascii"),
            scheme=url.raw_scheme,
            authority=request.headers["host"].encode("ascii"),
            target=url.raw_path,
            fields=self._headers(request.headers.raw),
            content=await request.aread(),
        )
        try:
            head = await exchange.ask(asked)
        except ScanFailure as failure:
            if failure.cause in (Cause.PROTOCOL_ERROR, Cause.RESET):
                raise _Http2Failure(failure) from failure
            raise
        if head.status == _TOO_MANY:
            stream.slow_down(_retry_after(head.fields))
        limit = self._session.settings.ceilings.answer_bytes
        if not _asks_for_gzip(request.headers.raw):
            limit = _body_limit(head.fields, limit)
        body = _Http2Body(exchange, stream, limit)
        response = _Response(
            status_code=head.status,
            headers=list(head.fields),
            stream=body,
            extensions={"http_version": http2.VERSION, "malformed": head.malformed, "truncated": False},
        )
        body.extensions = response.extensions
        return response

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The request's headers with our User-Agent, and without cookies of other replies.

        A reply may be compressed only where the request asks for gzip: whoever asks so bounds what he decompresses.
        """
        ours = {b"user-agent", b"accept-encoding", b"connection", b"cookie"}
        kept = [(name, value) for name, value in headers if name.lower() not in ours]
        return [
            *kept,
            (b"User-Agent", self._user_agent.encode("ascii")),
            (b"Accept-Encoding", b"gzip" if _asks_for_gzip(headers) else b"identity"),
            (b"Connection", b"close"),
        ]


@asynccontextmanager
async def request(
    transport: httpx.AsyncBaseTransport,
    url: str,
    *,
    method: str,
    headers: Mapping[str, str] | None,
    content: bytes | None,
    timeout: float,
    http1: bool,
) -> AsyncIterator[httpx.Response]:
    """``Network.request``. A client of httpx would store cookies, and read where redirects lead."""
    seconds = {"connect": timeout, "read": timeout}
    asked = httpx.Request(
        method, url, headers=headers, content=content, extensions={"timeout": seconds, "http1": http1}
    )
    answer = await transport.handle_async_request(asked)
    answer.request = asked
    try:
        yield answer
    finally:
        await answer.aclose()


def _host(url: httpx.URL) -> str:
    """The host in A-labels: ``URL.host`` gives U-labels, of which the ssl module would make A-labels of IDNA 2003."""
    return url.raw_host.decode("ascii")


def _described(error: Exception) -> str:
    """The error without the received bytes that a parser quotes."""
    return str(error).partition("bytearray")[0].rstrip(": (")[:200]


def _bounded(seconds: float | None) -> float:
    return _EXCHANGE_SECONDS if seconds is None else min(seconds, _EXCHANGE_SECONDS)


def _values(headers: Iterable[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for name, value in headers if name.lower() == wanted]


def _retry_after(headers: Iterable[tuple[bytes, bytes]]) -> float:
    values = _values(headers, b"retry-after")
    return float(values[0][:6]) if values and values[0].isascii() and values[0].isdigit() else 0.0


def _asks_for_gzip(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a caller asks for gzip alone; httpx by itself asks for more."""
    return _values(headers, b"accept-encoding") == ["gzip"]


def _body_limit(headers: Iterable[tuple[bytes, bytes]], limit: int) -> int:
    """The limit of a body as sent, so that the decompressed body stays within ``limit``."""
    codings = [coding.strip().lower() for value in _values(headers, b"content-encoding") for coding in value.split(",")]
    codings = [coding for coding in codings if coding not in ("", "identity")]
    if not codings:
        return limit
    return limit // _DEFLATE_RATIO if len(codings) == 1 and codings[0] in _DEFLATED else 0
