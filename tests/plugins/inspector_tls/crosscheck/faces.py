"""A server that shows other suites to one client than to another, as sslyze's hellos differ from the enumerator's."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from tests.plugins.inspector_tls import servers

RICH, POOR = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"


def two_faced(files: tuple[Path, Path], chosen: dict[bool, str], few: int = 2) -> servers.Answer:
    """A TLS 1.2 server with suites of ``chosen[True]`` for hellos that offer few, of ``chosen[False]`` for others."""
    faces = {is_few: servers.python_tls(_context(files, suites)) for is_few, suites in chosen.items()}

    def answer(connection: socket.socket) -> None:
        hello = connection.recv(4096, socket.MSG_PEEK)
        faces[_suites_offered(hello) <= few](connection)

    return answer


def _context(files: tuple[Path, Path], suites: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suites)
    return context


def _suites_offered(hello: bytes) -> int:
    """How many suites a ClientHello of SSL 3.0 or newer lists; many for one of SSL 2.0."""
    if hello[:1] != b"\x16":
        return 1000
    session = hello[43]
    at = 44 + session
    return int.from_bytes(hello[at : at + 2], "big") // 2
