"""Evaluates what signed NSEC and NSEC3 records prove: no DS record, no such name. Pure, with bounded work."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

#: NSEC3 records with more iterations are not evaluated: RFC 9276 §3.2 lets a validator choose. BIND 9.18 and Unbound
#: have chosen 150, later ones less; zones should use 0. A zone beyond the limit counts as unsigned.
ITERATIONS: Final = 150
_SHA1, _OPT_OUT = 1, 1


class TooManyIterations(Exception):
    """The NSEC3 records have more than ``ITERATIONS`` iterations."""


class Proof(Enum):
    """A proven fact: an unsigned delegation (or opt-out span), a name that is not a zone cut, or no such name."""

    UNSIGNED = auto()
    NO_CUT = auto()
    NO_NAME = auto()


def has(record: NSEC | NSEC3, kind: dns.rdatatype.RdataType) -> bool:
    """Whether the record's type bitmap contains the type (RFC 4034 §4.1.2)."""
    window, position = divmod(int(kind), 256)
    byte, bit = divmod(position, 8)
    return any(number == window and byte < len(bits) and bits[byte] & 0x80 >> bit for number, bits in record.windows)


#: The type by which an NSEC record owned by the name itself says that the name does not exist (RFC 9824 §3.1).
_NXNAME: Final = dns.rdatatype.RdataType.make(128)


def _lacks(record: NSEC | NSEC3, kind: dns.rdatatype.RdataType) -> bool:
    """Whether the record of a name proves that it has no records of this type, and no alias (RFC 4035 §5.4)."""
    return not has(record, kind) and not has(record, dns.rdatatype.CNAME) and not _is_delegation(record)


def _proof_by_match(record: NSEC | NSEC3) -> Proof | None:
    """The proof by a record owned by the name itself: the parent's, without DS (RFC 6840 §4.1, §4.4)."""
    if has(record, dns.rdatatype.SOA) or has(record, dns.rdatatype.DS):
        return None
    return Proof.UNSIGNED if has(record, dns.rdatatype.NS) else Proof.NO_CUT


def _is_delegation(record: NSEC | NSEC3) -> bool:
    """Whether the owner is a zone cut or has a DNAME, so that the record proves nothing about names below it."""
    delegates = has(record, dns.rdatatype.NS) and not has(record, dns.rdatatype.SOA)
    return delegates or has(record, dns.rdatatype.DNAME)


class Nsec:
    """Validated NSEC records of one zone."""

    def __init__(self, zone: dns.name.Name, rrsets: Sequence[dns.rrset.RRset]) -> None:
        self._zone = zone
        self._records = [(each.name, record) for each in rrsets for record in each if isinstance(record, NSEC)]

    def proof_for(self, name: dns.name.Name) -> Proof | None:
        """The proof about ``name``; None when there is none."""
        proofs = (self._proof_by(owner, record, name) for owner, record in self._records)
        return next((proof for proof in proofs if proof), None)

    def covers(self, name: dns.name.Name) -> bool:
        """Whether a record proves that the name, directly below the apex, does not exist."""
        return any(
            _between(owner, record, name, self._zone) and not (name.is_subdomain(owner) and _is_delegation(record))
            for owner, record in self._records
        )

    def lacks(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> bool:
        """Whether the record of the name proves that it has no records of this type."""
        return any(owner == name and _lacks(record, kind) for owner, record in self._records)

    def denies(self, name: dns.name.Name) -> bool:
        """Whether a record owned by the name itself says that the name does not exist."""
        return any(owner == name and has(record, _NXNAME) for owner, record in self._records)

    def _proof_by(self, owner: dns.name.Name, record: NSEC, name: dns.name.Name) -> Proof | None:
        if owner == name:
            return _proof_by_match(record)
        if not _between(owner, record, name, self._zone):
            return None
        if name.is_subdomain(owner) and _is_delegation(record):
            return None
        return Proof.NO_CUT if record.next.is_subdomain(name) else Proof.NO_NAME


def _between(owner: dns.name.Name, record: NSEC, name: dns.name.Name, zone: dns.name.Name) -> bool:
    """Whether the name lies between the owner and the next name; the last record points to the apex."""
    return bool(owner < name and (name < record.next or record.next == zone))


class Nsec3:
    """Validated NSEC3 records of one zone; those with other parameters than the first are ignored (RFC 5155 §8.2)."""

    def __init__(self, zone: dns.name.Name, rrsets: Sequence[dns.rrset.RRset]) -> None:
        self._zone = zone
        self._records: dict[bytes, NSEC3] = {}
        for rrset in rrsets:
            for record in rrset:
                if isinstance(record, NSEC3) and rrset.name.parent() == zone:
                    self._add(rrset.name, record)

    def _add(self, owner: dns.name.Name, record: NSEC3) -> None:
        if record.algorithm != _SHA1 or record.flags & ~_OPT_OUT:
            return
        first = next(iter(self._records.values()), record)
        if (record.iterations, record.salt) != (first.iterations, first.salt):
            return
        if record.iterations > ITERATIONS:
            raise TooManyIterations
        try:
            self._records[base64.b32hexdecode(owner.labels[0].upper())] = record
        except ValueError:
            return

    @property
    def opt_out(self) -> bool:
        """Whether one of the records leaves out unsigned delegations."""
        return any(record.flags & _OPT_OUT for record in self._records.values())

    def matches(self, name: dns.name.Name) -> bool:
        """Whether there is the record of the name, which is the closest encloser of names below it."""
        return bool(self._records) and self._hash(name) in self._records

    def covers(self, name: dns.name.Name) -> bool:
        """Whether a record proves that the name does not exist, or may only be an unsigned delegation."""
        return bool(self._records) and self._covering(name) is not None

    def lacks(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> bool:
        """Whether the record of the name proves that it has no records of this type."""
        record = self._records.get(self._hash(name)) if self._records else None
        return record is not None and _lacks(record, kind)

    def proof_for(self, name: dns.name.Name) -> Proof | None:
        """The proof about ``name``; None when there is none."""
        if not self._records:
            return None
        exact = self._records.get(self._hash(name))
        if exact is not None:
            return _proof_by_match(exact)
        below = name
        for encloser in self._ancestors(name):
            record = self._records.get(self._hash(encloser))
            if record is not None:
                return None if _is_delegation(record) else self._proof_by_next_closer(below)
            below = encloser
        return None

    def _proof_by_next_closer(self, name: dns.name.Name) -> Proof | None:
        """The proof by a record that covers ``name``, the next closer name (RFC 5155 §8.3, opt-out §6)."""
        record = self._covering(name)
        if record is None:
            return None
        return Proof.UNSIGNED if record.flags & _OPT_OUT else Proof.NO_NAME

    def _covering(self, name: dns.name.Name) -> NSEC3 | None:
        hashed = self._hash(name)
        for owner, record in self._records.items():
            after, before = hashed > owner, hashed < record.next
            if (after and before) if owner < record.next else (after or before):
                return record
        return None

    def _ancestors(self, name: dns.name.Name) -> Iterator[dns.name.Name]:
        while name != self._zone:
            name = name.parent()
            yield name

    def _hash(self, name: dns.name.Name) -> bytes:
        first = next(iter(self._records.values()))
        return base64.b32hexdecode(dns.dnssec.nsec3_hash(name, first.salt, first.iterations, first.algorithm))
