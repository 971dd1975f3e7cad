"""Throw-away authorities and certificates for the tests, good and bad."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from inspector_tls.certificates import der
from inspector_tls.certificates.x509_certificate import X509Certificate

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
DAY = datetime.timedelta(days=1)


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(65537, bits)


def ec_key() -> ec.EllipticCurvePrivateKey:
    """A new key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def name(common: str) -> x509.Name:
    """A distinguished name of one common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, and the intermediates that a server should send along.

    ``sent`` is what is sent in place of the certificate, where no library reads that.
    """

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()
    sent: bytes = b""

    @property
    def der(self) -> bytes:
        """The certificate alone."""
        return self.sent or self.certificate.public_bytes(Encoding.DER)

    @property
    def read(self) -> X509Certificate:
        """The certificate as the parser reads it."""
        return X509Certificate(self.der)

    @property
    def pem(self) -> bytes:
        """The certificate alone."""
        return ssl.DER_cert_to_PEM_cert(self.der).encode()

    def write(self, folder: Path, label: str, *, chain: Sequence[x509.Certificate] | None = None) -> tuple[Path, Path]:
        """Files with the certificate and what is sent along, and with the key."""
        certificates, key = folder / f"{label}.pem", folder / f"{label}.key"
        along = self.chain if chain is None else chain
        certificates.write_bytes(b"".join((self.pem, *(each.public_bytes(Encoding.PEM) for each in along))))
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        return certificates, key


def issue(
    subject: str | x509.Name,
    issuer: Identity | None = None,
    *,
    key: PrivateKey | None = None,
    dns: Sequence[str] = (),
    ip: Sequence[str] = (),
    authority: bool = False,
    path_length: int | None = None,
    days: tuple[int, int] = (-1, 30),
    purpose: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.SERVER_AUTH,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
) -> Identity:
    """A certificate by ``issuer`` (None: by itself), valid from and until these days counted from now."""
    key = key or ec_key()
    now = datetime.datetime.now(datetime.UTC)
    subject = name(subject) if isinstance(subject, str) else subject
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=path_length), critical=True)
    )
    names = [*map(x509.DNSName, dns), *(x509.IPAddress(ipaddress.ip_address(each)) for each in ip)]
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if purpose is not None and not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    certificate = builder.sign(issuer.key if issuer else key, hashes.SHA256())
    chain = (
        (issuer.certificate, *issuer.chain)
        if issuer and issuer.certificate.issuer != issuer.certificate.subject
        else ()
    )
    return Identity(certificate, key, chain)


def root(common: str = "Test root", **options: object) -> Identity:
    """A self-signed authority."""
    return issue(common, authority=True, days=(-10, 300), **options)  # type: ignore[arg-type]


def intermediate(issuer: Identity, common: str | x509.Name = "Test intermediate", **options: object) -> Identity:
    """An authority below another."""
    return issue(common, issuer, authority=True, days=(-5, 200), **options)  # type: ignore[arg-type]


#: The last octet of PKCS #1's signature algorithms, which share all others.
_ALGORITHMS: dict[type[hashes.HashAlgorithm], int] = {hashes.MD5: 4, hashes.SHA1: 5}
_PKCS_1 = bytes.fromhex("06092a864886f70d0101")


def forgeable(identity: Identity, issuer: Identity, digest: hashes.HashAlgorithm) -> Identity:
    """The same certificate signed by the issuer's RSA key over a digest that libraries no longer support."""
    algorithm = _PKCS_1 + bytes([_ALGORITHMS[type(digest)]])
    signed = identity.certificate.tbs_certificate_bytes.replace(_PKCS_1 + b"\x0b", algorithm, 1)
    assert isinstance(issuer.key, rsa.RSAPrivateKey)
    signature = issuer.key.sign(signed, padding.PKCS1v15(), digest)
    der = _tagged(0x30, signed + _tagged(0x30, algorithm + b"\x05\x00") + _tagged(0x03, b"\x00" + signature))
    return Identity(x509.load_der_x509_certificate(der), identity.key, identity.chain)


_tagged = der.encode


#: The places of fields in a certificate (RFC 5280 §4.1), and the algorithm ecdsa-with-SHA256.
VALIDITY, KEY_INFO, EXTENSIONS = 4, 6, 7
#: A validity of times without seconds, which RFC 5280 does not permit.
WITHOUT_SECONDS = bytes.fromhex("301a") + b"\x17\x0b2611010000Z" + b"\x17\x0b3611010000Z"
#: A validity that does not end (RFC 5280 §4.1.2.5).
WITHOUT_END = bytes.fromhex("3020") + b"\x17\x0d200101000000Z" + b"\x18\x0f99991231235959Z"
_ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def altered(identity: Identity, issuer: Identity, alter: Callable[[list[bytes]], None]) -> Identity:
    """The same certificate with its fields altered, signed anew by the issuer's key on P-256."""
    fields = [each.encoded for each in der.elements(der.elements(identity.read.signed)[0].content)]
    alter(fields)
    return Identity(identity.certificate, identity.key, identity.chain, _signed(fields, issuer, _ECDSA_SHA256))


def _signed(fields: Sequence[bytes], issuer: Identity, algorithm: bytes) -> bytes:
    assert isinstance(issuer.key, ec.EllipticCurvePrivateKey)
    digest = hashes.SHA1() if algorithm != _ECDSA_SHA256 else hashes.SHA256()
    to_sign = _tagged(0x30, b"".join(fields))
    signature = issuer.key.sign(to_sign, ec.ECDSA(digest))
    return _tagged(0x30, to_sign + algorithm + _tagged(0x03, b"\x00" + signature))


def with_field(identity: Identity, issuer: Identity, place: int, field: bytes) -> Identity:
    """The same certificate with another field at this place."""
    return altered(identity, issuer, lambda fields: fields.__setitem__(place, field))


def over_sha1(identity: Identity, issuer: Identity) -> Identity:
    """The same certificate signed by ecdsa-with-SHA1."""
    algorithm = bytes.fromhex("300906072a8648ce3d0401")
    fields = [each.encoded for each in der.elements(der.elements(identity.read.signed)[0].content)]
    fields[2] = algorithm
    return Identity(identity.certificate, identity.key, identity.chain, _signed(fields, issuer, algorithm))


def defaults_written(identity: Identity, issuer: Identity) -> Identity:
    """The same certificate with ``critical`` FALSE written in every extension that is not critical."""

    def alter(fields: list[bytes]) -> None:
        whole = der.element(der.element(fields[EXTENSIONS], 0xA3).content, der.SEQUENCE)
        fields[EXTENSIONS] = _tagged(0xA3, _tagged(0x30, b"".join(map(written, whole.elements))))

    def written(extension: der.Element) -> bytes:
        parts = [each.encoded for each in extension.elements]
        return _tagged(0x30, b"".join((parts[0], b"\x01\x01\x00", parts[1]) if len(parts) == 2 else parts))

    return altered(identity, issuer, alter)


def on_described_curve(identity: Identity, issuer: Identity) -> Identity:
    """The same certificate with the curve P-256 of its key described instead of named."""
    command = ["openssl", "ecparam", "-name", "prime256v1", "-param_enc", "explicit", "-outform", "DER"]
    described = subprocess.run(command, capture_output=True, timeout=20, check=True).stdout

    def alter(fields: list[bytes]) -> None:
        algorithm, bits = der.element(fields[KEY_INFO], der.SEQUENCE).elements
        kind = algorithm.elements[0].encoded
        fields[KEY_INFO] = _tagged(0x30, _tagged(0x30, kind + described) + bits.encoded)

    return altered(identity, issuer, alter)


def rsa_key_info(modulus: int, exponent: int) -> bytes:
    """A subjectPublicKeyInfo of these numbers, whatever they are worth."""
    numbers = b"".join(_tagged(0x02, each.to_bytes(each.bit_length() // 8 + 1, "big")) for each in (modulus, exponent))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return _tagged(0x30, algorithm + _tagged(0x03, b"\x00" + _tagged(0x30, numbers)))


def usage(**uses: bool) -> tuple[x509.ExtensionType, bool]:
    """A critical keyUsage with these uses."""
    none = dict.fromkeys(
        (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
            "encipher_only",
            "decipher_only",
        ),
        False,
    )
    return x509.KeyUsage(**{**none, **uses}), True


#: The policy of certificates that public authorities issue for a checked domain name.
PUBLIC = (x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("2.23.140.1.2.1"), None)]), False)
#: The demand for a stapled response.
MUST_STAPLE = (x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
_EMBEDDED = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")


def timestamp_list(logs: Sequence[bytes]) -> bytes:
    """A list of signed certificate timestamps (RFC 6962 §3.2) of logs that do not exist, without valid signatures."""
    now = int(datetime.datetime.now(datetime.UTC).timestamp() * 1000).to_bytes(8, "big")
    signature = bytes.fromhex("0403") + (72).to_bytes(2, "big") + bytes(72)
    stamps = [b"\x00" + log.ljust(32, b"\x00") + now + b"\x00\x00" + signature for log in logs]
    sized = b"".join(len(each).to_bytes(2, "big") + each for each in stamps)
    return len(sized).to_bytes(2, "big") + sized


def logged(*logs: bytes) -> tuple[x509.ExtensionType, bool]:
    """The extension in which a certificate carries timestamps of these logs."""
    return x509.UnrecognizedExtension(_EMBEDDED, _tagged(0x04, timestamp_list(logs))), False


def response(
    identity: Identity,
    issuer: Identity,
    *,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    signer: Identity | None = None,
    days: tuple[int, int] = (-1, 6),
    about: Identity | None = None,
) -> bytes:
    """An OCSP response about the identity, signed by the issuer or a ``signer``, of and until these days from now."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    by = signer or issuer
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=(about or identity).certificate,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),
        cert_status=status,
        this_update=now + days[0] * DAY,
        next_update=now + days[1] * DAY,
        revocation_time=now - DAY if status is ocsp.OCSPCertStatus.REVOKED else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.certificate)
    if signer is not None:
        builder = builder.certificates([signer.certificate])
    return builder.sign(by.key, hashes.SHA256()).public_bytes(Encoding.DER)
