"""Which names a certificate is valid for (RFC 9525)."""

from __future__ import annotations

import pytest

from inspector_tls.certificates.hostname import matches


@pytest.mark.parametrize(
    ("host", "name", "same"),
    [
        ("www.example.vn", "www.example.vn", True),
        ("www.example.vn", "WWW.Example.VN", True),
        ("www.example.vn", "*.example.vn", True),
        ("example.vn", "*.example.vn", False),
        ("a.www.example.vn", "*.example.vn", False),
        ("www.example.vn", "w*.example.vn", False),
        ("www.example.vn", "www.*.vn", False),
        ("www.example.vn", "*", False),
        ("vn", "*", False),
        ("www.example.vn", "example.vn", False),
        ("www.example.vn", "www.example.vn\\x00.attacker.example", False),
        ("www.example.vn", "", False),
        ("xn--thnh-ph-hn-q7a.vn", "xn--thnh-ph-hn-q7a.vn", True),
        ("xn--p1ai.example.vn", "*.example.vn", True),
        ("example.vn", "*.vn", False),
        ("xn--p1ai.vn", "*.vn", False),
        ("192.0.2.1", "192.0.2.1", False),
        ("192.0.2.1", "*.0.2.1", False),
    ],
)
def test_domain_names(host: str, name: str, same: bool) -> None:
    """Names match label by label, a whole left-most label may be a wildcard except directly below a top-level domain,
    and no address matches a domain name.
    """
    assert matches(host, dns=[name], ip=[]) is same


@pytest.mark.parametrize(
    ("host", "entry", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("2001:db8::1", "2001:db8:0:0:0:0:0:1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", False),
        ("www.example.vn", "192.0.2.1", False),
        ("192.0.2.1", "not an address", False),
    ],
)
def test_addresses(host: str, entry: str, same: bool) -> None:
    """An address literal matches an address entry, octet for octet, and nothing else."""
    assert matches(host, dns=[], ip=[entry]) is same
