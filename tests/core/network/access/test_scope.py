"""What an authorisation covers, and what it does not."""

from datetime import UTC, datetime, time, timedelta
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inspector.declare.authorisation import Authorisation, Covers, PortRange, Rates, Window
from inspector.declare.declaration import Host
from inspector.model.base import Cause
from inspector.model.declared import DeclaredPort
from inspector.model.errors import ScanFailure
from inspector.model.intrusiveness import Intrusiveness
from inspector.model.subject import Subject
from inspector.network import Scope
from inspector.network.access import time_windows as windows
from inspector.record.plan import PinnedHost
from tests.core.network import addresses
from tests.core.network.addresses import HOST, authorise, system

NOW = datetime.now(UTC)
#: An address of the Internet, which a name alone covers. No packet is sent.
ADDRESS = "193.0.14.129"
BLOCK = "193.0.14.0/24"


def subject(port: int | None, **changes: str) -> Subject:
    return addresses.subject(port, **{"address": ADDRESS, **changes})


def pinned(*at: str, **changes: Any) -> PinnedHost:
    return addresses.pinned(*(at or (ADDRESS,)), **changes)


def refusal(scope: Scope, about: Subject, **changes: object) -> Cause | None:
    """Why the scope refuses, or None."""
    asked: dict[str, object] = {"intrusiveness": Intrusiveness.POLITE, "at": NOW, "port": about.port, **changes}
    try:
        scope.permit(about, **asked)  # type: ignore[arg-type]
    except ScanFailure as failure:
        return failure.cause
    return None


def scope_of(*granted: Authorisation, endpoints: tuple[str, ...] = ("tcp://shop.test:443",), **pin: object) -> Scope:
    return Scope(granted, system(*endpoints), [pinned(**pin)])  # type: ignore[arg-type]


def covering(*names: str, **changes: object) -> Authorisation:
    return authorise(covers=Covers(names=names), **changes)


# --- names ---


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        ((HOST,), None),
        (("SHOP.test.",), None),
        (("*.test",), None),
        (("*.shop.test",), Cause.OUT_OF_SCOPE),
        (("test",), Cause.OUT_OF_SCOPE),
        (("other.test",), Cause.OUT_OF_SCOPE),
        (("*.op.test",), Cause.OUT_OF_SCOPE),
        ((), Cause.OUT_OF_SCOPE),
    ],
)
def test_a_name_covers_itself_and_a_wildcard_what_lies_below(names: tuple[str, ...], cause: Cause | None) -> None:
    """Exact names cover themselves; ``*.zone`` covers names below the zone and not the zone itself."""
    assert refusal(scope_of(covering(*names)), subject(443)) is cause


label = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8).map(lambda text: f"x{text}")
names = st.lists(label, min_size=2, max_size=4).map(".".join)


@given(names, names)
def test_coverage_is_by_whole_labels(listed: str, asked: str) -> None:
    """A listed name or wildcard covers another name only when whole labels say so."""
    about = subject(443, host=asked)
    scope = Scope([covering(listed)], system(f"tcp://{asked}:443"), [pinned(name=asked)])
    assert (refusal(scope, about) is None) == (listed == asked)
    scope = Scope([covering(f"*.{listed}")], system(f"tcp://{asked}:443"), [pinned(name=asked)])
    below = asked.split(".")[-len(listed.split(".")) :] == listed.split(".") and asked != listed
    assert (refusal(scope, about) is None) == below


def test_a_name_covers_only_what_it_was_pinned_to() -> None:
    """Another address of the same name, or a name that was not pinned, is out of scope."""
    scope = scope_of(authorise())
    assert refusal(scope, subject(443, address="193.0.14.2")) is Cause.OUT_OF_SCOPE
    assert refusal(Scope([authorise()], system("tcp://shop.test:443"), []), subject(443)) is Cause.OUT_OF_SCOPE


def test_aliases_must_be_listed_too() -> None:
    """A name with an alias covers its addresses only when that alias is listed by the same document."""
    alias = {"cnames": ("edge.cdn.test",)}
    assert refusal(scope_of(covering(HOST), **alias), subject(443)) is Cause.OUT_OF_SCOPE
    assert refusal(scope_of(covering(HOST, "*.cdn.test"), **alias), subject(443)) is None
    two = (covering(HOST), covering("edge.cdn.test", id="a-2"))
    assert refusal(scope_of(*two, **alias), subject(443)) is Cause.OUT_OF_SCOPE
    block = authorise(covers=Covers(blocks=(BLOCK,)))
    assert refusal(scope_of(block, **alias), subject(443)) is None


def test_a_later_pin_does_not_move_a_name() -> None:
    """What a name was pinned to first stays, whatever it resolves to later."""
    scope = scope_of(authorise())
    scope.learn([pinned("193.0.14.2")])
    assert refusal(scope, subject(443, address="193.0.14.2")) is Cause.OUT_OF_SCOPE
    assert refusal(scope, subject(443)) is None


# --- addresses ---


@pytest.mark.parametrize(
    ("blocks", "address", "cause"),
    [
        (("127.7.0.0/24",), "127.7.0.1", None),
        (("127.7.0.1",), "127.7.0.1", None),
        (("127.7.1.0/24",), "127.7.0.1", Cause.OUT_OF_SCOPE),
        (("2001:db8::/32",), "2001:db8::1", None),
        (("2001:db8::/32",), "2001:db9::1", Cause.OUT_OF_SCOPE),
        (("::/0",), "127.7.0.1", Cause.OUT_OF_SCOPE),
        (("::/0",), "::ffff:127.7.0.1", Cause.OUT_OF_SCOPE),
        (("127.7.0.0/24",), "::ffff:127.7.0.1", None),
    ],
)
def test_a_block_covers_its_addresses(blocks: tuple[str, ...], address: str, cause: Cause | None) -> None:
    """Blocks cover by family and prefix; an IPv4 address in IPv6 form is the IPv4 address."""
    scope = scope_of(authorise(covers=Covers(blocks=blocks)))
    assert refusal(scope, subject(443, address=address)) is cause


def test_a_name_covers_no_special_purpose_address() -> None:
    """Loopback and private addresses must be listed by the same document; the refusal tells what to write."""
    plain, embedding = ("127.0.0.1", "10.1.2.3", "::1", "fd00::1"), ("64:ff9b::a01:203", "2002:a01:203::1")
    shop = system("tcp://shop.test:443")
    for address in (*plain, *embedding, "::ffff:10.1.2.3"):
        block = address.removeprefix("::ffff:")
        other = authorise(id="other", covers=Covers(blocks=("10.9.0.0/16",)))
        with pytest.raises(ScanFailure) as caught:
            Scope([covering(HOST), other], shop, [pinned(address)]).permit(
                subject(443, address=address), intrusiveness=Intrusiveness.POLITE, at=NOW, port=443
            )
        assert caught.value.cause is Cause.OUT_OF_SCOPE
        assert f"add to covers: blocks: [{block}]" in caught.value.message
        listed = authorise(covers=Covers(names=(HOST,), blocks=(block,)))
        assert refusal(Scope([listed], shop, [pinned(address)]), subject(443, address=address)) is None


@pytest.mark.parametrize("address", ["169.254.169.254", "169.254.1.1", "fe80::1", "fd00:ec2::254", "168.63.129.16"])
def test_no_name_leads_to_link_local_or_metadata(address: str) -> None:
    """Not even where the address is listed; as an address of its own it may be."""
    listed = authorise(covers=Covers(names=(HOST,), blocks=(address,)))
    scope = Scope([listed], system("tcp://shop.test:443"), [pinned(address)])
    assert refusal(scope, subject(443, address=address)) is Cause.OUT_OF_SCOPE
    itself = subject(443, host=address, address=address)
    uri = f"tcp://[{address}]:443" if ":" in address else f"tcp://{address}:443"
    assert refusal(Scope([listed], system(uri), []), itself) is None
    with pytest.raises(ScanFailure, match="no name may lead"):
        scope.admit_infrastructure("ns.test", address, NOW)


def test_name_servers_at_special_addresses_must_be_listed() -> None:
    """A name server of the Internet may be asked by anyone, one on this machine's network only where it is listed."""
    scope = scope_of(authorise(covers=Covers(blocks=("10.0.0.0/8",))))
    scope.admit_infrastructure("ns.test", "193.0.14.129", NOW)
    scope.admit_infrastructure("ns.test", "10.0.0.53", NOW)
    for address in ("127.0.0.1", "192.168.0.1", "::1"):
        with pytest.raises(ScanFailure, match="must be listed") as caught:
            scope.admit_infrastructure("ns.test", address, NOW)
        assert caught.value.cause is Cause.OUT_OF_SCOPE


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_blocks_are_prefixes(base: int, other: int, length: int) -> None:
    """An IPv4 address is covered exactly when it shares the prefix."""
    scope = scope_of(authorise(covers=Covers(blocks=(str(IPv4Network((base, length), strict=False)),))))
    same = base >> (32 - length) == other >> (32 - length)
    assert (refusal(scope, subject(443, address=str(IPv4Address(other)))) is None) == same


@pytest.mark.parametrize(
    "asked",
    [{"sweep": True}, {"intrusiveness": Intrusiveness.INTRUSIVE}],
    ids=["sweep", "intrusive"],
)
def test_what_a_name_cannot_grant_needs_the_address(asked: dict[str, object]) -> None:
    """Sweeps and intrusive scans need the address listed."""
    by_name = authorise(intrusiveness=Intrusiveness.INTRUSIVE)
    assert refusal(scope_of(by_name), subject(443), **asked) is Cause.OUT_OF_SCOPE
    by_block = authorise(intrusiveness=Intrusiveness.INTRUSIVE, covers=Covers(blocks=(ADDRESS,)))
    assert refusal(scope_of(by_block), subject(443), **asked) is None


def test_udp_needs_the_address() -> None:
    """A UDP service is covered only by its address."""
    udp = subject(123, scheme="udp")
    endpoints = ("udp://shop.test:123",)
    assert refusal(scope_of(authorise(), endpoints=endpoints), udp) is Cause.OUT_OF_SCOPE
    block = authorise(covers=Covers(blocks=(ADDRESS,)))
    assert refusal(scope_of(block, endpoints=endpoints), udp) is None


# --- ports ---


def test_declared_ports_are_covered_and_no_others() -> None:
    """Without ports in the document, those of declared hosts and endpoints of this very host are covered."""
    host = Host(name=HOST, ports=(DeclaredPort(port=22),))
    other = Host(name="other.test", ports=(DeclaredPort(port=5432),))
    by_address = Host(name=ADDRESS, ports=(DeclaredPort(port=8080),))
    shop = system("https://shop.test/a?b", "http://shop.test/", "tcp://shop.test:9", hosts=(host, other, by_address))
    scope = Scope([authorise()], shop, [pinned()])
    asked = subject(9)
    covered = [port for port in (9, 22, 80, 443, 5432, 8080, 8443) if refusal(scope, asked, port=port) is None]
    assert covered == [9, 22, 80, 443, 8080]


@pytest.mark.parametrize(
    ("endpoint", "cause"),
    [
        ("https://shop.test/", None),
        ("https://shop.test:8443/", Cause.OUT_OF_SCOPE),
        ("tls://shop.test:443", Cause.OUT_OF_SCOPE),
    ],
)
def test_port_80_is_declared_beside_https_on_443(endpoint: str, cause: Cause | None) -> None:
    """Whether port 80 only redirects to a declared page may be asked, unless the document names other ports."""
    assert refusal(scope_of(authorise(), endpoints=(endpoint,)), subject(80)) is cause
    named = authorise(covers=Covers(names=(HOST,), ports=(PortRange(first=443, last=443),)))
    assert refusal(scope_of(named, endpoints=(endpoint,)), subject(80)) is Cause.OUT_OF_SCOPE


def test_a_scheme_whose_port_only_its_plugin_knows() -> None:
    """An endpoint written without a port covers the port that its scan was planned with."""
    smtp = Subject(kind=subject(25).kind, uri="smtp://shop.test", scheme="smtp", host=HOST, port=25, address=ADDRESS)
    scope = scope_of(authorise(), endpoints=("smtp://shop.test",))
    assert refusal(scope, smtp) is None
    assert refusal(scope, smtp, port=26) is Cause.OUT_OF_SCOPE
    assert refusal(scope_of(authorise(), endpoints=("smtp://else.test",)), smtp) is Cause.OUT_OF_SCOPE


def test_a_mail_server_is_declared_at_port_25() -> None:
    """An smtp endpoint without a port declares port 25 of its host for other scans as well."""
    scope = scope_of(covering(HOST), endpoints=(f"smtp://{HOST}",))
    assert refusal(scope, subject(25)) is None
    assert refusal(scope, subject(587)) is Cause.OUT_OF_SCOPE


def test_ports_of_the_document_replace_the_declared_ones() -> None:
    """With ports in the document, those are covered, also in a sweep, and declared ones are not."""
    ports = (PortRange(first=1000, last=2000),)
    scope = scope_of(authorise(covers=Covers(names=(HOST,), blocks=(ADDRESS,), ports=ports)))
    for sweep in (False, True):
        assert refusal(scope, subject(443), sweep=sweep) is Cause.OUT_OF_SCOPE
        assert refusal(scope, subject(443), port=1500, sweep=sweep) is None


def test_a_sweep_asks_undeclared_ports() -> None:
    """A listed address may be swept over undeclared ports."""
    scope = scope_of(authorise(covers=Covers(blocks=(ADDRESS,))))
    assert refusal(scope, subject(443), port=6379, sweep=True) is None
    assert refusal(scope, subject(443), port=6379) is Cause.OUT_OF_SCOPE


def closed_now() -> Window:
    """An hour that is twelve hours away."""
    away = NOW + timedelta(hours=12)
    return Window(start=away.time(), end=(away + timedelta(hours=1)).time(), timezone="UTC")


# --- intrusiveness, validity, choice ---


def test_intrusiveness_is_bounded() -> None:
    """A scan above the granted intrusiveness is not authorised; one below it is."""
    block = Covers(blocks=(ADDRESS,))
    assert (
        refusal(scope_of(authorise(covers=block)), subject(443), intrusiveness=Intrusiveness.INTRUSIVE)
        is Cause.NOT_AUTHORISED
    )
    passive = authorise(covers=block, intrusiveness=Intrusiveness.PASSIVE)
    assert refusal(scope_of(passive), subject(443)) is Cause.NOT_AUTHORISED
    assert refusal(scope_of(passive), subject(443), intrusiveness=Intrusiveness.PASSIVE) is None


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)], ids=["expired", "not yet valid"])
def test_an_authorisation_that_is_not_valid_covers_nothing(days: tuple[int, int]) -> None:
    """Outside its validity an authorisation permits nothing, and neither does none at all."""
    first, last = (NOW + timedelta(days=each) for each in days)
    scope = scope_of(authorise(valid_from=first, valid_until=last))
    assert refusal(scope, subject(443)) is Cause.NOT_AUTHORISED
    assert refusal(scope_of(), subject(443)) is Cause.NOT_AUTHORISED


def test_the_trouble_tells_how_near_one_came() -> None:
    """Of several documents that refuse, the one that fits best gives the reason."""
    elsewhere = covering("other.test", id="b")
    closed = authorise(id="a", windows=(closed_now(),))
    expired = authorise(id="c", valid_until=NOW - timedelta(minutes=5))
    assert refusal(scope_of(elsewhere, expired), subject(443)) is Cause.OUT_OF_SCOPE
    assert refusal(scope_of(closed, elsewhere, expired), subject(443)) is Cause.OUTSIDE_WINDOW


def test_every_packet_falls_under_one_authorisation() -> None:
    """Half a permission from each of two documents is none, and of two whole ones the first by id is named."""
    name_only = authorise(id="b", covers=Covers(names=(HOST,), ports=(PortRange(first=80, last=80),)))
    port_only = authorise(id="a", covers=Covers(names=("other.test",), ports=(PortRange(first=443, last=443),)))
    assert refusal(scope_of(name_only, port_only), subject(443)) is Cause.OUT_OF_SCOPE
    whole = scope_of(authorise(id="z"), authorise(id="m"), authorise(id="q"))
    assert whole.permit(subject(443), intrusiveness=Intrusiveness.POLITE, at=NOW, port=443).id == "m"


# --- hours ---


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+07:00")


NIGHT = Window(days=(1, 2, 3, 4, 5), start=time(22), end=time(4))  # Monday to Friday evening, Asia/Ho_Chi_Minh


def nightly(**changes: object) -> Authorisation:
    span = {"valid_from": at("2026-11-01T00:00:00"), "valid_until": at("2026-12-01T00:00:00")}
    return authorise(**{"windows": (NIGHT,), **span, **changes})


@pytest.mark.parametrize(
    ("instant", "open_"),
    [
        ("2026-11-20T21:59:59", False),  # a Friday
        ("2026-11-20T22:00:00", True),
        ("2026-11-21T03:59:59", True),
        ("2026-11-21T04:00:00", False),
        ("2026-11-21T23:00:00", False),  # Saturday
        ("2026-11-23T01:00:00", False),  # Monday before dawn belongs to Sunday
        ("2026-11-24T01:00:00", True),
    ],
)
def test_hours_over_midnight_belong_to_the_day_they_began_on(instant: str, open_: bool) -> None:
    """A window over midnight is open until its end on the next day, in its own time zone, end excluded."""
    assert windows.is_open(nightly(), at(instant).astimezone(UTC)) is open_


def test_when_it_closes_and_opens_next() -> None:
    """The end of the open interval and the next beginning are known; validity limits both."""
    scope = scope_of(nightly())
    assert scope.window_closes(at("2026-11-20T23:00:00")) == at("2026-11-21T04:00:00")
    assert scope.window_closes(at("2026-11-21T05:00:00")) is None
    assert scope.opens_next(at("2026-11-21T05:00:00")) == at("2026-11-23T22:00:00")
    assert scope.opens_next(at("2026-11-20T23:00:00")) == at("2026-11-20T23:00:00")
    assert scope.opens_next(at("2026-10-01T00:00:00")) == at("2026-11-02T22:00:00")
    assert scope.opens_next(at("2026-12-02T00:00:00")) is None
    short = scope_of(nightly(valid_until=at("2026-11-21T00:30:00")))
    assert short.window_closes(at("2026-11-20T23:00:00")) == at("2026-11-21T00:30:00")


def test_a_window_round_the_clock_never_closes_before_the_document_does() -> None:
    """A day is whole from 00:00 to 23:59:59, and adjacent days are one interval."""
    whole = Window(start=time(0), end=time(23, 59, 59))
    scope = scope_of(nightly(windows=(whole,)))
    assert scope.window_closes(at("2026-11-05T00:00:00")) == at("2026-12-01T00:00:00")


def test_summer_time_is_the_zones() -> None:
    """Hours are those of the wall clock in the window's own time zone."""
    berlin = Window(start=time(9), end=time(17), timezone="Europe/Berlin")
    year = authorise(
        windows=(berlin,), valid_from=datetime(2026, 1, 1, tzinfo=UTC), valid_until=datetime(2027, 1, 1, tzinfo=UTC)
    )
    assert windows.is_open(year, datetime(2026, 7, 1, 7, 30, tzinfo=UTC))
    assert not windows.is_open(year, datetime(2026, 12, 1, 7, 30, tzinfo=UTC))


LOCAL = datetime(2026, 1, 1)  # noqa: DTZ001  (bounds are naive, values are not)


@given(
    st.datetimes(LOCAL, LOCAL + timedelta(days=366), timezones=st.just(UTC)),
    st.times(),
    st.times(),
    st.sets(st.integers(1, 7), min_size=1),
    st.sampled_from(["Asia/Ho_Chi_Minh", "America/New_York", "Pacific/Kiritimati", "UTC"]),
)
def test_closing_and_opening_agree_with_being_open(
    instant: datetime, start: time, end: time, days: set[int], zone: str
) -> None:
    """``is_open``, ``closes`` and ``opens_next`` never contradict one another."""
    span = {"valid_from": datetime(2020, 1, 1, tzinfo=UTC), "valid_until": datetime(2030, 1, 1, tzinfo=UTC)}
    assume(start != end)
    granted = authorise(windows=(Window(days=tuple(days), start=start, end=end, timezone=zone),), **span)
    shuts, opens = windows.closes([granted], instant), windows.opens_next([granted], instant)
    if windows.is_open(granted, instant):
        assert opens == instant
        assert shuts is not None
        assert shuts > instant
        assert not windows.is_open(granted, shuts)
    else:
        assert shuts is None
        assert opens is not None
        assert windows.is_open(granted, opens)


# --- further authorisations -----------------------------------------------------------------------------------------


LATER = Window(start=(NOW + timedelta(hours=2)).time(), end=(NOW + timedelta(hours=3)).time(), timezone="UTC")


def both(one: Authorisation, *groups: tuple[Authorisation, ...]) -> Scope:
    return Scope([one], system("tcp://shop.test:443"), [pinned()], groups)


@pytest.mark.parametrize(
    ("further", "asked", "cause"),
    [
        ({}, {}, None),
        ({"covers": Covers(names=("other.test",))}, {}, Cause.OUT_OF_SCOPE),
        ({"covers": Covers(blocks=(f"{ADDRESS}/32",))}, {}, None),
        ({"covers": Covers(names=(HOST,), ports=(PortRange(first=80, last=80),))}, {}, Cause.OUT_OF_SCOPE),
        ({"intrusiveness": Intrusiveness.PASSIVE}, {}, Cause.NOT_AUTHORISED),
        ({"valid_from": NOW - timedelta(2), "valid_until": NOW - timedelta(1)}, {}, Cause.NOT_AUTHORISED),
        (
            {
                "windows": (
                    Window(
                        start=(NOW + timedelta(hours=2)).time(), end=(NOW + timedelta(hours=3)).time(), timezone="UTC"
                    ),
                )
            },
            {},
            Cause.OUTSIDE_WINDOW,
        ),
        ({"covers": Covers(names=(HOST,))}, {"sweep": True}, Cause.OUT_OF_SCOPE),
    ],
    ids=["same", "name", "block", "port", "intrusiveness", "validity", "window", "sweep"],
)
def test_the_stricter_of_two_authorisations_holds(
    further: dict[str, object], asked: dict[str, object], cause: Cause | None
) -> None:
    """Whatever is sent falls under the first authorisation and under one of each group given later."""
    wide = authorise(covers=Covers(names=(HOST,), blocks=(f"{ADDRESS}/32",)))
    assert refusal(both(wide), subject(443), **asked) is None
    narrow = authorise(**{"covers": wide.covers, "id": "narrow", **further})
    assert refusal(both(wide, (narrow,)), subject(443), **asked) is cause
    assert refusal(both(wide, (narrow, wide)), subject(443), **asked) is None
    assert refusal(both(wide, (wide,), (narrow,)), subject(443), **asked) is cause
    assert refusal(both(narrow, (wide,)), subject(443), **asked) is cause


def test_the_slower_of_two_rates_holds() -> None:
    """Each limit is the smallest that any authorisation names."""
    fast = authorise(rates=Rates(connections_per_second=9, burst=20, at_once=2, port_questions_per_second=500))
    slow = authorise(rates=Rates(connections_per_second=3, burst=30, at_once=5, port_questions_per_second=100))
    [kept] = both(fast, (slow,)).authorisations
    assert kept.rates == Rates(connections_per_second=3, burst=20, at_once=2, port_questions_per_second=100)


def test_a_window_of_two_authorisations_is_their_overlap() -> None:
    """It opens with the later and closes with the earlier of both."""

    def daily(start: int, end: int) -> Authorisation:
        at = datetime(2026, 1, 5, tzinfo=UTC)
        window = Window(start=time(start), end=time(end), timezone="UTC")
        return authorise(valid_from=at, valid_until=at + timedelta(90), windows=(window,))

    at = datetime(2026, 2, 2, 6, tzinfo=UTC)
    scope = both(daily(8, 12), (daily(10, 14),))
    assert scope.opens_next(at) == at.replace(hour=10)
    assert scope.window_closes(at.replace(hour=11)) == at.replace(hour=12)
    assert scope.window_closes(at.replace(hour=9)) is None
    assert both(daily(8, 12), (daily(12, 14),)).opens_next(at) is None
