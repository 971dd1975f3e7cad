"""Splits BER and DER (ITU-T X.690) into elements, more leniently than a certificate library does.

Lengths may be of any form, the indefinite one included, as OpenSSL accepts them; contents are not interpreted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inspector_tls.wire.encoding import Malformed

BOOLEAN = 0x01
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
NULL = 0x05
OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
SET = 0x31
_CONSTRUCTED = 0x20
_INDEFINITE = 0x80
_END = b"\x00\x00"
#: Elements within one another.
_DEPTH_LIMIT = 16


class Element(NamedTuple):
    """One element: its identifier octets as a number, its contents, and all its octets."""

    tag: int
    content: bytes
    encoded: bytes

    @property
    def elements(self) -> tuple[Element, ...]:
        """The elements within; raises Malformed."""
        return elements(self.content)

    def of(self, tag: int) -> Element:
        """This element, whose tag must be ``tag``; raises Malformed."""
        if self.tag != tag:
            raise Malformed(f"tag {self.tag:#x} where {tag:#x} is expected")
        return self


def elements(data: bytes) -> tuple[Element, ...]:
    """All elements that ``data`` consists of; raises Malformed."""
    return tuple(_elements(data))


def element(data: bytes, tag: int) -> Element:
    """The single element, with this tag, that ``data`` is; raises Malformed."""
    found = elements(data)
    if len(found) != 1:
        raise Malformed(f"{len(found)} elements where one is expected")
    return found[0].of(tag)


def encode(tag: int, content: bytes) -> bytes:
    """One element in DER."""
    size = len(content).to_bytes((len(content).bit_length() + 7) // 8, "big")
    length = bytes([len(content)]) if len(content) < _INDEFINITE else bytes([_INDEFINITE | len(size)]) + size
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + length + content


def canonical(data: bytes, depth: int = 0) -> bytes:
    """The elements of ``data`` with lengths and booleans as DER has them; raises Malformed."""
    if depth >= _DEPTH_LIMIT:
        raise Malformed("elements too deep in one another")
    return b"".join(_canonical(each, depth) for each in _elements(data))


def object_identifier(content: bytes) -> str:
    """The dotted form of an object identifier's contents (X.690 §8.19); raises Malformed."""
    if not content or content[-1] & 0x80:
        raise Malformed("an object identifier that does not end")
    arcs, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _canonical(each: Element, depth: int) -> bytes:
    if each.tag == BOOLEAN:
        return encode(BOOLEAN, b"\xff" if any(each.content) else b"\x00")
    is_constructed = each.encoded[0] & _CONSTRUCTED
    return encode(each.tag, canonical(each.content, depth + 1) if is_constructed else each.content)


def _elements(data: bytes, at: int = 0, depth: int = 0) -> Iterator[Element]:
    """The elements of ``data`` from this place on."""
    while at < len(data):
        begin, at = at, _after_tag(data, at)
        tag = int.from_bytes(data[begin:at], "big")
        size, at = _length(data, at)
        if size is None:
            end = _end(data, at, depth)
            after = end + len(_END)
        else:
            after = end = at + size
        if after > len(data):
            raise Malformed("an element longer than the data")
        yield Element(tag, data[at:end], data[begin:after])
        at = after


def _after_tag(data: bytes, at: int) -> int:
    if data[at] & 0x1F == 0x1F:
        at += 1
        while at < len(data) and data[at] & 0x80:
            at += 1
    return at + 1


def _length(data: bytes, at: int) -> tuple[int | None, int]:
    """The length (None: indefinite), and where the contents begin."""
    if at >= len(data):
        raise Malformed("an element without a length")
    first, at = data[at], at + 1
    if first < _INDEFINITE:
        return first, at
    if first == _INDEFINITE:
        return None, at
    after = at + (first & 0x7F)
    return int.from_bytes(data[at:after], "big"), after


def _end(data: bytes, at: int, depth: int) -> int:
    """Where the contents of indefinite length that start here end."""
    if depth >= _DEPTH_LIMIT:
        raise Malformed("elements too deep in one another")
    while not data.startswith(_END, at):
        inner = next(_elements(data, at, depth + 1), None)
        if inner is None:
            raise Malformed("an element of indefinite length that does not end")
        at += len(inner.encoded)
    return at
