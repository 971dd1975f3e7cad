"""What the TLS probe writes down: the protocol versions a server answers to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Model, Observation


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


class Tls(Observation):
    """The protocol versions of one port at one address.

    ``host`` is the name or address literal that was asked for, ``server_name`` the name sent in the hello (None for
    an address literal, RFC 6066 §3).
    """

    kind: ClassVar[str] = "tls/1"

    host: str
    server_name: str | None = None
    versions: Versions
