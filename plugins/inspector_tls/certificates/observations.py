"""The observation of certificates: the chains that a server presents, their facts, and the roots they chain to."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Instant, Model, NotSeen, Observation
from inspector_tls.certificates.hostname import matches


class KeyFlaw(StrEnum):
    """What makes a public key unfit, whatever its size.

    ``explicit-curve``: the curve is described, not named (RFC 5480 §2.1.1); ``small-factor``: the RSA modulus is even
    or has another factor below 752, ``weak-exponent``: the RSA exponent is even or below 3 (CA/Browser Forum Baseline
    Requirements §6.1.6).
    """

    MALFORMED = "malformed"
    EXPLICIT_CURVE = "explicit-curve"
    SMALL_FACTOR = "small-factor"
    WEAK_EXPONENT = "weak-exponent"


class Key(Model):
    """A public key: ``kind`` (RSA, EC, Ed25519, Ed448, DSA, or an object identifier), size in bits, curve if EC."""

    kind: str
    bits: int | None = None
    curve: str | None = None
    flaw: KeyFlaw | None = None


#: The CA/Browser Forum's policy identifiers (Baseline Requirements §7.1.6.1). The roots of its members sign no server's
#: certificate (§6.1.7).
PUBLIC_POLICIES = frozenset({"2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"})


class Sct(Model):
    """A signed certificate timestamp (RFC 6962 §3.2): the log's identifier in hexadecimal, and the instant of logging.

    Its signature is not verified: that requires the keys of the logs.
    """

    log: str
    at: Instant


class AuthorityFlaw(StrEnum):
    """What the certificate of a certification authority must have and lacks (RFC 5280 §4.2.1.3, §4.2.1.9)."""

    CONSTRAINTS_NOT_CRITICAL = "basicConstraints-not-critical"
    NO_KEY_USAGE = "keyUsage-absent"
    NO_CERT_SIGN = "keyCertSign-absent"


class Certificate(Model):
    """Facts of one X.509 certificate (RFC 5280). Texts are as served, with control and format characters escaped.

    ``serial`` is hexadecimal; ``dns`` and ``ip`` are the subject alternative names; ``signature`` names the algorithm
    that the issuer signed with and ``digest`` its hash function (None: the algorithm names none);
    ``self_issued``: subject and issuer are the same name; ``policies`` are object identifiers; ``must_staple``: the TLS
    feature extension asks for a stapled response (RFC 7633); ``timestamps`` are the embedded ones.
    ``ocsp`` and ``crls`` are the URLs of its issuer for revocation status (RFC 5280 §4.2.2.1, §4.2.1.13), at most 16 of
    each. ``malformed`` lists the fields and extensions that cannot be read, by their name in RFC 5280 or object
    identifier: a fact that depends on one is empty, and the dates are None where the validity is among them.
    ``authority_flaws`` are those of a certificate that basicConstraints mark as a certification authority's.
    """

    sha256: str
    subject: str
    issuer: str
    serial: str
    not_before: Instant | None
    not_after: Instant | None
    dns: tuple[str, ...] = ()
    ip: tuple[str, ...] = ()
    key: Key
    signature: str
    digest: str | None = None
    self_issued: bool
    authority: bool
    policies: tuple[str, ...] = ()
    must_staple: bool = False
    timestamps: tuple[Sct, ...] = ()
    ocsp: tuple[str, ...] = ()
    crls: tuple[str, ...] = ()
    malformed: tuple[str, ...] = ()
    authority_flaws: tuple[AuthorityFlaw, ...] = ()

    @property
    def claims_public_policy(self) -> bool:
        """Whether it claims a policy of public authorities, whose roots sign no server's certificate."""
        return not PUBLIC_POLICIES.isdisjoint(self.policies)

    @property
    def starts(self) -> datetime:
        """The first valid second; raises ``NotSeen`` where the validity is malformed."""
        return _readable(self.not_before)

    @property
    def ends(self) -> datetime:
        """The last valid second; raises ``NotSeen`` where the validity is malformed."""
        return _readable(self.not_after)

    @property
    def lifetime_days(self) -> int:
        """Days of 86,400 seconds from the first valid second to the last, both included, rounded up.

        Raises ``NotSeen`` where the validity is malformed.
        """
        seconds = (self.ends - self.starts).total_seconds() + 1
        return math.ceil(seconds / 86_400)

    def names(self, host: str, *, wildcards: bool = True) -> bool:
        """Whether the certificate names this host (RFC 9525), by a wildcard or without."""
        return matches(host, dns=self.dns, ip=self.ip, wildcards=wildcards)

    def is_malformed(self, extension: str) -> bool:
        """Whether this extension, or the list of all of them, cannot be read."""
        return extension in self.malformed or "extensions" in self.malformed


def has_ended(last: datetime, at: datetime) -> bool:
    """Whether ``at`` is after the last valid second, which is valid to its end (RFC 5280 §4.1.2.5)."""
    return at - last >= timedelta(seconds=1)  # without an end, as 9999-12-31T23:59:59Z, nothing can be added to it


def _readable(instant: datetime | None) -> datetime:
    if instant is None:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return instant


class Flaw(StrEnum):
    """Why a certificate has no valid path to a root.

    ``malformed``: a part that validation depends on cannot be read; ``unfit-key``: a key on a described curve, or none.

    ``missing-intermediate``: the issuer is not sent, and it must be an intermediate, because the certificate claims the
    public policies, whose roots sign no server's certificate; ``missing-issuer``: the issuer is neither sent nor a
    root, and may be either; ``unknown-root``: the chain ends at a root, or below an issuer, that is not among these.
    """

    SELF_SIGNED = "self-signed"
    MISSING_INTERMEDIATE = "missing-intermediate"
    MISSING_ISSUER = "missing-issuer"
    UNKNOWN_ROOT = "unknown-root"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    BAD_SIGNATURE = "bad-signature"
    NO_AUTHORITY = "no-authority"
    PATH_TOO_LONG = "path-too-long"
    NAME_NOT_PERMITTED = "name-not-permitted"
    WRONG_PURPOSE = "wrong-purpose"
    UNKNOWN_EXTENSION = "unknown-extension"
    MALFORMED = "malformed"
    UNFIT_KEY = "unfit-key"


_SHORT_OF_ROOT = frozenset(
    {Flaw.SELF_SIGNED, Flaw.MISSING_INTERMEDIATE, Flaw.MISSING_ISSUER, Flaw.UNKNOWN_ROOT, Flaw.BAD_SIGNATURE}
)


class Trust(Model):
    """Whether there is a valid path to one of a set of roots (RFC 5280 §6.1, without revocation and policies).

    ``path`` lists the SHA-256 digests of its certificates, leaf first, root last. Without a path ``flaw`` names the
    reason, and ``at`` the subject of the certificate concerned (for a missing issuer or an unknown root: the issuer).
    ``root`` are the facts of the root.
    """

    path: tuple[str, ...] = ()
    root: Certificate | None = None
    flaw: Flaw | None = None
    at: str = ""

    @property
    def chains(self) -> bool:
        """Whether there is a valid path."""
        return self.flaw is None

    @property
    def reaches_root(self) -> bool:
        """Whether there is a path of valid signatures to a root, valid otherwise or not."""
        return self.flaw not in _SHORT_OF_ROOT


class StapleFlaw(StrEnum):
    """Why a stapled OCSP response proves nothing (RFC 6960 §3.2)."""

    MALFORMED = "malformed"
    UNSUCCESSFUL = "unsuccessful"
    OTHER_CERTIFICATE = "other-certificate"
    WRONG_RESPONDER = "wrong-responder"
    BAD_SIGNATURE = "bad-signature"
    NOT_YET_VALID = "not-yet-valid"
    EXPIRED = "expired"


class Status(StrEnum):
    """The status of a certificate in an OCSP response (RFC 6960 §2.2)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Staple(Model):
    """A stapled OCSP response about the server's own certificate, validated at the instant of observation.

    ``status`` is meaningful only without a ``flaw``.
    """

    status: Status | None = None
    this_update: Instant | None = None
    next_update: Instant | None = None
    revoked_at: Instant | None = None
    flaw: StapleFlaw | None = None


class LintFinding(Model):
    """A finding of the linter of the CA/Browser Forum's profile: ``severity`` (error or warning), and its code."""

    severity: str
    code: str


class Signature(Model):
    """That the key of one certificate made the signature of another, or of its own: the SHA-256 of both."""

    certificate: str
    issuer: str


class Chain(Model):
    """Certificates as the server sends them, its own first, with what was sent along, and their trust.

    ``signatures`` are those by keys of certificates that are sent, under the name of the issuer.

    ``staple`` is None when every handshake that presented the chain could carry a response and none did.
    ``timestamps`` are those delivered outside the certificate (RFC 6962 §3.3). ``lint_findings`` concern the leaf.
    """

    certificates: tuple[Certificate, ...]
    signatures: Answer[tuple[Signature, ...]]
    public_trust: Answer[Trust]
    declared_trust: Answer[Trust]
    staple: Answer[Staple | None]
    timestamps: Answer[tuple[Sct, ...]]
    lint_findings: Answer[tuple[LintFinding, ...]]

    @property
    def leaf(self) -> Certificate:
        """The server's own certificate."""
        return self.certificates[0]

    @property
    def is_public(self) -> bool:
        """Whether the chain has a valid path to a root that browsers trust; raises ``NotSeen``."""
        return self.public_trust.value.chains

    @property
    def roots(self) -> tuple[Certificate, ...]:
        """The roots of the valid paths; where there is no path, the self-signed certificates sent above the others."""
        found = [trust.root for trust in self._trusts if trust.root is not None]
        if not found:
            above = (each for each in self.certificates if each != self.leaf and self._is_signed(each, each))
            found = [each for each in above if any(self._is_signed(below, each) for below in self.relied)]
        return tuple({each.sha256: each for each in found}.values())

    @property
    def signed(self) -> tuple[Certificate, ...]:
        """The leaf and the sent intermediates above it, each of which signed the one before."""
        line = [self.leaf]
        while True:
            above = [each for each in self._issuers(line[-1]) if each not in line]
            if self._is_signed(line[-1], line[-1]) or not above:
                return tuple(line)
            line.append(above[0])

    @property
    def relied(self) -> tuple[Certificate, ...]:
        """The leaf and the intermediates on its paths to a root; where there is no path, all possible intermediates.

        A certificate that is sent but on no path, e.g. a cross-certificate of an old root, is not included.
        """
        paths = [trust.path[1:-1] for trust in self._trusts if trust.chains]
        if paths:
            return (self.leaf, *(each for each in self.certificates if any(each.sha256 in path for path in paths)))
        line = [self.leaf]
        for below in line:
            line += [each for each in self._issuers(below) if each not in line]
        return tuple(line)

    @property
    def ends_in_root(self) -> bool:
        """Whether the line of signatures ends in a self-signed certificate that is sent; raises ``NotSeen``."""
        signatures = self.signatures.value
        own = {each.issuer for each in signatures if each.issuer == each.certificate}
        last = self.signed[-1].sha256
        return last in own or any(each.certificate == last and each.issuer in own for each in signatures)

    @property
    def _trusts(self) -> list[Trust]:
        return [answer.seen for answer in (self.public_trust, self.declared_trust) if answer.seen is not None]

    def _issuers(self, below: Certificate) -> list[Certificate]:
        """The sent intermediates that signed ``below``."""
        above = (each for each in self.certificates if self._is_signed(below, each))
        return [each for each in above if not self._is_signed(each, each)]

    def _is_signed(self, below: Certificate, issuer: Certificate) -> bool:
        """Whether ``issuer`` signed ``below``; where no signature could be verified, whether its name says so."""
        signatures = self.signatures.seen
        if signatures is None:
            return below.issuer == issuer.subject
        return Signature(certificate=below.sha256, issuer=issuer.sha256) in signatures


class LeafByKind(Model):
    """The certificate presented to each kind of client: SHA-256 of the leaf.

    ``usual`` goes to a client that accepts any certificate, ``rsa`` to one that accepts only RSA, ``other`` to one that
    accepts any but RSA (ECDSA, Ed25519, …); None where the server has none of that kind.
    """

    usual: Answer[str | None]
    rsa: Answer[str | None]
    other: Answer[str | None]

    @property
    def answers(self) -> tuple[Answer[str | None], ...]:
        """The three answers."""
        return self.usual, self.rsa, self.other


class Certificates(Observation):
    """The certificates of one port at one address; ``scheme`` names the protocol in which TLS was started.

    ``host`` is the name or address literal of the endpoint, ``server_name`` the name sent in the hello (None for an
    address literal, RFC 6066 §3); ``seen_at`` the instant of observation, at which certificates are validated.
    ``leaves_by_kind`` are the leaves that each kind of client gets. ``chains`` are the distinct chains, in the order of
    the digests. ``public_roots`` and ``declared_roots`` count the roots that the inspector was given.
    ``is_below_public_suffix``: a wildcard in one of the certificates would name everyone's hosts beside this one.
    """

    kind: ClassVar[str] = "certificates/2"

    scheme: str = "tls"
    host: str
    server_name: str | None = None
    seen_at: Instant
    leaves_by_kind: LeafByKind
    chains: tuple[Chain, ...] = ()
    public_roots: int = 0
    declared_roots: int = 0
    is_below_public_suffix: bool = False

    @property
    def served(self) -> tuple[Chain, ...]:
        """The chains of the certificates in ``leaves_by_kind``, as far as seen."""
        leaves = {answer.seen for answer in self.leaves_by_kind.answers}
        return tuple(chain for chain in self.chains if chain.leaf.sha256 in leaves)

    @property
    def leaves(self) -> tuple[Certificate, ...]:
        """The host's own certificates, as far as seen."""
        return tuple(chain.leaf for chain in self.served)

    def is_named_by(self, leaf: Certificate) -> bool:
        """Whether the certificate names the host, as browsers decide it."""
        return leaf.names(self.host, wildcards=not self.is_below_public_suffix)

    def complete(self) -> tuple[Chain, ...]:
        """All chains that the host has; raises ``NotSeen`` when one kind was not seen."""
        for answer in self.leaves_by_kind.answers:
            _ = answer.value
        return self.served
