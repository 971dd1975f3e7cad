"""The table of the roots that browsers trust: certifi's, dated by its version, or the file that the settings name."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from inspector.declare.settings import Settings
from inspector.model.base import Same
from inspector.model.errors import UsageError
from inspector.model.formatted import FormattedMessage
from inspector.model.public_roots import PublicRoots
from inspector.model.regular_file import read_regular
from inspector.model.table import Table

#: Browsers change their stores several times a year, and distrust a root months after they announce it.
STALE_AFTER_DAYS = 180
#: The most bytes of a file of roots.
MOST_BYTES = 64 * 2**20

_BEGIN = rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"
_BLOCK = re.compile(_BEGIN + rb"(?P<body>.*?)(?P<end>-----END CERTIFICATE-----|-----END|\Z)", re.DOTALL)
_LABEL = re.compile(rb'^# Label: "?([^\r\n]*?)"?\r?$', re.MULTILINE)
_RELEASE = re.compile(r"([0-9]{4})\.([0-9]{1,2})\.([0-9]{1,2})")


def installed_roots() -> Table:
    """The table of certifi's roots; of its version's day, or of its file's where that is no date."""
    return _installed()


@lru_cache(maxsize=1)
def _installed() -> Table:
    import certifi

    path = Path(certifi.where())
    return _table(path, f"certifi {certifi.__version__} (Mozilla's CA store)", _day(certifi.__version__))


def roots_of_settings(settings: Settings) -> Table | None:
    """The table of the roots in the file that the settings name, of the day on which it was written; None without one.

    Blocks that are no Base64 are left out. Raises UsageError where it has no certificate, or cannot be read.
    """
    return None if settings.public_roots is None else _of_settings(Same(settings), settings.public_roots)


@lru_cache(maxsize=4)
def _of_settings(_settings: Same[Settings], path: Path) -> Table:
    return _table(path, "public_roots of the settings", None)


def _table(path: Path, source: str, dated: date | None) -> Table:
    try:
        data = read_regular(path, MOST_BYTES)
        dated = dated or datetime.fromtimestamp(path.stat().st_mtime, UTC).date()
    except OSError as error:
        raise unreadable_roots(error) from None
    entries = tuple(_entries(data))
    if not entries:
        raise no_certificate_in(path)
    return Table(kind=PublicRoots.kind, dated=dated, source=source, stale_after_days=STALE_AFTER_DAYS, entries=entries)


def _entries(data: bytes) -> Iterator[dict[str, str]]:
    end = 0
    for _line, found, der in certificates_in(data):
        labels = _LABEL.findall(data, end, found.start())
        end = found.end()
        if der:
            label = labels[-1].decode("utf-8", "replace") if labels else ""
            yield {"label": label, "certificate": base64.b64encode(der).decode()}


def _day(version: str) -> date | None:
    found = _RELEASE.match(version)
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None


def certificates_in(data: bytes) -> Iterator[tuple[int, re.Match[bytes], bytes | None]]:
    """Of each certificate in PEM the line at which it begins, its place, and its DER; None where it is not whole."""
    for found in _BLOCK.finditer(data):
        yield 1 + data.count(b"\n", 0, found.start()), found, _decoded(found)


def _decoded(block: re.Match[bytes]) -> bytes | None:
    try:
        body = base64.b64decode(b"".join(block["body"].split()), validate=True)
    except binascii.Error:
        return None
    return body if block["end"].endswith(b"-----") else None


def no_certificate_in(path: Path) -> UsageError:
    """The error about a file or folder without a certificate."""
    return UsageError(
        FormattedMessage("no certificate in {file}", file=path),
        remedy="correct trust_roots or public_roots in the settings",
    )


def unreadable_roots(error: OSError) -> UsageError:
    """The error about a file of roots that cannot be read."""
    return UsageError(
        FormattedMessage("trust roots cannot be read: {file}: {reason}", file=error.filename, reason=error.strerror),
        remedy="correct trust_roots or public_roots in the settings",
    )
