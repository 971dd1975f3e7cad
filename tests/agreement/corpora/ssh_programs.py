"""SSH servers of other libraries: ``python ssh_programs.py LIBRARY PORT FOLDER``, which runs until it is ended.

It stands alone: asyncssh and paramiko are in an environment of their own, and libssh is called as a shared library.
"""

from __future__ import annotations

import asyncio
import ctypes
import socket
import sys
import threading
from pathlib import Path

ADDRESS = "127.0.0.1"
#: libssh/server.h, ``enum ssh_bind_options_e`` (0.10).
_BINDADDR, _BINDPORT_STR, _HOSTKEY = 0, 2, 3
_OK = 0
_PASSWORD, _PUBLIC_KEY = 2, 4


def asyncssh(port: int, folder: Path) -> None:
    """Offers keys and passwords."""
    import asyncssh

    class Server(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def public_key_auth_supported(self) -> bool:
            return True

    async def serve() -> None:
        keys = [str(folder / kind) for kind in ("ed25519", "rsa", "ecdsa")]
        await asyncssh.create_server(Server, ADDRESS, port, server_host_keys=keys)
        await asyncio.Event().wait()

    asyncio.run(serve())


def paramiko(port: int, folder: Path) -> None:
    """Offers passwords."""
    import paramiko

    keys = [paramiko.RSAKey(filename=str(folder / "rsa")), paramiko.Ed25519Key(filename=str(folder / "ed25519"))]

    def serve(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        for key in keys:
            transport.add_server_key(key)
        try:
            transport.start_server(server=paramiko.ServerInterface())
            transport.join()
        except (paramiko.SSHException, EOFError, OSError):
            transport.close()

    with socket.create_server((ADDRESS, port)) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def libssh(port: int, folder: Path) -> None:
    """Offers keys and passwords; one connection after another."""
    library = ctypes.CDLL("libssh.so.4")
    for name in ("ssh_bind_new", "ssh_new", "ssh_message_get"):
        getattr(library, name).restype = ctypes.c_void_p
    bind = ctypes.c_void_p(library.ssh_bind_new())
    library.ssh_bind_options_set(bind, _BINDADDR, ADDRESS.encode())
    library.ssh_bind_options_set(bind, _BINDPORT_STR, str(port).encode())
    for kind in ("ed25519", "rsa", "ecdsa"):
        library.ssh_bind_options_set(bind, _HOSTKEY, str(folder / kind).encode())
    if library.ssh_bind_listen(bind) != _OK:
        raise SystemExit("libssh cannot listen")
    while True:
        session = ctypes.c_void_p(library.ssh_new())
        if library.ssh_bind_accept(bind, session) == _OK and library.ssh_handle_key_exchange(session) == _OK:
            library.ssh_set_auth_methods(session, _PASSWORD | _PUBLIC_KEY)
            while message := library.ssh_message_get(session):
                library.ssh_message_reply_default(ctypes.c_void_p(message))
                library.ssh_message_free(ctypes.c_void_p(message))
        library.ssh_disconnect(session)
        library.ssh_free(session)


if __name__ == "__main__":
    {"asyncssh": asyncssh, "paramiko": paramiko, "libssh": libssh}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
