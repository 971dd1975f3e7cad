"""Path building and validation from a served certificate to a root, by RFC 5280 §6.1, as OpenSSL does it.

Validated are signatures, names, validity at a given instant, basicConstraints with path length, keyUsage,
extendedKeyUsage for servers, name constraints, and unknown critical extensions; curves must be named. Not validated:
revocation, certificate policies, and the strength of keys and digests. Building is bounded in length, in certificates,
in signatures tried and in names compared, so that a chain made to be hard to build ends with ``TooComplex``.

A part that validation depends on and that cannot be read is a flaw of a certificate that is sent; in a root, which is
trusted as it is, it ends with ``NotValidated``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from inspector_tls.certificates.der import BIT_STRING, OCTET_STRING, SEQUENCE
from inspector_tls.certificates.distinguished_name import Name
from inspector_tls.certificates.name_constraints import NotProcessed, TooMany, violates
from inspector_tls.certificates.observations import PUBLIC_POLICIES, Flaw, KeyFlaw, Signature, Trust, has_ended
from inspector_tls.certificates.public_key import key_of
from inspector_tls.certificates.x509_certificate import X509Certificate
from inspector_tls.certificates.x509_facts import facts, issuer_text, policies, subject_text
from inspector_tls.wire.encoding import Malformed

#: Certificates in a path, the root included.
LENGTH_LIMIT = 10
#: The most distinct certificates that are used of those that a server sends.
SERVED_LIMIT = 40
#: Signatures verified for one path.
SIGNATURE_LIMIT = 200
#: Names compared with subtrees of name constraints for one path.
COMPARISON_LIMIT = 250_000

#: Extensions that may be critical: those that are processed here, and those that OpenSSL accepts unprocessed.
_KNOWN = frozenset(
    each.dotted_string
    for each in (
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        ExtensionOID.NAME_CONSTRAINTS,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.POLICY_CONSTRAINTS,
        ExtensionOID.POLICY_MAPPINGS,
        ExtensionOID.INHIBIT_ANY_POLICY,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
    )
)
#: Extensions that OpenSSL reads in every certificate, although no path depends on them here: the tag of each, and in a
#: sequence those of its elements. The last three: Netscape's certificate type, addresses and AS numbers (RFC 3779).
_READ_BY_CLIENTS = (
    (ExtensionOID.SUBJECT_KEY_IDENTIFIER.dotted_string, OCTET_STRING, ()),
    (ExtensionOID.AUTHORITY_KEY_IDENTIFIER.dotted_string, SEQUENCE, (0x80, 0xA1, 0x82)),
    (ExtensionOID.CRL_DISTRIBUTION_POINTS.dotted_string, SEQUENCE, (SEQUENCE,)),
    (ExtensionOID.NAME_CONSTRAINTS.dotted_string, SEQUENCE, (0xA0, 0xA1)),
    ("2.16.840.1.113730.1.1", BIT_STRING, ()),
    ("1.3.6.1.5.5.7.1.7", SEQUENCE, (SEQUENCE,)),
    ("1.3.6.1.5.5.7.1.8", SEQUENCE, (0xA0, 0xA1)),
)
_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("2.16.840.1.113730.4.1"))

#: The flaws in the order in which they are reported: the closest to a valid path first.
_REPORTED_FIRST = (
    Flaw.EXPIRED,
    Flaw.NOT_YET_VALID,
    Flaw.NAME_NOT_PERMITTED,
    Flaw.PATH_TOO_LONG,
    Flaw.NO_AUTHORITY,
    Flaw.WRONG_PURPOSE,
    Flaw.UNKNOWN_EXTENSION,
    Flaw.UNFIT_KEY,
    Flaw.MALFORMED,
    Flaw.BAD_SIGNATURE,
    Flaw.SELF_SIGNED,
    Flaw.UNKNOWN_ROOT,
    Flaw.MISSING_INTERMEDIATE,
    Flaw.MISSING_ISSUER,
)


class TooComplex(Exception):
    """The bounds on path building were met before a path was found."""


class NotValidated(Exception):
    """The path has something that is not processed here, e.g. a name constraint on another kind of name."""


Path = tuple[X509Certificate, ...]
#: Certificates by their subject, in the form that is compared.
Roots = Mapping[Name, Sequence[X509Certificate]]


def by_subject(certificates: Iterable[X509Certificate]) -> Roots:
    """Roots by subject, the form for ``trust``."""
    found: dict[Name, list[X509Certificate]] = {}
    for each in certificates:
        found.setdefault(each.subject, []).append(each)
    return found


def trust(served: Sequence[X509Certificate], roots: Roots, at: datetime) -> Trust:
    """The path from ``served[0]`` through the others to one of ``roots``, all valid ``at`` that instant, or its flaw.

    Raises TooComplex and NotValidated.
    """
    return _Builder(served, roots, at).trust()


def signatures(served: Sequence[X509Certificate]) -> tuple[Signature, ...]:
    """Which of these certificates signed which, under the name of the issuer; raises TooComplex and NotValidated."""
    distinct = tuple(dict.fromkeys(served))
    subjects = by_subject(distinct)
    pairs = [(below, issuer) for below in distinct for issuer in subjects.get(below.issuer, ())]
    if len(pairs) > SIGNATURE_LIMIT:
        raise TooComplex
    made = {(below.sha256, issuer.sha256) for below, issuer in pairs if verifies(below, issuer)}
    return tuple(Signature(certificate=below, issuer=issuer) for below, issuer in sorted(made))


@dataclass(slots=True)
class _Builder:
    served: Sequence[X509Certificate]
    roots: Roots
    at: datetime
    others: Roots = field(default_factory=dict)
    flaws: dict[Flaw, str] = field(default_factory=dict)
    signatures: int = 0
    comparisons: int = COMPARISON_LIMIT
    cut: bool = False
    not_validated: bool = False

    def trust(self) -> Trust:
        leaf, *others = dict.fromkeys(self.served)
        if len(others) >= SERVED_LIMIT:
            raise TooComplex
        self.others = by_subject(others)
        for path in self._paths((leaf,)):
            if self._is_valid(path):
                return Trust(path=tuple(each.sha256 for each in path), root=facts(path[-1]))
        if self.not_validated:
            raise NotValidated
        if self.cut:
            raise TooComplex
        worst = next(flaw for flaw in _REPORTED_FIRST if flaw in self.flaws)
        return Trust(flaw=worst, at=self.flaws[worst])

    def _is_valid(self, path: Path) -> bool:
        try:
            flaw = self._flaw(path)
        except (NotValidated, NotProcessed, NotImplementedError):
            self.not_validated = True
            return False
        if flaw is not None:
            self.flaws.setdefault(flaw[0], subject_text(flaw[1]))
        return flaw is None

    def _flaw(self, path: Path) -> tuple[Flaw, X509Certificate] | None:
        """The first flaw of a path whose signatures are valid, leaf first and root last."""
        for below, certificate in enumerate(path):
            try:
                flaw = _own_flaw(certificate, self.at)
                if flaw is None:
                    flaw = self._flaw_as_issuer(path, below) if below else _usage(certificate)
            except Malformed as error:
                if certificate == path[-1]:  # a root is trusted as it is: what it restricts is not known
                    raise NotValidated from error
                flaw = Flaw.MALFORMED
            if flaw is not None:
                return flaw, certificate
        return None

    def _flaw_as_issuer(self, path: Path, place: int) -> Flaw | None:
        """The flaw of the certificate at this place as the issuer of the one below, with the names below it."""
        issuer, below = path[place], path[:place]
        flaw = _authority(issuer, below[1:])
        constraints = issuer.name_constraints if flaw is None else None
        if constraints is None:
            return flaw
        for index, certificate in enumerate(below):
            if index and certificate.is_self_issued:
                continue
            try:
                is_violation, self.comparisons = violates(certificate, constraints, self.comparisons)
            except TooMany as error:
                raise TooComplex from error
            if is_violation:
                return Flaw.NAME_NOT_PERMITTED
        return None

    def _paths(self, path: Path) -> Iterator[Path]:
        """Every path that continues ``path`` to a root, direct issuers among the roots first."""
        last = path[-1]
        name = last.issuer
        roots = self.roots.get(name, [])
        if last in self.roots.get(last.subject, []):
            yield path
            return
        if len(path) >= LENGTH_LIMIT:
            self.cut = True
            return
        above = [each for each in (*roots, *self.others.get(name, [])) if each not in path]
        issuers = [each for each in above if self._signed(last, each)]
        for issuer in issuers:
            yield from self._paths((*path, issuer))
        if not issuers:
            self._dead_end(path, tried=bool(above))

    def _dead_end(self, path: Path, *, tried: bool) -> None:
        last = path[-1]
        if last.is_self_issued and self._signed(last, last):
            flaw = Flaw.SELF_SIGNED if len(path) == 1 else Flaw.UNKNOWN_ROOT
        elif tried:
            flaw = Flaw.BAD_SIGNATURE
        else:
            flaw = _missing(last) if len(path) == 1 else Flaw.UNKNOWN_ROOT
        self.flaws.setdefault(flaw, issuer_text(last))

    def _signed(self, certificate: X509Certificate, issuer: X509Certificate) -> bool:
        self.signatures += 1
        if self.signatures > SIGNATURE_LIMIT:
            raise TooComplex
        try:
            return verifies(certificate, issuer)
        except NotValidated:
            self.not_validated = True
            return False


def _missing(leaf: X509Certificate) -> Flaw:
    return Flaw.MISSING_ISSUER if PUBLIC_POLICIES.isdisjoint(policies(leaf)) else Flaw.MISSING_INTERMEDIATE


#: How a signature is padded, or that it is ECDSA; None for algorithms without parameters.
Scheme = padding.AsymmetricPadding | ec.EllipticCurveSignatureAlgorithm | None
_PKCS_1, _ECDSA = "1.2.840.113549.1.1.", "1.2.840.10045.4."
#: Identifiers that the library does not know, of PKCS #1 signatures (OIW).
_OLD_SCHEMES: Mapping[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.3": hashes.MD5(),  # noqa: S303  (verified, not relied upon: strength is a check of its own)
    "1.3.14.3.2.15": hashes.SHA1(),  # noqa: S303
    "1.3.14.3.2.29": hashes.SHA1(),  # noqa: S303
}


def verifies(certificate: X509Certificate, issuer: X509Certificate) -> bool:
    """Whether the issuer's key made the certificate's signature; raises NotValidated for an unknown algorithm.

    However weak the digest: strength is a check of its own.
    """
    if not certificate.has_one_algorithm:
        return False
    identifier = certificate.signature_algorithm
    old = _OLD_SCHEMES.get(identifier)
    if old is not None:
        return signs(issuer, certificate.signature, certificate.signed, padding.PKCS1v15(), old)
    if "signature" in certificate.unreadable:
        raise NotValidated
    try:
        digest = certificate.parsed.signature_hash_algorithm
        scheme = certificate.parsed.signature_algorithm_parameters
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise NotValidated from error
    return signs(issuer, certificate.signature, certificate.signed, scheme_of(identifier, scheme, digest), digest)


def scheme_of(identifier: str, scheme: Scheme, digest: hashes.HashAlgorithm | None) -> Scheme:
    """How a signature is made, also with the digests that the library refuses in signatures, MD5 and SHA-1."""
    if scheme is not None or digest is None:
        return scheme
    if identifier.startswith(_PKCS_1):
        return padding.PKCS1v15()
    return ec.ECDSA(digest) if identifier.startswith(_ECDSA) else None


def signs(
    issuer: X509Certificate, signature: bytes, signed: bytes, scheme: Scheme, digest: hashes.HashAlgorithm | None
) -> bool:
    """Whether the issuer's key made a signature over ``signed``; raises NotValidated for an unknown algorithm."""
    try:
        key = issuer.public_key()
        match key:
            case rsa.RSAPublicKey() if isinstance(scheme, padding.PKCS1v15 | padding.PSS) and digest is not None:
                key.verify(signature, signed, scheme, digest)
            case ec.EllipticCurvePublicKey() if isinstance(scheme, ec.ECDSA):
                key.verify(signature, signed, scheme)
            case dsa.DSAPublicKey() if digest is not None:
                key.verify(signature, signed, digest)
            case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
                key.verify(signature, signed)
            case rsa.RSAPublicKey() | ec.EllipticCurvePublicKey() | dsa.DSAPublicKey():
                return False
            case _:
                raise NotValidated
    except InvalidSignature:
        return False
    except Exception as error:
        # Whatever else the library raises over a key or a signature, it is not verified.
        raise NotValidated from error
    return True


def _own_flaw(certificate: X509Certificate, at: datetime) -> Flaw | None:
    """The flaw of a certificate wherever it stands in a path; raises Malformed."""
    if "serialNumber" in certificate.unreadable:
        raise Malformed("an unreadable serial number")
    certificate.check_names()
    for identifier, tag, within in _READ_BY_CLIENTS:
        certificate.check_form(identifier, tag, within)
    return (
        _out_of_date(certificate, at) or _unknown_extension(certificate) or _purpose(certificate) or _key(certificate)
    )


def _key(certificate: X509Certificate) -> Flaw | None:
    """Whether the key is one, and on a named curve (RFC 5480 §2.1.1)."""
    return Flaw.UNFIT_KEY if key_of(certificate).flaw in (KeyFlaw.MALFORMED, KeyFlaw.EXPLICIT_CURVE) else None


def _out_of_date(certificate: X509Certificate, at: datetime) -> Flaw | None:
    if "validity" in certificate.unreadable:
        raise Malformed("an unreadable validity")
    if at < certificate.parsed.not_valid_before_utc:
        return Flaw.NOT_YET_VALID
    return Flaw.EXPIRED if has_ended(certificate.parsed.not_valid_after_utc, at) else None


def _unknown_extension(certificate: X509Certificate) -> Flaw | None:
    unknown = any(each.critical and each.identifier not in _KNOWN for each in certificate.extensions)
    return Flaw.UNKNOWN_EXTENSION if unknown else None


def _purpose(certificate: X509Certificate) -> Flaw | None:
    """Whether extendedKeyUsage, where present, has serverAuth (or its predecessor)."""
    purposes = certificate.required(x509.ExtendedKeyUsage)
    return None if purposes is None or any(each in _SERVER for each in purposes) else Flaw.WRONG_PURPOSE


def _usage(leaf: X509Certificate) -> Flaw | None:
    """Whether keyUsage, where present in a leaf, permits a TLS handshake (RFC 5280 §4.2.1.3); raises Malformed."""
    _ = leaf.basic_constraints, leaf.alternative_names
    usage = leaf.required(x509.KeyUsage)
    if usage is None:
        return None
    return None if usage.digital_signature or usage.key_encipherment or usage.key_agreement else Flaw.WRONG_PURPOSE


def _authority(issuer: X509Certificate, between: Sequence[X509Certificate]) -> Flaw | None:
    """Whether ``issuer`` may sign certificates, with the intermediates ``between`` it and the leaf.

    A self-signed root of X.509 version 1, which has no extensions, may.
    """
    constraints = issuer.basic_constraints
    if constraints is None:
        return None if issuer.version == 1 and issuer.is_self_issued else Flaw.NO_AUTHORITY
    usage = issuer.required(x509.KeyUsage)
    if not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return Flaw.NO_AUTHORITY
    counted = sum(not each.is_self_issued for each in between)
    if constraints.path_length is not None and counted > constraints.path_length:
        return Flaw.PATH_TOO_LONG
    return None
