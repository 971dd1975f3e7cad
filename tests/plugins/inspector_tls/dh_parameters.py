"""Files of Diffie-Hellman parameters with any modulus."""

from __future__ import annotations

import base64
from pathlib import Path


def write_parameters(written: Path, modulus: int, generator: int = 2) -> Path:
    """Write the DHParameter of PKCS #3 in PEM, a SEQUENCE of two INTEGERs; the path."""
    integers = b"".join(_der(0x02, each.to_bytes(each.bit_length() // 8 + 1, "big")) for each in (modulus, generator))
    text = base64.encodebytes(_der(0x30, integers)).decode()
    written.write_text(f"-----BEGIN DH PARAMETERS-----\n{text}-----END DH PARAMETERS-----\n")
    return written


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + content
