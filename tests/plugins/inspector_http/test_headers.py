"""How header values are parsed, where a case file cannot express it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector import Cause
from inspector_http.headers import hsts_directives, hsts_max_age
from inspector_http.urls import location


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("/chào/", "http://a.test/ch%C3%A0o/"),
        ("/ch%C3%A0o/", "http://a.test/ch%C3%A0o/"),
        ("chào?q=ê#ô", "http://a.test/x/ch%C3%A0o?q=%C3%AA"),
        ("/a b", "http://a.test/a%20b"),
        ("  /a\tb ", "http://a.test/ab"),
        ("/%7e%2F%", "http://a.test/%7e%2F%"),
        ("HTTPS://B.test", "https://b.test/"),
        ("//b.test:443/é", "http://b.test:443/%C3%A9"),
        ("\\\\b.test\\a?\\", "http://b.test/a?\\"),
        ("https:\\\\b.test/", "https://b.test/"),
        ("https://bücher.test/", "https://xn--bcher-kva.test/"),
        ("https://straße。test/", "https://xn--strae-oqa.test/"),
        ("https://ΒΌΛΟΣ.test/", "https://xn--nxasmq6b.test/"),
        ("https://stra%C3%9Fe%E3%80%82test:8443/a?b", "https://xn--strae-oqa.test:8443/a?b"),
        ("?q=ê", "http://a.test/x/y?q=%C3%AA"),
        ("///b.test/z", "http://b.test/z"),
        ("/\\/b.test/z", "http://b.test/z"),
        ("https:b.test/z", "https://b.test/z"),
        ("https:/b.test/z", "https://b.test/z"),
        ("https:////b.test/z", "https://b.test/z"),
        ("http:b.test/z", "http://a.test/x/b.test/z"),
        ("http:/b.test/z", "http://a.test/b.test/z"),
        ("http:///b.test/z", "http://b.test/z"),
        ("https://a.test@b.test/z", "https://b.test/z"),
        ("https://user:pass@a.test/z", "https://a.test/z"),
    ],
)
def test_a_location_is_read_as_browsers_read_it(value: str, target: str) -> None:
    """UTF-8, percent-encoded in path and query (RFC 3987 §3.1; WHATWG URL §4.4); hand-made."""
    assert location("http://a.test/x/y", 302, [value.encode().decode("latin-1")]).seen == target


def test_bytes_of_a_location_that_are_not_utf8_are_escaped_one_by_one() -> None:
    """Latin-1 bytes stay the bytes that they are."""
    assert location("http://a.test/", 302, ["/caf\xe9/\xc3\xa0"]).seen == "http://a.test/caf%E9/%C3%A0"


@pytest.mark.parametrize(
    "value",
    [
        "http://caf\xe9.test/",
        "http://[broken/",
        "ftp://a.test/",
        "http://a b/",
        "http://xn--zz.test/",
        "http://a%2Fb/",
        "http://a%EF%BC%8Fb/",
        "http://a%C3/",
    ],
)
def test_a_location_that_is_no_web_url_is_unseen(value: str) -> None:
    """No host is guessed from what names none."""
    assert location("http://a.test/", 302, [value]).unseen is Cause.PROTOCOL_ERROR


def test_an_age_of_any_length_is_a_number() -> None:
    """More digits than Python converts by default are still a valid age."""
    assert hsts_max_age("max-age=" + "9" * 6000) == 999_999_999_999_999
    assert hsts_max_age("max-age=" + "0" * 6000 + "60") == 60


_HSTS_PIECES = st.sampled_from(
    [
        "max-age",
        "MAX-AGE",
        "=",
        "31536000",
        '"',
        "0",
        "-",
        ";",
        " ",
        "\t",
        ",",
        "includeSubDomains",
        "preload",
        "\\",
        "é",
    ]
)


@given(st.text(max_size=60) | st.lists(_HSTS_PIECES, max_size=14).map("".join))
def test_garbage_is_no_hsts(value: str) -> None:
    """No text raises; what browsers heed has ``max-age`` once with digits, and nothing that no directive has."""
    age = hsts_max_age(value)
    assert (age is None) == (hsts_directives(value) is None)
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "0", value)
    names = [each.partition("=")[0].strip(" \t").lower() for each in outside.split(";")]
    if age is not None:
        assert names.count("max-age") == 1
        assert len(set(filter(None, names))) == len(list(filter(None, names)))
        assert "," not in outside
        assert outside.isascii()
        assert re.search(r"(?i)max-age[ \t]*=[ \t]*\"?[0-9]", value)
