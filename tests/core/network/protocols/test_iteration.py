"""Iterative resolution of what servers answer, honest or hostile; tests/line/test_zones.py resolves from real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest

from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.network.access.scope import admit_name_server
from inspector.network.protocols import iteration
from inspector.network.protocols.iteration import Iteration
from inspector.network.zone_servers import Address, KnownZones, ZoneServers

ROOT, TOP, OWN, OTHER = ("11.0.0.1", 53), ("11.0.1.1", 53), ("11.0.2.1", 53), ("11.0.3.1", 53)
Answer = Callable[[dns.message.Message], dns.message.Message]


def says(*lines: str, rcode: int = dns.rcode.NOERROR) -> Answer:
    """A server's reply: lines of ``section owner type data``; authoritative with an answer or a SOA record."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(rcode)
        for line in lines:
            section, owner, rdtype, text = line.split(" ", 3)
            kind = dns.rdatatype.from_text(rdtype)
            rrset = reply.find_rrset(
                getattr(reply, section), dns.name.from_text(owner), dns.rdataclass.IN, kind, create=True
            )
            rrset.add(dns.rdata.from_text(dns.rdataclass.IN, kind, text), 60)
        if any(line.startswith("answer") or " SOA " in line for line in lines):
            reply.flags |= dns.flags.AA
        return reply

    return answer


def refers(zone: str, host: str, address: str = "") -> Answer:
    """A referral."""
    glue = [f"additional {host} A {address}"] if address else []
    return says(f"authority {zone} NS {host}", *glue)


class Servers:
    """Servers by address; ``asked`` has the questions."""

    def __init__(self, answers: Mapping[Address, Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str, str]] = []
        self.zones = KnownZones()

    async def ask(
        self, name: dns.name.Name, rdtype: dns.rdatatype.RdataType, server: Address, _seconds: float
    ) -> dns.message.Message:
        self.asked.append((server[0], name.to_text(), rdtype.name))
        if server not in self.answers:
            raise ScanFailure(Cause.TIMEOUT, "silent")
        return self.answers[server](dns.message.make_query(name, rdtype))

    async def reply(self, name: str, rdtype: str = "A") -> dns.message.Message:
        """The reply to a question."""
        work = Iteration(self.ask, admit_name_server, (ROOT,), self.zones)
        return await work.resolve(dns.message.make_query(name, rdtype))


HONEST = {
    ROOT: refers("vn.", "a.dns.vn.", TOP[0]),
    TOP: refers("good.vn.", "ns.good.vn.", OWN[0]),
    OWN: says("answer www.good.vn. A 11.9.9.9"),
}


async def test_referrals_are_followed_from_the_root() -> None:
    """Each zone's server is asked once, and a second name of the zone needs its own server alone."""
    servers = Servers(HONEST)
    reply = await servers.reply("www.good.vn.")
    assert [str(each) for each in reply.answer] == ["www.good.vn. 60 IN A 11.9.9.9"]
    assert reply.flags & dns.flags.RA
    assert [address for address, _, _ in servers.asked] == [ROOT[0], TOP[0], OWN[0]]
    await servers.reply("www.good.vn.", "AAAA")
    assert [address for address, _, _ in servers.asked[3:]] == [OWN[0]]


async def test_ds_records_are_asked_of_the_parent() -> None:
    """The zone's own server does not have them (RFC 4035 §3.1.4.1)."""
    servers = Servers({**HONEST, TOP: says("answer good.vn. DS 1 13 2 " + "AB" * 32)})
    servers.zones.learn(dns.name.from_text("good.vn."), ZoneServers((("ns.good.vn", OWN),)), 0.0)
    await servers.reply("good.vn.", "DS")
    assert [address for address, _, _ in servers.asked] == [ROOT[0], TOP[0]]


async def test_an_alias_into_another_zone_is_asked_of_its_own_servers() -> None:
    """What a server says of names outside its zone is not taken."""
    top = {
        "good.vn.": refers("good.vn.", "ns.good.vn.", OWN[0]),
        "bank.vn.": refers("bank.vn.", "ns.bank.vn.", OTHER[0]),
    }
    servers = Servers(
        {
            ROOT: HONEST[ROOT],
            TOP: lambda query: top["bank.vn." if "bank" in str(query.question[0].name) else "good.vn."](query),
            OWN: says("answer www.good.vn. CNAME www.bank.vn.", "answer www.bank.vn. A 11.6.6.6"),
            OTHER: says("answer www.bank.vn. A 11.9.9.9"),
        }
    )
    reply = await servers.reply("www.good.vn.")
    assert [str(each) for each in reply.answer] == [
        "www.good.vn. 60 IN CNAME www.bank.vn.",
        "www.bank.vn. 60 IN A 11.9.9.9",
    ]


async def test_glue_counts_below_the_referring_zone_only() -> None:
    """The servers of vn cannot say where a name below test is."""
    servers = Servers({ROOT: HONEST[ROOT], TOP: refers("good.vn.", "ns.bank.test.", OWN[0]), OWN: HONEST[OWN]})
    reply = await servers.reply("www.good.vn.")
    assert reply.rcode() == dns.rcode.SERVFAIL
    assert OWN[0] not in {address for address, _, _ in servers.asked}


@pytest.mark.parametrize(
    "answer",
    [
        says(rcode=dns.rcode.REFUSED),
        says(rcode=dns.rcode.SERVFAIL),
        says(),
        refers(".", "a.root.", ROOT[0]),
        refers("vn.", "a.dns.vn.", TOP[0]),
        refers("other.vn.", "ns.other.vn.", OTHER[0]),
    ],
    ids=["refused", "servfail", "empty", "upwards", "same-zone", "sideways"],
)
async def test_a_lame_server_leads_to_servfail(answer: Answer) -> None:
    """As of a resolver: nobody answers, and no other zone's servers are asked."""
    servers = Servers({**HONEST, OWN: answer})
    assert (await servers.reply("www.good.vn.")).rcode() == dns.rcode.SERVFAIL
    assert len(servers.asked) == 3


async def test_the_next_server_answers() -> None:
    """A silent server and one at a private address are passed over."""
    top = says(
        "authority good.vn. NS ns.good.vn.",
        *(f"additional ns.good.vn. A {each}" for each in ("11.7.7.7", "10.1.1.1", "127.0.0.1", OWN[0])),
    )
    servers = Servers({**HONEST, TOP: top})
    assert (await servers.reply("www.good.vn.")).answer
    assert not {"10.1.1.1", "127.0.0.1"} & {address for address, _, _ in servers.asked}


async def test_silence_is_a_timeout() -> None:
    """Nobody responds at all: the vantage may be the cause."""
    with pytest.raises(ScanFailure) as raised:
        await Servers({ROOT: HONEST[ROOT]}).reply("www.good.vn.")
    assert raised.value.cause is Cause.TIMEOUT


def deeper(query: dns.message.Message) -> dns.message.Message:
    """A referral to a zone one label longer than the last."""
    name = query.question[0].name
    depth = deeper_depth.setdefault(name, 1)
    deeper_depth[name] = depth + 1
    return refers(name.split(min(depth + 1, len(name)))[1].to_text(), "ns.vn.", ROOT[0])(query)


deeper_depth: dict[dns.name.Name, int] = {}


def many_names(query: dns.message.Message) -> dns.message.Message:
    """A referral to many servers without addresses, each below a zone of its own (CVE-2020-8616)."""
    name = query.question[0].name
    zone = name.split(min(3, len(name)))[1].to_text()
    return says(*(f"authority {zone} NS ns.{number}.vn." for number in range(400)))(query)


def endless_alias(query: dns.message.Message) -> dns.message.Message:
    """Each name is an alias of a longer one."""
    name = query.question[0].name.to_text()
    return says(f"answer {name} CNAME a.{name}")(query)


def own_alias(query: dns.message.Message) -> dns.message.Message:
    """A name that is its own alias."""
    name = query.question[0].name.to_text()
    return says(f"answer {name} CNAME {name}")(query)


@pytest.mark.parametrize("answer", [deeper, many_names, endless_alias, own_alias], ids=lambda each: each.__name__)
async def test_hostile_servers_cause_bounded_work(answer: Answer) -> None:
    """They get no more questions than one resolution may take, and no answer comes of it."""
    deeper_depth.clear()
    servers = Servers({ROOT: answer})
    name = ".".join(f"l{number}" for number in range(30)) + ".vn."
    outcome: object = None
    try:
        outcome = (await servers.reply(name)).rcode()
    except ScanFailure as failure:
        outcome = failure.cause
    assert outcome in (dns.rcode.SERVFAIL, Cause.ABORTED, Cause.TIMEOUT)
    assert 1 <= len(servers.asked) <= iteration.QUESTIONS


def test_old_referrals_are_asked_again() -> None:
    """What is remembered is bounded in time and number."""
    zones, servers = KnownZones(), ZoneServers((("ns", OWN),))
    zones.learn(dns.name.from_text("vn."), servers, 0.0)
    assert zones.closest(dns.name.from_text("a.vn."), 599.0) == (dns.name.from_text("vn."), servers)
    assert zones.closest(dns.name.from_text("a.vn."), 601.0) is None
    for number in range(3_000):
        zones.learn(dns.name.from_text(f"{number}.test."), servers, 700.0)
    assert zones.closest(dns.name.from_text("2999.test."), 700.0)
    assert zones.closest(dns.name.from_text("0.test."), 700.0) is None
