"""How Set-Cookie is parsed (RFC 6265 §5); hand-made."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector_http.cookies import cookie_date, kept_cookies
from inspector_http.observations import CookieReach

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DATE = datetime(2031, 2, 9, 4, 5, 6, tzinfo=UTC)


def kept(*values: str, host: str = "www.example.test") -> list[str]:
    """The names of the cookies that remain after these fields of one reply."""
    return [each.name for each in kept_cookies([(host, "/a/b", value) for value in values], NOW)]


@pytest.mark.parametrize(
    "text",
    [
        "Sun, 09 Feb 2031 04:05:06 GMT",
        "Sunday, 09-Feb-31 04:05:06 GMT",
        "Sun Feb  9 04:05:06 2031",
        "Sun, 9 Feb 2031 4:5:6 +0700",
        "2031 february 9th 04:05:06",
        "09/feb/2031 04:05:06.789",
        "Wednesday 04:05:06 9 Feb 2031 10 Mar 2040 01:01:01",
        "Sun, 09 Feb 2031 04:05:06 GMT+0100 (Central European Time)",
        "04:05:06x 09x FEBruary 31x",
    ],
)
def test_a_cookie_date_is_read_token_by_token(text: str) -> None:
    """Order, weekday, zone and what follows a number do not matter (RFC 6265 §5.1.1)."""
    assert cookie_date(text) == DATE


@pytest.mark.parametrize(("year", "full"), [("70", 1970), ("99", 1999), ("00", 2000), ("69", 2069), ("1601", 1601)])
def test_a_year_of_two_digits_is_made_full(year: str, full: int) -> None:
    """70 to 99 are of the last century, 0 to 69 of this one (RFC 6265 §5.1.1)."""
    found = cookie_date(f"1 Jan {year} 00:00:00")
    assert found is not None
    assert found.year == full


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "soon",
        "Sun, 09 Feb 2031",
        "09 Feb 04:05:06",
        "Feb 2031 04:05:06",
        "09 2031 04:05:06",
        "31 Feb 2031 04:05:06",
        "00 10 Feb 2031 04:05:06",
        "32 Jan 2031 04:05:06",
        "09 Feb 1600 04:05:06",
        "09 Feb 20310 04:05:06",
        "09 Feb 2031 24:00:00",
        "09 Feb 2031 04:60:00",
        "09 Feb 2031 04:05:60",
        "09 Feb 2031 04: 05:06",
        "09 Feb 2031 004:05:06",
    ],
)
def test_what_is_no_cookie_date_names_no_instant(text: str) -> None:
    """A part that is missing or out of range (RFC 6265 §5.1.1)."""
    assert cookie_date(text) is None


@pytest.mark.parametrize("value", ["", "; Secure", "=", "\t=\t; Secure", ";a=b", " = ; a=b", "a=\x01", "a=b; c=\x7f"])
def test_a_field_without_name_and_value_or_with_control_characters_sets_no_cookie(value: str) -> None:
    """Browsers ignore it (RFC 6265bis §5.6)."""
    assert kept(value) == []


@pytest.mark.parametrize("value", ["a", "=a", " = a", "a; b=c", "Secure; a=b"])
def test_a_cookie_without_a_name_has_a_value(value: str) -> None:
    """Without an equals sign the whole pair is the value (RFC 6265bis §5.6)."""
    assert kept(value) == [""]


@pytest.mark.parametrize(
    ("value", "is_stored"),
    [
        ("__Host-a=1; Secure; Path=/", True),
        ("__Host-a=1; Secure", False),
        ("__Host-a=1; Path=/", False),
        ("__Host-a=1; Secure; Path=/x", False),
        ("__Host-a=1; Secure; Path=/; Domain=example.test", False),
        ("__HOST-a=1; Path=/", False),
        ("__Secure-a=1; Secure; Domain=example.test", True),
        ("__Secure-a=1", False),
        ("__secure-a=1; Path=/", False),
        ("__Hosta=1", True),
    ],
)
def test_a_prefix_demands_attributes(value: str, is_stored: bool) -> None:
    """Browsers do not store a cookie that lacks them (RFC 6265bis §4.1.3, §5.7)."""
    (cookie,) = kept_cookies([("www.example.test", "/", value)], NOW)
    assert cookie.is_stored is is_stored


@pytest.mark.parametrize(
    ("attributes", "domain", "seconds"),
    [
        ("", "", None),
        ("Domain=example.test; Max-Age=60", "example.test", 60),
        ("Domain=.www.example.test; Expires=Tue, 02 Jun 2026 00:00:00 GMT", "www.example.test", 86400),
        ("Max-Age=5; Expires=Tue, 02 Jun 2026 00:00:00 GMT", "", 5),
        (f"Max-Age={'0' * 20}7", "", 7),
        (f"Max-Age={'9' * 6000}", "", 999_999_999_999_999),
        ("Expires=soon", "", None),
    ],
)
def test_where_and_how_long_a_cookie_is_sent(attributes: str, domain: str, seconds: int | None) -> None:
    """Domain without its first dot; Max-Age before Expires."""
    (cookie,) = kept_cookies([("www.example.test", "/", f"a=1; {attributes}")], NOW)
    assert cookie.reach == CookieReach(domain=domain, seconds=seconds)


@pytest.mark.parametrize(
    ("value", "name"),
    [("a=", "a"), ("a b=c", "a b"), ("\ta\t=\tb", "a"), ('"a"=b', '"a"'), ("a==b", "a"), ("a,b=c", "a,b")],
)
def test_odd_names_and_empty_values_set_a_cookie(value: str, name: str) -> None:
    """Browsers keep them (RFC 6265 §5.2)."""
    assert kept(value) == [name]


@pytest.mark.parametrize(
    ("attributes", "is_kept"),
    [
        ("Expires=Sun Feb  9 04:05:06 2031", True),
        ("Expires=Thursday, 01-Jan-70 00:00:00 GMT", False),
        ("Expires=1970 Jan 1st 00:00:00", False),
        ("Expires=Sun, 31 Feb 1999 00:00:00 GMT", True),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=never", False),
        ("Max-Age=0; Max-Age=soon", False),
        ("Max-Age=60; Max-Age=-5", False),
        ("Max-Age=000", False),
        ("Max-Age=1e3; Expires=Thu, 01 Jan 1970 00:00:00 GMT", False),
        ("Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT", True),
        ("Max-Age=+0", True),
        ("Max-Age=", True),
        ("MAX-AGE = 0", False),
    ],
)
def test_an_attribute_that_cannot_be_read_is_ignored(attributes: str, is_kept: bool) -> None:
    """It does not replace one before it (RFC 6265 §5.2.1, §5.2.2, §5.3)."""
    assert bool(kept(f"a=1; {attributes}")) is is_kept


@pytest.mark.parametrize(
    ("domain", "is_kept"),
    [
        ("www.example.test", True),
        ("EXAMPLE.test", True),
        (".example.test", True),
        ("", True),
        ("other.test", False),
        ("ample.test", False),
        ("a.www.example.test", False),
        ("test", False),
        ("example.test.", False),
        ("example.test/x", False),
        ("..example.test", False),
    ],
)
def test_a_cookie_of_a_foreign_domain_is_ignored(domain: str, is_kept: bool) -> None:
    """The host must be in the domain, which must not be a top-level one (RFC 6265 §5.1.3, §5.3)."""
    assert bool(kept(f"a=1; Domain={domain}")) is is_kept


@pytest.mark.parametrize(
    ("domain", "host", "is_kept"),
    [
        ("gov.vn", "www.bo.gov.vn", False),
        ("co.uk", "shop.example.co.uk", False),
        (".github.io", "me.github.io", False),
        ("xn--55qx5d.cn", "a.xn--55qx5d.cn", False),
        ("bo.gov.vn", "www.bo.gov.vn", True),
        ("gov.vn", "gov.vn", True),
        ("example.test", "www.example.test", True),
    ],
)
def test_a_cookie_of_a_public_suffix_is_ignored(domain: str, host: str, is_kept: bool) -> None:
    """Anyone may have a name below it; for a host that is one itself, the cookie is its own (RFC 6265 §5.3 step 5)."""
    assert bool(kept(f"a=1; Domain={domain}", host=host)) is is_kept


def test_the_domain_of_an_address_and_of_an_international_name() -> None:
    """An address is only in itself; a name in UTF-8 is compared by its A-labels (RFC 6265 §5.1.2, §5.1.3)."""
    assert kept("a=1; Domain=192.0.2.1", host="192.0.2.1") == ["a"]
    assert kept("a=1; Domain=2.1", host="192.0.2.1") == []
    assert kept("a=1; Domain=localhost", host="localhost") == ["a"]
    bucher = "bücher.test".encode().decode("latin-1")
    assert kept(f"a=1; Domain={bucher}", host="www.xn--bcher-kva.test") == ["a"]
    assert kept(f"a=1; Domain={bucher}", host="www.bucher.test") == []
    strasse = "straße.test".encode().decode("latin-1")
    assert kept(f"a=1; Domain={strasse}", host="www.xn--strae-oqa.test") == ["a"]
    assert kept(f"a=1; Domain={strasse}", host="www.strasse.test") == []
    assert kept(f"a=1; Domain={bucher}/x", host="www.xn--bcher-kva.test") == []


def test_the_last_domain_and_path_that_can_be_used_count() -> None:
    """An empty Domain is ignored, a relative Path is the default (RFC 6265 §5.2.3, §5.2.4)."""
    assert kept("a=1; Domain=example.test; Domain=", "a=; Domain=example.test; Max-Age=0") == []
    assert kept("a=1; Domain=other.test; Domain=example.test") == ["a"]


def test_a_domain_of_a_dot_alone_is_none() -> None:
    """Without its first dot it is empty: the cookie is the host's (RFC 6265 §5.2.3, §5.3 step 6)."""
    assert kept("a=1; Domain=.") == ["a"]
    assert kept("a=1; Path=/x; Path=y", "a=; Path=/a; Max-Age=0") == []
    assert kept("a=1; Path=y; Path=/x", "a=; Path=/a; Max-Age=0") == ["a"]


_PIECES = st.sampled_from(
    [
        *("sid", "=", ";", " ", "\t", "abc", '"', ",", "__Host-", "__secure-", "Path=/", "Domain=", "example.test"),
        *("Secure", "SECURE", "HttpOnly", "SameSite", "SameSite=Lax", "=Strict", "None", "Max-Age=", "-1", "60"),
        *("Expires=", "Sun, 09 Feb 2031 04:05:06 GMT", "Partitioned", "\x00", "\x7f", "\xe9"),
    ]
)


@given(st.lists(st.text("".join(map(chr, range(256))), max_size=40) | st.lists(_PIECES, max_size=12).map("".join)))
def test_garbage_is_no_protected_cookie(values: list[str]) -> None:
    """No text raises; a cookie has an attribute only where a field names it; one with a control character is none."""
    cookies = kept_cookies([("www.example.test", "/a/b", value) for value in values], NOW)
    attributes = [[part.partition("=")[0].strip(" \t").lower() for part in value.split(";")[1:]] for value in values]
    usable = [not any((ord(each) < 32 and each != "\t") or each == "\x7f" for each in value) for value in values]
    named = [set(names) for names, is_usable in zip(attributes, usable, strict=True) if is_usable]
    assert len(cookies) <= sum(usable)
    for cookie in cookies:
        assert not cookie.secure or any("secure" in each for each in named)
        assert not cookie.http_only or any("httponly" in each for each in named)
        assert cookie.same_site is None or any("samesite" in each for each in named)
        assert cookie.reach is not None
        assert cookie.reach.domain in ("", "www.example.test", "example.test")
