"""The most bytes of each kind of file of a bundle, for writer and reader alike: nothing is written that is not read."""

from __future__ import annotations

from inspector.model.errors import LimitExceeded
from inspector.model.formatted import FormattedMessage

#: The most bytes of a JSON file about one thing, of a line, of one raw answer, and of any other file.
JSON_BYTES = 16 * 2**20
LINE_BYTES = 64 * 2**10
RAW_BYTES = 64 * 2**20
FILE_BYTES = 256 * 2**20
#: The most bytes of a pack: what the archive format of an export holds in one file.
PACK_BYTES = 2**33 - 1

#: The most objects and lists in one part in JSON, and the most commas: many small values take a hundred times their
#: size in memory, whoever wrote them. What scans and assessments write has at most half as many for its size.
_CONTAINERS = 500_000
_COMMAS = 10_000_000
_FREE_CONTAINERS, _FREE_COMMAS, _BYTES_OF_ONE = 20_000, 100_000, 12

#: Parts of a capture that grow with the number of scans.
_GROWING = ("ledger.jsonl", "incidents.jsonl")


def limit_of(name: str) -> int:
    """The most bytes of a file or of a part of a pack (decompressed), by its path in the bundle.

    What grows with the number of scans (findings, coverage, ledger, reports) may be larger than what is
    about one thing: an observation, the plan, a document.
    """
    part, _, file = name.partition("/")
    if name.endswith("/pack.zst"):
        return PACK_BYTES
    if name.endswith("manifest.dsse.json"):  # about 100,000 parts; it is read before it is known who made it
        return JSON_BYTES
    if part != "capture" or file in _GROWING or file.startswith("trust/"):
        return FILE_BYTES
    # Raw bytes, and a line with their sizes, stand behind the record of a scan.
    return JSON_BYTES + RAW_BYTES + LINE_BYTES if file.startswith("evidence/") else JSON_BYTES


def check_values(name: str, data: bytes) -> None:
    """Raise LimitExceeded when a part in JSON has more values than one may have, before they are parsed."""
    density = len(data) // _BYTES_OF_ONE
    containers = data.count(b"{") + data.count(b"[")
    if containers > min(_CONTAINERS, _FREE_CONTAINERS + density) or data.count(b",") > min(
        _COMMAS, _FREE_COMMAS + density
    ):
        raise LimitExceeded(
            FormattedMessage("{name}: has more values than are read", name=name),
            remedy="inspect fewer endpoints at a time, for instance declared as several systems",
        )


def check_part(name: str, data: bytes) -> None:
    """Raise LimitExceeded when a part of this path may not have this content: too many bytes, or values in JSON."""
    check_size(name, len(data))
    if name.startswith("capture/evidence/"):
        check_values(name, data.partition(b"\n")[0])
    elif name.endswith(".json"):
        check_values(name, data)


def check_size(name: str, size: int) -> None:
    """Raise LimitExceeded when a file of this path may not have so many bytes."""
    limit = limit_of(name)
    if size > limit:
        raise LimitExceeded(
            FormattedMessage(
                "{name}: {size} bytes are more than the limit of {limit}", name=name, size=size, limit=limit
            ),
            remedy="inspect fewer endpoints at a time, for instance declared as several systems",
        )


def too_long(name: object, limit: int) -> LimitExceeded:
    """The error for a file of which no more than ``limit`` bytes are read."""
    return LimitExceeded(FormattedMessage("{name}: is longer than {limit} bytes", name=name, limit=limit))
