"""Path building and validation from a served certificate to a root, by RFC 5280 §6.1, as OpenSSL does it.

Validated are signatures, names, validity at a given instant, basicConstraints with path length, keyUsage,
extendedKeyUsage for servers, name constraints, and unknown critical extensions. Not validated: revocation, certificate
policies, and the strength of keys and digests. Building is bounded in length, in certificates and in signatures tried,
so that a chain made to be hard to build ends with ``TooComplex``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from inspector_tls.certificates.observations import Flaw, Trust
from inspector_tls.certificates.x509_facts import extension, fingerprint, name_text, policies

#: Certificates in a path, the root included.
LENGTH_LIMIT = 10
#: The most distinct certificates that are used of those that a server sends.
SERVED_LIMIT = 40
#: Signatures verified for one path.
SIGNATURE_LIMIT = 200

#: Extensions that may be critical: those that are processed here, and those that OpenSSL accepts unprocessed.
_KNOWN = frozenset(
    {
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
    }
)
_SERVER = (ExtendedKeyUsageOID.SERVER_AUTH, x509.ObjectIdentifier("2.16.840.1.113730.4.1"))

#: The CA/Browser Forum's policy identifiers (Baseline Requirements §7.1.6.1). The roots of its members sign no server's
#: certificate (§6.1.7).
_PUBLIC_POLICIES = frozenset({"2.23.140.1.1", "2.23.140.1.2.1", "2.23.140.1.2.2", "2.23.140.1.2.3"})

#: The flaws in the order in which they are reported: the closest to a valid path first.
_REPORTED_FIRST = (
    Flaw.EXPIRED,
    Flaw.NOT_YET_VALID,
    Flaw.NAME_NOT_PERMITTED,
    Flaw.PATH_TOO_LONG,
    Flaw.NO_AUTHORITY,
    Flaw.WRONG_PURPOSE,
    Flaw.UNKNOWN_EXTENSION,
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


Path = tuple[x509.Certificate, ...]
_Name = tuple[frozenset[tuple[str, str]], ...]


def same(name: x509.Name) -> _Name:
    """The name in the form that RFC 5280 §7.1 compares: without case and repeated white space."""
    return tuple(
        frozenset((part.oid.dotted_string, " ".join(str(part.value).casefold().split())) for part in relative)
        for relative in name.rdns
    )


#: Certificates by their subject, in the form that is compared.
Roots = Mapping[_Name, Sequence[x509.Certificate]]


def by_subject(certificates: Iterable[x509.Certificate]) -> Roots:
    """Roots by subject, the form for ``trust``."""
    found: dict[_Name, list[x509.Certificate]] = {}
    for each in certificates:
        found.setdefault(same(each.subject), []).append(each)
    return found


def trust(served: Sequence[x509.Certificate], roots: Roots, at: datetime) -> Trust:
    """The path from ``served[0]`` through the others to one of ``roots``, all valid ``at`` that instant, or its flaw.

    Raises TooComplex and NotValidated.
    """
    return _Builder(served, roots, at).trust()


@dataclass(slots=True)
class _Builder:
    served: Sequence[x509.Certificate]
    roots: Roots
    at: datetime
    others: Roots = field(default_factory=dict)
    flaws: dict[Flaw, str] = field(default_factory=dict)
    signatures: int = 0
    cut: bool = False
    not_validated: bool = False

    def trust(self) -> Trust:
        leaf, *others = dict.fromkeys(self.served)
        if len(others) >= SERVED_LIMIT:
            raise TooComplex
        self.others = by_subject(others)
        for path in self._paths((leaf,)):
            if self._is_valid(path):
                return Trust(path=tuple(fingerprint(each) for each in path))
        if self.not_validated:
            raise NotValidated
        if self.cut:
            raise TooComplex
        worst = next(flaw for flaw in _REPORTED_FIRST if flaw in self.flaws)
        return Trust(flaw=worst, at=self.flaws[worst])

    def _is_valid(self, path: Path) -> bool:
        try:
            flaw = _flaw(path, self.at)
        except NotValidated:
            self.not_validated = True
            return False
        if flaw is not None:
            self.flaws.setdefault(flaw[0], name_text(flaw[1].subject))
        return flaw is None

    def _paths(self, path: Path) -> Iterator[Path]:
        """Every path that continues ``path`` to a root, direct issuers among the roots first."""
        last = path[-1]
        name = same(last.issuer)
        roots = self.roots.get(name, [])
        if last in self.roots.get(same(last.subject), []):
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
        if same(last.issuer) == same(last.subject) and self._signed(last, last):
            flaw = Flaw.SELF_SIGNED if len(path) == 1 else Flaw.UNKNOWN_ROOT
        elif tried:
            flaw = Flaw.BAD_SIGNATURE
        else:
            flaw = _missing(last) if len(path) == 1 else Flaw.UNKNOWN_ROOT
        self.flaws.setdefault(flaw, name_text(last.issuer))

    def _signed(self, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
        self.signatures += 1
        if self.signatures > SIGNATURE_LIMIT:
            raise TooComplex
        try:
            return verifies(certificate, issuer)
        except NotValidated:
            self.not_validated = True
            return False


def _missing(leaf: x509.Certificate) -> Flaw:
    public = not _PUBLIC_POLICIES.isdisjoint(policies(leaf))
    return Flaw.MISSING_INTERMEDIATE if public else Flaw.MISSING_ISSUER


#: How a signature is padded, or that it is ECDSA; None for algorithms without parameters.
Scheme = padding.AsymmetricPadding | ec.EllipticCurveSignatureAlgorithm | None


def verifies(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's key made the certificate's signature; raises NotValidated for an unknown algorithm."""
    try:
        scheme, digest = certificate.signature_algorithm_parameters, certificate.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise NotValidated from error
    return signs(issuer, certificate.signature, certificate.tbs_certificate_bytes, scheme, digest)


def signs(
    issuer: x509.Certificate, signature: bytes, signed: bytes, scheme: Scheme, digest: hashes.HashAlgorithm | None
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
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise NotValidated from error
    return True


def _flaw(path: Path, at: datetime) -> tuple[Flaw, x509.Certificate] | None:
    """The first flaw of a path whose signatures are valid, leaf first and root last."""
    for below, certificate in enumerate(path):
        flaw = _out_of_date(certificate, at) or _unknown_extension(certificate) or _purpose(certificate)
        if flaw is None and not below:
            flaw = _usage(certificate)
        elif flaw is None:
            flaw = _authority(certificate, path[1:below]) or _name_constraints(certificate, path[:below])
        if flaw is not None:
            return flaw, certificate
    return None


def _out_of_date(certificate: x509.Certificate, at: datetime) -> Flaw | None:
    if at < certificate.not_valid_before_utc:
        return Flaw.NOT_YET_VALID
    return Flaw.EXPIRED if at > certificate.not_valid_after_utc else None


def _unknown_extension(certificate: x509.Certificate) -> Flaw | None:
    unknown = any(each.critical and each.oid not in _KNOWN for each in certificate.extensions)
    return Flaw.UNKNOWN_EXTENSION if unknown else None


def _purpose(certificate: x509.Certificate) -> Flaw | None:
    """Whether extendedKeyUsage, where present, has serverAuth (or its predecessor)."""
    purposes = extension(certificate, x509.ExtendedKeyUsage)
    return None if purposes is None or any(each in _SERVER for each in purposes) else Flaw.WRONG_PURPOSE


def _usage(leaf: x509.Certificate) -> Flaw | None:
    """Whether keyUsage, where present in a leaf, permits a TLS handshake (RFC 5280 §4.2.1.3)."""
    usage = extension(leaf, x509.KeyUsage)
    if usage is None:
        return None
    return None if usage.digital_signature or usage.key_encipherment or usage.key_agreement else Flaw.WRONG_PURPOSE


def _authority(issuer: x509.Certificate, between: Sequence[x509.Certificate]) -> Flaw | None:
    """Whether ``issuer`` may sign certificates, with the intermediates ``between`` it and the leaf.

    A self-signed root of X.509 version 1, which has no extensions, may.
    """
    constraints = extension(issuer, x509.BasicConstraints)
    old_root = issuer.version is x509.Version.v1 and issuer.subject == issuer.issuer
    if constraints is None:
        return None if old_root else Flaw.NO_AUTHORITY
    usage = extension(issuer, x509.KeyUsage)
    if not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return Flaw.NO_AUTHORITY
    counted = sum(same(each.subject) != same(each.issuer) for each in between)
    if constraints.path_length is not None and counted > constraints.path_length:
        return Flaw.PATH_TOO_LONG
    return None


def _name_constraints(issuer: x509.Certificate, below: Sequence[x509.Certificate]) -> Flaw | None:
    """Whether the names of the certificates below satisfy the issuer's name constraints (RFC 5280 §4.2.1.10)."""
    constraints = extension(issuer, x509.NameConstraints)
    if constraints is None:
        return None
    for index, certificate in enumerate(below):
        if index and same(certificate.subject) == same(certificate.issuer):
            continue
        for name in _names(certificate):
            permitted = [each for each in constraints.permitted_subtrees or () if type(each) is type(name)]
            excluded = [each for each in constraints.excluded_subtrees or () if type(each) is type(name)]
            if permitted and not any(_within(name, subtree) for subtree in permitted):
                return Flaw.NAME_NOT_PERMITTED
            if any(_within(name, subtree) for subtree in excluded):
                return Flaw.NAME_NOT_PERMITTED
    return None


def _names(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    if list(certificate.subject):
        yield x509.DirectoryName(certificate.subject)
    yield from extension(certificate, x509.SubjectAlternativeName) or ()


def _within(name: x509.GeneralName, subtree: x509.GeneralName) -> bool:
    match name, subtree:
        case x509.DNSName(), x509.DNSName():
            host, domain = name.value.lower().rstrip("."), subtree.value.lower().rstrip(".")
            # A leading dot, which RFC 5280 does not define here, matches subdomains only, as in OpenSSL.
            return not domain or host == domain or host.endswith("." + domain.removeprefix("."))
        case x509.IPAddress(), x509.IPAddress():
            return _in_network(name, subtree)
        case x509.DirectoryName(), x509.DirectoryName():
            wanted = same(subtree.value)
            return same(name.value)[: len(wanted)] == wanted
    raise NotValidated


def _in_network(name: x509.IPAddress, subtree: x509.IPAddress) -> bool:
    address, network = name.value, subtree.value
    if not isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address):
        raise NotValidated
    return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and address in network
