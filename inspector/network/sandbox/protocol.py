"""How a worker process and its parent talk: frames of a kind, a small JSON head and a body of bytes, over pipes."""

from __future__ import annotations

import json
import struct
from enum import Enum
from typing import Any

_LAYOUT = struct.Struct(">cII")
PREFIX_BYTES = _LAYOUT.size


class Kind(Enum):
    """What a frame says. From the parent: context, job, go. From the worker: the rest."""

    CONTEXT = b"K"
    JOB = b"J"
    GO = b"G"
    ASK = b"A"
    LEFT = b"L"
    CLOSED = b"C"
    RESULT = b"R"
    TROUBLE = b"T"
    ERROR = b"E"
    BYPASS = b"X"


def pack(kind: Kind, head: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame as bytes."""
    said = json.dumps(head).encode()
    return _LAYOUT.pack(kind.value, len(said), len(body)) + said + body


def unpack_prefix(prefix: bytes) -> tuple[Kind, int, int]:
    """Kind, size of the head and size of the body of the frame that begins so; raises ValueError."""
    kind, head, body = _LAYOUT.unpack(prefix)
    return Kind(kind), head, body
