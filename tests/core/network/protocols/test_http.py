"""HTTP through the gateway, to servers that behave and servers that do not."""

import asyncio
import gzip
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest

from inspector.declare.settings import Ceilings, Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from tests.core.network.addresses import DECOY, HOST, LocalGateway, make_probe, needs_raw, pinned, serving, target

Act = Callable[[httpx.AsyncClient, int], Coroutine[Any, Any, Any]]


def browse(folder: Path, port: int, act: Act, *, answer_bytes: int = 100_000, decoy: int = 0) -> Any:
    """Run ``act`` with a client of the kind that a probe makes."""

    async def go() -> Any:
        on = LocalGateway(
            folder,
            f"http://{HOST}:{port}/",
            settings=Settings(ceilings=Ceilings(answer_bytes=answer_bytes)),
            pins=(pinned(), pinned(DECOY, name="decoy.test")),
        )
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port, scheme="http"), on.granted)
            async with httpx.AsyncClient(transport=network.transport(), trust_env=False) as client:
                return await act(client, port)

    return asyncio.run(go())


async def get(client: httpx.AsyncClient, port: int) -> httpx.Response:
    return await client.get(f"http://{HOST}:{port}/", timeout=5.0)


def cause(folder: Path, mode: str, argument: str = "", act: Act = get) -> Cause:
    with serving(mode, argument=argument) as server, pytest.raises(ScanFailure) as caught:
        browse(folder, server.port, act)
    return caught.value.cause


def test_a_page_is_fetched_from_the_pinned_address(tmp_path: Path) -> None:
    """The pinned address is asked under the declared name, by a client that identifies itself, uncompressed."""
    page = r"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Odd: \xff\xfe\r\nContent-Length: 5\r\n\r\nhello"
    with serving("reply", argument=page) as server:
        response = browse(tmp_path, server.port, get)
        (request,) = server.report()["received"]
    assert (response.status_code, response.content) == (200, b"hello")
    assert [value for name, value in response.headers.raw if name == b"Set-Cookie"] == [b"a=1", b"b=2"]
    assert (b"X-Odd", b"\xff\xfe") in response.headers.raw
    assert response.extensions["truncated"] is False
    assert f"Host: {HOST}:{server.port}\r\n" in request
    assert "User-Agent: Inspector/" in request
    assert "Accept-Encoding: identity" in request
    assert "Connection: close" in request


def test_a_client_that_keeps_cookies_sends_none(tmp_path: Path) -> None:
    """A plugin's own client may store the cookies of a reply; the gateway's transport does not send them."""

    async def twice(client: httpx.AsyncClient, port: int) -> httpx.Response:
        await get(client, port)
        return await get(client, port)

    page = r"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 5\r\n\r\nhello"
    with serving("reply", argument=page) as server:
        browse(tmp_path, server.port, twice)
        requests = server.report()["received"]
    assert len(requests) == 2
    assert all("cookie:" not in each.lower() for each in requests)


@needs_raw
@pytest.mark.parametrize(
    "where", ["http://decoy.test:{port}/", f"http://{DECOY}:{{port}}/", "//decoy.test:{port}/x", "https://decoy.test/"]
)
def test_a_redirect_leads_nowhere_else(tmp_path: Path, where: str) -> None:
    """A redirect to another host is out of scope, and that host sees no packet."""

    async def follow(client: httpx.AsyncClient, port: int) -> None:
        await client.get(f"http://{HOST}:{port}/", follow_redirects=True)

    with serving("quiet", DECOY) as decoy, serving("sniff", DECOY) as sniffer:
        head = rf"HTTP/1.1 302 Found\r\nLocation: {where.format(port=decoy.port)}\r\nContent-Length: 0\r\n\r\n"
        assert cause(tmp_path, "reply", head, follow) is Cause.OUT_OF_SCOPE
        assert sniffer.report()["packets"] == []


def test_a_redirect_to_an_undeclared_port_is_out_of_scope(tmp_path: Path) -> None:
    """The same host on an undeclared port is not asked."""

    async def follow(client: httpx.AsyncClient, port: int) -> None:
        await client.get(f"http://{HOST}:{port}/", follow_redirects=True)

    with serving("quiet") as other:
        head = rf"HTTP/1.1 302 Found\r\nLocation: http://{HOST}:{other.port}/\r\nContent-Length: 0\r\n\r\n"
        assert cause(tmp_path, "reply", head, follow) is Cause.OUT_OF_SCOPE
        assert other.report()["accepted"] == []


@pytest.mark.parametrize(
    "where",
    [r"https:b.test/", r"https:\\\\b.test/", r"https://b\tb.test/", "https://xn--a.test/", "https://[::1", "x:y"],
)
def test_a_location_that_httpx_cannot_read_hides_no_answer(tmp_path: Path, where: str) -> None:
    """The answer is given with the field as it came: what it means is for its reader to say."""
    head = rf"HTTP/1.1 302 Found\r\nLocation: {where}\r\nX-Other: seen\r\nContent-Length: 0\r\n\r\n"
    with serving("reply", argument=head) as server:
        response = browse(tmp_path, server.port, get)
    assert (response.status_code, response.headers["x-other"]) == (302, "seen")


def test_a_redirect_loop_ends(tmp_path: Path) -> None:
    """A loop of redirects on the same host ends where the client bounds it."""

    async def follow(client: httpx.AsyncClient, port: int) -> None:
        client.max_redirects = 3
        with pytest.raises(httpx.TooManyRedirects):
            await client.get(f"http://{HOST}:{port}/", follow_redirects=True)

    with serving("reply", argument=r"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n") as server:
        browse(tmp_path, server.port, follow)
        assert len(server.report()["accepted"]) == 4


def test_an_endless_body_is_cut(tmp_path: Path) -> None:
    """Of an endless body ``answer_bytes`` are kept, and the response is marked as truncated."""
    with serving("body") as server:
        response = browse(tmp_path, server.port, get)
    assert len(response.content) == 100_000
    assert response.extensions["truncated"] is True


@pytest.mark.parametrize("mode", ["headers", "lines"])
def test_an_endless_head_is_a_protocol_error(tmp_path: Path, mode: str) -> None:
    """Headers, or interim answers, without end are cut off by bytes."""
    assert cause(tmp_path, mode) is Cause.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "answer",
    [
        "SSH-2.0-x\\r\\n",
        "SSH-2.0-x\\r\\n\\r\\n",
        "\\x16\\x03\\x01\\x02",
        "HTTP/1.1 200 OK\\r\\nX-A: b\\r\\n",
        "HTTP/1.1 099 x\\r\\n\\r\\n",
        "",
    ],
)
def test_malformed_instead_of_http_is_a_protocol_error(tmp_path: Path, answer: str) -> None:
    """Another protocol, a head without its end, or nothing at all before the end is a protocol error."""
    assert cause(tmp_path, "reply", answer) is Cause.PROTOCOL_ERROR


@pytest.mark.parametrize(
    ("line", "fields", "malformed"),
    [
        (r"X-Space : 1", [b"X-Space: 1"], []),
        (r"X-Tab\t:\t1\t", [b"X-Tab: 1"], []),
        (r"Warning in line 12: not loaded", [], [b"Warning in line 12: not loaded"]),
        (r"no colon", [], [b"no colon"]),
        (r": no name", [], [b": no name"]),
        (r"X-Nul: a\x00b", [], [b"X-Nul: a\0b"]),
        (r"X-Return: a\rb", [], [b"X-Return: a\rb"]),
        (r"bad name: a\r\n and more", [], [b"bad name: a and more"]),
        (r"X-Fold: a\r\n\t b", [b"X-Fold: a b"], []),
        (r"X-Bytes: \xff\x01\x7f\x0b", [b"X-Bytes: \xff\x01\x7f\x0b"], []),
        (r"X-Empty:", [b"X-Empty: "], []),
    ],
)
def test_a_malformed_field_line_costs_only_itself(
    tmp_path: Path, line: str, fields: list[bytes], malformed: list[bytes]
) -> None:
    """All other fields and the body are read; the malformed line is kept as it came (RFC 9110 §2.4, RFC 9112 §5)."""
    page = rf"HTTP/1.1 200 OK\r\nX-First: 1\r\n{line}\r\nX-Last: 2\r\nContent-Length : 5\r\n\r\nhello"
    with serving("reply", argument=page) as server:
        response = browse(tmp_path, server.port, get)
    assert (response.status_code, response.content) == (200, b"hello")
    given = [b"%s: %s" % each for each in response.headers.raw]
    assert given == [b"X-First: 1", *fields, b"X-Last: 2", b"Content-Length: 5"]
    assert list(response.extensions["malformed"]) == malformed


def test_white_space_before_the_first_field_is_skipped(tmp_path: Path) -> None:
    """A line that continues nothing is consumed (RFC 9112 §2.2)."""
    with serving("reply", argument=r"HTTP/1.1 200 OK\r\n X-A: 1\r\nX-B: 2\r\nContent-Length: 0\r\n\r\n") as server:
        response = browse(tmp_path, server.port, get)
    assert [name for name, _ in response.headers.raw] == [b"X-B", b"Content-Length"]


@pytest.mark.parametrize("first", ["HTTP/1.1 200", "HTTP/1.1  200  Fine", r"HTTP/1.1 200 \x00\x0b", "HTTP/1.0 200 OK"])
def test_the_reason_phrase_is_read_leniently(tmp_path: Path, first: str) -> None:
    """Neither white space nor the phrase matters (RFC 9112 §4)."""
    with serving("reply", argument=rf"{first}\r\nX-A: 1\r\n\r\nhello") as server:
        response = browse(tmp_path, server.port, get)
    assert (response.status_code, response.headers["x-a"], response.content) == (200, "1", b"hello")


def test_one_interim_answer_after_another_ends_the_request(tmp_path: Path) -> None:
    """Sixteen may come; fifty thousand in two megabytes would hold the event loop for seconds."""
    interim, final = r"HTTP/1.1 103 Early\r\n\r\n", r"HTTP/1.1 204 No Content\r\n\r\n"
    with serving("reply", argument=interim * 16 + final) as server:
        assert browse(tmp_path, server.port, get).status_code == 204
    assert cause(tmp_path, "reply", interim * 17 + final) is Cause.PROTOCOL_ERROR


def test_interim_answers_and_bare_line_feeds_are_read(tmp_path: Path) -> None:
    """The fields are those of the final answer, whose lines may end in LF alone (RFC 9112 §2.2)."""
    early = r"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
    page = r"HTTP/1.1 200 OK\nX-A: 1\nTransfer-Encoding: chunked\n\n2\r\nhi\r\n0\r\n\r\n"
    with serving("reply", argument=early + page) as server:
        response = browse(tmp_path, server.port, get)
    assert response.content == b"hi"
    assert [name for name, _ in response.headers.raw] == [b"X-A", b"Transfer-Encoding"]


@pytest.mark.parametrize(
    "framing",
    [
        r"Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: five",
        "Transfer-Encoding: gzip, chunked",
    ],
)
def test_contradictory_framing_costs_the_body_only(tmp_path: Path, framing: str) -> None:
    """The fields are given; reading the body is a protocol error (RFC 9112 §6.3)."""

    async def head(client: httpx.AsyncClient, port: int) -> httpx.Response:
        request = client.build_request("GET", f"http://{HOST}:{port}/")
        response = await client.send(request, stream=True)
        with pytest.raises(ScanFailure) as caught:
            await response.aread()
        assert caught.value.cause is Cause.PROTOCOL_ERROR
        return response

    with serving("reply", argument=rf"HTTP/1.1 200 OK\r\n{framing}\r\nX-A: 1\r\n\r\nhello") as server:
        response = browse(tmp_path, server.port, head)
    assert (response.status_code, response.headers["x-a"]) == (200, "1")


def test_a_body_that_ends_early_is_a_protocol_error(tmp_path: Path) -> None:
    """Fewer bytes than announced are not taken for the whole."""
    assert cause(tmp_path, "reply", r"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort") is Cause.PROTOCOL_ERROR


def test_silence_drip_and_reset(tmp_path: Path) -> None:
    """A silent server times out, so does one that never gets on, and a reset is a reset."""

    async def hasty(client: httpx.AsyncClient, port: int) -> None:
        await client.get(f"http://{HOST}:{port}/", timeout=0.1)

    assert cause(tmp_path, "quiet", act=hasty) is Cause.TIMEOUT
    assert cause(tmp_path, "reset") is Cause.RESET


def test_one_exchange_is_bounded_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that feeds one byte at a time within every single timeout is cut off all the same."""
    monkeypatch.setattr("inspector.network.protocols.http._EXCHANGE_SECONDS", 0.3)
    assert cause(tmp_path, "drip") is Cause.TIMEOUT


def test_what_a_packed_body_unpacks_to_is_bounded(tmp_path: Path) -> None:
    """An unrequested compressed body cannot unpack to more than the limit."""
    bomb = gzip.compress(b"\0" * 50_000_000)
    text = "".join(f"\\x{byte:02x}" for byte in bomb)
    head = rf"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    with serving("reply", argument=head + text[:80_000]) as server:
        response = browse(tmp_path, server.port, get)
    assert len(response.content) <= 100_000
    assert response.extensions["truncated"] is True


def test_too_many_requests_gives_the_address_peace(tmp_path: Path) -> None:
    """After 429 with Retry-After the next connection to the address waits for so long."""

    async def twice(client: httpx.AsyncClient, port: int) -> float:
        assert (await get(client, port)).status_code == 429
        loop = asyncio.get_running_loop()
        began = loop.time()
        await get(client, port)
        return loop.time() - began

    head = r"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
    with serving("reply", argument=head) as server:
        assert browse(tmp_path, server.port, twice) >= 2.9


def test_a_request_that_cannot_be_sent_is_the_probes_bug(tmp_path: Path) -> None:
    """A header that no client may send is blamed on the probe."""

    async def odd(client: httpx.AsyncClient, port: int) -> None:
        await client.get(f"http://{HOST}:{port}/", headers=[("X-Odd", b"a\r\nb")])  # type: ignore[list-item]

    assert cause(tmp_path, "reply", act=odd) is Cause.BUG
