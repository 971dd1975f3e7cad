"""Redaction changes no verdict: what checks compute of a field is the same before and after."""

import hashlib
import re
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from inspector_http.cookies import kept_cookies
from inspector_http.csp import (
    BYPASSES,
    allows_any_site,
    frame_ancestors,
    other_weaknesses,
    parse_policies,
    requires_trusted_types,
    restricts_scripts,
    script_weaknesses,
    unencrypted_sources,
)
from inspector_http.headers import denies_cross_origin_frames, elements, hsts_max_age, names_version
from inspector_http.redaction import PRODUCTS, Redaction
from inspector_http.structured import dictionary_keys, item_token
from inspector_http.urls import location

AT = datetime(2026, 1, 1, tzinfo=UTC)


def redacted(name: str, value: str) -> str:
    """The value as it is recorded, in a reply of ``web.test``."""
    redaction = Redaction(lambda secret: f"len={len(secret)};sha256={hashlib.sha256(secret).hexdigest()}")
    ((_, kept),) = redaction.headers([(name.encode(), value.encode("latin-1"))], "https://web.test/")
    return kept


def built(*words: str) -> st.SearchStrategy[str]:
    """Values of these words, of others, and of what separates them."""
    parts = st.sampled_from([*words, *' ;,="\\/:*.()-@', "; ", "31536000", "12"]) | st.text("aZ9é", max_size=3)
    return st.lists(parts, max_size=12).map("".join)


@given(built("max-age", "includeSubDomains", "preload", "max-age=31536000"))
@example("é; max-age=31536000")
@example('max-age=31536000; note="é"')
@example("max-age=9999999999999999")
@example("max-age=0000000000000000060")
@example("max-age=60s")
def test_hsts(value: str) -> None:
    """The age that browsers heed."""
    assert hsts_max_age(redacted("Strict-Transport-Security", value)) == hsts_max_age(value)


@given(built("DENY", "SAMEORIGIN", "ALLOWALL", "ALLOW-FROM", "nosniff", "no-referrer", "unsafe-url", "origin"))
def test_options_of_words(value: str) -> None:
    """Which known words stand in which order, and whether others do."""
    kept = redacted("X-Frame-Options", value)
    assert denies_cross_origin_frames([kept]) == denies_cross_origin_frames([value])
    known = {"deny", "sameorigin", "nosniff", "no-referrer", "unsafe-url", "origin"}
    assert [each for each in elements([kept]) if each in known] == [each for each in elements([value]) if each in known]


@given(built("frame-ancestors", "default-src", "'none'", "'self'", "https:", "http://*", "*", "https://*:443/"))
def test_frame_ancestors(value: str) -> None:
    """How many lists there are, and which allow any site."""
    kept = frame_ancestors([redacted("Content-Security-Policy", value)])
    assert [allows_any_site(each) for each in kept] == [allows_any_site(each) for each in frame_ancestors([value])]


@example("a=1same-origin")
@example("a=9999999999999999")
@example("a=0000000000000001")
@example("1a=1")
@given(built("same-origin", "Same-Origin", "cross-origin", "a=1", "A", "?1", '"a b"', "camera=()", "self", "*"))
def test_structured_fields(value: str) -> None:
    """Whether a field is well-formed, and what its token is where that is a known one."""
    kept = redacted("Permissions-Policy", value)
    assert (dictionary_keys([kept]) is None) == (dictionary_keys([value]) is None)
    assert (item_token([kept]) == "same-origin") == (item_token([value]) == "same-origin")


DIRECTIVES = ("default-src ", "script-src ", "script-src-elem ", "object-src ", "base-uri ", "sandbox ")
SOURCES = ("'unsafe-inline' ", "'nonce-aZ9+/==' ", "'sha256-12=' ", "'strict-dynamic' ", "data: ", "https: ", "'none' ")
HOSTS = ("cdn.jsdelivr.net", "*.googleapis.com", "https://unpkg.com/", "www.google.com/a ", ":443 ", "http://", "é ")


@given(built(*DIRECTIVES, *SOURCES, *HOSTS, ";", "; ", "allow-scripts ", "require-trusted-types-for 'script'"))
@example("script-src 'unsafe-inline' 'nonce-aZ9+/=='")
@example("script-src 'unsafe-inline' 'sha256-aZ9='; sandbox allow-scripts")
@example("script-src 'unsafe-inline' 'sha384-aZ9='; require-trusted-types-for 'script'")
@example("script-src 'unsafe-inline' 'sha512-aZ9='")
@example("script-src 'unsafe-eval' 'wasm-unsafe-eval' 'strict-dynamic' https:")
@example("script-src 'self'; script-src-elem 'unsafe-inline'; script-src-attr 'unsafe-inline'")
@example(f"script-src {' '.join(BYPASSES)}; object-src http://a.test; base-uri *; form-action data:")
@example("script-src 'unsafe-inline' 'nonce-é'")
@example("script-src 'none' \\xff")
def test_what_a_policy_allows(value: str) -> None:
    """Whether and how often anything is found in a policy."""

    def judged(text: str) -> tuple[object, ...]:
        policies = parse_policies([text])
        found = (script_weaknesses(policies), other_weaknesses(policies), unencrypted_sources(policies))
        return (len(policies), restricts_scripts(policies), requires_trusted_types(policies), *map(len, found))

    assert judged(redacted("Content-Security-Policy", value)) == judged(value)


@given(st.sampled_from(sorted(PRODUCTS)), built("Apache", "PHP", "2.4", "v7", "(Ubuntu", "debian 12", "10.0.0.1", ")"))
@example(b"server", ")v731536000")
def test_versions(name: bytes, value: str) -> None:
    """Whether a version is named."""
    field = name.decode()
    assert names_version(field, redacted(field, value)) == names_version(field, value)


@given(
    built(
        *("Secure", "HttpOnly", "SameSite", "Lax", "none", "Path", "/", "Domain", "web.test", "other.test", ".test"),
        *("Max-Age", "Expires", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 01-Jan-2038 1:2:3 GMT", "0", "-1", "sid=1"),
    )
)
def test_cookies(value: str) -> None:
    """Which cookies remain, with which attributes."""
    kept = redacted("Set-Cookie", f"sid=1;{value}")
    before, after = (kept_cookies([("web.test", "/a/b", each)], AT) for each in (f"sid=1;{value}", kept))
    assert before == after


@given(
    built(
        "https:",
        "http:",
        "//",
        "web.test",
        "a.test:8443",
        "user:pw@",
        "/in",
        "?a=b",
        "#c",
        "[::1]",
        "%2e",
        "\\\\",
        "index.html",
    )
)
@example("https:http:https:")
def test_redirects(value: str) -> None:
    """Where a redirect leads: the same service, or nowhere."""

    def service(text: str) -> str | None:
        found = location("https://web.test/", 302, [text]).seen
        return None if found is None else re.sub(r"(?<=[^/:])/.*", "", found)

    assert service(redacted("Location", value)) == service(value)


def test_behind_the_scheme_of_the_page_the_rest_is_a_path() -> None:
    """Also where it looks like a URL of its own: browsers stay at the host."""
    assert location("https://web.test/", 302, ["https:http:x"]).seen == "https://web.test/http:x"
