"""A finding that is asked about again needs the endpoints that its evidence came from, and no other."""

from __future__ import annotations

import pytest

from inspector.model.subject import HOST, Scheme, UriForm, parse_uri
from inspector.plan.selection import endpoints_of
from inspector.record.plan import AskedFinding

SCHEMES = {"https": Scheme("https", UriForm.PAGE, 443), "host": HOST}
DECLARED = ("https://a.example/", "https://a.example/login", "https://b.example/", "host:a.example")


@pytest.mark.parametrize(
    ("subject", "seen_at", "needed"),
    [
        ("https://a.example/login", DECLARED[1:2], DECLARED[1:2]),
        ("https://a.example", DECLARED[:1], DECLARED[:1]),
        ("https://gone.example/", ("https://gone.example/",), ()),
        ("host:a.example", DECLARED[3:], (DECLARED[0], DECLARED[1], DECLARED[3])),
        ("system:", DECLARED[:1], DECLARED),
        ("https://a.example/", (), DECLARED),
    ],
)
def test_the_endpoints_of_a_finding(subject: str, seen_at: tuple[str, ...], needed: tuple[str, ...]) -> None:
    """Of a host all of that host, of the whole system all; what is not declared any more is asked of nobody."""
    asked = AskedFinding(requirement="r", subject=subject, endpoints=seen_at)
    assert endpoints_of(asked, {each: parse_uri(each, SCHEMES) for each in DECLARED}) == set(needed)
