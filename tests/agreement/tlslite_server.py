"""A server of tlslite-ng: ``tlslite_server.py ADDRESS PORT CERTIFICATE KEY SETTINGS``, settings in JSON."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey


def _answer(connection: socket.socket, options: dict[str, Any]) -> None:
    connection.settimeout(20)
    with contextlib.suppress(Exception), contextlib.closing(TLSConnection(connection)) as tls:
        tls.handshakeServer(**options)
        while tls.read(max=4096, min=1):
            pass


def main() -> None:
    """Serve as the command line configures."""
    address, port, certificate, key, settings = sys.argv[1:]
    chain = X509CertChain()
    chain.parsePemList(Path(certificate).read_text())
    wanted = HandshakeSettings()
    for name, value in json.loads(settings).items():
        setattr(wanted, name, tuple(value) if name.endswith("Version") else value)
    # A client that lists its versions (RFC 8446 §4.2.1) is answered from a list of its own.
    wanted.versions = [each for each in wanted.versions if wanted.minVersion <= each <= wanted.maxVersion]
    options = {
        "certChain": chain,
        "privateKey": parsePEMKey(Path(key).read_text(), private=True),
        "settings": wanted,
    }
    with socket.create_server((address, int(port)), backlog=128) as listener:
        while True:
            connection, _peer = listener.accept()
            threading.Thread(target=_answer, args=(connection, options), daemon=True).start()


if __name__ == "__main__":
    main()
