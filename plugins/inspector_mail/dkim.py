"""Parses DKIM key records (RFC 6376 §3.6.1, RFC 8301, RFC 8463). Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from inspector_mail.observations import DkimFault, DkimKey
from inspector_mail.tag_list import parse_tags

#: Selectors that products and providers set by default; what is found there is information only.
COMMON: Final = ("default", "dkim", "google", "k1", "mail", "s1", "s2", "selector1", "selector2", "zoho")
#: The longest key that is read, in characters of Base64: an RSA key of 16,384 bits has 2,800.
MAX_KEY_CHARACTERS: Final = 4096
_WHITE_SPACE = re.compile(r"[ \t\r\n]+")
_ED25519_BYTES = 32
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")


def key_of(records: Sequence[bytes]) -> DkimKey:
    """What the TXT records of a selector mean for those who verify signatures."""
    texts = [record.decode("latin-1") for record in records]
    if len(texts) != 1:
        return DkimKey(fault=DkimFault.SEVERAL if texts else DkimFault.MISSING)
    tags = parse_tags(texts[0])
    if tags is None or "p" not in tags:
        return DkimKey(fault=DkimFault.SYNTAX)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        return DkimKey(fault=DkimFault.VERSION)
    services = {each.strip().lower() for each in tags.get("s", "*").split(":")}
    if services.isdisjoint({"*", "email"}):
        return DkimKey(fault=DkimFault.SERVICE)
    encoded = _WHITE_SPACE.sub("", tags["p"])
    if not encoded:
        return DkimKey(fault=DkimFault.REVOKED)
    key = _public_key(tags.get("k", "rsa").strip(), encoded)
    hashes = [each.strip() for each in tags.get("h", "").split(":") if each.strip()]
    flags = {each.strip() for each in tags.get("t", "").split(":")}
    return key.model_copy(update={"hashes": tuple(sorted(set(hashes)))[:8], "testing": "y" in flags})


def _public_key(kind: str, encoded: str) -> DkimKey:
    if kind not in {"rsa", "ed25519"}:
        return DkimKey(fault=DkimFault.ALGORITHM)
    try:
        data = base64.b64decode(encoded[:MAX_KEY_CHARACTERS], validate=True)
    except (binascii.Error, ValueError):
        return DkimKey(fault=DkimFault.KEY)
    if kind == "ed25519":
        fits = len(data) == _ED25519_BYTES
        return DkimKey(key_type=kind) if fits else DkimKey(fault=DkimFault.KEY)
    bits = _rsa_bits(data)
    return DkimKey(key_type=kind, bits=bits) if bits else DkimKey(fault=DkimFault.KEY)


def _rsa_bits(data: bytes) -> int | None:
    """The size of an RSA modulus, in SubjectPublicKeyInfo or in PKCS #1 (RFC 6376 §3.6.1 means either)."""
    for form in (data, _subject_public_key_info(data)):
        try:
            key = load_der_public_key(form)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, RSAPublicKey):
            return key.key_size
    return None


def _subject_public_key_info(key: bytes) -> bytes:
    """A PKCS #1 key in SubjectPublicKeyInfo (RFC 5280 §4.1.2.7)."""
    bits = _der(0x03, b"\0" + key)
    return _der(0x30, _RSA + bits)


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content
