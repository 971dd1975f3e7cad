"""The parts of a capture about scans: the record of one scan, and the raw bytes that no earlier scan gave.

The record is one line of canonical JSON. Where there are raw bytes, a line feed and a line with the list of their sizes
stand behind it, and then the bytes, one after the other. Findings refer to the record by its SHA-256.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pydantic import NonNegativeInt, TypeAdapter, ValidationError

from inspector.model.base import canonical, digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.model.observation import Evidence
from inspector.record.limits import JSON_BYTES, LINE_BYTES, too_long
from inspector.seal.layout import EVIDENCE, is_step
from inspector.seal.untrusted_files import parse


def scan_part(number: int, probe: str) -> str:
    """The part for a scan, by its number in the capture and its probe."""
    return f"{EVIDENCE}/{number}-{probe}" if is_step(f"{number}-{probe}") else f"{EVIDENCE}/{number}-probe"


def is_scan_part(name: str) -> bool:
    """Whether a part is about a scan."""
    return name.startswith(f"{EVIDENCE}/")


def number_of(part: str) -> int:
    """The number of the scan that a part is about; 0 where it has none."""
    number = part.rpartition("/")[2].partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def sizes_of(raw: Iterable[int]) -> bytes:
    """The line with the sizes of raw bytes; raises LimitExceeded."""
    line = canonical(list(raw)) + b"\n"
    if len(line) > LINE_BYTES:
        raise too_long("the sizes of raw answers", LINE_BYTES)
    return line


def joined(record: bytes, raw: Mapping[str, bytes]) -> bytes:
    """The content of a scan's part; raises LimitExceeded."""
    return b"".join((record, b"\n", sizes_of(map(len, raw.values())), *raw.values())) if raw else record


def evidence_in(
    content: bytes, name: str, parsed: Mapping[str, Evidence] = MappingProxyType({})
) -> tuple[str, Evidence]:
    """The evidence in the content of a scan's part, and its digest; raises BundleError that names the part.

    ``parsed`` is evidence by its digest, which need not be parsed again.
    """
    record = content[: _end_of_record(content)]
    if len(record) > JSON_BYTES:
        raise too_long(name, JSON_BYTES)
    known = digest(record)
    return known, parsed.get(known) or parse(Evidence, record, name)


def raw_places(content: bytes, name: str) -> dict[str, tuple[int, int]]:
    """Where raw bytes begin and end in the content of a scan's part, by their SHA-256; raises BundleError."""
    start = _end_of_record(content) + 1
    if start > len(content):
        return {}
    line = content[start : content.find(b"\n", start, start + LINE_BYTES) + 1].removesuffix(b"\n")
    try:
        sizes = _SIZES.validate_json(line, strict=True)
    except ValidationError:
        raise BundleError(
            FormattedMessage("{name}: does not have the sizes of what it holds behind the record", name=name)
        ) from None
    places: dict[str, tuple[int, int]] = {}
    end = start + len(line) + 1
    for size in sizes:
        places[digest(content[end : end + size])] = (end, end + size)
        end += size
    if end != len(content):
        raise BundleError(FormattedMessage("{name}: holds other bytes than it says", name=name))
    return places


def _end_of_record(content: bytes) -> int:
    end = content.find(b"\n")
    return len(content) if end < 0 else end


_SIZES: TypeAdapter[list[NonNegativeInt]] = TypeAdapter(list[NonNegativeInt])
