"""The tables of code points agree with other programs."""

from __future__ import annotations

import hashlib
import re
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x448, x25519
from tlslite import mathtls
from tlslite.constants import CipherSuite, GroupName, SignatureScheme

from inspector_tls.enumeration import hello_profiles as offers
from inspector_tls.wire import client_hello as hello
from inspector_tls.wire import code_points as codes
from inspector_tls.wire.key_exchange import certificate_curve
from inspector_tls.wire.versions import TlsVersion
from tests.agreement.environment import needs_programs

_VERSIONS = {"SSLv3": TlsVersion.SSL_3, "TLSv1": TlsVersion.TLS_1_0, "TLSv1.2": TlsVersion.TLS_1_2}
_VERSIONS["TLSv1.3"] = TlsVersion.TLS_1_3


@pytest.fixture(scope="module")
def openssl_suites() -> list[tuple[codes.Suite, str]]:
    """The properties of each suite in OpenSSL, and in the table."""
    needs_programs("openssl")
    command = ("openssl", "ciphers", "-V", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) > 100
    return [(codes.suites()[int(re.sub("0x|,", "", line.split()[0]), 16)], line) for line in lines]


def test_every_suite_of_openssl_has_its_properties(openssl_suites: list[tuple[codes.Suite, str]]) -> None:
    """Oldest version, key size, authentication and MAC agree with OpenSSL."""
    for suite, line in openssl_suites:
        version = _VERSIONS[line.split()[3]]
        assert offers.suites_of(version).count(suite.code) == 1, line
        assert suite.oldest in (version, TlsVersion.SSL_3, TlsVersion.TLS_1_0), line
        assert (suite.oldest is TlsVersion.TLS_1_2) is (version is TlsVersion.TLS_1_2), line
        bits = re.search(r"Enc=[\w/]+(?:\((\d+)\))?", line)
        assert bits is not None
        assert suite.bits == int(bits[1] or 0), line
        assert f"Mac={suite.mac.replace('SHA', 'SHA1') if suite.mac == 'SHA' else suite.mac}" in line
        if "Au=None" in line:
            assert suite.authentication == "anon", line


def test_forward_secrecy_is_what_openssl_calls_an_ephemeral_exchange(
    openssl_suites: list[tuple[codes.Suite, str]],
) -> None:
    """A suite has forward secrecy when its key exchange is DH or ECDH with ephemeral keys, or undefined."""
    for suite, line in openssl_suites:
        exchange = re.search(r"Kx=(\S+)", line)
        assert exchange is not None
        assert suite.has_forward_secrecy is (exchange[1] in {"DH", "ECDH", "ECDHEPSK", "DHEPSK", "any"}), line


def test_suites_have_the_names_of_another_table() -> None:
    """Names and numbers agree with tlslite-ng wherever both know them."""
    for code, name in CipherSuite.ietfNames.items():
        known = codes.suites().get(code) or codes.ssl_2_suites().get(code & 0xFFFFFF)
        if known is not None and "draft" not in name:
            assert known.name == name.replace("ANON", "anon"), hex(code)


def test_groups_and_signatures_have_the_numbers_of_another_table() -> None:
    """Numbers agree with tlslite-ng for every group and scheme whose name both know."""
    for name, group in codes.groups_by_name().items():
        assert getattr(GroupName, name, group.code) == group.code
    for name, scheme in codes.signatures_by_name().items():
        pair = getattr(SignatureScheme, name, None)
        if pair is not None:
            assert pair == divmod(scheme.code, 256)
    for name in ("X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024"):
        assert codes.group_named(name).is_post_quantum
    assert codes.group_named("X25519MLKEM768").code == 4588
    assert codes.group_named("SecP256r1MLKEM768").code == 4587
    assert codes.group_named("SecP384r1MLKEM1024").code == 4589


@pytest.mark.parametrize(
    ("constant", "name"),
    [
        ("RFC2409_GROUP1", "RFC 2409 group 1"),
        ("RFC2409_GROUP2", "RFC 2409 group 2"),
        ("RFC3526_GROUP14", "RFC 3526 group 14"),
        ("RFC5114_GROUP24", "RFC 5114 group 24"),
        ("FFDHE2048", "ffdhe2048 (RFC 7919)"),
        ("FFDHE8192", "ffdhe8192 (RFC 7919)"),
    ],
)
def test_standard_primes_are_known_by_name(constant: str, name: str) -> None:
    """The primes of the standards are found by their digest."""
    prime = getattr(mathtls, constant)[1]
    known = codes.primes()[hashlib.sha256(prime.to_bytes((prime.bit_length() + 7) // 8, "big")).hexdigest()]
    assert (known.name, known.bits) == (name, prime.bit_length())


def test_key_shares_are_points_of_their_curves() -> None:
    """The public keys that are sent without a secret are valid ones."""
    shares = {group: hello.share(group) for group in hello.SHAREABLE}
    assert x25519.X25519PublicKey.from_public_bytes(shares.pop(29))
    assert x448.X448PublicKey.from_public_bytes(shares.pop(30))
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), shares.pop(23))
    assert ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), shares.pop(24))
    assert not shares


@pytest.mark.parametrize(
    ("curve", "name"),
    [
        (ec.SECP256R1(), "secp256r1"),
        (ec.SECP384R1(), "secp384r1"),
        (ec.SECP521R1(), "secp521r1"),
        (ec.SECP256K1(), "secp256k1"),
        (ec.BrainpoolP256R1(), "brainpoolP256r1"),
        (ec.SECP192R1(), "secp192r1"),
    ],
)
def test_the_curve_of_a_certificate_is_found(curve: ec.EllipticCurve, name: str) -> None:
    """The curve of a public key is read from its DER."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = ec.generate_private_key(curve).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    group = certificate_curve(der)
    assert group is not None
    assert group.name == name


def test_no_curve_is_found_where_there_is_none() -> None:
    """Other bytes have no curve."""
    assert certificate_curve(b"") is None
    assert certificate_curve(bytes.fromhex("06072a8648ce3d0201") + b"\x06\x01\x2a") is None


def test_old_versions_are_offered_no_suite_of_new_ones() -> None:
    """A suite is offered only in versions in which it can exist."""
    known = codes.suites()
    assert not any(known[code].is_aead for code in offers.suites_of(TlsVersion.TLS_1_1))
    assert {known[code].key_exchange for code in offers.suites_of(TlsVersion.TLS_1_3)} == {"any"}
    assert 0x1301 not in offers.suites_of(TlsVersion.TLS_1_2)
    assert len(offers.suites_of(TlsVersion.TLS_1_2)) > 340
    assert codes.RENEGOTIATION_SCSV not in known
    assert codes.FALLBACK_SCSV not in known
