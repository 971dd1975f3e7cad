"""Pins and DNS questions, with a server that gives good and bad answers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import pytest

from inspector.declare.authorisation import Covers
from inspector.declare.settings import Settings
from inspector.model.base import Cause
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.network import Ledger, Network, resolve_and_pin, routable
from inspector.network.access.addresses import split_server
from inspector.network.resolution import _hosts_file
from inspector.record.plan import PinnedHost
from tests.core.network.addresses import DECOY, HOST, LocalGateway, authorise, make_probe, needs_raw, serving, target

ADDRESS = "127.7.0.53"


class Resolver:
    """The DNS server of the lab."""

    def __init__(self) -> None:
        script = str(Path(__file__).parent.with_name("dns_servers.py"))
        self.process = subprocess.Popen(
            [sys.executable, script, ADDRESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.settings = Settings(resolvers=(f"{ADDRESS}:{self.port}",))

    def asked(self) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        found: list[str] = json.loads(self.process.stdout.readline())
        return found


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    found = Resolver()
    yield found
    found.process.kill()
    found.process.communicate()


def pinned(folder: Path, settings: Settings, *names: str) -> tuple[PinnedHost, ...]:
    return asyncio.run(resolve_and_pin(names, settings, Ledger(folder / "ledger")))


def asking(folder: Path, settings: Settings, act: Any) -> Any:
    """Run ``act(network)`` as an infrastructure scan."""

    async def go() -> Any:
        on = LocalGateway(folder, settings=settings, granted=authorise(covers=Covers(blocks=("127.7.0.0/24",))))
        async with on.gateway:
            probe = make_probe(Intrusiveness.PASSIVE, infrastructure=True)
            return await act(on.gateway.network(probe, target(None, scheme="dns"), None))

    return asyncio.run(go())


def failure(folder: Path, settings: Settings, name: str, rdtype: str = "A", **options: Any) -> Cause:
    async def act(network: Network) -> dns.message.Message:
        return await network.query(name, rdtype, timeout=0.4, **options)

    with pytest.raises(ScanFailure) as caught:
        asking(folder, settings, act)
    return caught.value.cause


# --- pins ---


def test_names_are_pinned_with_their_aliases(tmp_path: Path, resolver: Resolver) -> None:
    """A pin has the addresses of both families, sorted, and the aliases in the order followed."""
    plain, alias, both = pinned(tmp_path, resolver.settings, "plain.dns.test", "alias.dns.test", "Both.dns.test")
    assert (plain.addresses, plain.cnames, plain.failure) == (("127.7.0.4",), (), None)
    assert (alias.addresses, alias.cnames) == (("127.7.0.5",), ("middle.dns.test", "end.dns.test"))
    assert (both.name, both.addresses) == ("Both.dns.test", ("127.7.0.6", "::1"))


def test_aliases_are_followed_step_by_step(tmp_path: Path, resolver: Resolver) -> None:
    """A resolver that gives one alias at a time is asked again."""
    (found,) = pinned(tmp_path, resolver.settings, "piece.dns.test")
    assert (found.addresses, found.cnames) == (("127.7.0.5",), ("piece2.dns.test", "end.dns.test"))


def test_an_ipv4_address_in_ipv6_form_is_the_ipv4_address(tmp_path: Path, resolver: Resolver) -> None:
    """An IPv4-mapped AAAA is pinned as the address to which packets would go."""
    (found,) = pinned(tmp_path, resolver.settings, "mapped.dns.test")
    assert found.addresses == ("127.7.0.7",)


@pytest.mark.parametrize(
    ("name", "cause", "detail"),
    [
        ("missing.dns.test", Cause.NOT_REACHED, "NXDOMAIN"),
        ("empty.dns.test", Cause.NOT_REACHED, "no A record"),
        ("broken.dns.test", Cause.PROTOCOL_ERROR, "SERVFAIL"),
        ("denied.dns.test", Cause.REFUSED, "REFUSED"),
        ("malformed.dns.test", Cause.PROTOCOL_ERROR, "malformed"),
        ("loop.dns.test", Cause.PROTOCOL_ERROR, "aliases"),
    ],
)
def test_trouble_with_a_name_is_distinguished(
    tmp_path: Path, resolver: Resolver, name: str, cause: Cause, detail: str
) -> None:
    """A name that does not exist, one without addresses, a failing resolver and nonsense each have their cause."""
    (found,) = pinned(tmp_path, resolver.settings, name)
    assert (found.addresses, found.failure) == ((), cause)
    assert detail in found.detail


def test_a_silent_resolver_is_a_timeout(tmp_path: Path, resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer about a name is a timeout; no answer about one family is reported with the other's addresses."""
    monkeypatch.setattr("inspector.network.resolution._SECONDS", 0.3)
    silent, half = pinned(tmp_path, resolver.settings, "silent.dns.test", "half.dns.test")
    assert (silent.addresses, silent.failure) == ((), Cause.TIMEOUT)
    assert (half.addresses, half.failure) == (("127.7.0.8",), None)
    assert "AAAA" in half.detail


def test_addresses_and_localhost_are_not_resolved(tmp_path: Path, resolver: Resolver) -> None:
    """An address is pinned to itself and localhost to loopback, without a question."""
    names = ("192.0.2.1", "2001:DB8::1", "localhost", "shop.localhost")
    found = pinned(tmp_path, resolver.settings, *names)
    assert [each.addresses for each in found] == [
        ("192.0.2.1",),
        ("2001:db8::1",),
        ("127.0.0.1", "::1"),
        ("127.0.0.1", "::1"),
    ]
    assert resolver.asked() == []


def test_resolving_is_on_the_ledger_as_infrastructure(tmp_path: Path, resolver: Resolver) -> None:
    """Every question to a resolver is listed apart, with resolver, name and bytes."""
    pinned(tmp_path, resolver.settings, "plain.dns.test")
    entries = list(Ledger(tmp_path / "ledger").entries())
    assert len(entries) == 2
    for entry in entries:
        assert (entry.infrastructure, entry.address, entry.port, entry.protocol) == (
            True,
            ADDRESS,
            resolver.port,
            "udp",
        )
        assert (entry.probe, entry.subject, entry.authorisation) == ("pin", "plain.dns.test", None)
        assert entry.sent > 0
        assert entry.received > 0


def test_a_dead_resolver_is_reported(tmp_path: Path) -> None:
    """A resolver that does not run refuses, which is no word about the name."""
    (dead,) = pinned(tmp_path, Settings(resolvers=("127.7.0.54:9",)), "plain.dns.test")
    assert dead.failure is Cause.REFUSED


def test_the_next_resolver_is_asked(tmp_path: Path, resolver: Resolver) -> None:
    """Where one resolver does not answer, the next does."""
    settings = Settings(resolvers=("127.7.0.54:9", *resolver.settings.resolvers))
    (found,) = pinned(tmp_path, settings, "plain.dns.test")
    assert found.addresses == ("127.7.0.4",)


def test_the_machines_own_table_is_read(tmp_path: Path) -> None:
    """A hosts table gives the addresses of a name, in any case, and ignores comments and malformed lines."""
    table = tmp_path / "hosts"
    table.write_text(
        "# x\n10.0.0.2 Shop.Test other # shop.test\n::1 shop.test\nnonsense shop.test\n\n10.0.0.3 # shop.test\n"
    )
    assert _hosts_file("shop.test", table) == ("10.0.0.2", "::1")
    assert _hosts_file("absent.test", table) == ()
    assert _hosts_file("shop.test", tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_resolvers_are_written_with_or_without_port(text: str, server: tuple[str, int]) -> None:
    """An address of either family, with a port or without, is a resolver; anything else is not."""
    assert split_server(text) == server
    for wrong in (text + "x", "example.test", "192.0.2.1:0", "192.0.2.1:99999"):
        with pytest.raises(ValueError, match=r"address|int"):
            split_server(wrong)


def test_routes_are_known_without_a_packet() -> None:
    """Loopback is routable, a name is not an address."""
    assert routable("127.0.0.1")
    assert not routable("example.test")


# --- questions ---


def test_any_rcode_is_an_answer(tmp_path: Path, resolver: Resolver) -> None:
    """NXDOMAIN, SERVFAIL and REFUSED come back as answers."""

    async def act(network: Network) -> list[dns.rcode.Rcode]:
        names = ("plain.dns.test", "missing.dns.test", "broken.dns.test", "denied.dns.test")
        return [(await network.query(name, "A")).rcode() for name in names]

    codes = asking(tmp_path, resolver.settings, act)
    assert codes == [dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED]


def test_a_cut_answer_is_asked_again_over_tcp(tmp_path: Path, resolver: Resolver) -> None:
    """An answer that UDP truncates arrives whole over TCP; the ledger has both."""

    async def act(network: Network) -> dns.message.Message:
        return await network.query("big.dns.test", "TXT")

    assert len(asking(tmp_path, resolver.settings, act).answer[0]) == 20
    assert resolver.asked() == ["udp big.dns.test TXT rd", "tcp big.dns.test TXT rd"]
    assert [entry.protocol for entry in Ledger(tmp_path / "ledger.jsonl").entries()] == ["udp", "tcp"]


def test_a_name_of_another_script_is_asked_for_as_a_labels(tmp_path: Path, resolver: Resolver) -> None:
    """Those of IDNA 2008, whoever asks."""

    async def act(network: Network) -> dns.message.Message:
        return await network.query("_dmarc.straße.dns.test", "TXT")

    asking(tmp_path, resolver.settings, act)
    pinned(tmp_path, resolver.settings, "straße.dns.test")
    assert {line.split()[1] for line in resolver.asked()} == {
        "_dmarc.xn--strae-oqa.dns.test",
        "xn--strae-oqa.dns.test",
    }


def test_a_lost_datagram_is_sent_again(tmp_path: Path, resolver: Resolver) -> None:
    """A question whose first datagram got no answer is asked once more."""

    async def act(network: Network) -> dns.message.Message:
        return await network.query("lossy.dns.test", "A", timeout=1.0)

    asking(tmp_path, resolver.settings, act)
    assert len(resolver.asked()) == 2


def test_a_name_server_is_asked_itself(tmp_path: Path, resolver: Resolver) -> None:
    """With ``server`` no recursion is asked for; with ``dnssec`` DO and CD are set."""

    async def act(network: Network) -> None:
        await network.query("plain.dns.test", "A", server=ADDRESS, port=resolver.port)
        await network.query("plain.dns.test", "A", server=ADDRESS, port=resolver.port, dnssec=True, tcp=True)
        await network.query("plain.dns.test", "DNSKEY", dnssec=True)

    asking(tmp_path, resolver.settings, act)
    assert resolver.asked() == [
        "udp plain.dns.test A",
        "tcp plain.dns.test A cd do",
        "udp plain.dns.test DNSKEY rd cd do",
    ]


def test_bad_answers_have_their_cause(tmp_path: Path, resolver: Resolver) -> None:
    """No answer, a wrong id, malformed bytes, a short message and a dead server are distinguished."""
    assert failure(tmp_path, resolver.settings, "silent.dns.test") is Cause.TIMEOUT
    assert failure(tmp_path, resolver.settings, "unrelated.dns.test") is Cause.TIMEOUT
    assert failure(tmp_path, resolver.settings, "malformed.dns.test") is Cause.PROTOCOL_ERROR
    assert failure(tmp_path, resolver.settings, "cut.dns.test") is Cause.PROTOCOL_ERROR
    assert failure(tmp_path, resolver.settings, "plain.dns.test", server="127.7.0.54", port=9) is Cause.REFUSED
    assert (
        failure(tmp_path, resolver.settings, "plain.dns.test", server="127.7.0.54", port=9, tcp=True) is Cause.REFUSED
    )
    assert failure(tmp_path, resolver.settings, "plain.dns.test", "NO-SUCH-TYPE") is Cause.BUG


def test_a_message_that_drips_is_a_timeout(tmp_path: Path, resolver: Resolver) -> None:
    """Each byte comes within the limit, the message does not: waiting for all of them would see it break off."""
    assert failure(tmp_path, resolver.settings, "dripping.dns.test", tcp=True) is Cause.TIMEOUT
    server = {"server": ADDRESS, "port": resolver.port}
    assert failure(tmp_path, resolver.settings, "dripping.dns.test", tcp=True, **server) is Cause.TIMEOUT


@pytest.mark.parametrize(
    ("server", "port", "cause"),
    [
        ("198.51.100.1", 5353, Cause.OUT_OF_SCOPE),
        ("224.0.0.251", 53, Cause.OUT_OF_SCOPE),
        ("255.255.255.255", 53, Cause.OUT_OF_SCOPE),
        ("0.0.0.0", 53, Cause.OUT_OF_SCOPE),
        ("ns.dns.test", 53, Cause.BUG),
    ],
)
def test_a_question_goes_to_name_servers_only(
    tmp_path: Path, resolver: Resolver, server: str, port: int, cause: Cause
) -> None:
    """Other machines are asked on the DNS port only, by address, one at a time."""
    assert failure(tmp_path, resolver.settings, "plain.dns.test", server=server, port=port) is cause


@needs_raw
def test_a_name_server_on_this_machine_is_asked_where_it_is_listed(tmp_path: Path, resolver: Resolver) -> None:
    """A zone may name any address as its server: one on this machine sees no packet unless it is listed."""

    async def go() -> None:
        on = LocalGateway(tmp_path, settings=resolver.settings)
        async with on.gateway:
            probe = make_probe(Intrusiveness.PASSIVE, infrastructure=True)
            network = on.gateway.network(probe, target(None, scheme="dns"), None)
            await network.query("plain.dns.test", "A", server="127.7.0.5")

    with serving("sniff", "127.7.0.5") as sniffer:
        with pytest.raises(ScanFailure, match="must be listed") as caught:
            asyncio.run(go())
        assert caught.value.cause is Cause.OUT_OF_SCOPE
        assert sniffer.report()["packets"] == []


def test_an_infrastructure_scan_sends_the_target_nothing(tmp_path: Path, resolver: Resolver) -> None:
    """A scan without authorisation asks resolvers, and may not connect to the target, scan it or run workers."""

    async def act(network: Network) -> None:
        for forbidden in _forbidden(network):
            with pytest.raises(ScanFailure) as caught:
                await forbidden
            assert caught.value.cause is Cause.NOT_AUTHORISED

    asking(tmp_path, resolver.settings, act)


def _forbidden(network: Network) -> list[Coroutine[Any, Any, Any]]:
    return [network.connect(443), network.nmap([], ports=[443], timeout=1)]


@needs_raw
def test_an_alias_that_is_not_listed_leads_nowhere(tmp_path: Path, resolver: Resolver) -> None:
    """A name with an alias that is not listed is out of scope, and the place it leads to sees no packet."""

    async def go(port: int, *names: str, blocks: tuple[str, ...] = ()) -> None:
        (found,) = await resolve_and_pin(["alias.dns.test"], resolver.settings, Ledger(tmp_path / "pins"))
        where = found.addresses[0]
        granted = authorise(covers=Covers(names=names, blocks=blocks))
        on = LocalGateway(tmp_path, f"tcp://alias.dns.test:{port}", pins=(found,), granted=granted)
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port, host="alias.dns.test", address=where), on.granted)
            await network.connect()

    with serving("quiet", "127.7.0.5") as decoy, serving("sniff", "127.7.0.5") as sniffer:
        with pytest.raises(ScanFailure) as caught:
            asyncio.run(go(decoy.port, "alias.dns.test", "middle.dns.test"))
        assert caught.value.cause is Cause.OUT_OF_SCOPE
        assert "end.dns.test" in caught.value.message
        assert sniffer.report()["packets"] == []
        with pytest.raises(ScanFailure, match="must be listed"):
            asyncio.run(go(decoy.port, "alias.dns.test", "*.dns.test"))
        assert sniffer.report()["packets"] == []
        asyncio.run(go(decoy.port, "alias.dns.test", "*.dns.test", blocks=("127.7.0.5",)))
        assert sniffer.report()["packets"] != []


@needs_raw
def test_a_second_address_is_not_asked(tmp_path: Path) -> None:
    """A scan is pointed at one pinned address; whatever it tries, another address sees no packet."""

    async def go(port: int) -> None:
        on = LocalGateway(tmp_path, f"tcp://{HOST}:{port}")
        async with on.gateway:
            network = on.gateway.network(make_probe(), target(port, address=DECOY), on.granted)
            with pytest.raises(ScanFailure) as caught:
                await network.connect()
            assert caught.value.cause is Cause.OUT_OF_SCOPE

    with serving("quiet", DECOY) as decoy, serving("sniff", DECOY) as sniffer:
        asyncio.run(go(decoy.port))
        assert sniffer.report()["packets"] == []
