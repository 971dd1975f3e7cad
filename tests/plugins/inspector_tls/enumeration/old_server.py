"""A server of SSL 3.0 and TLS 1.0 with RC4 and 3DES: ``python old_server.py PORT CERTIFICATE KEY``."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from pathlib import Path

from tlslite.api import HandshakeSettings, TLSConnection, X509CertChain, parsePEMKey


def serve(port: int, certificate: Path, key: Path) -> None:
    """Answer on this port until killed."""
    chain = X509CertChain()
    chain.parsePemList(certificate.read_text())
    private = parsePEMKey(key.read_text(), private=True)
    settings = HandshakeSettings()
    settings.minVersion, settings.maxVersion = (3, 0), (3, 1)
    settings.cipherNames = ["rc4", "3des"]
    settings.macNames = ["sha", "md5"]
    settings.keyExchangeNames = ["rsa"]

    def answer(connection: socket.socket) -> None:
        connection.settimeout(20)
        with contextlib.suppress(Exception), contextlib.closing(TLSConnection(connection)) as tls:
            tls.handshakeServer(certChain=chain, privateKey=private, settings=settings)

    with socket.create_server(("127.0.0.1", port), backlog=128) as listener:
        while True:
            connection, _peer = listener.accept()
            threading.Thread(target=answer, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
