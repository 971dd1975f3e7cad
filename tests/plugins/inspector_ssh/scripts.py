"""Scripted SSH servers: what no server at hand offers, and what a hostile server does.

A script gets each connection with its number, from 1. None of them holds the key whose public part it shows: the probe
does not verify signatures.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from inspector_ssh.key_exchange import Exchanged, PublicValue, derivation
from inspector_ssh.protection import Keys, protection
from inspector_ssh.wire import Message, mpint, packet, packet_length, parse_kexinit, payload_of, string

Script = Callable[[socket.socket, int], None]


def rsa_key(bits: int) -> bytes:
    """An RSA public key of this size."""
    return string(b"ssh-rsa") + mpint(65537) + mpint(1 << bits - 1 | 1)


ED25519_KEY = string(b"ssh-ed25519") + string(bytes(range(32)))
FUTURE_KEY = string(b"future-key@example.com") + string(bytes(range(32)))


@dataclass(frozen=True)
class Server:
    """A server that makes key exchanges up to its reply, and with ``answers`` goes on after it."""

    identification: bytes = b"SSH-2.0-Scripted_1.0\r\n"
    kex: tuple[str, ...] = ("curve25519-sha256",)
    keys: Mapping[str, bytes] = field(default_factory=lambda: {"ssh-ed25519": ED25519_KEY})
    ciphers: tuple[str, ...] = ("aes128-ctr",)
    macs: tuple[str, ...] = ("hmac-sha2-256",)
    compression: tuple[str, ...] = ("none",)
    group_bits: int = 1024
    guesses: bool = False
    #: By number of an encrypted message, what it is answered; the first cipher is an AEAD one.
    answers: Mapping[int, Sequence[bytes]] = field(default_factory=dict)
    #: What the last byte of each encrypted answer is changed by.
    tag_error: int = 0
    #: The numbers of the encrypted messages that clients sent.
    heard: list[int] = field(default_factory=list)

    def kexinit(self) -> bytes:
        """The payload of its SSH_MSG_KEXINIT."""
        lists = (
            self.kex,
            tuple(self.keys),
            self.ciphers,
            self.ciphers,
            self.macs,
            self.macs,
            self.compression,
            self.compression,
            (),
            (),
        )
        named = b"".join(string(",".join(names).encode()) for names in lists)
        return bytes((Message.KEXINIT,)) + os.urandom(16) + named + bytes((self.guesses,)) + bytes(4)

    def __call__(self, connection: socket.socket, _number: int) -> None:
        """Serve one connection."""
        own_kexinit = self.kexinit()
        connection.sendall(self.identification + packet(own_kexinit))
        reader = connection.makefile("rb")
        client_identification = reader.readline().strip()
        client_kexinit = _payload(reader.read)
        client = parse_kexinit(client_kexinit)
        if self.guesses:
            connection.sendall(packet(bytes((Message.KEX_REPLY,)) + string(b"a wrong guess")))
        opening = _payload(reader.read)
        number = Message.KEX_REPLY
        if opening[0] == Message.GEX_REQUEST:
            modulus = (1 << self.group_bits) - 1
            connection.sendall(packet(bytes((Message.KEX_GROUP,)) + mpint(modulus) + mpint(2)))
            if _payload(reader.read)[0] != Message.GEX_INIT:
                return
            number = Message.GEX_REPLY
        own = X25519PrivateKey.generate()
        key = self.keys[client.host_key[0]]
        value = own.public_key().public_bytes_raw()
        reply = bytes((number,)) + string(key) + string(value) + string(b"no signature")
        connection.sendall(packet(reply))
        if self.answers:
            exchanged = Exchanged(
                client_identification, self.identification.splitlines()[-1], client_kexinit, own_kexinit
            )
            self._encrypted(
                connection, reader.read, derivation(client.key_exchange[0], exchanged, _seen(own, opening), reply)
            )
        connection.shutdown(socket.SHUT_WR)
        reader.read()  # closing with unread bytes would reset the connection

    def _encrypted(
        self, connection: socket.socket, read: Callable[[int], bytes], derive: Callable[[bytes, int], bytes]
    ) -> None:
        """Answer each encrypted message by its number, until there is no answer for one."""
        _payload(read)  # SSH_MSG_NEWKEYS
        chosen = (self.ciphers[0], "")
        receiving = protection(chosen, 3, Keys(derive, iv=b"A", cipher=b"C", mac=b"E"))
        sending = protection(chosen, 3, Keys(derive, iv=b"B", cipher=b"D", mac=b"F"))
        connection.sendall(packet(bytes((Message.NEWKEYS,))))
        while True:
            header = read(receiving.header_bytes)
            size = packet_length(receiving.length(header))
            payload = payload_of(receiving.opened(header + read(size + receiving.tag_bytes))[4:])
            self.heard.append(payload[0])
            if payload[0] not in self.answers:
                return
            for answer in self.answers[payload[0]]:
                sealed = sending.sealed(answer)
                connection.sendall(sealed[:-1] + bytes((sealed[-1] ^ self.tag_error,)))


def _seen(own: X25519PrivateKey, opening: bytes) -> PublicValue:
    """The client's public value with the server's way to the shared secret."""
    value = opening[1:]
    secret = own.exchange(X25519PublicKey.from_public_bytes(value[4:]))
    return PublicValue(value, lambda _: mpint(int.from_bytes(secret, "big")))


def _payload(read: Callable[[int], bytes]) -> bytes:
    body = read(struct.unpack(">I", read(4))[0])
    return body[1 : len(body) - body[0]]


PLAIN = Server()
ROUTER = Server(
    identification=b"SSH-1.99-Cisco-1.25\r\n",
    kex=("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"),
    keys={"ssh-rsa": rsa_key(768)},
    ciphers=("aes128-cbc", "3des-cbc", "arcfour", "none"),
    macs=("hmac-sha1", "hmac-md5", "hmac-sha1-96"),
)
OPENSSH_9_2 = Server(
    identification=b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n",
    ciphers=("chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-gcm@openssh.com"),
    macs=("umac-64-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "hmac-sha2-256"),
)


def _extensions(*named: tuple[bytes, bytes]) -> bytes:
    listed = b"".join(string(name) + string(value) for name, value in named)
    return bytes((Message.EXT_INFO,)) + struct.pack(">I", len(named)) + listed


def _refusal(methods: bytes) -> bytes:
    return bytes((Message.USERAUTH_FAILURE,)) + string(methods) + b"\0"


_ACCEPT = bytes((Message.SERVICE_ACCEPT,)) + string(b"ssh-userauth")
_SUCCESS = bytes((Message.USERAUTH_SUCCESS,))
_BANNER = bytes((Message.USERAUTH_BANNER,)) + string(b"x" * 8000) + string(b"")
_SIGNATURES = (b"server-sig-algs", b"ssh-ed25519,rsa-sha2-512")
ENCRYPTED = Server(
    ciphers=("aes128-gcm@openssh.com",),
    answers={
        Message.SERVICE_REQUEST: (_extensions((b"no-flow-control", b"p"), _SIGNATURES), _ACCEPT),
        Message.USERAUTH_REQUEST: (_BANNER, _refusal(b"publickey")),
    },
)


def _answering(service: Sequence[bytes], login: Sequence[bytes] = ()) -> Server:
    """Answers to the request for the service, and to that for authentication."""
    return replace(ENCRYPTED, heard=[], answers={Message.SERVICE_REQUEST: service, Message.USERAUTH_REQUEST: login})


def _says(*pieces: bytes, end: bool = True) -> Script:
    """Sends these pieces, and ends its side of the connection or waits for the other's end."""

    def script(connection: socket.socket, _number: int) -> None:
        for piece in pieces:
            connection.sendall(piece)
        if end:
            connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):  # closing with unread bytes would reset the connection
            pass

    return script


def _endless(piece: bytes, start: bytes = b"") -> Script:
    def script(connection: socket.socket, _number: int) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    return script


def _slowly(connection: socket.socket, number: int) -> None:
    """Serves with one byte in each segment."""

    class Slow:
        def sendall(self, data: bytes) -> None:
            for each in data:
                connection.sendall(bytes((each,)))

        def shutdown(self, how: int) -> None:
            connection.shutdown(how)

        def makefile(self, mode: str) -> object:
            return connection.makefile(mode)  # type: ignore[call-overload]

    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    PLAIN(Slow(), number)  # type: ignore[arg-type]


def _resets(connection: socket.socket, _number: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _by_number(*scripts: Script) -> Script:
    """A script of its own for each connection; the last one serves all further ones."""

    def script(connection: socket.socket, number: int) -> None:
        scripts[min(number, len(scripts)) - 1](connection, number)

    return script


def _tarpits(connection: socket.socket, _number: int) -> None:
    """Sends lines without end, and never identifies itself."""
    while True:
        connection.sendall(b"xY4k\r\n")
        time.sleep(0.3)


def _drips(connection: socket.socket, _number: int) -> None:
    """Sends a long SSH_MSG_KEXINIT so slowly that it never ends."""
    connection.sendall(_ID + struct.pack(">I", 30_000))
    while True:
        connection.sendall(b"\x04")
        time.sleep(0.05)


_ID = PLAIN.identification
_TWO_KEYS = replace(PLAIN, keys={"ssh-ed25519": ED25519_KEY, "rsa-sha2-512": rsa_key(3072)})

SCRIPTS: Mapping[str, Script] = {
    "plain": PLAIN,
    "version-1-99": ROUTER,
    "version-1": _says(b"SSH-1.5-1.2.27\n", end=False),
    "version-9": replace(PLAIN, identification=b"SSH-9.0-Scripted_1.0\r\n"),
    "before-terrapin": OPENSSH_9_2,
    "cbc-etm-without-strict": replace(PLAIN, ciphers=("aes128-cbc",), macs=("hmac-sha2-256-etm@openssh.com",)),
    "too-many-connections": _says(_ID + packet(struct.pack(">BI", Message.DISCONNECT, 12) + string(b"") + string(b""))),
    "unknown-algorithms": Server(
        kex=("curve25519-sha256", "future-kex@example.com", "diffie-hellman-group99-sha512"),
        keys={"ssh-ed25519": ED25519_KEY, "future-key@example.com": FUTURE_KEY},
        ciphers=("future-cipher@example.com", "aes128-ctr"),
        macs=("future-mac@example.com", "hmac-sha2-256"),
    ),
    "small-group": replace(PLAIN, kex=("curve25519-sha256", "diffie-hellman-group-exchange-sha256")),
    "huge-group": replace(PLAIN, kex=("diffie-hellman-group-exchange-sha256",), group_bits=200_000),
    "ends-at-group-exchange": _by_number(
        replace(PLAIN, kex=("curve25519-sha256", "diffie-hellman-group-exchange-sha256")), _says(_ID)
    ),
    "wrong-guess": replace(PLAIN, kex=("sntrup761x25519-sha512", "curve25519-sha256"), guesses=True),
    "lines-before": replace(PLAIN, identification=b"Authorised use only.\r\ntoken=hunter2hunter2\r\n" + _ID),
    "slow": _slowly,
    "no-method": replace(PLAIN, kex=("future-kex@example.com",)),
    "key-of-other-type": replace(PLAIN, keys={"ssh-ed25519": rsa_key(2048)}),
    "negative-modulus": replace(PLAIN, keys={"ssh-rsa": string(b"ssh-rsa") + mpint(3) + string(b"\xff" * 9)}),
    "second-resets": _by_number(_TWO_KEYS, _resets),
    "unstable": _by_number(_TWO_KEYS, replace(_TWO_KEYS, ciphers=("3des-cbc",))),
    "encrypted": ENCRYPTED,
    "no-extensions": _answering((_ACCEPT,), (_refusal(b"publickey"),)),
    "other-extensions": _answering((_extensions((b"elevation", b"n")), _ACCEPT)),
    "weak-user-keys": _answering((_extensions((b"server-sig-algs", b"ssh-ed25519,ssh-rsa,ssh-dss")), _ACCEPT)),
    "unknown-user-keys": _answering((_extensions((b"server-sig-algs", b"ssh-ed25519,future@example.com")), _ACCEPT)),
    "lets-anybody-in": _answering((_ACCEPT,), (_SUCCESS,)),
    "interactive-only": _answering((_ACCEPT,), (_refusal(b"publickey,keyboard-interactive"),)),
    "unknown-login": _answering((_ACCEPT,), (_refusal(b"future@example.com"),)),
    "no-login": _answering((_ACCEPT,), (_refusal(b""),)),
    "escapes-in-login": _answering((_ACCEPT,), (_refusal(b"password\x1b[2J"),)),
    "refuses-service": _answering((struct.pack(">BI", Message.DISCONNECT, 7) + string(b"no") + string(b""),)),
    "silent-after-keys": replace(ENCRYPTED, heard=[], answers={Message.SERVICE_REQUEST: (), Message.DISCONNECT: ()}),
    "wrong-tag": replace(ENCRYPTED, tag_error=1),
    "endless-banners": _answering((_ACCEPT,), (_BANNER,) * 40),
    "huge-extensions": _answering((bytes((Message.EXT_INFO,)) + b"\xff" * 8, _ACCEPT)),
    "cut-extensions": _answering((_extensions(_SIGNATURES)[:-4], _ACCEPT)),
    "silent": _says(end=False),
    "silent-after-identification": _says(_ID, end=False),
    "cut-kexinit": _says(_ID + packet(PLAIN.kexinit())[:60]),
    "ends-at-once": _says(),
    "resets": _resets,
    "rate-limited": _says(b"Exceeded MaxStartups\r\n"),
    "penalty": _says(b"Not allowed at this time\r\n"),
    "tarpit": _tarpits,
    "smtp": _says(b"220 mail.example.vn ESMTP Postfix\r\n", end=False),
    "garbage": _says(os.urandom(64).replace(b"\n", b"x") + b"\n", end=False),
    "malformed-identification": _says(b"SSH-two-point-oh\r\n", end=False),
    "endless-line": _endless(b"x" * 1000),
    "endless-lines": _endless(b"hello\r\n" * 100),
    "endless-identification": _endless(b"x" * 1000, b"SSH-2.0-"),
    "huge-packet": _says(_ID + b"\xff\xff\xff\xff" + bytes(40), end=False),
    "tiny-packet": _says(_ID + struct.pack(">IB", 1, 0), end=False),
    "bad-padding": _says(_ID + struct.pack(">IB", 16, 255) + bytes(15), end=False),
    "huge-list": _says(
        _ID + packet(bytes((Message.KEXINIT,)) + bytes(16) + b"\xff\xff\xff\xff" + bytes(99)), end=False
    ),
    # As libssh 0.10 sends it.
    "comma-at-the-end": replace(PLAIN, ciphers=("aes128-ctr", "")),
    "empty-name": replace(PLAIN, ciphers=("", "aes128-ctr")),
    "garbage-kexinit": _says(_ID + packet(bytes((Message.KEXINIT,)) + bytes(range(255, 0, -1)) * 4), end=False),
    "drips": _drips,
    "escapes-in-names": replace(PLAIN, macs=("hmac\x1b[2J",)),
    "many-names": replace(PLAIN, macs=tuple(f"mac{number}" for number in range(2000))),
    "no-algorithms": replace(PLAIN, kex=()),
    "endless-debug": _endless(packet(bytes((Message.DEBUG,)) + bytes(4000)), _ID),
    "disconnects": _says(_ID + packet(struct.pack(">BI", Message.DISCONNECT, 2) + string(b"go away") + string(b""))),
    "other-message": _says(_ID + packet(bytes((99,)) + bytes(20)), end=False),
}
