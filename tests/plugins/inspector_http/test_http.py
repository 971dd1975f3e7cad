"""The probe against running web servers, through the network gateway."""

import hashlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from inspector import Cause, Declared, ScanFailure
from inspector_http.checks.cookies_flagged import cookies_flagged
from inspector_http.observations import Http, WebProtocol
from inspector_http.probes import http
from inspector_http.redaction import PRODUCTS, VOCABULARY, Exchange, Exchanges, Redaction
from inspector_http.session import PAGE_BYTES, REDIRECTS_FOLLOWED
from tests.plugins.inspector_http.record import page, seen
from tests.plugins.inspector_http.webservers import SECRET, answering, nginx
from tests.plugins.inspector_services.scanning import read, scan
from tests.plugins.inspector_services.servers import installed, own_address


def test_no_cookie_is_sent_back() -> None:
    """Cookies of a reply, odd ones included, neither come with the next request nor end the scan."""
    facts = answered("refusing-cookies")
    assert (facts.status.value, facts.followed) == (200, ("http://web.test:9000/in",))
    assert "plain" in [each.name for each in facts.cookies.value]


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    address = own_address()
    with nginx(address):
        yield address


def answered(habit: str) -> Http:
    """The facts about a server with this habit."""
    address = own_address()
    with answering(address, {9000: habit}):
        return seen("http://web.test:9000/", address)[1]


def body(habit: str) -> tuple[Exchange, Http]:
    """The recorded exchange with a server with this habit, and the facts about it."""
    address = own_address()
    with answering(address, {9000: habit}):
        output, facts = seen("http://web.test:9000/", address)
    return Exchanges.parse(output.named("exchanges.json") or b"").followed[-1], facts


def failure(habit: str, scheme: str = "http") -> Cause:
    """Why a scan of a server with this habit ends without facts."""
    address = own_address()
    with answering(address, {9000: habit}), pytest.raises(ScanFailure) as raised:
        seen(f"{scheme}://web.test:9000/", address)
    return raised.value.cause


@pytest.mark.parametrize(("port", "path"), [(8443, "/home"), (8444, "/"), (8445, "/")])
def test_the_headers_are_those_that_curl_sees(place: str, port: int, path: str) -> None:
    """Header names are curl's, and so are the values that are kept: of the security headers and of products."""
    command = [installed("curl"), "-sk", "-D-", "-o/dev/null", "--http1.1", "--noproxy", "*"]
    resolve = ["--resolve", f"web.test:{port}:{place}", f"https://web.test:{port}{path}"]
    lines = subprocess.run([*command, *resolve], check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    expected = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines) if name]
    ours = [(each.name, each.value) for each in seen(f"https://web.test:{port}/", place)[1].headers.value]

    def stable(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        kept = {each.decode() for each in PRODUCTS | VOCABULARY} - {"connection"}
        return [(name, re.sub(r"https://.*", "", value)) for name, value in headers if name in kept]

    assert stable(ours) == stable(expected)
    assert [name for name, _ in ours] == [name for name, _ in expected]


def test_each_protocol_is_recognised_on_the_port_of_the_other(place: str) -> None:
    """HTTP on a TLS port and TLS on an HTTP port are facts, and so is a closed port."""
    assert seen("https://web.test:8081/", place)[1].protocol.value is WebProtocol.HTTP
    assert seen("http://web.test:8443/", place)[1].protocol.value is WebProtocol.HTTPS
    assert seen("http://web.test:8099/", place)[1].protocol.value is WebProtocol.NONE


@pytest.mark.parametrize("port", [8447, 8448])
def test_a_port_that_demands_tls_does_not_serve_plain_http(place: str, port: int) -> None:
    """A server that refuses our handshake, and asks a client of plain HTTP to use TLS, is not seen to serve HTTP."""
    with pytest.raises(ScanFailure) as raised:
        seen(f"https://web.test:{port}/", place)
    assert raised.value.cause is Cause.PROTOCOL_ERROR


def test_redirects_are_followed_on_the_same_service_only(place: str) -> None:
    """One on the same service leads to the last page; the target of another is reported and discovered."""
    assert seen("https://web.test:8443/", place)[1].followed == ("https://web.test:8443/home",)
    output, facts = seen("http://web.test:8080/x", place)
    assert facts.redirect.value is not None
    assert facts.redirect.value.url == "https://web.test:8443/x"
    assert [each.uri for each in output.discovered] == ["https://web.test:8443/x"]
    assert facts.followed == ()


@pytest.mark.parametrize(
    ("endpoints", "discovered"),
    [((), []), (("https://www.web.test:8443/",), ["https://www.web.test/"])],
)
def test_a_redirect_from_https_discovers_declared_hosts_only(
    endpoints: tuple[str, ...], discovered: list[str], place: str
) -> None:
    """The observation shows where it leads, and that nothing there is scanned."""
    target = replace(page("https://web.test:8446/", place), declared=Declared(endpoints=endpoints))
    output = scan(http, target)
    facts = read(http, output, target)
    assert [each.uri for each in output.discovered] == discovered
    assert (facts.redirect.value.url, facts.leads_outside) == ("https://www.web.test/", not discovered)


@pytest.mark.parametrize(
    ("endpoints", "discovered"),
    [((), []), (("https://another.test/",), []), (("tls://other.test:443",), ["https://other.test/a"])],
)
def test_a_redirect_from_plain_http_discovers_declared_hosts_only(
    endpoints: tuple[str, ...], discovered: list[str]
) -> None:
    """Nothing else can be scanned there; the observation shows where it leads."""
    address = own_address()
    target = replace(page("http://web.test:9000/", address), declared=Declared(endpoints=endpoints))
    with answering(address, {9000: "elsewhere"}):
        output = scan(http, target)
    assert [each.uri for each in output.discovered] == discovered
    assert read(http, output, target).redirect.value.url == "https://other.test/a"


def test_a_redirect_in_utf8_leads_where_curl_goes() -> None:
    """Its path is percent-encoded over UTF-8 (RFC 3987 §3.1), in the request and in what is recorded."""
    address = own_address()
    with answering(address, {9000: "utf8-redirect"}):
        facts = seen("http://web.test:9000/", address)[1]
        command = [installed("curl"), "-sL", "-o/dev/null", "-w%{url_effective}", "--noproxy", "*"]
        resolve = ["--resolve", f"web.test:9000:{address}", "http://web.test:9000/"]
        curl = subprocess.run([*command, *resolve], check=True, capture_output=True, text=True).stdout
    assert facts.status.value == 200
    assert facts.followed == ("http://web.test:9000/ch%C3%A0o/",)
    assert curl.partition("?")[0].lower() == facts.followed[0].lower()


def test_an_endpoint_on_443_discovers_port_80() -> None:
    """Even where port 443 is closed, port 80 of the host is scanned."""
    output, facts = seen("https://web.test/a/b", own_address())
    assert facts.protocol.value is WebProtocol.NONE
    assert [each.uri for each in output.discovered] == ["http://web.test/"]


@pytest.mark.parametrize("habit", ["loop", "longer"])
def test_redirects_without_end_are_cut(habit: str) -> None:
    """A loop, and a chain that grows, end in an unseen page within the bound."""
    address = own_address()
    with answering(address, {9000: habit}):
        output, facts = seen("http://web.test:9000/", address)
    assert facts.headers.unseen is Cause.PROTOCOL_ERROR
    assert len(facts.followed) <= REDIRECTS_FOLLOWED
    assert output.gaps[0].detail in ("redirect loop", "too many redirects")


@pytest.mark.parametrize(
    ("habit", "cause"),
    [
        ("blocked", Cause.BLOCKED),
        ("unavailable", Cause.BLOCKED),
        ("challenge", Cause.BLOCKED),
        ("too-many", Cause.RATE_LIMITED),
        ("missing", Cause.AMBIGUOUS),
        ("login", Cause.AMBIGUOUS),
    ],
)
def test_behind_a_block_page_or_an_error_headers_are_unseen(habit: str, cause: Cause) -> None:
    """The headers of the page are not absent when a firewall or an error answers instead."""
    facts = answered(habit)
    assert facts.status.is_seen
    assert (facts.headers.unseen, facts.cookies.unseen) == (cause, cause)


def test_what_an_error_reply_holds_is_kept() -> None:
    """Its header fields and cookies are facts, apart from those of the page."""
    facts = answered("error-shows")
    assert ("server", "Apache/2.4.29 (Ubuntu)") in [(each.name, each.value) for each in facts.received_headers]
    assert [each.name for each in facts.received_cookies] == ["safe", "sid"]
    assert facts.headers_fact == "/received_headers"
    page = answered("cookies")
    assert (page.received_headers, page.received_cookies, page.headers_fact) == ((), (), "/headers")


@pytest.mark.parametrize(
    ("habit", "cause"),
    [("two-locations", Cause.AMBIGUOUS), ("nonsense-redirect", Cause.PROTOCOL_ERROR)],
)
def test_a_redirect_that_makes_no_sense_is_unseen(habit: str, cause: Cause) -> None:
    """Contradictory or malformed targets decide nothing."""
    assert answered(habit).redirect.unseen is cause


@pytest.mark.parametrize(
    ("habit", "scheme", "cause"),
    [
        ("endless-headers", "http", Cause.PROTOCOL_ERROR),
        ("random-bytes", "http", Cause.PROTOCOL_ERROR),
        ("random-bytes", "https", Cause.PROTOCOL_ERROR),
    ],
)
def test_what_is_no_http_is_a_protocol_error(habit: str, scheme: str, cause: Cause) -> None:
    """Endless headers and random bytes end the scan; they are not an answer."""
    assert failure(habit, scheme) is cause


@pytest.mark.parametrize("habit", ["mute", "dripping-head"])
def test_a_server_that_never_answers_is_a_timeout(habit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No reply, and a head that arrives byte by byte, are neither refusal nor absence."""
    monkeypatch.setattr("inspector_http.session.HEAD_SECONDS", 0.7)
    assert failure(habit) is Cause.TIMEOUT


def test_an_endless_body_is_cut_and_its_page_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the beginning of a body is read; a slow one leaves the headers seen."""
    endless, _ = body("endless-body")
    assert (endless.body_bytes, endless.body_complete) == (PAGE_BYTES, False)
    monkeypatch.setattr("inspector_http.session.BODY_SECONDS", 0.5)
    dripping, facts = body("dripping-body")
    assert dripping.body_cause is Cause.TIMEOUT
    assert facts.field("x-content-type-options") == ("nosniff",)


@pytest.mark.parametrize(
    ("habit", "cause"),
    [
        ("exploding-page", {Cause.AMBIGUOUS, Cause.TIMEOUT}),
        ("no-gzip", {Cause.PROTOCOL_ERROR}),
        ("other-encoding", {Cause.AMBIGUOUS}),
    ],
)
def test_a_page_that_cannot_be_read_is_unseen(habit: str, cause: set[Cause]) -> None:
    """Its headers are seen all the same; one whose tree would fill the memory costs a worker process, not the scan."""
    facts = answered(habit)
    assert facts.status.value == 200
    assert facts.page.unseen in cause


def test_of_a_page_that_grows_the_beginning_is_read() -> None:
    """20 MB in 20 KB."""
    exchange, facts = body("gzip-bomb")
    assert exchange.body_bytes <= PAGE_BYTES
    assert facts.page.seen is not None
    assert not facts.page.value.is_whole


def test_a_body_is_recorded_by_size_and_digest() -> None:
    """The raw exchanges hold number and digest of the bytes of the body, and not the body."""
    exchange, _ = body("json")
    assert (exchange.body_bytes, exchange.body_complete) == (2, True)
    assert exchange.body_sha256 == hashlib.sha256(b"{}").hexdigest()


def test_a_malformed_field_line_hides_no_other() -> None:
    """The page is seen; the line itself is recorded by its fingerprint, since it may hold a secret."""
    exchange, facts = body("malformed")
    assert facts.protocol.value is WebProtocol.HTTP
    assert facts.field("x-xss-protection") == ("0",)
    assert facts.field("x-frame-options") == ("DENY",)
    assert len(exchange.malformed) == 1
    assert exchange.malformed[0].startswith("len=70,")
    assert SECRET not in exchange.model_dump_json()


def test_curl_reads_a_page_with_a_malformed_field_line() -> None:
    """The fields that curl shows in well-formed lines are those that are recorded."""
    address = own_address()
    with answering(address, {9000: "malformed"}):
        command = [
            installed("curl"),
            "-s",
            "-D-",
            "-o/dev/null",
            "--noproxy",
            "*",
            "--resolve",
            f"web.test:9000:{address}",
        ]
        shown = subprocess.run([*command, "http://web.test:9000/"], check=True, capture_output=True, text=True).stdout
        facts = seen("http://web.test:9000/", address)[1]
    names = {
        line.partition(":")[0].lower() for line in shown.splitlines()[1:] if line and " " not in line.partition(":")[0]
    }
    assert names | {"x-xss-protection", "set-cookie"} == {each.name for each in facts.headers.value}


def test_terminal_escapes_and_broken_utf8_are_escaped() -> None:
    """Every header value is printable; words that no check needs are replaced."""
    facts = answered("escapes")
    assert all(header.value.isprintable() for header in facts.headers.value)
    assert facts.field("x-bad")[0].startswith("len=10,sha256=")
    assert facts.field("server") == ("\\x1b]0;xxxxx\\x07\\x1b[31m<xxxxxx>xxxxx(1)</xxxxxx>",)


def test_cookies_are_kept_by_name_and_flags() -> None:
    """Removed cookies are not set, those of another path are others; unknown SameSite values are none."""
    cookies = [(each.name, each.secure, each.http_only, each.same_site) for each in answered("cookies").cookies.value]
    assert cookies == [
        ("half", True, False, None),
        ("half", True, True, "lax"),
        ("plain", False, False, None),
        ("safe", True, True, "lax"),
    ]


def test_cookies_are_read_as_browsers_read_them() -> None:
    """Case does not matter, Max-Age precedes Expires unless it is not a number, and what is not a date never passes."""
    facts = answered("odd-cookies")
    cookies = [(each.name, each.secure, each.http_only, each.same_site) for each in facts.cookies.value]
    assert cookies == [
        ("__Host-sid", True, True, "lax"),
        ("kept", False, False, None),
        ("shared", True, True, "none"),
        ("zero", True, False, None),
    ]
    assert cookies_flagged(facts).measured == (
        "kept: Secure, HttpOnly, SameSite",
        "shared: SameSite (None)",
        "zero: HttpOnly, SameSite",
    )


def test_a_session_value_is_recorded_nowhere() -> None:
    """Not in the raw capture, the gaps, the discovered subjects or the facts, wherever the server repeats it."""
    address = own_address()
    target = replace(page("http://web.test:9000/", address), declared=Declared(endpoints=("https://other.test/",)))
    with answering(address, {9000: "secrets"}):
        output = scan(http, target)
    facts = read(http, output, target)
    assert SECRET.encode() not in b"".join(raw.data for raw in output.raw)
    assert SECRET not in output.model_dump_json()
    assert SECRET not in facts.model_dump_json()
    assert [each.uri for each in output.discovered] == ["https://other.test/in"]
    assert [each.name for each in facts.cookies.value] == ["", "sid"]


@pytest.mark.parametrize(
    "header",
    [
        (b"Set-Cookie", b"%s"),
        (b"Set-Cookie", b"=%s"),
        (b"Set-Cookie", b"a = %s ; Path=/"),
        (b"SET-COOKIE", b'a="%s"'),
        (b"Authorization", b"Bearer %s"),
        (b"X-CSRF-Token", b"%s"),
        (b"X-Api-Key", b"%s"),
        (b"Refresh", b"0; url=/next?sid=%s"),
        (b"Content-Location", b"/a;sid=%s"),
    ],
)
def test_secrets_are_replaced_by_their_fingerprint(header: tuple[bytes, bytes]) -> None:
    """Whatever the header is called and however it is written, its secret is replaced; hand-made."""
    redaction = Redaction(lambda secret: f"len={len(secret)};sha256=0")
    name, value = header
    ((_, recorded),) = redaction.headers([(name, value % SECRET.encode())], "https://web.test/")
    assert SECRET not in recorded
    assert "len=" in recorded
    assert ";sha256" not in recorded


def test_parsing_needs_recorded_exchanges() -> None:
    """A capture without exchanges, or with other bytes, is refused."""
    target = page("http://web.test:9000/", own_address())
    output = scan(http, target)
    empty = output.model_copy(update={"raw": ()})
    broken = output.model_copy(update={"raw": (output.raw[0].model_copy(update={"data": b'{"followed": 1}'}),)})
    for bad in (empty, broken):
        with pytest.raises(ValueError, match=r"exchange|followed"):
            read(http, bad, target)
