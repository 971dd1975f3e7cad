"""Reads the public key of a certificate, and what makes one unfit whatever its size."""

from __future__ import annotations

import math
from functools import cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from inspector_tls.certificates.der import (
    BIT_STRING,
    INTEGER,
    OBJECT_IDENTIFIER,
    SEQUENCE,
    Element,
    element,
    object_identifier,
)
from inspector_tls.certificates.observations import Key, KeyFlaw
from inspector_tls.certificates.x509_certificate import X509Certificate
from inspector_tls.wire.encoding import Malformed

_RSA = frozenset({"1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10"})
_EC = "1.2.840.10045.2.1"
_KINDS = {"1.2.840.10040.4.1": "DSA", "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448"}
#: An RSA modulus has no factor below this (CA/Browser Forum Baseline Requirements §6.1.6, NIST SP 800-89 §5.3.3).
_FACTOR_LIMIT = 752
_LEAST_EXPONENT = 3


def key_of(certificate: X509Certificate) -> Key:
    """The facts of a certificate's key."""
    try:
        algorithm, bits = element(certificate.key_info, SEQUENCE).elements
        kind, *parameters = algorithm.of(SEQUENCE).elements
        name = object_identifier(kind.of(OBJECT_IDENTIFIER).content)
    except ValueError:
        return Key(kind="", flaw=KeyFlaw.MALFORMED)
    if name in _RSA:
        return _rsa(bits)
    if name == _EC:
        return _ec(certificate, parameters[0] if parameters else None)
    return _other(certificate, name)


def _rsa(bits: Element) -> Key:
    try:
        sequence = element(bits.of(BIT_STRING).content[1:], SEQUENCE)
        modulus, exponent = (_number(each) for each in sequence.elements)
    except ValueError:
        return Key(kind="RSA", flaw=KeyFlaw.MALFORMED)
    return Key(kind="RSA", bits=modulus.bit_length(), flaw=_rsa_flaw(modulus, exponent))


def _rsa_flaw(modulus: int, exponent: int) -> KeyFlaw | None:
    if modulus <= 0:
        return KeyFlaw.MALFORMED
    if math.gcd(modulus, _small_primes()) != 1:
        return KeyFlaw.SMALL_FACTOR
    return KeyFlaw.WEAK_EXPONENT if exponent < _LEAST_EXPONENT or not exponent % 2 else None


@cache
def _small_primes() -> int:
    """The product of the primes below _FACTOR_LIMIT."""
    numbers = range(2, _FACTOR_LIMIT)
    return math.prod(each for each in numbers if all(each % divisor for divisor in range(2, math.isqrt(each) + 1)))


def _ec(certificate: X509Certificate, parameters: Element | None) -> Key:
    """A key on a curve, which must be named (RFC 5480 §2.1.1)."""
    flaw = _curve_flaw(parameters)
    try:
        key = _loaded(certificate)
    except Malformed:
        return Key(kind="EC", flaw=flaw or KeyFlaw.MALFORMED)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return Key(kind="EC", bits=key.key_size, curve=key.curve.name, flaw=flaw)
    return Key(kind="EC", flaw=flaw)


def _curve_flaw(parameters: Element | None) -> KeyFlaw | None:
    if parameters is not None and parameters.tag == SEQUENCE:
        return KeyFlaw.EXPLICIT_CURVE
    return None if parameters is not None and parameters.tag == OBJECT_IDENTIFIER else KeyFlaw.MALFORMED


def _other(certificate: X509Certificate, name: str) -> Key:
    try:
        key = _loaded(certificate)
    except Malformed:
        return Key(kind=_KINDS.get(name, name), flaw=KeyFlaw.MALFORMED)
    match key:
        case ed25519.Ed25519PublicKey():
            return Key(kind="Ed25519", bits=256)
        case ed448.Ed448PublicKey():
            return Key(kind="Ed448", bits=456)
        case dsa.DSAPublicKey():
            return Key(kind="DSA", bits=key.key_size)
    return Key(kind=_KINDS.get(name, name))


def _loaded(certificate: X509Certificate) -> CertificatePublicKeyTypes | None:
    """The key in the library's form; None for an unsupported one; raises Malformed."""
    try:
        return certificate.public_key()
    except UnsupportedAlgorithm:
        return None
    except (ValueError, TypeError) as error:
        raise Malformed(str(error)) from error


def _number(each: Element) -> int:
    return int.from_bytes(each.of(INTEGER).content, "big", signed=True)
