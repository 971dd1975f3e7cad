"""The facts of a target that a probe is given."""

from __future__ import annotations

import pytest

from tests.core.network.addresses import target


@pytest.mark.parametrize(
    ("host", "server_name"), [("www.example.vn", "www.example.vn"), ("192.0.2.1", None), ("2001:db8::1", None)]
)
def test_an_address_literal_is_no_server_name(host: str, server_name: str | None) -> None:
    """A TLS hello names a host, and nothing where the host is an address (RFC 6066 §3)."""
    assert target(443, host=host).server_name == server_name
