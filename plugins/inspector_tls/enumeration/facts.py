"""What an enumeration shows, typed: every fact that needed its own question is an ``Answer``."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from inspector import Answer, Cause, Model
from inspector_tls.enumeration.codes import Group, Signature, Suite, group_named, signature_named, suite_named
from inspector_tls.observations import TlsVersion


class Preference(StrEnum):
    """Whose order decides: the server's, the client's, or now the one and now the other."""

    SERVER = "server"
    CLIENT = "client"
    MIXED = "mixed"


class Offer(Model):
    """What was accepted of all that can be offered, by name and in the order of the picks.

    ``complete`` is seen (True) when all else was refused, one by one or together; else it is unseen, and ``open`` names
    what got neither a pick nor a refusal.
    """

    accepted: tuple[str, ...] = ()
    complete: Answer[bool]
    open: tuple[str, ...] = ()


class SpokenVersion(Model):
    """One protocol version: whether it is accepted, its suites, and whose order decides (None: there is but one suite).

    ``ordered``: ``suites.accepted`` is the server's own order of preference, the dearest first.
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


class EphemeralPrime(Model):
    """A prime that the server used for Diffie-Hellman: ``known`` names a well-known one.

    ``reused``: the same public value was seen in two connections (None: only one was seen). ``versions`` and ``suites``
    name where it was seen.
    """

    bits: int
    sha256: str
    generator: str
    known: str | None = None
    reused: bool | None = None
    versions: tuple[TlsVersion, ...]
    suites: tuple[str, ...]


class Served(Model):
    """A chain of certificates that was served in clear text: SHA-256 of each (the leaf first).

    ``server_name`` is the name that was asked for, None where none was sent; ``authentications`` are the kinds of
    suites with which it came.
    """

    certificates: tuple[str, ...]
    server_name: str | None
    versions: tuple[TlsVersion, ...]
    authentications: tuple[str, ...]


class Tolerance(Model):
    """Whether the server takes what it should pass over; None where that could not matter.

    ``many_suites``: lists of more than 128 suites; ``unknown_values``: suites, groups and extensions that nobody knows;
    ``long_hello``: a hello of two kilobytes; ``future_version``: a version that does not exist.
    """

    many_suites: Answer[bool]
    unknown_values: Answer[bool | None]
    long_hello: Answer[bool | None]
    future_version: Answer[bool | None]


class Extensions(Model):
    """What the server's hellos show besides version and suite. All but ``fallback_refused`` are of TLS 1.2 and older.

    None: the question does not arise, e.g. without any such version, or ``encrypt_then_mac`` without a suite in CBC
    mode. Where connections differ the weaker one counts. ``protocols`` are those of ALPN.
    """

    secure_renegotiation: Answer[bool | None]
    extended_master_secret: Answer[bool | None]
    encrypt_then_mac: Answer[bool | None]
    compression: Answer[bool | None]
    session_tickets: Answer[bool | None]
    session_ids: Answer[bool | None]
    heartbeat: Answer[bool | None]
    status_stapled: Answer[bool | None]
    timestamps: Answer[bool | None]
    client_certificate: Answer[bool | None]
    fallback_refused: Answer[bool | None]
    protocols: Offer


class Enumeration(Model):
    """All that a transcript shows of one TLS server.

    ``versions`` oldest first. ``groups`` are those of TLS 1.3, ``curves`` those of older versions; ``signatures`` are
    the schemes of TLS 1.2, or of TLS 1.3 where the server has no 1.2. An offer that could not be made, e.g. groups of a
    version that is refused, is complete and empty. ``short_rsa_bits``: sizes of RSA keys made for export.
    ``curve_key_reused``: the same public value on a curve was seen in two connections (None: too few were seen).
    """

    server_name: str | None
    versions: tuple[SpokenVersion, ...]
    groups: Offer
    curves: Offer
    signatures: Offer
    primes: tuple[EphemeralPrime, ...] = ()
    short_rsa_bits: tuple[int, ...] = ()
    curve_key_reused: bool | None = None
    extensions: Extensions
    tolerance: Tolerance
    served: tuple[Served, ...] = ()

    def __getitem__(self, version: TlsVersion) -> SpokenVersion:
        """What is known of one version."""
        return next(each for each in self.versions if each.version is version)

    @property
    def accepted(self) -> tuple[SpokenVersion, ...]:
        """The versions that the server speaks, oldest first."""
        return tuple(each for each in self.versions if each.accepted.seen)

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
        """Each question that stayed open, in words, with its cause."""
        return tuple(self._gaps())

    def _gaps(self) -> Iterator[tuple[str, Cause]]:
        for each in self.versions:
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
            "application protocols": self.extensions.protocols,
        }
        for words, offer in offers.items():
            if offer.complete.unseen is not None:
                yield f"which other {words} are accepted", offer.complete.unseen
        for model in (self.extensions, self.tolerance):
            for field in type(model).model_fields:
                answer = getattr(model, field)
                if isinstance(answer, Answer) and answer.unseen is not None:
                    yield field.replace("_", " "), answer.unseen
