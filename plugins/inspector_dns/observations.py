"""The observations that the DNS probes record."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Model, Observation


class CaaRecord(Model):
    """One CAA record (RFC 8659 §4.1): ``tag`` in lower case; ``value`` with non-ASCII bytes escaped."""

    critical: bool
    tag: str
    value: str


class Caa(Model):
    """The relevant CAA record set (RFC 8659 §3): ``at`` is the name that has it, None when there is none."""

    at: str | None = None
    records: tuple[CaaRecord, ...] = ()


class NameRecords(Observation):
    """The DNS records of one host name; an empty tuple means that there is no such record.

    ``exists``: False when the name, or the one that it is an alias of, does not exist (NXDOMAIN, RFC 8020).
    ``aliases``: the targets of the CNAME chain, in order; a target whose domain is free to register allows a takeover.
    """

    kind: ClassVar[str] = "names/1"

    host: str
    exists: Answer[bool]
    aliases: Answer[tuple[str, ...]]
    ipv4: Answer[tuple[str, ...]]
    ipv6: Answer[tuple[str, ...]]
    caa: Answer[Caa]


class Soa(Model):
    """The SOA record of a zone: ``primary`` is the MNAME, ``serial`` the version of the zone (RFC 1035 §3.3.13)."""

    primary: str
    serial: int


class ZoneServer(Model):
    """A name server from the NS records of a zone, with its addresses (empty: the name has none).

    ``aliases``: the targets of the CNAME chain, which the name of a name server must not have (RFC 2181 §10.3).
    """

    name: str
    aliases: Answer[tuple[str, ...]]
    ipv4: Answer[tuple[str, ...]]
    ipv6: Answer[tuple[str, ...]]


class DelegationSigner(Model):
    """One DS record at the parent: IANA numbers of algorithm and digest type (RFC 9904 says which are sound)."""

    key_tag: int
    algorithm: int
    digest_type: int


class ZoneKey(Model):
    """One DNSKEY record: ``flags`` 256 (ZSK) or 257 (KSK), IANA number of the algorithm."""

    key_tag: int
    algorithm: int
    flags: int


class TrustState(StrEnum):
    """The security status of a zone (RFC 4033 §5); *indeterminate* is an unseen answer."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


class ChainFlaw(StrEnum):
    """Why validation of a chain of trust fails, as message text; in ascending order of precision."""

    NO_SIGNATURE = "no RRSIG record"
    NO_KEY = "no DNSKEY record matches"
    ANCHOR = "no DNSKEY record matches the trust anchor"
    SIGNER = "the RRSIG record names another zone as signer"
    NOT_YET_VALID = "the RRSIG record is not yet valid"
    EXPIRED = "the RRSIG record has expired"
    INVALID = "the signature does not verify"
    NO_DENIAL = "the parent does not prove the absence of a DS record"
    NO_NAME = "the parent proves that the name does not exist"
    OBSOLETE = "the DS records use only algorithms that validators must not use"


class TrustChain(Model):
    """The chain of trust from ``anchor`` (a zone) to a zone.

    ``at``: secure, the zone itself; insecure, the first name without a usable signed delegation (``flaw`` where its DS
    records are unusable); bogus, the zone whose records do not validate (``flaw`` says why).
    """

    state: TrustState
    anchor: str
    at: str
    flaw: ChainFlaw | None = None


class Zone(Observation):
    """One zone: ``soa`` is None when the name is not a zone apex.

    ``ds`` and ``keys`` are the delegation and the keys that ``chain`` validates: they show which algorithms protect the
    zone. The serial in ``soa``, compared between name servers, shows which of them serve an old version.
    """

    kind: ClassVar[str] = "zone/1"

    name: str
    soa: Answer[Soa | None]
    servers: Answer[tuple[ZoneServer, ...]]
    ds: Answer[tuple[DelegationSigner, ...]]
    keys: Answer[tuple[ZoneKey, ...]]
    chain: Answer[TrustChain]


class ServerReply(Model):
    """A name server's response to the SOA query of a zone; ``serial`` is None when it has no SOA record."""

    rcode: str
    authoritative: bool
    serial: int | None = None

    @property
    def is_authoritative(self) -> bool:
        """Whether the server is authoritative for the zone."""
        return self.rcode == "NOERROR" and self.authoritative and self.serial is not None


class NameServer(Observation):
    """The responses of one name server at one address for one zone, by transport; None: the port is closed."""

    kind: ClassVar[str] = "name-server/1"

    zone: str
    server: str
    address: str
    udp: Answer[ServerReply | None]
    tcp: Answer[ServerReply | None]
