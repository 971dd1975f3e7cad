"""How an attacker alters a bundle and signs it again."""

from __future__ import annotations

import json
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import zstandard
from securesystemslib.dsse import Envelope

from inspector.model.base import canonical, digest
from inspector.seal import SigningKey
from inspector.seal.layout import MANIFEST, PACK, is_shared
from inspector.seal.manifest import PAYLOAD_TYPE, envelope_of
from inspector.seal.pack import Frame, PackWriter, compressed, stored_at, walk


def payload(part: Path) -> dict[str, Any]:
    """The statement that a manifest signs."""
    statement: dict[str, Any] = json.loads(b64decode(json.loads((part / MANIFEST).read_bytes())["payload"]))
    return statement


def sign(part: Path, statement: object, *keys: SigningKey) -> None:
    """Put a manifest over ``statement``, signed by ``keys``, into ``part``."""
    envelope = Envelope(canonical(statement), PAYLOAD_TYPE, {})
    for key in keys:
        envelope.sign(key.signer)
    (part / MANIFEST).write_bytes(canonical(envelope.to_dict()))


def frames(part: Path) -> list[Frame]:
    """The whole frames of a pack, of a capture that is still being written too."""
    if not (part / PACK).exists():
        return []
    descriptor = os.open(part / PACK, os.O_RDONLY)
    try:
        return [each for each in walk(descriptor, is_marked=False) if isinstance(each, Frame)]
    finally:
        os.close(descriptor)


def stored(part: Path) -> dict[str, bytes]:
    """The zstd frames of a pack by the name of the part."""
    descriptor = os.open(part / PACK, os.O_RDONLY)
    try:
        return {each.header.name: stored_at(descriptor, each) for each in frames(part)}
    finally:
        os.close(descriptor)


def contents(part: Path) -> dict[str, bytes]:
    """What is in a pack, by the name of the part."""
    return {name: zstandard.ZstdDecompressor().decompress(data) for name, data in stored(part).items()}


def names(part: Path, kind: str) -> list[str]:
    """The parts of a kind (evidence), or the one of this name, in order."""
    return [name for name in (each.header.name for each in frames(part)) if name == kind or name.startswith(f"{kind}/")]


def spoil(part: Path, name: str, change: Callable[[bytes], bytes]) -> None:
    """Change the bytes of one part where they stand; its header stays."""
    data = (part / PACK).read_bytes()
    (frame,) = (each for each in frames(part) if each.header.name == name)
    (part / PACK).write_bytes(data[: frame.content] + change(data[frame.content : frame.end]) + data[frame.end :])


def repack(part: Path, changed: Mapping[str, bytes | None]) -> None:
    """Write a pack again with other zstd frames for some parts; None leaves one out."""
    wanted = {**stored(part), **changed}
    pack = PackWriter(frames(part)[0].header.pack)
    (part / PACK).write_bytes(b"".join(pack.frame(name, data)[1] for name, data in wanted.items() if data is not None))


def resign(part: Path, key: SigningKey, change: Callable[[dict[str, Any]], object] = lambda _statement: None) -> None:
    """Sign what is in ``part``, after ``change`` to the statement."""
    statement = payload(part)
    kept = [each for each in statement["subject"] if is_shared(each["name"])]
    files = {
        str(path.relative_to(part)): path.read_bytes()
        for path in part.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    digests = {name: digest(data) for name, data in {**files, **stored(part)}.items()}
    found = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in digests.items()]
    statement["subject"] = sorted([*kept, *found], key=lambda each: str(each["name"]))
    change(statement)
    (part / MANIFEST).write_bytes(envelope_of(canonical(statement), key))


def exchange(part: Path, name: str, content: bytes, key: SigningKey) -> None:
    """Put other content in the place of a part, and sign the result."""
    repack(part, {name: compressed(content)})
    resign(part, key)
