"""Recorded observations: ``recorded/<kind>/<name>.json``, each with its kind and its facts.

The folder is the observation's kind without its version (``tls`` for ``tls/1``). A name that begins with ``handmade-``
belongs to an observation that no server gave; it is never recorded over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

from inspector.model.errors import UsageError
from inspector.model.observation import Observation

T = TypeVar("T", bound=Observation)

#: Prefix of observations that were written by hand.
HANDMADE = "handmade-"


def recorded(folder: Path, kind: type[T], name: str) -> T:
    """The observation ``name`` of this kind below ``folder/recorded``; raises UsageError when there is none."""
    return cast("T", _parsed(folder / "recorded" / family(kind) / f"{name}.json", kind))


@cache
def _parsed(path: Path, kind: type[Observation]) -> Observation:
    try:
        stored = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise UsageError(f"{path}: no such recording", remedy="record it, or correct the name in the case") from None
    if stored["kind"] != kind.kind:
        raise UsageError(f"{path}: is of kind {stored['kind']}, not {kind.kind}", remedy="record it again")
    return kind.parse(json.dumps(stored["facts"]))


def family(kind: type[Observation]) -> str:
    """The kind's name without its version."""
    return kind.kind.partition("/")[0]


def recordings(folder: Path) -> Iterator[str]:
    """The names of all recorded observations below ``folder/recorded``, as ``kind/name``."""
    root = folder / "recorded"
    for path in sorted(root.rglob("*.json")):
        yield path.relative_to(root).with_suffix("").as_posix()


def write_recording(folder: Path, name: str, seen: Observation) -> Path:
    """Write one observation, readable and with sorted keys; ``name`` is ``kind/name``."""
    facts = json.dumps(seen.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
    path = folder / "recorded" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{"kind": "{seen.kind}", "facts": {facts}}}\n', encoding="utf-8")
    return path


def record(folder: Path, recorders: Mapping[str, Callable[[], Observation]], arguments: Sequence[str]) -> None:
    """The command line of a plugin's ``record`` module: record the named observations alone, or all with ``--all``.

    ``recorders`` maps ``kind/name`` to a function that starts the server, runs the probe and returns what it observed
    without what changes from run to run (dates, versions of the server). Exits with status 2 on any other argument.
    """
    names = list(recorders) if arguments == ["--all"] else list(arguments)
    unknown = [name for name in names if name not in recorders]
    if unknown or not names:
        sys.exit(f"usage: record --all | NAME...\nunknown: {', '.join(unknown) or '-'}\nnames: {' '.join(recorders)}")
    for name in names:
        sys.stdout.write(f"{write_recording(folder, name, recorders[name]())}\n")
