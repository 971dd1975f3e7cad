"""The facts of the TLS probe: every fact that needed its own question is an ``Answer``.

A check assesses each fact; whatever else the raw bytes show can be parsed from them later, without another scan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Model, Observation, Quantity
from inspector_tls.wire.code_points import Group, Signature, Suite, group_named, signature_named, suite_named
from inspector_tls.wire.safe_primes import PrimeFlaw
from inspector_tls.wire.versions import TlsVersion

__all__ = [
    "EphemeralPrime",
    "Extensions",
    "Offer",
    "Offers",
    "Part",
    "Preference",
    "PrimeFlaw",
    "Tls",
    "TlsVersion",
    "Tolerance",
    "VersionSupport",
    "Versions",
]


class Part(StrEnum):
    """The parts of the observation that need questions of their own; which versions are accepted is always asked.

    ``suites``: the suites of each version, and primes; ``groups``: those of TLS 1.3, ``curves``: those of the newest
    older version; ``signatures``: every signature scheme, ``weak-signatures``: those with MD5 or SHA-1;
    ``preference``: whose order decides in each version, ``mixed-preference``: in those with strong and weak suites;
    ``extensions``, ``fallback`` and ``tolerance``: see ``Extensions`` and ``Tolerance``.
    """

    SUITES = "suites"
    GROUPS = "groups"
    CURVES = "curves"
    SIGNATURES = "signatures"
    WEAK_SIGNATURES = "weak-signatures"
    PREFERENCE = "preference"
    MIXED_PREFERENCE = "mixed-preference"
    EXTENSIONS = "extensions"
    FALLBACK = "fallback"
    TOLERANCE = "tolerance"


class Preference(StrEnum):
    """Whose order decides: the server's, the client's, or sometimes one and sometimes the other."""

    SERVER = "server"
    CLIENT = "client"
    MIXED = "mixed"


class Offer(Model):
    """What was accepted of all that can be offered, by name; in the order of the picks where one list was asked for.

    ``complete`` is seen (True) when all else was refused, one by one or together; else it is unseen, and ``open`` names
    what was neither picked nor refused.
    """

    accepted: tuple[str, ...] = ()
    complete: Answer[bool]
    open: tuple[str, ...] = ()


class VersionSupport(Model):
    """One protocol version: whether it is accepted, its suites, and whose order decides (None: there is but one suite).

    ``ordered``: ``suites.accepted`` is the server's own order of preference.
    """

    version: TlsVersion
    accepted: Answer[bool]
    suites: Offer
    preference: Answer[Preference | None]
    ordered: bool = False

    @property
    def accepted_suites(self) -> tuple[Suite, ...]:
        """The suites that were accepted."""
        return tuple(map(suite_named, self.suites.accepted))


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
    """What is known of each version: the server chose it, or refused it by an alert or an older version.

    A timeout or a reset is neither: then the answer is unseen.
    """

    ssl_2: VersionSupport
    ssl_3: VersionSupport
    tls_1_0: VersionSupport
    tls_1_1: VersionSupport
    tls_1_2: VersionSupport
    tls_1_3: VersionSupport

    @classmethod
    def of(cls, versions: Iterable[VersionSupport]) -> Versions:
        """The versions by name; all must be given."""
        return cls.model_validate({each.version.name.lower(): each for each in versions})

    def __getitem__(self, version: TlsVersion) -> VersionSupport:
        """What is known of one version."""
        support: VersionSupport = getattr(self, version.name.lower())
        return support

    @property
    def each(self) -> tuple[VersionSupport, ...]:
        """All versions, oldest first."""
        return tuple(self[version] for version in TlsVersion)

    @property
    def all(self) -> Offers:
        """What is known of every version."""
        return _offers(self.each)

    def below(self, oldest: TlsVersion) -> Offers:
        """What is known of the versions older than ``oldest``."""
        return _offers(each for each in self.each if each.version.age < oldest.age)


def _offers(versions: Iterable[VersionSupport]) -> Offers:
    known = tuple(versions)
    return Offers(
        accepted=tuple(each.version for each in known if each.accepted.seen),
        refused=tuple(each.version for each in known if each.accepted.is_seen and not each.accepted.seen),
        unseen=tuple(each.version for each in known if not each.accepted.is_seen),
        causes=tuple(each.accepted.unseen for each in known if each.accepted.unseen is not None),
    )


class EphemeralPrime(Model):
    """A modulus that the server used for Diffie-Hellman: ``known`` names a well-known one.

    ``flaw`` is why its group is not safe, None where the modulus is a safe prime and no key was trivial. ``versions``
    and ``suites`` name where it was seen.
    """

    bits: int
    sha256: str
    known: str | None = None
    flaw: Answer[PrimeFlaw | None] = Answer(unseen=Cause.NOT_SELECTED)
    versions: tuple[TlsVersion, ...]
    suites: tuple[str, ...]

    @property
    def size(self) -> Quantity:
        """The length of the modulus."""
        return Quantity(value=self.bits, unit="bit")


class Tolerance(Model):
    """Whether the server ignores what it must ignore; None where the question does not apply.

    ``many_suites``: lists of more than 128 suites; ``unknown_values``: reserved suites, groups and extensions (RFC
    8701); ``long_hello``: a hello of two kilobytes; ``future_version``: a version that does not exist.
    """

    many_suites: Answer[bool]
    unknown_values: Answer[bool | None]
    long_hello: Answer[bool | None]
    future_version: Answer[bool | None]


class Extensions(Model):
    """What the server's hellos show besides version and suite. All but ``fallback_refused`` are of TLS 1.2 and older.

    None: the question does not apply, e.g. without any such version, ``encrypt_then_mac`` without a suite in CBC mode,
    or ``fallback_refused`` without a version older than TLS 1.2. Where connections differ the weaker one counts.
    """

    secure_renegotiation: Answer[bool | None]
    extended_master_secret: Answer[bool | None]
    encrypt_then_mac: Answer[bool | None]
    compression: Answer[bool | None]
    fallback_refused: Answer[bool | None]


class Tls(Observation):
    """All that an enumeration shows of TLS at one port of one address.

    ``scheme`` is that of the endpoint, ``server_name`` the name that was sent in the hello (None for an address
    literal, RFC 6066 §3). ``groups`` are those of TLS 1.3, ``curves`` those of older versions; ``signatures`` are the
    schemes of TLS 1.2, or of TLS 1.3 where the server has no 1.2. An offer that could not be made, e.g. groups of a
    version that is refused, is complete and empty. ``short_rsa_bits``: sizes of the RSA keys of export suites.
    ``served``: the distinct chains of certificates that were presented in clear text, each as SHA-256 of the
    certificates, the leaf first.
    """

    kind: ClassVar[str] = "tls/2"

    scheme: str = "tls"
    server_name: str | None
    versions: Versions
    groups: Offer
    curves: Offer
    signatures: Offer
    primes: tuple[EphemeralPrime, ...] = ()
    short_rsa_bits: tuple[int, ...] = ()
    extensions: Extensions
    tolerance: Tolerance
    served: tuple[tuple[str, ...], ...] = ()

    def __getitem__(self, version: TlsVersion) -> VersionSupport:
        """What is known of one version."""
        return self.versions[version]

    @property
    def accepted(self) -> tuple[VersionSupport, ...]:
        """The versions that the server accepts, oldest first."""
        return tuple(each for each in self.versions.each if each.accepted.seen)

    @property
    def accepted_groups(self) -> tuple[Group, ...]:
        """The groups of all versions."""
        return tuple(map(group_named, dict.fromkeys((*self.groups.accepted, *self.curves.accepted))))

    @property
    def accepted_signatures(self) -> tuple[Signature, ...]:
        """The signature schemes."""
        return tuple(map(signature_named, self.signatures.accepted))

    @property
    def gaps(self) -> tuple[tuple[str, Cause], ...]:
        """Each question without an answer, described, with its cause."""
        return tuple(self._gaps())

    def _gaps(self) -> Iterator[tuple[str, Cause]]:
        for each in self.versions.each:
            name = each.version.value
            if each.accepted.unseen is not None:
                yield f"whether {name} is accepted", each.accepted.unseen
            elif each.suites.complete.unseen is not None:
                yield f"which other suites {name} accepts", each.suites.complete.unseen
            if each.preference.unseen is not None and each.accepted.seen:
                yield f"whose order decides in {name}", each.preference.unseen
        offers = {
            "groups of TLSv1.3": self.groups,
            "groups before TLSv1.3": self.curves,
            "signature schemes": self.signatures,
        }
        for subject, offer in offers.items():
            if offer.complete.unseen is not None:
                yield f"which other {subject} are accepted", offer.complete.unseen
        for model in (self.extensions, self.tolerance):
            for field in type(model).model_fields:
                answer = getattr(model, field)
                if isinstance(answer, Answer) and answer.unseen is not None:
                    yield field.replace("_", " "), answer.unseen
