"""What signed NSEC and NSEC3 records prove about a name that has no DS record. Pure; all work is bounded."""

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

from inspector import Cause, NotSeen

#: NSEC3 iterations above this prove nothing (RFC 9276 §3.2 lets a validator choose; zones should use 0).
ITERATIONS: Final = 150
_SHA1, _OPT_OUT = 1, 1


class Proof(Enum):
    """What is proved: an unsigned delegation (or room for one), a name that is no delegation, or no such name."""

    UNSIGNED = auto()
    NO_CUT = auto()
    NO_NAME = auto()


def has(record: NSEC | NSEC3, kind: dns.rdatatype.RdataType) -> bool:
    """Whether the record's bitmap holds the type (RFC 4034 §4.1.2)."""
    window, position = divmod(int(kind), 256)
    byte, bit = divmod(position, 8)
    return any(number == window and byte < len(bits) and bits[byte] & 0x80 >> bit for number, bits in record.windows)


def _of_match(record: NSEC | NSEC3) -> Proof | None:
    """What a record at the very name proves: it must be the parent's, and without DS (RFC 6840 §4.1, §4.4)."""
    if has(record, dns.rdatatype.SOA) or has(record, dns.rdatatype.DS):
        return None
    return Proof.UNSIGNED if has(record, dns.rdatatype.NS) else Proof.NO_CUT


def _leads_away(record: NSEC | NSEC3) -> bool:
    """Whether names below the record's owner belong elsewhere, so that it proves nothing about them."""
    delegates = has(record, dns.rdatatype.NS) and not has(record, dns.rdatatype.SOA)
    return delegates or has(record, dns.rdatatype.DNAME)


class Nsec:
    """Validated NSEC records of one zone."""

    def __init__(self, zone: dns.name.Name, rrsets: Sequence[dns.rrset.RRset]) -> None:
        self._zone = zone
        self._records = [(each.name, record) for each in rrsets for record in each if isinstance(record, NSEC)]

    def of(self, name: dns.name.Name) -> Proof | None:
        """What is proved about ``name``; None: nothing."""
        proofs = (self._one(owner, record, name) for owner, record in self._records)
        return next((proof for proof in proofs if proof), None)

    def _one(self, owner: dns.name.Name, record: NSEC, name: dns.name.Name) -> Proof | None:
        if owner == name:
            return _of_match(record)
        last = record.next == self._zone
        if not owner < name or not (name < record.next or last):
            return None
        if name.is_subdomain(owner) and _leads_away(record):
            return None
        return Proof.NO_CUT if record.next.is_subdomain(name) else Proof.NO_NAME


class Nsec3:
    """Validated NSEC3 records of one zone; those with other parameters than the first are left out (RFC 5155 §8.2)."""

    def __init__(self, zone: dns.name.Name, rrsets: Sequence[dns.rrset.RRset]) -> None:
        self._zone = zone
        self._records: dict[bytes, NSEC3] = {}
        for rrset in rrsets:
            for record in rrset:
                if isinstance(record, NSEC3) and rrset.name.parent() == zone:
                    self._take(rrset.name, record)

    def _take(self, owner: dns.name.Name, record: NSEC3) -> None:
        if record.algorithm != _SHA1 or record.flags & ~_OPT_OUT:
            return
        first = next(iter(self._records.values()), record)
        if (record.iterations, record.salt) != (first.iterations, first.salt):
            return
        if record.iterations > ITERATIONS:
            raise NotSeen(Cause.PROTOCOL_ERROR)
        try:
            self._records[base64.b32hexdecode(owner.labels[0].upper())] = record
        except ValueError:
            return

    def of(self, name: dns.name.Name) -> Proof | None:
        """What is proved about ``name``; None: nothing."""
        if not self._records:
            return None
        exact = self._records.get(self._hash(name))
        if exact is not None:
            return _of_match(exact)
        below = name
        for encloser in self._ancestors(name):
            record = self._records.get(self._hash(encloser))
            if record is not None:
                return None if _leads_away(record) else self._of_next_closer(below)
            below = encloser
        return None

    def _of_next_closer(self, name: dns.name.Name) -> Proof | None:
        """Below the closest encloser ``name`` must be covered (RFC 5155 §8.3); an opt-out span may hide delegations."""
        hashed = self._hash(name)
        for owner, record in self._records.items():
            after, before = hashed > owner, hashed < record.next
            if (after and before) if owner < record.next else (after or before):
                return Proof.UNSIGNED if record.flags & _OPT_OUT else Proof.NO_NAME
        return None

    def _ancestors(self, name: dns.name.Name) -> Iterator[dns.name.Name]:
        while name != self._zone:
            name = name.parent()
            yield name

    def _hash(self, name: dns.name.Name) -> bytes:
        first = next(iter(self._records.values()))
        return base64.b32hexdecode(dns.dnssec.nsec3_hash(name, first.salt, first.iterations, first.algorithm))
