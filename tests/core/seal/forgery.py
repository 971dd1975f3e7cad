"""How an attacker alters a bundle and signs it again."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from securesystemslib.dsse import Envelope

from inspector.model.base import canonical, digest
from inspector.seal import SigningKey
from inspector.seal.layout import MANIFEST
from inspector.seal.manifest import PAYLOAD_TYPE, envelope_of


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


def resign(part: Path, key: SigningKey, change: Callable[[dict[str, Any]], object] = lambda _statement: None) -> None:
    """Sign the files of ``part``, after ``change`` to the statement."""
    statement = payload(part)
    statement["subject"] = [
        {"name": name, "digest": {"sha256": digest((part / name).read_bytes())}}
        for name in sorted(
            str(path.relative_to(part)) for path in part.rglob("*") if path.is_file() and path.name != MANIFEST
        )
    ]
    change(statement)
    (part / MANIFEST).write_bytes(envelope_of(canonical(statement), key))
