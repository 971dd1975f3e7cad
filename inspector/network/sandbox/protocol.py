"""The protocol between a worker process and its parent: frames of a kind, a small JSON head and a body, over pipes."""

from __future__ import annotations

import json
import struct
from enum import Enum
from typing import Any

_LAYOUT = struct.Struct(">cII")
PREFIX_BYTES = _LAYOUT.size
#: What a worker runs at present, in a file that its parent reads: a number that counts, and a name.
_CALL = struct.Struct(">QH200s")
CALL_BYTES = _CALL.size


class Kind(Enum):
    """What a frame means. The parent sends context, job and connect-granted; the worker sends the others."""

    CONTEXT = b"K"
    JOB = b"J"
    CONNECT_GRANTED = b"G"
    CONNECT_REQUEST = b"A"
    CONNECTED = b"L"
    CLOSED = b"C"
    RESULT = b"R"
    TROUBLE = b"T"
    ERROR = b"E"
    VIOLATION = b"X"
    LOG = b"O"


def pack(kind: Kind, head: dict[str, Any], body: bytes = b"") -> bytes:
    """One frame as bytes."""
    encoded = json.dumps(head).encode()
    return _LAYOUT.pack(kind.value, len(encoded), len(body)) + encoded + body


def unpack_prefix(prefix: bytes) -> tuple[Kind, int, int]:
    """Kind, size of the head and size of the body of the frame that begins so; raises ValueError."""
    kind, head, body = _LAYOUT.unpack(prefix)
    return Kind(kind), head, body


def pack_call(number: int, what: str) -> bytes:
    """A call as bytes; a long name is cut."""
    name = what.encode("utf-8", "replace")[:200]
    return _CALL.pack(number, len(name), name)


def unpack_call(data: bytes) -> tuple[int, str]:
    """Number and name of the call; the name is empty where nothing runs."""
    if len(data) < CALL_BYTES:
        return 0, ""
    number, size, name = _CALL.unpack(data)
    return number, name[:size].decode("utf-8", "replace")
