"""Reads a certificate part by part, so that an unreadable part costs only itself.

The library refuses a whole certificate for one part that is not DER, and all extensions for one of them. Here every
part is read alone then: a part that the library refuses is named in ``unreadable``, and the others are read. Signatures
and digests are over the bytes as sent.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from inspector_tls.certificates import distinguished_name
from inspector_tls.certificates.der import (
    BIT_STRING,
    BOOLEAN,
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    Element,
    canonical,
    element,
    encode,
    object_identifier,
)
from inspector_tls.wire.encoding import Malformed

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

#: Tags of general names (RFC 5280 §4.2.1.6).
RFC822_NAME, DNS_NAME, URI_NAME, IP_ADDRESS, DIRECTORY_NAME = 0x81, 0x82, 0x86, 0x87, 0xA4
_GENERAL_NAMES = frozenset({RFC822_NAME, DNS_NAME, URI_NAME, IP_ADDRESS, DIRECTORY_NAME, 0xA0, 0xA3, 0xA5, 0x88})
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_VERSIONS = (1, 2, 3)
_UNIQUE_IDENTIFIERS = frozenset({0x81, 0x82, 0xA1, 0xA2})
_V3 = encode(_VERSION, encode(INTEGER, b"\x02"))
_ED25519 = encode(SEQUENCE, bytes.fromhex("06032b6570"))
_SIGNATURE = encode(BIT_STRING, b"\x00")
_TIME = bytes.fromhex("170d3730303130313030303030305a")
#: The fields of a certificate (RFC 5280 §4.1) by name, each with a readable one that stands for an unreadable one.
_FIELDS = {
    "serialNumber": encode(INTEGER, b"\x01"),
    "signature": _ED25519,
    "issuer": encode(SEQUENCE, b""),
    "validity": encode(SEQUENCE, _TIME + _TIME),
    "subject": encode(SEQUENCE, b""),
    "subjectPublicKeyInfo": encode(SEQUENCE, _ED25519 + encode(BIT_STRING, bytes(33))),
}
_BASIC_CONSTRAINTS = x509.BasicConstraints.oid.dotted_string
_ALTERNATIVE_NAMES = x509.SubjectAlternativeName.oid.dotted_string
_POLICIES = x509.CertificatePolicies.oid.dotted_string
_NAME_CONSTRAINTS = x509.NameConstraints.oid.dotted_string


class Extension(NamedTuple):
    """An extension as sent: its object identifier, whether it is critical, its value, and the first as sent."""

    identifier: str
    critical: bool
    value: bytes
    encoded_identifier: bytes


class BasicConstraints(NamedTuple):
    """Whether the subject is an authority, and how many intermediates may follow it (None: any number)."""

    ca: bool
    path_length: int | None


class Subtrees(NamedTuple):
    """The general names of name constraints (RFC 5280 §4.2.1.10)."""

    permitted: tuple[Element, ...]
    excluded: tuple[Element, ...]


class X509Certificate:
    """A certificate as sent, equal to another of the same bytes. Raises Malformed where its fields cannot be split.

    ``der`` is the whole, ``signed`` its TBSCertificate; ``version`` is 1, 2 or 3, or what is written there.
    """

    def __init__(self, der: bytes) -> None:
        certificate = element(der, SEQUENCE)
        to_sign, algorithm, signature = _exactly(certificate.elements, 3)
        fields = list(to_sign.of(SEQUENCE).elements)
        version = fields.pop(0).elements if fields and fields[0].tag == _VERSION else ()
        if len(fields) < len(_FIELDS):
            raise Malformed(f"{len(fields)} fields in a certificate")
        self.der = der
        self.signed = to_sign.encoded
        self.algorithm = algorithm.of(SEQUENCE)
        unused, self.signature = signature.of(BIT_STRING).content[:1], signature.content[1:]
        if unused != b"\0":
            self.signature = b""  # of whole octets alone
        self.version = 1 + int.from_bytes(version[0].content, "big", signed=True) if version else 1
        self._fields = {name: each.encoded for name, each in zip(_FIELDS, fields, strict=False)}
        self._rest = fields[len(_FIELDS) :]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, X509Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    @cached_property
    def sha256(self) -> str:
        """The digest in lower-case hexadecimal."""
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def signature_algorithm(self) -> str:
        """The object identifier of the signature's algorithm, empty where it is malformed."""
        try:
            return object_identifier(self.algorithm.elements[0].of(OBJECT_IDENTIFIER).content)
        except (Malformed, IndexError):
            return ""

    @property
    def has_one_algorithm(self) -> bool:
        """Whether the two fields for the signature's algorithm are equal, as they must be (RFC 5280 §4.1.1.2)."""
        return self._fields["signature"] == self.algorithm.encoded

    @property
    def key_info(self) -> bytes:
        """The subjectPublicKeyInfo as sent."""
        return self._fields["subjectPublicKeyInfo"]

    def public_key(self) -> CertificatePublicKeyTypes:
        """The public key; raises ValueError where it is unreadable, and UnsupportedAlgorithm."""
        if "subjectPublicKeyInfo" in self._unreadable_fields:
            raise Malformed("an unreadable public key")
        return self.parsed.public_key()

    @cached_property
    def subject(self) -> distinguished_name.Name:
        """The subject in the form to compare; empty where it is unreadable."""
        return _comparable(self._fields["subject"])

    @cached_property
    def issuer(self) -> distinguished_name.Name:
        """The issuer in the form to compare; empty where it is unreadable."""
        return _comparable(self._fields["issuer"])

    def check_names(self) -> None:
        """Raise Malformed where clients cannot read the subject or the issuer."""
        distinguished_name.check_form(self._fields["issuer"])
        distinguished_name.check_form(self._fields["subject"])

    @property
    def is_self_issued(self) -> bool:
        """Whether subject and issuer are the same name."""
        return self.subject == self.issuer

    @property
    def subject_text(self) -> str:
        """The subject by RFC 4514; empty where it is unreadable."""
        return self._text("subject", self.parsed.subject)

    @property
    def issuer_text(self) -> str:
        """The issuer by RFC 4514; empty where it is unreadable."""
        return self._text("issuer", self.parsed.issuer)

    def _text(self, field: str, name: x509.Name) -> str:
        if field not in self._unreadable_fields:
            return name.rfc4514_string()
        try:
            return distinguished_name.text(self._fields[field])
        except Malformed:
            return ""

    @property
    def email_addresses(self) -> tuple[str, ...]:
        """The values of the emailAddress attributes in the subject; raises Malformed."""
        return distinguished_name.email_addresses(self._fields["subject"])

    @cached_property
    def parsed(self) -> x509.Certificate:
        """The certificate in the library's form, without extensions, and with a substitute for an unreadable field."""
        return x509.load_der_x509_certificate(_assembled(self._readable_fields))

    @cached_property
    def _readable_fields(self) -> Mapping[str, bytes]:
        if _is_readable(self._fields):
            return self._fields
        return {name: field for name, field in self._fields.items() if _is_readable({name: field})}

    @cached_property
    def _unreadable_fields(self) -> frozenset[str]:
        return frozenset(_FIELDS) - self._readable_fields.keys()

    @cached_property
    def extensions(self) -> tuple[Extension, ...]:
        """The extensions as sent; raises Malformed where they cannot be split."""
        found = [each for each in self._rest if each.tag not in _UNIQUE_IDENTIFIERS]
        if not found:
            return ()
        (sequence,) = _exactly(found, 1)
        (extensions,) = _exactly(sequence.of(_EXTENSIONS).elements, 1)
        return tuple(map(_extension, extensions.of(SEQUENCE).elements))

    @cached_property
    def _values(self) -> Mapping[str, x509.ExtensionType]:
        """The values of the readable extensions, by object identifier."""
        try:
            counts = Counter(each.identifier for each in self.extensions)
        except Malformed:
            return {}
        once = [each for each in self.extensions if counts[each.identifier] == 1]
        found = _library_values(once)
        if found is None:
            alone = [_library_values([each]) or _library_values([_in_der(each)]) or {} for each in once]
            found = {identifier: value for each in alone for identifier, value in each.items()}
        return found

    @cached_property
    def unreadable(self) -> tuple[str, ...]:
        """The names of unreadable fields and extensions (of an unknown extension: the object identifier), sorted."""
        found = set(self._unreadable_fields)
        if self.version not in _VERSIONS:
            found.add("version")
        try:
            found.update(registered_name(each.identifier) for each in self.extensions if not self._is_read(each))
        except Malformed:
            found.add("extensions")
        return tuple(sorted(found))

    def _is_read(self, extension: Extension) -> bool:
        return extension.identifier in self._values

    def extension(self, kind: type[_Extension]) -> _Extension | None:
        """The value of an extension; None where it is absent or unreadable."""
        value = self._values.get(kind.oid.dotted_string)
        return value if isinstance(value, kind) else None

    def required(self, kind: type[_Extension]) -> _Extension | None:
        """The value of an extension; None where it is absent. Raises Malformed where it is unreadable."""
        if self._sent(kind.oid.dotted_string) is None:
            return None
        value = self.extension(kind)
        if value is None:
            raise Malformed(f"an unreadable extension {kind.oid.dotted_string}")
        return value

    @property
    def basic_constraints(self) -> BasicConstraints | None:
        """The basicConstraints (RFC 5280 §4.2.1.9), defaults written out or not; raises Malformed."""
        value = self._sent(_BASIC_CONSTRAINTS)
        if value is None:
            return None
        parts = list(element(value, SEQUENCE).elements)
        ca = _boolean(parts.pop(0)) if parts and parts[0].tag == BOOLEAN else False
        if not parts:
            return BasicConstraints(ca, None)
        (length,) = _exactly(parts, 1)
        path_length = int.from_bytes(length.of(INTEGER).content, "big", signed=True)
        if path_length < 0:
            raise Malformed("a negative path length")
        return BasicConstraints(ca, path_length)

    @property
    def alternative_names(self) -> tuple[Element, ...]:
        """The general names of the subjectAltName; raises Malformed."""
        value = self._sent(_ALTERNATIVE_NAMES)
        return () if value is None else tuple(map(_general_name, element(value, SEQUENCE).elements))

    def check_form(self, identifier: str, tag: int, within: Collection[int]) -> None:
        """Raise Malformed where an extension is sent twice, or is no element with this tag and those tags within."""
        value = self._sent(identifier)
        if value is None:
            return
        whole = element(value, tag)
        if tag == SEQUENCE and any(each.tag not in within for each in whole.elements):
            raise Malformed("an element of another kind")

    @property
    def policies(self) -> tuple[str, ...]:
        """The object identifiers of the certificatePolicies; raises Malformed."""
        value = self._sent(_POLICIES)
        listed = () if value is None else element(value, SEQUENCE).elements
        parts = (each.of(SEQUENCE).elements[:1] for each in listed)
        return tuple(object_identifier(each.of(OBJECT_IDENTIFIER).content) for first in parts for each in first)

    @property
    def name_constraints(self) -> Subtrees | None:
        """The name constraints; raises Malformed, and NotImplementedError for bounds on the depth of a subtree."""
        value = self._sent(_NAME_CONSTRAINTS)
        if value is None:
            return None
        lists = {each.tag: each.elements for each in element(value, SEQUENCE).elements}
        return Subtrees(*(tuple(map(_base, lists.get(tag, ()))) for tag in (0xA0, 0xA1)))

    def _sent(self, identifier: str) -> bytes | None:
        """The value of an extension as sent, or None; raises Malformed where there are several (RFC 5280 §4.2)."""
        found = [each.value for each in self.extensions if each.identifier == identifier]
        return _exactly(found, 1)[0] if found else None


_Item = TypeVar("_Item")


def _exactly(items: tuple[_Item, ...] | list[_Item], count: int) -> tuple[_Item, ...] | list[_Item]:
    if len(items) != count:
        raise Malformed(f"{len(items)} elements where {count} are expected")
    return items


def _comparable(name: bytes) -> distinguished_name.Name:
    try:
        return distinguished_name.comparable(name)
    except Malformed:
        return ()


def _extension(sent: Element) -> Extension:
    parts = sent.of(SEQUENCE).elements
    identifier, *critical, value = _exactly(parts, 3) if len(parts) > 2 else _exactly(parts, 2)
    return Extension(
        object_identifier(identifier.of(OBJECT_IDENTIFIER).content),
        any(map(_boolean, critical)),
        value.of(OCTET_STRING).content,
        identifier.encoded,
    )


def _boolean(sent: Element) -> bool:
    content = sent.of(BOOLEAN).content
    if len(content) != 1:
        raise Malformed(f"a boolean of {len(content)} octets")
    return any(content)


def _general_name(sent: Element) -> Element:
    if sent.tag not in _GENERAL_NAMES:
        raise Malformed("no general name")
    return sent


def _base(subtree: Element) -> Element:
    """The name of a subtree whose minimum is zero and whose maximum is absent, as RFC 5280 wants."""
    parts = subtree.of(SEQUENCE).elements
    if not parts:
        raise Malformed("a subtree without a name")
    base, *bounds = parts
    if any(each.tag != 0x80 or any(each.content) for each in bounds):
        raise NotImplementedError
    return _general_name(base)


def registered_name(identifier: str) -> str:
    """The name of an object identifier in the library's registry, else the identifier."""
    try:
        known = x509.ObjectIdentifier(identifier)._name  # noqa: SLF001  (the registry's own name has no public form)
    except ValueError:
        return identifier
    return identifier if known == "Unknown OID" else known


def _assembled(fields: Mapping[str, bytes], extensions: bytes = b"") -> bytes:
    """The DER of a certificate with these fields, and a substitute for each other, with these extensions."""
    whole = {**_FIELDS, **fields}
    end = encode(_EXTENSIONS, encode(SEQUENCE, extensions)) if extensions else b""
    to_sign = encode(SEQUENCE, b"".join((_V3, *whole.values(), end)))
    return encode(SEQUENCE, to_sign + whole["signature"] + _SIGNATURE)


def _is_readable(fields: Mapping[str, bytes]) -> bool:
    """Whether the library reads a certificate with these fields."""
    try:
        loaded = x509.load_der_x509_certificate(_assembled(fields))
        _ = loaded.serial_number, loaded.subject, loaded.issuer, loaded.not_valid_before_utc, loaded.not_valid_after_utc
    except Exception:  # noqa: BLE001  (whatever the library raises, the fields are not read)
        return False
    return True


def _library_values(extensions: Sequence[Extension]) -> dict[str, x509.ExtensionType] | None:
    """The values of these extensions by object identifier, read by the library; None where it refuses one."""
    sent = (each.encoded_identifier + encode(OCTET_STRING, each.value) for each in extensions)
    try:
        loaded = x509.load_der_x509_certificate(_assembled({}, b"".join(encode(SEQUENCE, each) for each in sent)))
        return {each.oid.dotted_string: each.value for each in loaded.extensions}
    except Exception:  # noqa: BLE001  (whatever the library raises, an extension is not read)
        return None


def _in_der(extension: Extension) -> Extension:
    """The extension with its value in DER, as far as its form tells."""
    try:
        return extension._replace(value=canonical(extension.value))
    except Malformed:
        return extension
