"""DNS questions of a scan, replayable from stored replies: one pure function states them for ``scan`` and ``parse``.

A probe of DNS facts writes one function ``facts(replies)``. Questions without a reply are noted in
``DnsReplies.pending``; ``collect_replies`` asks them and calls the function again until none is pending. ``parse``
calls the same function on the stored replies, so that both always agree.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from inspector.model.base import Answer, Cause, NotSeen
from inspector.model.errors import ScanFailure
from inspector.model.observation import FailureNote, Gap, Raw, ScanOutput

if TYPE_CHECKING:
    import dns.message
    import dns.name
    import dns.rdata
    import dns.rrset

    from inspector.network.client import Network

T = TypeVar("T")
P = ParamSpec("P")

#: RFC 8484 §6.
MEDIA_TYPE: Final = "application/dns-message"
#: The most aliases followed from one name.
ALIASES: Final = 16
#: Messages that are kept parsed: those of some dozen zones. Beyond so many bytes, only the last ones of one scan.
_PARSED_BYTES: Final = 512_000
_PARSED: Final = 128
#: The most labels of a name from which the tree is climbed.
LABELS: Final = 24
#: The default limit of questions of one scan.
DNS_QUESTIONS: Final = 128
#: Seconds for one question to all resolvers.
_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """One DNS question: a name without its final dot (the root is ``.``) and a record type."""

    name: str
    rdtype: str

    def __str__(self) -> str:
        return f"{self.name} {self.rdtype}"


class DnsReplies:
    """The replies of one scan. ``pending`` has the questions without a reply, in the order of asking."""

    def __init__(self, capture: ScanOutput) -> None:
        self._wires = {raw.name: raw.data for raw in capture.raw}
        self._gaps = {gap.question: gap.cause for gap in capture.gaps}
        self.pending: dict[Question, None] = {}

    def message(self, name: str, rdtype: str) -> dns.message.Message:
        """The reply to a question, with RCODE NOERROR or NXDOMAIN; raises NotSeen."""
        question = Question(name, rdtype)
        wire = self._wires.get(str(question))
        if wire is None:
            cause = self._gaps.get(str(question))
            if cause is None:
                self.pending[question] = None
            raise NotSeen(cause or Cause.NOT_SELECTED)
        message = parse_dns_message(wire)
        if message.rcode() not in (_NOERROR, _NXDOMAIN):
            raise NotSeen(Cause.REFUSED if message.rcode() == _REFUSED else Cause.PROTOCOL_ERROR)
        return message

    def records(self, name: str, rdtype: str) -> tuple[dns.rdata.Rdata, ...]:
        """The records at the end of the name's aliases; empty when they are absent. Raises NotSeen."""
        return _follow(self.message(name, rdtype), name, rdtype)[1]

    def closest(self, name: str, rdtype: str) -> tuple[str | None, tuple[dns.rdata.Rdata, ...]]:
        """The closest name with records of this type, the name itself or one above it, and these (RFC 8659 §3).

        None and no records where not even the top-level domain has any. Raises NotSeen.
        """
        labels = name.split(".")
        if len(labels) > LABELS:
            raise NotSeen(Cause.PROTOCOL_ERROR)
        for depth in range(len(labels)):
            above = ".".join(labels[depth:])
            records = self.records(above, rdtype)
            if records:
                return above, records
        return None, ()

    def texts(self, name: str) -> tuple[bytes, ...]:
        """The TXT records of the name, the strings of each joined (RFC 7208 §3.3). Raises NotSeen."""
        from dns.rdtypes.ANY.TXT import TXT

        return tuple(b"".join(each.strings) for each in self.records(name, "TXT") if isinstance(each, TXT))

    def addresses(self, name: str) -> tuple[str, ...]:
        """All IPv4 and IPv6 addresses of the name, sorted; both are asked at once. Raises NotSeen."""
        answers = [answer_of(self.records, name, rdtype) for rdtype in ("A", "AAAA")]
        return tuple(sorted({str(record) for answer in answers for record in answer.value}))

    def exchangers(self, name: str) -> tuple[tuple[int, str], ...]:
        """Preference and host of the MX records of the name, sorted; ``.`` is a null MX (RFC 7505). Raises NotSeen."""
        from dns.rdtypes.ANY.MX import MX

        found = {(each.preference, each.exchange) for each in self.records(name, "MX") if isinstance(each, MX)}
        return tuple(sorted((preference, dns_name_text(host)) for preference, host in found))

    def is_authenticated(self, name: str, rdtype: str) -> bool:
        """Whether the resolver says that DNSSEC authenticates the answer (RFC 4035 §3.2.3).

        Means nothing where the resolver does not validate: then the root's SOA record is not authenticated, either.
        Raises NotSeen.
        """
        import dns.flags

        return bool(self.message(name, rdtype).flags & dns.flags.AD)

    def aliases(self, name: str, rdtype: str) -> tuple[str, ...]:
        """The names that the name is an alias for, in the order followed. Raises NotSeen."""
        return _follow(self.message(name, rdtype), name, rdtype)[0]


#: RCODEs (RFC 6895 §2.3).
_NOERROR, _NXDOMAIN, _REFUSED = 0, 3, 5


class _ParsedMessages:
    """The messages that were parsed last, by their wire format."""

    def __init__(self) -> None:
        self._bytes = 0
        self._messages: OrderedDict[bytes, dns.message.Message] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, wire: bytes) -> dns.message.Message | None:
        with self._lock:
            message = self._messages.get(wire)
            if message is not None:
                self._messages.move_to_end(wire)
            return message

    def keep(self, wire: bytes, message: dns.message.Message) -> None:
        with self._lock:
            if wire not in self._messages:
                self._bytes += len(wire)
            self._messages[wire] = message
            while self._bytes > _PARSED_BYTES and len(self._messages) > _PARSED:
                oldest, _ = self._messages.popitem(last=False)
                self._bytes -= len(oldest)


_parsed = _ParsedMessages()


def parse_dns_message(wire: bytes) -> dns.message.Message:
    """The message in wire format, not to be changed; raises NotSeen when it is malformed or truncated.

    Each fact of an observation reads its messages anew, so that the last ones are kept parsed.
    """
    import dns.exception
    import dns.flags
    import dns.message

    message = _parsed.get(wire)
    if message is None:
        try:
            message = dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError):
            raise NotSeen(Cause.PROTOCOL_ERROR) from None
        _parsed.keep(wire, message)
    if message.flags & dns.flags.TC:
        raise NotSeen(Cause.PROTOCOL_ERROR)
    return message


def dns_name_text(name: dns.name.Name) -> str:
    """A name in the form of questions: lower case, without the final dot, ``.`` for the root."""
    return name.canonicalize().to_text(omit_final_dot=True)


def answer_of(fact: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Answer[T]:
    """The result of ``fact`` as an answer; unseen when it raises NotSeen."""
    try:
        return Answer(seen=fact(*args, **kwargs))
    except NotSeen as unseen:
        return Answer(unseen=unseen.cause)


def _follow(
    message: dns.message.Message, name: str, rdtype: str
) -> tuple[tuple[str, ...], tuple[dns.rdata.Rdata, ...]]:
    import dns.name
    import dns.rdataclass
    import dns.rdatatype

    owner = dns.name.from_text(name)
    kind = dns.rdatatype.from_text(rdtype)
    aliases: list[str] = []
    while len(aliases) <= ALIASES:
        rrset = message.get_rrset(message.answer, owner, dns.rdataclass.IN, kind)
        if rrset:
            return tuple(aliases), tuple(rrset)
        alias = message.get_rrset(message.answer, owner, dns.rdataclass.IN, dns.rdatatype.CNAME)
        if not alias:
            if not _is_final(message, aliased=bool(aliases)):
                raise NotSeen(Cause.PROTOCOL_ERROR)
            return tuple(aliases), ()
        owner = alias[0].target
        aliases.append(dns_name_text(owner))
    raise NotSeen(Cause.PROTOCOL_ERROR)


def _is_final(message: dns.message.Message, *, aliased: bool) -> bool:
    """Whether a reply without the records means that there are none, and is not a referral (RFC 2308 §2)."""
    import dns.flags
    import dns.rdatatype

    if message.flags & dns.flags.RA:
        return True
    has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
    return has_soa or bool(message.flags & dns.flags.AA and not aliased)


async def collect_replies(
    network: Network, facts: Callable[[DnsReplies], object], *, dnssec: bool = False, limit: int = DNS_QUESTIONS
) -> ScanOutput:
    """Ask the resolvers the questions of ``facts``, wave by wave; the result is the wire-format replies and the gaps.

    At most ``limit`` questions are asked; further ones are gaps (aborted). When no question was answered, the output
    has a failure.
    """
    raw: list[Raw] = []
    gaps: list[Gap] = []
    while True:
        replies = DnsReplies(ScanOutput(raw=tuple(raw), gaps=tuple(gaps)))
        facts(replies)
        if not replies.pending:
            failure = None if raw or not gaps else FailureNote(cause=gaps[0].cause, detail=gaps[0].detail)
            return ScanOutput(raw=tuple(raw), gaps=tuple(gaps), failure=failure)
        wanted = list(replies.pending)
        left = max(0, limit - len(raw) - len(gaps))
        for each in await asyncio.gather(*(_reply(network, one, dnssec) for one in wanted[:left])):
            if isinstance(each, Raw):
                raw.append(each)
            else:
                gaps.append(each)
        detail = f"more than {limit} questions"
        gaps += [Gap(question=str(one), cause=Cause.ABORTED, detail=detail) for one in wanted[left:]]


async def _reply(network: Network, question: Question, dnssec: bool) -> Raw | Gap:
    try:
        message = await network.query(question.name, question.rdtype, dnssec=dnssec, timeout=_SECONDS)
    except ScanFailure as failure:
        return Gap(question=str(question), cause=failure.cause, detail=failure.message)
    return raw_dns_message(str(question), message)


def raw_dns_message(name: str, message: dns.message.Message) -> Raw:
    """A message as it was received, stored under this name."""
    if message.wire is None:
        return Raw(name=name, data=message.to_wire(), media_type=MEDIA_TYPE)
    wire = bytes(message.wire)
    _parsed.keep(wire, message)
    return Raw(name=name, data=wire, media_type=MEDIA_TYPE)
