"""Certificates with a few octets changed: they are parsed into facts or rejected, never with another exception."""

from __future__ import annotations

import datetime
import warnings
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from inspector_tls.certificates.path_validation import NotValidated, TooComplex, by_subject, trust
from inspector_tls.certificates.x509_facts import facts, load
from tests.plugins.inspector_tls.authority import Identity, intermediate, issue, root

HOST = "www.example.vn"


@cache
def chain() -> tuple[Identity, Identity, Identity]:
    """A root, a constrained intermediate and a certificate below it."""
    top = root()
    constraints = x509.NameConstraints([x509.DNSName("example.vn")], None)
    between = intermediate(top, extensions=[(constraints, True)])
    return top, between, issue(HOST, between, dns=[HOST], ip=["127.0.0.1"])


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_octets(changes: list[tuple[int, int]]) -> None:
    """With any changed octets only the documented exceptions are raised, and no changed certificate is trusted."""
    top, between, leaf = chain()
    der = leaf.certificate.public_bytes(Encoding.DER)
    changed = bytearray(der)
    for position, octet in changes:
        changed[position % len(der)] = octet
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        certificate = load(bytes(changed))
        if certificate is None:
            return
        facts(certificate)
        try:
            found = trust([certificate, between.read], by_subject([top.read]), datetime.datetime.now(datetime.UTC))
        except (NotValidated, TooComplex):
            return
    assert not found.chains or certificate.signed == leaf.certificate.tbs_certificate_bytes
