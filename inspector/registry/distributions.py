"""What the installed distributions announce and consist of, by their metadata; nothing of a plugin is imported.

A distribution that was installed from a wheel lists its files with their digests (``RECORD``). Where the code of a
distribution stands elsewhere (an editable install), or no files are listed, the files of the import packages count that
its entry points name, where they are found. Byte code (``__pycache__``) never counts.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, FileHash, PackagePath, entry_points
from importlib.util import find_spec
from pathlib import Path

from inspector.model.errors import PluginError
from inspector.model.formatted import FormattedMessage

GROUP = "inspector"

#: What installers write for themselves; it differs between two installations of the same wheel.
_OF_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"})
_SUFFIXES = (".py", ".so", ".pyd", ".pyc")


def announced() -> dict[str, EntryPoint]:
    """The entry points of plugins by name, in order. Raises PluginError where one name is announced twice."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        other = found.setdefault(entry.name, entry)
        if other is not entry:
            raise PluginError(
                FormattedMessage(
                    "plugin {name} is announced by {distribution} and by {other}",
                    name=repr(entry.name),
                    distribution=label(entry.dist),
                    other=label(other.dist),
                ),
                remedy="uninstall one of them",
            )
    return found


def label(distribution: Distribution | None) -> str:
    """Name and version of a distribution, for a message."""
    return "?" if distribution is None else f"{distribution.name} {distribution.version}"


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a distribution: SHA-256 over names and bytes, and how they differ from what was installed."""

    digest: str
    faults: tuple[str, ...] = ()


#: By name and place of the distribution.
_known: dict[tuple[str, str], Contents] = {}


def forget_contents() -> None:
    """Read every file again when it is asked for."""
    _known.clear()


def contents_of(distribution: Distribution) -> Contents:
    """The contents of a distribution, read once."""
    key = (distribution.name, str(distribution.locate_file("")))
    if key not in _known:
        _known[key] = _read(distribution)
    return _known[key]


def _read(distribution: Distribution) -> Contents:
    digests: dict[str, str] = {}
    faults: list[str] = []
    listed = _listed(distribution)
    tops: set[str] = set()
    for file in sorted(listed, key=str):
        if "__pycache__" in file.parts:
            continue
        actual = _sha256(Path(str(file.locate())))
        if actual is None:
            faults.append(FormattedMessage("{file} is missing", file=str(file)))
        elif file.hash is not None and file.hash.mode == "sha256" and file.hash.value != _as_recorded(actual):
            faults.append(FormattedMessage("{file} is not what was installed", file=str(file)))
        if not _is_of_installer(file.parts):
            digests[str(file)] = actual or "missing"
        tops |= {top} if (top := _top_of(file.parts)) else set()
    places = {str(file): os.path.realpath(str(file.locate())) for file in listed}
    for top in sorted(tops):
        for name, path in _files_of(top):
            if places.get(name) != os.path.realpath(path):
                faults.append(FormattedMessage("{file} is not part of the distribution", file=str(path)))
                digests[name] = _sha256(path) or "missing"
    for top in sorted({entry.module.partition(".")[0] for entry in distribution.entry_points} - tops):
        digests |= {name: _sha256(path) or "missing" for name, path in _files_of(top)}
    total = hashlib.sha256("".join(f"{name}\0{one}\n" for name, one in sorted(digests.items())).encode())
    return Contents(total.hexdigest(), tuple(faults))


def _listed(distribution: Distribution) -> set[PackagePath]:
    """The files that ``RECORD`` lists, missing ones as well, which ``Distribution.files`` of Python 3.12 leaves out."""
    found = set()
    for name, *others in filter(None, csv.reader((distribution.read_text("RECORD") or "").splitlines())):
        file = PackagePath(name)
        file.hash = FileHash(others[0]) if others and others[0] else None
        file.dist = distribution
        found.add(file)
    return found


def _is_of_installer(parts: tuple[str, ...]) -> bool:
    """Whether the file is metadata of the installer, or a script that it made for its interpreter."""
    outside = [part for part in parts if part != ".."]
    if len(outside) < len(parts):
        return outside[0] in ("bin", "Scripts")
    return parts[0].endswith(".dist-info") and parts[-1] in _OF_INSTALLERS


def _top_of(parts: tuple[str, ...]) -> str | None:
    """The name under which the file, or the package around it, is imported."""
    if parts[0] == ".." or parts[0].endswith((".dist-info", ".data")):
        return None
    if len(parts) > 1:
        return parts[0]
    return parts[0].partition(".")[0] if parts[0].endswith(_SUFFIXES) else None


def _files_of(top: str) -> Iterator[tuple[str, Path]]:
    """The files of what an import of this name would load, by name as ``RECORD`` has them; it is not imported."""
    spec = find_spec(top)
    if spec is None:
        return
    if spec.submodule_search_locations is None:
        if spec.origin is not None:
            yield Path(spec.origin).name, Path(spec.origin)
        return
    for place in spec.submodule_search_locations:
        yield from _walk(Path(place), f"{top}/")


def _walk(folder: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir() and not entry.is_symlink():
            if entry.name != "__pycache__":
                yield from _walk(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def _sha256(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _as_recorded(digest: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
