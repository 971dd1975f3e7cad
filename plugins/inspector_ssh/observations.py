"""The observations that the SSH probes record."""

from __future__ import annotations

from typing import ClassVar

from inspector import Answer, Model, Observation


class Algorithms(Model):
    """The algorithms in a server's SSH_MSG_KEXINIT (RFC 4253 §7.1), in its order.

    Ciphers, MACs and compression are listed for each direction. ``guesses``: a guessed key exchange packet follows.
    """

    key_exchange: tuple[str, ...]
    host_key: tuple[str, ...]
    ciphers_to_server: tuple[str, ...]
    ciphers_to_client: tuple[str, ...]
    macs_to_server: tuple[str, ...]
    macs_to_client: tuple[str, ...]
    compression_to_server: tuple[str, ...]
    compression_to_client: tuple[str, ...]
    guesses: bool = False

    @property
    def ciphers(self) -> tuple[str, ...]:
        """The ciphers of either direction."""
        return tuple(dict.fromkeys((*self.ciphers_to_client, *self.ciphers_to_server)))

    @property
    def macs(self) -> tuple[str, ...]:
        """The MACs of either direction."""
        return tuple(dict.fromkeys((*self.macs_to_client, *self.macs_to_server)))


class HostKey(Model):
    """A host key: its type as in its own bytes, its size, and its SHA-256 fingerprint in the form of OpenSSH.

    ``bits`` is the length of the modulus of RSA and DSA keys and of the field of a curve, None for unknown types.
    """

    type: str
    bits: int | None
    fingerprint: str


class OfferedHostKey(Model):
    """The host key of one type, as a key exchange with ``algorithm`` showed it."""

    type: str
    algorithm: str
    key: Answer[HostKey]


class Ssh(Observation):
    """What one port at one address shows of SSH before any authentication.

    ``protocol``, ``software`` and ``comments`` are the parts of its identification string (RFC 4253 §4.2), words that
    could be secrets masked. ``host_keys`` has one entry for each type of key among the offered host key algorithms
    except certificates; it is empty where ``algorithms`` is unseen. ``group_exchange_bits`` is the length of the
    modulus that the server chooses for a client that prefers 1024 bits (RFC 4419), None where it does not offer
    Diffie-Hellman group exchange. ``signature_algorithms`` are those that the server names for the keys of users
    (``server-sig-algs``, RFC 8308 §3.1), None where it names none.
    """

    kind: ClassVar[str] = "ssh/2"

    protocol: str
    software: str
    comments: str = ""
    algorithms: Answer[Algorithms]
    host_keys: tuple[OfferedHostKey, ...] = ()
    group_exchange_bits: Answer[int | None]
    signature_algorithms: Answer[tuple[str, ...] | None]

    @property
    def identification(self) -> str:
        """The identification string, put together again."""
        return f"SSH-{self.protocol}-{self.software} {self.comments}".rstrip()

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of all host keys, sorted; raises ``NotSeen`` where one was not seen."""
        _ = self.algorithms.value
        return tuple(sorted(each.key.value.fingerprint for each in self.host_keys))


class Login(Model):
    """The answer to a request for authentication by the method ``none`` (RFC 4252 §5.2).

    ``accepted``: the server let a user in without credentials. ``methods`` are otherwise those that it offers.
    """

    accepted: bool
    methods: tuple[str, ...] = ()


class SshLogin(Observation):
    """How one port at one address answers a user of a random name who has no credentials."""

    kind: ClassVar[str] = "ssh-login/1"

    login: Answer[Login]
