"""What the DNS probes write down."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Model, Observation


class CaaRecord(Model):
    """One CAA record (RFC 8659 §4.1): ``tag`` in lower case; ``value`` with bytes outside ASCII escaped."""

    critical: bool
    tag: str
    value: str


class Caa(Model):
    """The relevant CAA record set of a name: ``at`` is the name that holds it, None when no ancestor has one."""

    at: str | None = None
    records: tuple[CaaRecord, ...] = ()


class Names(Observation):
    """What the DNS says about one host name. An empty tuple means that there is no such record."""

    kind: ClassVar[str] = "names/1"

    host: str
    aliases: Answer[tuple[str, ...]]
    ipv4: Answer[tuple[str, ...]]
    ipv6: Answer[tuple[str, ...]]
    caa: Answer[Caa]


class Soa(Model):
    """A zone's start of authority."""

    primary: str
    serial: int


class ZoneServer(Model):
    """An authoritative name server of a zone, with its addresses (empty: the name has none)."""

    name: str
    ipv4: Answer[tuple[str, ...]]
    ipv6: Answer[tuple[str, ...]]


class DelegationSigner(Model):
    """One DS record at the parent: IANA numbers of algorithm and digest type."""

    key_tag: int
    algorithm: int
    digest_type: int


class ZoneKey(Model):
    """One DNSKEY record: ``flags`` 256 or 257, IANA number of the algorithm."""

    key_tag: int
    algorithm: int
    flags: int


class Trust(StrEnum):
    """What a validator concludes (RFC 4033 §5); *indeterminate* is an unseen answer."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"


class Flaw(StrEnum):
    """What breaks a chain of trust, in words for a message; a later one says more than an earlier one."""

    NO_SIGNATURE = "there is no signature"
    NO_KEY = "no published key matches"
    ANCHOR = "no published key matches the trust anchor"
    SIGNER = "the signature is another zone's"
    NOT_YET_VALID = "the signature is not yet valid"
    EXPIRED = "the signature has expired"
    INVALID = "the signature does not fit the records"
    NO_DENIAL = "the parent does not prove that there is no DS record"
    NO_NAME = "the parent proves that the name does not exist"
    OBSOLETE = "its DS records have only algorithms that no validator may use any more"


class Chain(Model):
    """The chain of trust from ``anchor`` (a zone) to a zone.

    ``at`` is the zone that it reaches (secure), the first name without a signed delegation (insecure; ``flaw`` where
    it has one of no use), or the zone whose records break it (bogus; ``flaw`` says how).
    """

    state: Trust
    anchor: str
    at: str
    flaw: Flaw | None = None


class Zone(Observation):
    """One zone: ``soa`` is None when no zone begins at the name."""

    kind: ClassVar[str] = "zone/1"

    name: str
    soa: Answer[Soa | None]
    servers: Answer[tuple[ZoneServer, ...]]
    ds: Answer[tuple[DelegationSigner, ...]]
    keys: Answer[tuple[ZoneKey, ...]]
    chain: Answer[Chain]


class ServerReply(Model):
    """What a name server said about the start of authority of a zone; ``serial`` is None when it gave none."""

    rcode: str
    authoritative: bool
    serial: int | None = None

    @property
    def is_authoritative(self) -> bool:
        """Whether the server speaks for the zone."""
        return self.rcode == "NOERROR" and self.authoritative and self.serial is not None


class NameServer(Observation):
    """One name server at one address, asked about one zone. None: nothing listens there (the port refuses)."""

    kind: ClassVar[str] = "name-server/1"

    zone: str
    server: str
    address: str
    udp: Answer[ServerReply | None]
    tcp: Answer[ServerReply | None]
