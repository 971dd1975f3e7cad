"""Servers that demand a certificate of the client, which an inspection does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector import Cause
from inspector.testing import run_probe
from inspector_http.checks.csp_set import csp_set
from inspector_http.checks.https_reachable import https_reachable
from inspector_http.observations import Http, InsteadKind
from inspector_http.probes import http
from tests.plugins.inspector_tls import servers
from tests.plugins.inspector_tls.authority import issue, rsa_key

HOST = "www.example.vn"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An RSA certificate and its key."""
    return issue(HOST, dns=[HOST], key=rsa_key()).write(tmp_path_factory.mktemp("tls"), "server")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_refusal_by_tls_is_a_demand_for_a_certificate(files: tuple[Path, Path], version: str) -> None:
    """By its alert in TLS 1.3; in TLS 1.2 by a refusal after a request for one. HTTPS is offered all the same."""
    with servers.openssl(files, version, "-Verify", "1", "-www") as port:
        scan = run_probe(http, f"https://{HOST}:{port}/", parts=())
    facts = scan.seen(Http)
    assert facts.instead is not None
    assert facts.instead.kind is InsteadKind.CLIENT_CERTIFICATE
    assert facts.headers.unseen is Cause.BLOCKED
    assert https_reachable(facts).outcome == "pass"
    explained = facts.explain(Cause.BLOCKED)
    assert explained is not None
    assert "demands a certificate of the client" in explained.message.id
    assert len(scan.ledger) <= 2


def test_a_wish_for_a_certificate_is_none(files: tuple[Path, Path]) -> None:
    """A server that asks for one and does without is judged."""
    with servers.openssl(files, "-tls1_2", "-verify", "1", "-www") as port:
        facts = run_probe(http, f"https://{HOST}:{port}/", parts=()).seen(Http)
    assert facts.instead is None
    assert csp_set(facts).outcome == "fail"


def test_a_refusal_without_a_request_is_none(files: tuple[Path, Path]) -> None:
    """A server that refuses everything on offer demands no certificate."""
    with servers.openssl(files, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256", "-www") as port:
        scan = run_probe(http, f"https://{HOST}:{port}/", parts=())
    assert scan.failure is not None
    assert scan.failure.cause in (Cause.PROTOCOL_ERROR, Cause.TOOL_MISSING)
