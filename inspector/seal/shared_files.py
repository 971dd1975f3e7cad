"""What many bundles of an archive share is stored once, in a file named by its own SHA-256."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from inspector.model.base import digest
from inspector.model.errors import BundleError
from inspector.model.formatted import FormattedMessage
from inspector.record.limits import FILE_BYTES, limit_of
from inspector.seal import atomic_files as disk
from inspector.seal.json_parts import SHARED_PARTS
from inspector.seal.layout import SHARED, TRUST, shared_name
from inspector.seal.pack import compressed, decompressed
from inspector.seal.untrusted_files import UntrustedFolder

#: From this size on (bytes, compressed) a part is stored once per archive; a smaller one is cheaper in its bundle.
SHARED_BYTES = 4096


def archive_of(folder: Path) -> UntrustedFolder:
    """The folder whose ``shared`` holds what a bundle refers to: the bundle's own if it has one, else its archive's."""
    if os.path.lexists(folder / SHARED):  # what is a link is refused when it is read
        return UntrustedFolder(folder)
    parents = folder.resolve().parents
    return UntrustedFolder(parents[min(2, len(parents) - 1)] if parents else folder)


@lru_cache(maxsize=16)
def stored(content: bytes) -> tuple[str, bytes]:
    """The file of a part that is shared, and its SHA-256; kept for the next bundle."""
    data = compressed(content, is_small=True)
    return digest(data), data


def shared_of(parts: Mapping[str, bytes]) -> tuple[dict[str, tuple[str, bytes]], dict[str, bytes]]:
    """The parts that are shared, each with SHA-256 and bytes of its file, and all others as they are."""
    common = {
        name: (sha256, data)
        for name, content in parts.items()
        if (name in SHARED_PARTS or name.startswith(f"{TRUST}/")) and len(content) >= SHARED_BYTES
        for sha256, data in [stored(content)]
        if len(data) >= SHARED_BYTES
    }
    return common, {name: content for name, content in parts.items() if name not in common}


def add_shared(archive: Path, files: Mapping[str, bytes], partial: Path) -> None:
    """Store files by their SHA-256, on the disk when this returns; what is there already is kept if it is whole.

    Several processes may store the same file at once: each writes it whole, under the same name. ``partial`` is for
    temporary files, on the same disk. Raises BundleError.
    """
    folder = UntrustedFolder(archive)
    missing: dict[str, bytes] = {}
    for sha256, data in files.items():
        try:
            check_shared(folder, sha256, SHARED)
        except BundleError:
            missing[shared_name(sha256)] = data
    if missing:
        disk.write_files(archive, missing, partial=partial)


def check_shared(archive: UntrustedFolder, sha256: str, part: str) -> None:
    """Raise BundleError that names the part and the shared file when that is missing, altered or no plain file."""
    with _named(sha256, part):
        found = archive.digest(shared_name(sha256), FILE_BYTES)
    _check(found, sha256, part)


def read_shared(archive: UntrustedFolder, sha256: str, part: str) -> bytes:
    """The content of a part that is shared, verified. Raises BundleError as ``check_shared`` does."""
    with _named(sha256, part):
        data = archive.read(shared_name(sha256), FILE_BYTES)
    _check(digest(data), sha256, part)
    return decompressed(data, limit_of(part), part)


@contextmanager
def _named(sha256: str, part: str) -> Iterator[None]:
    name = shared_name(sha256)
    try:
        yield
    except BundleError as error:
        what = error.message.removeprefix(f"{name}: ")
        text = "{part}: is missing in the shared files of its archive: {name}"
        if what != "is missing":
            text = "{part}: cannot be read from the shared files of its archive: {name}: {what}"
        raise type(error)(FormattedMessage(text, part=part, name=name, what=FormattedMessage(what))) from None


def _check(found: str, sha256: str, part: str) -> None:
    if found != sha256:
        raise BundleError(
            FormattedMessage(
                "{part}: was altered in the shared files of its archive: {name}", part=part, name=shared_name(sha256)
            )
        )
