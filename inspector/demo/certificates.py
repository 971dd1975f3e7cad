"""Certificates of the demo servers: a root with one sound certificate, and a self-signed one with many faults."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inspector.model.base import now

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: Hostile text in the faulty certificate: reports must show it escaped.
HOSTILE = "<script>alert('xin chao')</script> \x1b]0;may cu\x07\x1b[31mdo\x1b[0m"


@dataclass(frozen=True, slots=True)
class Keypair:
    """A chain of certificates, the server's own first, and the private key, both PEM."""

    chain: bytes
    key: bytes


def authority() -> tuple[x509.Certificate, Key]:
    """A root that only the demonstration trusts, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("Bộ Mẫu", "CA gốc minh họa")
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    root = (
        _builder(name, name, key, begins=-1, ends=3650)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return root, key


def sound(host: str, root: x509.Certificate, root_key: Key) -> Keypair:
    """A certificate for this host, issued by the root: P-256, 90 days; the chain contains the root."""
    key = ec.generate_private_key(ec.SECP256R1())
    issued = (
        _builder(_name("Bộ Mẫu", host), root.subject, key, begins=-1, ends=90)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, SHA256())
    )
    return _keypair(key, issued, root)


def faulty() -> Keypair:
    """A self-signed certificate: RSA 1024 bit, expired a year ago, for another name, with a hostile subject."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505  (too short on purpose)
    name = _name("Luu niem", HOSTILE)
    issued = (
        _builder(name, name, key, begins=-1095, ends=-365)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost.localdomain")]), critical=False)
        .sign(key, SHA256())
    )
    return _keypair(key, issued)


def pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM)


def _name(organisation: str, common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, *, begins: int, ends: int) -> x509.CertificateBuilder:
    """An unsigned certificate, valid from ``begins`` to ``ends`` days after now."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now() + timedelta(days=begins))
        .not_valid_after(now() + timedelta(days=ends))
    )


def _keypair(key: Key, *chain: x509.Certificate) -> Keypair:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Keypair(b"".join(map(pem, chain)), private)
