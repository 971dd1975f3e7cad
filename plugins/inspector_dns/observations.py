"""The observations that the DNS probes record."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from inspector import Answer, Cause, Model, Observation


class CaaRecord(Model):
    """One CAA record (RFC 8659 §4.1): ``tag`` in lower case; ``value`` with non-ASCII bytes escaped."""

    critical: bool
    tag: str
    value: str


class Caa(Model):
    """The relevant CAA record set (RFC 8659 §3): ``at`` is the name that has it, None when there is none."""

    at: str | None = None
    records: tuple[CaaRecord, ...] = ()


class ServiceBinding(Model):
    """One HTTPS record (RFC 9460): priority 0 is AliasMode.

    ``target``: the name that serves, the owner's own where the record says ``.``; ``hints``: the addresses in
    ``ipv4hint`` and ``ipv6hint``, sorted; ``addresses``: those that the target has, sorted.
    """

    priority: int
    target: str
    alpn: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    addresses: Answer[tuple[str, ...]]


class NameRecords(Observation):
    """The DNS records of one host name; an empty tuple means that there is no such record.

    ``exists``: False when the name, or the one that it is an alias of, does not exist (NXDOMAIN, RFC 8020).
    ``aliases``: the targets of the CNAME chain, in order; a target whose domain is free to register allows a takeover.
    ``missing``: of an alias, the highest name above its last target, or that itself, that does not exist.
    ``https``: the HTTPS records of the name, by priority.
    """

    kind: ClassVar[str] = "names/2"

    host: str
    exists: Answer[bool]
    aliases: Answer[tuple[str, ...]]
    ipv4: Answer[tuple[str, ...]]
    ipv6: Answer[tuple[str, ...]]
    caa: Answer[Caa]
    missing: Answer[str | None]
    https: Answer[tuple[ServiceBinding, ...]]


class ConnectionResult(StrEnum):
    """What came of a connection; ``silent``: no response, or none but that of a router."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    SILENT = "silent"


class AddressConnection(Observation):
    """The connection to one port at one address of a name that has AAAA records; unseen for one without.

    ``family_works``: where the address is one of IPv6 and silent, whether something else answered over IPv6.
    """

    kind: ClassVar[str] = "address-connection/1"

    result: Answer[ConnectionResult]
    family_works: bool = False


class Soa(Model):
    """The SOA record of a zone (RFC 1035 §3.3.13): ``primary`` is the MNAME, ``serial`` the version of the zone.

    ``refresh``, ``retry``, ``expire``: seconds for secondary servers; ``minimum``: the most seconds for which the
    absence of a name or record is kept (RFC 2308 §4).
    """

    primary: str
    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int


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
    """One DNSKEY or CDNSKEY record: ``flags`` 256 (ZSK) or 257 (KSK), IANA number of the algorithm.

    ``bits``: the length of the modulus of an RSA key (RFC 3110 §2), None for other algorithms.
    """

    key_tag: int
    algorithm: int
    flags: int
    bits: int | None = None


class ChildSigner(Model):
    """One CDS record (RFC 7344 §3.1); algorithm 0 asks for no DS record at all (RFC 8078 §4).

    ``matches``: it is the digest of one of the zone's DNSKEY records.
    """

    key_tag: int
    algorithm: int
    digest_type: int
    matches: bool


class ApexSignature(Model):
    """One RRSIG record at the apex of a zone: ``covers`` is the type of the records that it signs.

    ``remaining_hours``: until it expires, as of the scan, negative when it has; ``valid_hours``: from inception to
    expiration. Both are whole hours, rounded down.
    """

    covers: str
    key_tag: int
    algorithm: int
    remaining_hours: int
    valid_hours: int


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
    ITERATIONS = "the NSEC3 records have more iterations than validators evaluate"
    INCOMPLETE = "the NSEC or NSEC3 records do not prove the answer"


class TrustChain(Model):
    """The chain of trust from ``anchor`` (a zone) to a zone.

    ``at``: secure, the zone itself; insecure, the first name without a usable signed delegation (``flaw`` where its DS
    records are unusable); bogus, the zone whose records do not validate (``flaw`` says why).
    """

    state: TrustState
    anchor: str
    at: str
    flaw: ChainFlaw | None = None


class DenialMethod(StrEnum):
    """How a signed zone proves that a name does not exist."""

    NSEC = "NSEC"
    NSEC3 = "NSEC3"


class Denial(Model):
    """The proof in the response for a name that nobody made, directly below the apex of a secure zone.

    ``flaw``: why it does not validate. ``iterations``, ``salt_bytes``, ``opt_out``: of NSEC3 (RFC 5155 §3.1).
    ``method`` is None where the response has neither NSEC nor NSEC3 records.
    """

    method: DenialMethod | None = None
    iterations: int = 0
    salt_bytes: int = 0
    opt_out: bool = False
    flaw: ChainFlaw | None = None


class Zone(Observation):
    """One zone: ``soa`` is None when the name is not a zone apex.

    ``ds`` and ``keys`` are the delegation and the keys that ``chain`` validates: they show which algorithms protect the
    zone. The serial in ``soa``, compared between name servers, shows which of them serve an old version. ``denial`` is
    None where the zone is not secure. ``wildcard``: a name that nobody made has an address or an alias.
    """

    kind: ClassVar[str] = "zone/3"

    name: str
    soa: Answer[Soa | None]
    servers: Answer[tuple[ZoneServer, ...]]
    ds: Answer[tuple[DelegationSigner, ...]]
    keys: Answer[tuple[ZoneKey, ...]]
    signatures: Answer[tuple[ApexSignature, ...]]
    child_ds: Answer[tuple[ChildSigner, ...]]
    child_keys: Answer[tuple[ZoneKey, ...]]
    wildcard: Answer[bool]
    denial: Answer[Denial | None]
    chain: Answer[TrustChain]


class MailHost(Model):
    """A host in the MX records of a zone's apex, with its IPv4 and IPv6 addresses.

    ``unnamed``: the addresses without a PTR record; ``unconfirmed``: those with, of whose names none leads back to the
    address (RFC 8601 §2.7.3). All are sorted.
    """

    name: str
    addresses: Answer[tuple[str, ...]]
    unnamed: Answer[tuple[str, ...]]
    unconfirmed: Answer[tuple[str, ...]]


class MailHosts(Observation):
    """The hosts that the MX records of a zone's apex name; empty: there is none, or a null MX (RFC 7505)."""

    kind: ClassVar[str] = "mail-hosts/1"

    zone: str
    hosts: Answer[tuple[MailHost, ...]]


class DelegatedServer(Model):
    """A name server in a referral, with the addresses that the parent gives for it (glue, RFC 9471 §2), sorted."""

    name: str
    glue: tuple[str, ...] = ()


class Referral(Model):
    """A parent's name server's response to the NS query of a zone; ``servers``: those that it delegates the zone to.

    ``authoritative``: the response is the zone's own, because the server serves the zone, too: it hides the delegation.
    """

    rcode: str
    authoritative: bool
    servers: tuple[DelegatedServer, ...] = ()

    @property
    def delegates(self) -> bool:
        """Whether the response is a referral to the zone's name servers (RFC 1034 §4.3.2)."""
        return self.rcode == "NOERROR" and not self.authoritative and bool(self.servers)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the servers, sorted."""
        return tuple(server.name for server in self.servers)


class ParentServer(Model):
    """One name server of the parent zone, at one of its addresses, and its response."""

    name: str
    address: str
    referral: Answer[Referral]


class Delegation(Observation):
    """What the name servers of the parent zone say about the delegation of a zone.

    ``parent``: the closest zone above, by its SOA record; ``servers``: those of it that were asked.
    """

    kind: ClassVar[str] = "delegation/1"

    zone: str
    parent: Answer[str]
    servers: Answer[tuple[ParentServer, ...]]

    @property
    def referrals(self) -> tuple[Referral, ...]:
        """The responses that delegate the zone."""
        seen = (server.referral.seen for server in self.servers.seen or ())
        return tuple(referral for referral in seen if referral is not None and referral.delegates)

    @property
    def unseen(self) -> Cause | None:
        """Why nothing is known about the delegation, where no name server of the parent answered."""
        if self.servers.unseen:
            return self.servers.unseen
        answers = [server.referral for server in self.servers.value]
        if any(answer.is_seen for answer in answers):
            return None
        return next((answer.unseen for answer in answers if answer.unseen), Cause.NOT_REACHED)


class SigningKey(Model):
    """The key tag and the IANA number of the algorithm of a key, as DS and RRSIG records name it; sorted in tuples."""

    key_tag: int
    algorithm: int


class ServerReply(Model):
    """A name server's response to the SOA query of a zone; ``serial`` is None when it has no SOA record.

    ``recursive``: the RA flag, by which a server says that it answers recursive queries (RFC 1035 §4.1.1).
    """

    rcode: str
    authoritative: bool
    recursive: bool
    serial: int | None = None

    @property
    def is_authoritative(self) -> bool:
        """Whether the server is authoritative for the zone."""
        return self.rcode == "NOERROR" and self.authoritative and self.serial is not None


class NameServer(Observation):
    """The responses of one name server at one address for one zone, by transport; None: the port is closed.

    The others are asked over UDP of a server that is authoritative there, and are records of the zone's apex, sorted;
    ``edns``: whether it responds with EDNS to a query with EDNS (RFC 6891 §7). ``mail_servers``: ``10 mx.example.vn``.
    ``recursion``: whether it resolved a name of another zone over UDP; where it says that it does (the RA flag).
    ``ttl``: seconds for which resolvers keep its NS records. ``cookies``: it answers a client cookie with its own
    (RFC 7873 §5.2). ``signers``: the keys by which its NS records are signed; ``keys``: its DNSKEY records, not asked
    for where nothing is signed.
    """

    kind: ClassVar[str] = "name-server/4"

    zone: str
    server: str
    address: str
    udp: Answer[ServerReply | None]
    tcp: Answer[ServerReply | None]
    edns: Answer[bool]
    name_servers: Answer[tuple[str, ...]]
    mail_servers: Answer[tuple[str, ...]]
    spf: Answer[tuple[str, ...]]
    ttl: Answer[int]
    cookies: Answer[bool]
    recursion: Answer[bool]
    signers: Answer[tuple[SigningKey, ...]]
    keys: Answer[tuple[SigningKey, ...]]

    @property
    def where(self) -> str:
        """Name and address, for messages."""
        return f"{self.server} ({self.address})"

    @property
    def is_authoritative(self) -> bool:
        """Whether it answers authoritatively over one of the transports."""
        return any(each.seen is not None and each.seen.is_authoritative for each in (self.udp, self.tcp))

    @property
    def is_lame(self) -> bool:
        """Whether it was seen over both transports that it does not serve the zone."""
        return self.udp.is_seen and self.tcp.is_seen and not self.is_authoritative


class NameServerExposure(Observation):
    """What one name server at one address tells anybody who asks for it.

    ``transfer``: it gives the whole zone (AXFR, RFC 5936). ``version``: what it calls its software (``version.bind``),
    None when it does not say.
    """

    kind: ClassVar[str] = "name-server-exposure/1"

    zone: str
    server: str
    address: str
    transfer: Answer[bool]
    version: Answer[str | None]

    @property
    def where(self) -> str:
        """Name and address, for messages."""
        return f"{self.server} ({self.address})"
