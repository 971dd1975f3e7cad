"""Validates the DNSSEC chain of trust of one zone from stored replies, as of one instant. Pure, with bounded work.

RFC 4033-4035 and 6840; absence of a DS record by NSEC (RFC 4035 §5.4) or NSEC3 (RFC 5155 §8, RFC 9276).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum, auto
from importlib.resources import files
from typing import Final

import dns.dnssec
import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.zonefile
from cryptography.exceptions import UnsupportedAlgorithm
from dns.rdtypes.ANY.CDNSKEY import CDNSKEY
from dns.rdtypes.ANY.CDS import CDS
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rdtypes.ANY.RRSIG import RRSIG

from inspector import Answer, Cause, DnsReplies, NotSeen, answer_of, dns_name_text
from inspector_dns.nsec import Nsec, Nsec3, Proof, TooManyIterations
from inspector_dns.observations import ChainFlaw, ChildSigner, Denial, DenialMethod, TrustChain, TrustState

#: The trust anchors of the root zone (IANA), used when no others are configured.
ROOT: Final = (files(__package__) / "data" / "root-anchors.txt").read_text(encoding="utf-8")
#: Limits on the work that a malicious zone may cause (CVE-2023-50387, CVE-2023-50868).
VALIDATIONS: Final = 64
SIGNATURES: Final = 8
KEYS: Final = 32
SAME_TAG: Final = 4
LABELS: Final = 16

#: Supported algorithms and digest types (RFC 9904 tables 2 and 3, without private and unsafe ones).
ALGORITHMS: Final = frozenset({8, 10, 13, 14, 15, 16})
DIGESTS: Final = frozenset({1, 2, 4})
#: Those that validators must not use, so that a zone with no others counts as unsigned (RFC 9904 tables 2 and 3,
#: RFC 4035 §5.2): RSAMD5, DSA, DSA-NSEC3-SHA1, ECC-GOST; GOST R 34.11-94. Also RSASHA1 and RSASHA1-NSEC3-SHA1: software
#: still implements them, but operators of validators must treat them as insecure (RFC 9905 §2).
OBSOLETE_ALGORITHMS: Final = frozenset({1, 3, 5, 6, 7, 12})
OBSOLETE_DIGESTS: Final = frozenset({3})
_RSA: Final = frozenset({1, 5, 7, 8, 10})
_ZONE, _REVOKED = 0x0100, 0x0080
#: A label that nobody gives a host, and whose purpose a reader of query logs can tell.
_NONEXISTENT: Final = "inspector-nonexistent-name"


class BogusChain(Exception):
    """The chain is bogus: the records of the zone ``at`` have ``flaw``."""

    def __init__(self, flaw: ChainFlaw, at: dns.name.Name) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
        self.at = at


class UnusableDelegation(Enum):
    """What a parent proves about a name without usable DS records."""

    UNSIGNED = auto()
    OBSOLETE = auto()
    ITERATIONS = auto()
    NO_CUT = auto()


def ancestors(zone: str) -> tuple[str, ...]:
    """The zone and its ancestors, from the root down; raises NotSeen when the name has more than ``LABELS`` labels."""
    name = dns.name.from_text(zone)
    if len(name) > LABELS:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return tuple(dns_name_text(name.split(depth)[1]) for depth in range(1, len(name) + 1))


def nonexistent(zone: str) -> str:
    """The name directly below the apex, made by nobody, by which a zone shows how it proves that names do not exist."""
    return f"{_NONEXISTENT}.{zone}" if zone != "." else _NONEXISTENT


def validate(
    replies: DnsReplies, zone: str, anchors: Sequence[str], at: datetime
) -> tuple[TrustChain, Answer[Denial | None]]:
    """The chain of trust from the nearest anchor to the zone as of ``at``, and the zone's proof of a missing name.

    ``anchors`` are DS or DNSKEY records in presentation format; empty: those of the root. Raises NotSeen when a
    required reply is missing, no anchor is at or above the zone, all algorithms are unsupported, or a limit is
    exceeded; ValueError when an anchor cannot be parsed.
    """
    trusted = _trusted("\n".join(anchors) or ROOT)
    names = [dns.name.from_text(name) for name in ancestors(zone)]
    anchor = next((name for name in reversed(names) if name in trusted), None)
    if anchor is None:
        raise NotSeen(Cause.NOT_SELECTED)
    validator = _Validator(replies, int(at.timestamp()))
    try:
        state, end, flaw = validator.descend(anchor, trusted[anchor], names[names.index(anchor) + 1 :])
    except BogusChain as broken:
        chain = TrustChain(
            state=TrustState.BOGUS, anchor=dns_name_text(anchor), at=dns_name_text(broken.at), flaw=broken.flaw
        )
        return chain, Answer(seen=None)
    chain = TrustChain(state=state, anchor=dns_name_text(anchor), at=dns_name_text(end), flaw=flaw)
    return chain, answer_of(validator.denial, end) if state is TrustState.SECURE else Answer(seen=None)


def _trusted(lines: str) -> dict[dns.name.Name, list[DS | DNSKEY]]:
    trusted: dict[dns.name.Name, list[DS | DNSKEY]] = {}
    try:
        rrsets = dns.zonefile.read_rrsets(lines, rdclass=None, default_ttl=0, origin=dns.name.root, relativize=False)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"a DNSSEC trust anchor cannot be parsed: {error}") from None
    for rrset in rrsets:
        records = [record for record in rrset if isinstance(record, DS | DNSKEY)]
        if not records:
            raise ValueError("a DNSSEC trust anchor must be a DS or DNSKEY record")
        trusted.setdefault(rrset.name, []).extend(records)
    return trusted


class _Validator:
    """Validates the replies of one chain, with at most ``VALIDATIONS`` signature verifications."""

    def __init__(self, replies: DnsReplies, now: int) -> None:
        self._replies = replies
        self._now = now
        self._left = VALIDATIONS
        self._keys: list[DNSKEY] = []

    def descend(
        self, anchor: dns.name.Name, trusted: Iterable[DS | DNSKEY], below: Sequence[dns.name.Name]
    ) -> tuple[TrustState, dns.name.Name, ChainFlaw | None]:
        """Follow signed delegations down to the last name, whose SOA and NS record sets must be signed."""
        current = anchor
        keys = self.keys(anchor, list(trusted), ChainFlaw.ANCHOR)
        for name in below:
            step = self.delegation(current, keys, name)
            if step is UnusableDelegation.UNSIGNED:
                return TrustState.INSECURE, name, None
            if step is UnusableDelegation.OBSOLETE:
                return TrustState.INSECURE, name, ChainFlaw.OBSOLETE
            if step is UnusableDelegation.ITERATIONS:
                return TrustState.INSECURE, name, ChainFlaw.ITERATIONS
            if step is not UnusableDelegation.NO_CUT:
                keys = self.keys(name, step, ChainFlaw.NO_KEY)
                current = name
        if below and current != below[-1]:
            raise NotSeen(Cause.AMBIGUOUS)  # the name is not a zone apex
        for kind in (dns.rdatatype.SOA, dns.rdatatype.NS):
            message = self._message(current, kind)
            rrset = message.get_rrset(message.answer, current, dns.rdataclass.IN, kind)
            if rrset is None:
                raise NotSeen(Cause.AMBIGUOUS)
            self.verify(message, message.answer, rrset, current, keys)
        self._keys = keys
        return TrustState.SECURE, current, None

    def denial(self, zone: dns.name.Name) -> Denial:
        """What the secure zone proves about the name that nobody made (RFC 4035 §5.4, RFC 5155 §8)."""
        name = dns.name.from_text(nonexistent(dns_name_text(zone)))
        message = self._message(name, dns.rdatatype.A)
        denial = _shape(message, zone)
        try:
            proof = self._denying(message, zone, self._keys)
            flaw = self._denial_flaw(message, zone, name, proof)
        except BogusChain as broken:
            flaw = broken.flaw
        except TooManyIterations:
            flaw = ChainFlaw.ITERATIONS
        return denial.model_copy(update={"flaw": flaw})

    def _denial_flaw(
        self, message: dns.message.Message, zone: dns.name.Name, name: dns.name.Name, proof: Nsec | Nsec3 | None
    ) -> ChainFlaw | None:
        wildcard = dns.name.Name((b"*", *zone.labels))
        for kind in (dns.rdatatype.A, dns.rdatatype.CNAME):
            rrset = message.get_rrset(message.answer, name, dns.rdataclass.IN, kind)
            if rrset is not None:  # expanded from a wildcard, or made after all
                self.verify(message, message.answer, rrset, zone, self._keys, expanded=True)
                found = message.get_rrset(message.answer, name, dns.rdataclass.IN, dns.rdatatype.RRSIG, kind)
                made = any(isinstance(each, RRSIG) and each.labels == len(name) - 1 for each in found or ())
                return None if made or (proof is not None and proof.covers(name)) else ChainFlaw.INCOMPLETE
        if proof is None:
            return ChainFlaw.NO_SIGNATURE
        if isinstance(proof, Nsec) and proof.denies(name):
            return None
        if message.rcode() == dns.rcode.NXDOMAIN:
            proved = proof.covers(name) and proof.covers(wildcard)
        else:
            without = dns.rdatatype.A
            proved = proof.lacks(name, without) or (proof.covers(name) and proof.lacks(wildcard, without))
            proved = proved or (isinstance(proof, Nsec3) and proof.opt_out and proof.covers(name))
        if isinstance(proof, Nsec3) and not proof.lacks(name, dns.rdatatype.A):
            proved = proved and proof.matches(zone)
        return None if proved else ChainFlaw.INCOMPLETE

    def _denying(
        self, message: dns.message.Message, zone: dns.name.Name, keys: Sequence[DNSKEY]
    ) -> Nsec | Nsec3 | None:
        """The validated NSEC or NSEC3 records of a response; None when it has none."""
        for kind, proof in ((dns.rdatatype.NSEC, Nsec), (dns.rdatatype.NSEC3, Nsec3)):
            rrsets = [each for each in message.authority if each.rdtype == kind and each.name.is_subdomain(zone)]
            if rrsets:
                records = proof(zone, rrsets[:SIGNATURES])  # first: records beyond the limit are not verified either
                for rrset in rrsets[:SIGNATURES]:
                    self.verify(message, message.authority, rrset, zone, keys)
                return records
        return None

    def keys(self, zone: dns.name.Name, trusted: Sequence[DS | DNSKEY], mismatch: ChainFlaw) -> list[DNSKEY]:
        """The zone's DNSKEY records, signed by one that matches ``trusted``."""
        supported = [each for each in trusted if _is_supported(each)]
        usable = [each for each in supported if not _is_sha1(each)] or supported  # RFC 4509 §3
        if not usable:
            raise NotSeen(Cause.TOOL_MISSING)
        message = self._message(zone, dns.rdatatype.DNSKEY)
        rrset = message.get_rrset(message.answer, zone, dns.rdataclass.IN, dns.rdatatype.DNSKEY)
        if rrset is None:
            raise BogusChain(mismatch, zone)
        if len(rrset) > KEYS:
            raise NotSeen(Cause.PROTOCOL_ERROR)
        published = [key for key in rrset if isinstance(key, DNSKEY) and _is_zone_key(key) and _is_supported(key)]
        matching = [key for key in published if any(_matches(zone, key, each) for each in usable)]
        if not matching:
            raise BogusChain(mismatch, zone)
        self.verify(message, message.answer, rrset, zone, matching)
        return published

    def delegation(
        self, parent: dns.name.Name, keys: Sequence[DNSKEY], name: dns.name.Name
    ) -> Sequence[DS] | UnusableDelegation:
        """The signed DS records of ``name`` at its parent, or what the parent proves about their absence."""
        message = self._message(name, dns.rdatatype.DS)
        for kind in (dns.rdatatype.DS, dns.rdatatype.CNAME):
            rrset = message.get_rrset(message.answer, name, dns.rdataclass.IN, kind)
            if rrset:
                self.verify(message, message.answer, rrset, parent, keys)
                signers = [each for each in rrset if isinstance(each, DS)]
                if signers and all(_is_obsolete(each) for each in signers):
                    return UnusableDelegation.OBSOLETE
                return signers or UnusableDelegation.NO_CUT
        try:
            proof = self._denial(message, parent, keys, name)
        except TooManyIterations:
            return UnusableDelegation.ITERATIONS
        match proof:
            case Proof.UNSIGNED:
                return UnusableDelegation.UNSIGNED
            case Proof.NO_CUT:
                return UnusableDelegation.NO_CUT
            case Proof.NO_NAME:
                raise BogusChain(ChainFlaw.NO_NAME, parent)
            case _:
                raise BogusChain(ChainFlaw.NO_DENIAL, parent)

    def _denial(
        self, message: dns.message.Message, parent: dns.name.Name, keys: Sequence[DNSKEY], name: dns.name.Name
    ) -> Proof | None:
        proof = self._denying(message, parent, keys)
        return None if proof is None else proof.proof_for(name)

    def verify(
        self,
        message: dns.message.Message,
        section: list[dns.rrset.RRset],
        rrset: dns.rrset.RRset,
        signer: dns.name.Name,
        keys: Sequence[DNSKEY],
        *,
        expanded: bool = False,
    ) -> None:
        """Raise BogusChain unless one RRSIG of the record set is valid now and by one of the signer's keys.

        ``expanded``: the records may be those of a wildcard at the apex (RFC 4035 §5.3.4).
        """
        found = message.get_rrset(section, rrset.name, dns.rdataclass.IN, dns.rdatatype.RRSIG, rrset.rdtype)
        signatures = [each for each in found or () if isinstance(each, RRSIG)]
        flaws = [ChainFlaw.NO_SIGNATURE]
        for signature in signatures[:SIGNATURES]:
            flaw = self._flaw(rrset, signature, signer, keys, expanded=expanded)
            if flaw is None:
                return
            flaws.append(flaw)
        if len(signatures) > SIGNATURES:
            raise NotSeen(Cause.PROTOCOL_ERROR)
        raise BogusChain(max(flaws, key=list(ChainFlaw).index), signer)

    def _flaw(
        self,
        rrset: dns.rrset.RRset,
        signature: RRSIG,
        signer: dns.name.Name,
        keys: Sequence[DNSKEY],
        *,
        expanded: bool,
    ) -> ChainFlaw | None:
        if signature.signer != signer:
            return ChainFlaw.SIGNER
        labels = len(rrset.name) - 1 - rrset.name.is_wild()
        if signature.labels != labels and not (expanded and signature.labels == len(signer) - 1):
            return ChainFlaw.INVALID  # wildcard expansion, which the records of a zone apex never are
        candidates = [key for key in keys if _matches_signature(key, signature)]
        if not candidates:
            return ChainFlaw.NO_KEY
        if signature.inception > self._now:
            return ChainFlaw.NOT_YET_VALID
        if signature.expiration < self._now:
            return ChainFlaw.EXPIRED
        if any(self._verifies(rrset, signature, key) for key in candidates[:SAME_TAG]):
            return None
        return ChainFlaw.INVALID

    def _verifies(self, rrset: dns.rrset.RRset, signature: RRSIG, key: DNSKEY) -> bool:
        if not self._left:
            raise NotSeen(Cause.PROTOCOL_ERROR)
        self._left -= 1
        keys = dns.rdataset.from_rdata(0, key)
        try:
            dns.dnssec.validate_rrsig(rrset, signature, {signature.signer: keys}, now=self._now)
        except (dns.exception.DNSException, UnsupportedAlgorithm, ValueError):
            return False
        return True

    def _message(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> dns.message.Message:
        return self._replies.message(dns_name_text(name), dns.rdatatype.to_text(kind))


def _shape(message: dns.message.Message, zone: dns.name.Name) -> Denial:
    """The method by which a response denies a name and, of NSEC3, the parameters."""
    denying = [rrset for rrset in message.authority if rrset.name.is_subdomain(zone)]
    records = [record for rrset in denying for record in rrset if isinstance(record, NSEC3)]
    if not records:
        has_nsec = any(rrset.rdtype == dns.rdatatype.NSEC for rrset in denying)
        return Denial(method=DenialMethod.NSEC if has_nsec else None)
    return Denial(
        method=DenialMethod.NSEC3,
        iterations=max(record.iterations for record in records),
        salt_bytes=max(len(record.salt) for record in records),
        opt_out=any(record.flags & 1 for record in records),
    )


def child_signers(zone: str, records: Iterable[CDS], keys: Iterable[DNSKEY]) -> tuple[ChildSigner, ...]:
    """CDS records, each with whether it is the digest of one of the keys."""
    name, found = dns.name.from_text(zone), list(keys)[:KEYS]
    return tuple(
        ChildSigner(
            key_tag=each.key_tag,
            algorithm=each.algorithm,
            digest_type=each.digest_type,
            matches=any(_matches_child(name, key, each) for key in found),
        )
        for each in sorted(records)[:KEYS]
    )


def _matches_child(zone: dns.name.Name, key: DNSKEY, signer: CDS) -> bool:
    if (key.algorithm, dns.dnssec.key_id(key)) != (signer.algorithm, signer.key_tag):
        return False
    if signer.digest_type not in DIGESTS:
        return True  # it cannot be told
    return dns.dnssec.make_ds(zone, key, signer.digest_type, validating=True).digest == signer.digest


def key_bits(key: DNSKEY | CDNSKEY) -> int | None:
    """The bits of an RSA modulus (RFC 3110 §2); None for other algorithms and a malformed key."""
    if key.algorithm not in _RSA or not key.key:
        return None
    length, start = key.key[0], 1
    if not length:
        length, start = int.from_bytes(key.key[1:3], "big"), 3
    return int.from_bytes(key.key[start + length :], "big").bit_length() or None


def _is_supported(trusted: DS | DNSKEY) -> bool:
    if trusted.algorithm not in ALGORITHMS:
        return False
    return isinstance(trusted, DNSKEY) or trusted.digest_type in DIGESTS


def _is_obsolete(signer: DS) -> bool:
    return signer.algorithm in OBSOLETE_ALGORITHMS or signer.digest_type in OBSOLETE_DIGESTS


def _is_sha1(trusted: DS | DNSKEY) -> bool:
    return isinstance(trusted, DS) and trusted.digest_type == 1


def _is_zone_key(key: DNSKEY) -> bool:
    """Whether the key may sign the zone's records (RFC 4034 §2.1.1, RFC 5011 §2.1)."""
    return bool(key.flags & _ZONE) and not key.flags & _REVOKED and key.protocol == 3


def _matches(zone: dns.name.Name, key: DNSKEY, trusted: DS | DNSKEY) -> bool:
    if isinstance(trusted, DNSKEY):
        return (key.algorithm, key.key) == (trusted.algorithm, trusted.key)
    if (key.algorithm, dns.dnssec.key_id(key)) != (trusted.algorithm, trusted.key_tag):
        return False
    return dns.dnssec.make_ds(zone, key, trusted.digest_type, validating=True).digest == trusted.digest


def _matches_signature(key: DNSKEY, signature: RRSIG) -> bool:
    return (key.algorithm, dns.dnssec.key_id(key)) == (signature.algorithm, signature.key_tag)
