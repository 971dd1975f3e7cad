"""The probe through the gateway, at running web servers."""

import subprocess
from collections.abc import Iterator

import pytest

from inspector import Cause, ScanFailure
from inspector_http.checks.cookies_flagged import cookies_flagged
from inspector_http.observations import Http, Speech
from inspector_http.probes import BODY_BYTES, REDIRECTS_FOLLOWED, http
from inspector_http.redaction import Redaction
from tests.plugins.inspector_http.record import page, seen
from tests.plugins.inspector_http.webservers import SECRET, answering, nginx
from tests.plugins.inspector_services.scanning import read, scan
from tests.plugins.inspector_services.servers import installed, own_address


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


def failure(habit: str, scheme: str = "http") -> Cause:
    """Why a scan of a server with this habit ends without facts."""
    address = own_address()
    with answering(address, {9000: habit}), pytest.raises(ScanFailure) as raised:
        seen(f"{scheme}://web.test:9000/", address)
    return raised.value.cause


@pytest.mark.parametrize(("port", "path"), [(8443, "/home"), (8444, "/"), (8445, "/")])
def test_the_headers_are_those_that_curl_sees(place: str, port: int, path: str) -> None:
    """Header names and values are curl's, but for dates and cookie values."""
    command = [installed("curl"), "-sk", "-D-", "-o/dev/null", "--http1.1", "--noproxy", "*"]
    resolve = ["--resolve", f"web.test:{port}:{place}", f"https://web.test:{port}{path}"]
    lines = subprocess.run([*command, *resolve], check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    told = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines) if name]
    ours = [(each.name, each.value) for each in seen(f"https://web.test:{port}/", place)[1].headers.value]

    def stable(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [each for each in headers if each[0] not in ("connection", "date", "set-cookie")]

    assert stable(ours) == stable(told)
    assert [name for name, _ in ours] == [name for name, _ in told]


def test_each_language_is_recognised_on_the_port_of_the_other(place: str) -> None:
    """HTTP on a TLS port and TLS on an HTTP port are facts, and so is a closed port."""
    assert seen("https://web.test:8081/", place)[1].speaks.value is Speech.HTTP
    assert seen("http://web.test:8443/", place)[1].speaks.value is Speech.HTTPS
    assert seen("http://web.test:8099/", place)[1].speaks.value is Speech.NOTHING


@pytest.mark.parametrize("port", [8447, 8448])
def test_a_port_that_insists_on_tls_does_not_serve_in_clear(place: str, port: int) -> None:
    """A web server that refuses our handshake, and tells a client in clear to use TLS, is not seen to speak HTTP."""
    with pytest.raises(ScanFailure) as raised:
        seen(f"https://web.test:{port}/", place)
    assert raised.value.cause is Cause.PROTOCOL_ERROR


def test_redirects_are_followed_on_the_same_service_only(place: str) -> None:
    """One on the service leads to the last page; one elsewhere is reported, and brought to light."""
    assert seen("https://web.test:8443/", place)[1].followed == ("https://web.test:8443/home",)
    output, facts = seen("http://web.test:8080/x", place)
    assert facts.redirect.value is not None
    assert facts.redirect.value.url == "https://web.test:8443/x"
    assert [each.uri for each in output.discovered] == ["https://web.test:8443/x"]
    assert facts.followed == ()


def test_an_endpoint_on_443_brings_port_80_to_light() -> None:
    """Even where nothing answers, what the host says in clear is scanned."""
    output, facts = seen("https://web.test/a/b", own_address())
    assert facts.speaks.value is Speech.NOTHING
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
    """What the page itself would say is not absent when a guard or an error answers in its place."""
    facts = answered(habit)
    assert facts.status.is_seen
    assert (facts.headers.unseen, facts.cookies.unseen) == (cause, cause)


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
        ("garbage", "http", Cause.PROTOCOL_ERROR),
        ("garbage", "https", Cause.PROTOCOL_ERROR),
    ],
)
def test_what_is_no_http_is_a_protocol_error(habit: str, scheme: str, cause: Cause) -> None:
    """Endless headers and garbage end the scan; they are not an answer."""
    assert failure(habit, scheme) is cause


@pytest.mark.parametrize("habit", ["mute", "dripping-head"])
def test_a_server_that_never_answers_is_a_timeout(habit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence and a head that drips are neither refusal nor absence."""
    monkeypatch.setattr("inspector_http.probes.HEAD_SECONDS", 0.7)
    assert failure(habit) is Cause.TIMEOUT


def test_an_endless_body_is_cut_and_its_page_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the beginning of a body is read; a slow one leaves the headers seen."""
    endless = answered("endless-body")
    assert (endless.body.value.size, endless.body.value.complete) == (BODY_BYTES, False)
    monkeypatch.setattr("inspector_http.probes.BODY_SECONDS", 0.5)
    dripping = answered("dripping-body")
    assert dripping.body.unseen is Cause.TIMEOUT
    assert dripping.field("x-content-type-options") == ("nosniff",)


def test_terminal_escapes_and_broken_utf8_are_escaped() -> None:
    """Every header value is printable, and no byte is lost."""
    facts = answered("escapes")
    assert all(header.value.isprintable() for header in facts.headers.value)
    assert facts.field("x-bad") == ("caf\\xe9 é \\xc3(",)
    assert facts.field("server") == ("\\x1b]0;owned\\x07\\x1b[31m<script>alert(1)</script>",)


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
    """Case does not matter, Max-Age goes before Expires unless it is no number, and what is no date never passes."""
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


def test_a_session_value_stands_nowhere() -> None:
    """Not in the raw capture, the gaps, the discovered aims or the facts, wherever the server repeats it."""
    address = own_address()
    target = page("http://web.test:9000/", address)
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
    """Whatever a header is called or however it is written, its secret is gone; hand-made."""
    redaction = Redaction(lambda secret: f"len={len(secret)};sha256=0")
    name, value = header
    ((_, kept),) = redaction.headers([(name, value % SECRET.encode())])
    assert SECRET not in kept
    assert "len=" in kept
    assert ";sha256" not in kept


def test_reading_needs_kept_exchanges() -> None:
    """A capture without exchanges, or with foreign bytes, is refused."""
    target = page("http://web.test:9000/", own_address())
    output = scan(http, target)
    empty = output.model_copy(update={"raw": ()})
    broken = output.model_copy(update={"raw": (output.raw[0].model_copy(update={"data": b'{"along": 1}'}),)})
    for bad in (empty, broken):
        with pytest.raises(ValueError, match=r"exchange|along"):
            read(http, bad, target)
