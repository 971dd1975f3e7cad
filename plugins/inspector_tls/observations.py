"""What the TLS probe writes down: the protocol versions a server answers to, and the certificates it serves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Model, Observation
from inspector.model import Instant
from inspector_tls.names import matches


class TlsVersion(StrEnum):
    """Protocol versions, oldest first."""

    SSL_2 = "SSLv2"
    SSL_3 = "SSLv3"
    TLS_1_0 = "TLSv1.0"
    TLS_1_1 = "TLSv1.1"
    TLS_1_2 = "TLSv1.2"
    TLS_1_3 = "TLSv1.3"

    @property
    def age(self) -> int:
        """0 for the oldest version, rising."""
        return list(TlsVersion).index(self)


@dataclass(frozen=True, slots=True)
class Offers:
    """Some versions by what is known of them, each oldest first."""

    accepted: tuple[TlsVersion, ...]
    refused: tuple[TlsVersion, ...]
    unseen: tuple[TlsVersion, ...]
    causes: tuple[Cause, ...]

    @property
    def cause(self) -> Cause:
        """Why the first unseen version was not seen; there must be one."""
        return self.causes[0]


class Versions(Model):
    """For each version whether the server accepts it: it chose the version in its own hello, or refused it in words.

    A timeout or a reset is neither: then the answer is unseen.
    """

    ssl_2: Answer[bool]
    ssl_3: Answer[bool]
    tls_1_0: Answer[bool]
    tls_1_1: Answer[bool]
    tls_1_2: Answer[bool]
    tls_1_3: Answer[bool]

    def __getitem__(self, version: TlsVersion) -> Answer[bool]:
        """The answer about one version."""
        answer: Answer[bool] = getattr(self, version.name.lower())
        return answer

    def below(self, oldest: TlsVersion) -> Offers:
        """What is known of the versions older than ``oldest``."""
        return self._offers(version for version in TlsVersion if version.age < oldest.age)

    @property
    def all(self) -> Offers:
        """What is known of every version."""
        return self._offers(iter(TlsVersion))

    def _offers(self, versions: Iterator[TlsVersion]) -> Offers:
        answers = [(version, self[version]) for version in versions]
        return Offers(
            accepted=tuple(version for version, answer in answers if answer.seen),
            refused=tuple(version for version, answer in answers if answer.is_seen and not answer.seen),
            unseen=tuple(version for version, answer in answers if not answer.is_seen),
            causes=tuple(answer.unseen for _version, answer in answers if answer.unseen is not None),
        )


class Key(Model):
    """A public key: ``kind`` (RSA, EC, Ed25519, Ed448, DSA, or an object identifier), size in bits, curve if EC."""

    kind: str
    bits: int | None = None
    curve: str | None = None


class Certificate(Model):
    """Facts of one X.509 certificate. Texts are as served, with control and formatting characters escaped.

    ``serial`` is hexadecimal; ``dns`` and ``ip`` are the subject alternative names; ``signature`` names the algorithm
    that the issuer signed with and ``digest`` its hash function (None: the algorithm has none of its own);
    ``self_issued``: subject and issuer are the same name.
    """

    sha256: str
    subject: str
    issuer: str
    serial: str
    not_before: Instant
    not_after: Instant
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    key: Key
    signature: str
    digest: str | None = None
    self_issued: bool
    authority: bool

    def names(self, host: str) -> bool:
        """Whether the certificate is for this host (RFC 9525)."""
        return matches(host, dns=self.dns, ip=self.ip)


class Flaw(StrEnum):
    """Why no path leads from a certificate to a root."""

    SELF_SIGNED = "self-signed"
    MISSING_INTERMEDIATE = "missing-intermediate"
    UNKNOWN_ROOT = "unknown-root"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    BAD_SIGNATURE = "bad-signature"
    NO_AUTHORITY = "no-authority"
    PATH_TOO_LONG = "path-too-long"
    NAME_NOT_PERMITTED = "name-not-permitted"
    WRONG_PURPOSE = "wrong-purpose"
    UNKNOWN_EXTENSION = "unknown-extension"


class Trust(Model):
    """Whether a path leads to one of a set of roots (RFC 5280 §6.1, without revocation and policies).

    ``path`` holds SHA-256 digests of certificates, leaf first, root last. Otherwise ``flaw`` says what stood in the
    way, and ``at`` names the certificate it stood at (for a missing intermediate or an unknown root: the issuer).
    """

    path: tuple[str, ...] = ()
    flaw: Flaw | None = None
    at: str = ""

    @property
    def chains(self) -> bool:
        """Whether there is such a path."""
        return self.flaw is None


class Chain(Model):
    """Certificates as the server sends them, its own first, and what they lead to."""

    certificates: tuple[Certificate, ...]
    public_trust: Answer[Trust]
    declared_trust: Answer[Trust]

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.certificates[0]

    @property
    def signed(self) -> tuple[Certificate, ...]:
        """The leaf and the served intermediates above it: the certificates whose signatures and keys are relied on."""
        line = [self.leaf]
        while len(line) <= len(self.certificates):
            issuer = line[-1].issuer
            above = [each for each in self.certificates if each.subject == issuer and not each.self_issued]
            if line[-1].self_issued or not above or above[0] in line:
                break
            line.append(above[0])
        return tuple(line)


class Served(Model):
    """The certificates of a server, each sort asked for on its own.

    ``usual`` goes to a client that takes any certificate, ``rsa`` to one that takes only RSA, ``other`` to one that
    takes anything but RSA (ECDSA, Ed25519, …): SHA-256 of the leaf, or None where the server has none of that sort.
    ``chains`` holds each distinct chain once, in the order of the digests.
    """

    usual: Answer[str | None]
    rsa: Answer[str | None]
    other: Answer[str | None]
    chains: tuple[Chain, ...] = ()

    @property
    def leaves(self) -> tuple[Certificate, ...]:
        """The server's own certificates, as far as seen."""
        return tuple(chain.leaf for chain in self.chains)

    def complete(self) -> tuple[Chain, ...]:
        """All chains that the server has; raises ``Unseen`` when one sort was not seen."""
        for answer in (self.usual, self.rsa, self.other):
            _ = answer.value
        return self.chains


class Tls(Observation):
    """The TLS side of one port at one address.

    ``host`` is the name or address literal that was asked for, ``server_name`` the name sent in the hello (None for
    an address literal, RFC 6066 §3); ``seen_at`` the instant of the look, at which certificates are judged;
    ``public_roots`` and ``declared_roots`` count the roots that the inspector was given.
    """

    kind: ClassVar[str] = "tls/1"

    host: str
    server_name: str | None = None
    seen_at: Instant
    versions: Versions
    certificates: Served
    public_roots: int = 0
    declared_roots: int = 0
