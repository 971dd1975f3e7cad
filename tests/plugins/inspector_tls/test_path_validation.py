"""Path validation, compared with an independent implementation of RFC 5280."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from pathlib import Path

import pytest
from asn1crypto.x509 import Certificate as Asn1Certificate
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

from inspector_tls.certificates import der
from inspector_tls.certificates import path_validation as paths
from inspector_tls.certificates.x509_certificate import X509Certificate
from tests.plugins.inspector_tls.authority import (
    EXTENSIONS,
    Identity,
    altered,
    ec_key,
    intermediate,
    issue,
    name,
    root,
    with_field,
)
from tests.plugins.inspector_tls.test_certificates import WAYS, verified

#: Where the two differ on purpose, and why.
EXPLAINED = {
    "SHA-1": "it refuses SHA-1 in every signature; here a check of its own judges strength",
    "MD5": "it refuses MD5 in every signature; here a check of its own judges strength",
    "ECDSA over SHA-1": "it refuses SHA-1 in every signature; here a check of its own judges strength",
    "two algorithms": "it does not compare the two fields; OpenSSL does",
    "a mailbox at another host": "it judges mailboxes in a subject only without other names; OpenSSL always does",
    "a mailbox at an excluded host": "it judges mailboxes in a subject only without other names; OpenSSL always does",
    "an unreadable validity": "it reads times without seconds, which OpenSSL refuses",
    "an unreadable notice": "it reads no extension where one is malformed",
    "a described curve": "it does not judge whether a curve is named",
    "an intermediate's described curve": "it does not judge whether a curve is named",
    "outside permitted addresses": "it does not support name constraints on addresses",
    "for signing certificates": "it was not asked about keyUsage",
    "for signing lists": "it was not asked about keyUsage",
    "an authority for clients": "it judges extendedKeyUsage in the leaf alone, as RFC 5280 does",
    "below a permitted dot": "it does not support a leading dot, which RFC 5280 does not define",
}


@pytest.fixture(scope="module")
def authority() -> Identity:
    """A root."""
    return root()


@pytest.fixture(scope="module")
def between(authority: Identity) -> Identity:
    """An intermediate below the root."""
    return intermediate(authority)


def _read(certificate: x509.Certificate) -> X509Certificate:
    return X509Certificate(certificate.public_bytes(Encoding.DER))


def _asn1(certificate: x509.Certificate) -> Asn1Certificate:
    return Asn1Certificate.load(certificate.public_bytes(Encoding.DER))


def _theirs(identity: Identity, authority: Identity, at: datetime.datetime) -> bool:
    context = ValidationContext(trust_roots=[_asn1(authority.certificate)], moment=at, allow_fetching=False)
    sent = [_asn1(each) for each in identity.chain]
    try:
        validator = CertificateValidator(Asn1Certificate.load(identity.der), sent, validation_context=context)
        asyncio.run(validator.async_validate_usage(set(), {"server_auth"}, extended_optional=True))
    except (PathError, ValidationError, ValueError):
        return False
    return True


@pytest.mark.parametrize("way", [way for way in WAYS if way not in EXPLAINED])
def test_paths_agree(authority: Identity, between: Identity, way: str) -> None:
    """Each flaw of a chain gives the same answer in pyhanko-certvalidator, an independent implementation."""
    make, _flaw = WAYS[way]
    identity, at = make(authority, between), datetime.datetime.now(datetime.UTC)
    sent = [identity.read, *map(_read, identity.chain)]
    ours = paths.trust(sent, paths.by_subject([authority.read]), at)
    assert ours.chains is _theirs(identity, authority, at)


@pytest.mark.parametrize("count", [2, 4, 6, 10])
def test_path_building_is_bounded(authority: Identity, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Intermediates that all issue one another, up to a hundred, cost a bounded number of signatures."""
    tried: list[X509Certificate] = []
    verify = paths.verifies

    def counted(certificate: X509Certificate, issuer: X509Certificate) -> bool:
        tried.append(certificate)
        return verify(certificate, issuer)

    monkeypatch.setattr(paths, "verifies", counted)
    same, keys = name("Round and round"), [ec_key() for _ in range(count)]
    circle = [
        issue(same, Identity(issue(same, key=signer, authority=True).certificate, signer), key=key, authority=True)
        for key in keys
        for signer in keys
    ]
    leaf = issue("www.example.vn", circle[0], dns=["www.example.vn"])
    served = [leaf.read, *(each.read for each in circle)]
    with contextlib.suppress(paths.TooComplex):
        assert not paths.trust(served, paths.by_subject([authority.read]), datetime.datetime.now(datetime.UTC)).chains
    assert len(tried) <= paths.SIGNATURE_LIMIT


def _with_extension(leaf: Identity, issuer: Identity, extension: bytes) -> Identity:
    """The same certificate with one more extension."""

    def alter(fields: list[bytes]) -> None:
        whole = der.element(der.element(fields[EXTENSIONS], 0xA3).content, der.SEQUENCE).content
        fields[EXTENSIONS] = der.encode(0xA3, der.encode(der.SEQUENCE, whole + extension))

    return altered(leaf, issuer, alter)


def _extension(identifier: str, value: str, critical: str = "") -> bytes:
    """An extension: identifier and value in hexadecimal, and the octets of ``critical``."""
    parts = der.encode(der.OBJECT_IDENTIFIER, bytes.fromhex(identifier)) + bytes.fromhex(critical)
    return der.encode(der.SEQUENCE, parts + der.encode(der.OCTET_STRING, bytes.fromhex(value)))


#: What OpenSSL refuses in a server's certificate, by what is wrong with one more extension.
_REFUSED = {
    "a certificate type that is no bits": _extension("6086480186f8420101", "0500"),
    "name constraints that are no sequence": _extension("551d1e", "0500"),
    "addresses that are no sequence": _extension("2b06010505070107", "0500"),
    "numbers of networks of another kind": _extension("2b06010505070108", "30020500"),
    "a key identifier with another element": _extension("551d23", "30020500"),
    "distribution points with another element": _extension("551d1f", "30020500"),
    "alternative names with another element": _extension("551d11", "30058201610500"),
    "critical of two octets": _extension("2a0304", "0500", "01020000"),
}


@pytest.mark.parametrize("refused", _REFUSED)
def test_extensions_that_openssl_refuses(tmp_path: Path, authority: Identity, between: Identity, refused: str) -> None:
    """A certificate that clients refuse for the form of an extension leads to no root, whoever needs the extension."""
    leaf = _with_extension(issue("www.example.vn", between), between, _REFUSED[refused])
    _refused(tmp_path, authority, leaf)


@pytest.mark.parametrize("value", ["020101", "0c02fffe", "1e03616263", "0500"])
def test_a_subject_that_is_no_text_is_refused(
    tmp_path: Path, authority: Identity, between: Identity, value: str
) -> None:
    """A number, and octets that are not in the encoding of their tag, make a certificate that no client reads."""
    attribute = der.encode(der.SEQUENCE, bytes.fromhex("0603550403" + value))
    subject = der.encode(der.SEQUENCE, der.encode(der.SET, attribute))
    leaf = issue("www.example.vn", between, dns=["www.example.vn"])
    _refused(tmp_path, authority, with_field(leaf, between, 5, subject))


def test_a_serial_number_of_no_octets_is_refused(tmp_path: Path, authority: Identity, between: Identity) -> None:
    """A serial number without an octet makes a certificate that no client reads."""
    leaf = issue("www.example.vn", between, dns=["www.example.vn"])
    _refused(tmp_path, authority, with_field(leaf, between, 1, bytes.fromhex("0200")))


def test_a_signature_with_unused_bits_is_refused(tmp_path: Path, authority: Identity, between: Identity) -> None:
    """A signature consists of whole octets."""
    leaf = issue("www.example.vn", between, dns=["www.example.vn"])
    signature = leaf.certificate.signature
    assert leaf.der.endswith(b"\0" + signature)
    sent = leaf.der[: -len(signature) - 1] + b"\1" + signature
    _refused(tmp_path, authority, Identity(leaf.certificate, leaf.key, leaf.chain, sent))


def test_a_constrained_uri_without_a_host_is_refused(tmp_path: Path, authority: Identity) -> None:
    """A URI that names no host is in no subtree (RFC 5280 §4.2.1.10)."""
    constraints = x509.NameConstraints([x509.UniformResourceIdentifier("example.vn")], None)
    between = intermediate(authority, "Constrained", extensions=[(constraints, True)])
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier("urn:example:vn")])
    _refused(tmp_path, authority, issue("x", between, extensions=[(names, False)]))


def _refused(folder: Path, authority: Identity, leaf: Identity) -> None:
    sent = [leaf.read, *map(_read, leaf.chain)]
    assert not paths.trust(sent, paths.by_subject([authority.read]), datetime.datetime.now(datetime.UTC)).chains
    assert not verified(folder, leaf, authority)
