"""The UDP probes against real servers in a namespace of their own, and against firewalls and servers that mislead."""

import json
import subprocess
import sys
import textwrap
from base64 import urlsafe_b64decode
from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from inspector import Answer, Cause, Check, Declared, Observation, Outcome, ScanFailure, ScanOutput, SubjectResult
from inspector.declare.authorisation import Covers, PortRange
from inspector.model.declared import DeclaredPort
from inspector_services import inspector_checks, udp_probes
from inspector_services.udp_observations import (
    Handling,
    UdpExposure,
    UdpPort,
    UdpProtocol,
    UdpReply,
    UdpServices,
    UdpState,
)
from inspector_services.udp_probes import ATTEMPTS, udp_exposure, udp_services
from inspector_services.udp_questions import BY_PORT, CHECKED_PORTS
from tests.plugins.inspector_services.scanning import AUTHORISATION, INTRUSIVE, host, read, scan
from tests.plugins.inspector_services.servers import installed
from tests.plugins.inspector_services.udp_servers import (
    ADDRESS,
    Namespace,
    exposed,
    namespace,
    needs_root,
    orderly,
    prohibited,
    scripted,
    silent,
)

CHECKS: dict[str, Check] = {each.id: each for each in inspector_checks()}


def declaring(*ports: str) -> Declared:
    return Declared(host_declared=True, ports=tuple(DeclaredPort.model_validate(port) for port in ports))


def output_of(space: Namespace, *declared: str, whole_list: bool = False, **changes: Any) -> ScanOutput:
    """The output of the polite probe in a namespace."""
    target = host(ADDRESS)
    target = type(target)(target.subject, declaring(*declared))
    return space.call(lambda: scan(udp_services, target, whole_list=whole_list, **changes))


def services_at(space: Namespace, *declared: str, whole_list: bool = False) -> UdpServices:
    seen: UdpServices = read(udp_services, output_of(space, *declared, whole_list=whole_list), host(ADDRESS))
    return seen


def exposure_at(space: Namespace, services: UdpServices) -> UdpExposure:
    target = host(ADDRESS)
    output = space.call(lambda: scan(udp_exposure, target, services, authorisation=INTRUSIVE))
    seen: UdpExposure = read(udp_exposure, output, target)
    return seen


def outcome(check: str, *seen: Observation | Declared) -> Outcome:
    subject = host(ADDRESS).subject
    inputs = [SubjectResult(subject, each) if isinstance(each, Observation) else each for each in seen]
    return CHECKS[check].evaluate(inputs, {}).outcome


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a short time for answers that do not come, and for ICMP errors that are limited for good."""
    monkeypatch.setattr(udp_probes, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(udp_probes, "ICMP_SECONDS", 0.2)


@pytest.fixture(scope="module")
def open_host() -> Iterator[Namespace]:
    with exposed() as space:
        yield space


@pytest.fixture(scope="module")
def asked_by_nmap(open_host: Namespace) -> Iterator[subprocess.Popen[str]]:
    """nmap with version detection, which works while other tests do."""
    ports = ",".join(map(str, BY_PORT))
    limits = ("--version-light", "--max-retries", "1", "--max-rtt-timeout", "500ms")
    command = [installed("nmap"), "-n", "-Pn", "-sU", "-sV", *limits, "-p", ports, "-oX", "-", ADDRESS]
    with open_host.start(*command) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def seen_open(open_host: Namespace) -> UdpServices:
    return services_at(open_host, whole_list=True)


@pytest.mark.usefixtures("asked_by_nmap")
def test_every_server_is_identified(seen_open: UdpServices) -> None:
    """Each of Debian's servers is recognised by its protocol; a port without a server is closed."""
    found = {port: seen_open.answer(port).value.protocol for port in seen_open.open}
    without = {UdpProtocol.CLDAP, UdpProtocol.QUIC, UdpProtocol.SSDP}
    expected = {port: each[0].protocol for port, each in BY_PORT.items() if each[0].protocol not in without}
    assert found == expected
    assert {port for port in BY_PORT if seen_open.state(port).seen is UdpState.CLOSED} == {389, 443, 1900}


def test_an_open_host_fails(open_host: Namespace, seen_open: UdpServices) -> None:
    """From the questions to the verdicts: a resolver, NTP, SNMP and amplifiers that answer a stranger."""
    exposure = exposure_at(open_host, seen_open)
    assert exposure == UdpExposure.model_validate(
        {
            "recursion": {"seen": "answered"},
            "ntp_control": {"seen": "answered"},
            "ntp_monitor": {"seen": "ignored"},
            "snmp_v1": {"seen": "answered"},
            "snmp_v2c": {"seen": "answered"},
        }
    )
    failing = ("no-open-resolver", "ntp-control-not-answered", "no-snmp-public-community", "no-cleartext-snmp")
    assert {outcome(check, exposure) for check in failing} == {Outcome.FAIL}
    assert outcome("no-amplifier-reachable", seen_open) is Outcome.FAIL
    assert outcome("udp-ports-only-declared", seen_open, declaring("53/udp")) is Outcome.FAIL
    assert outcome("declared-udp-ports-open", seen_open, declaring("53/udp", "500/udp")) is Outcome.PASS


def test_a_host_in_order_passes() -> None:
    """A resolver that refuses, NTP that ignores control questions, SNMP without communities."""
    with orderly() as space:
        seen = services_at(space, "53/udp", "123/udp", "161/udp")
        exposure = exposure_at(space, seen)
    assert exposure.recursion.value is Handling.REFUSED
    assert {exposure.ntp_control.value, exposure.snmp_v1.value, exposure.snmp_v2c.value} == {Handling.IGNORED}
    passing = ("no-open-resolver", "ntp-control-not-answered", "no-snmp-public-community")
    assert {outcome(check, exposure) for check in passing} == {Outcome.PASS}
    assert outcome("no-cleartext-snmp", exposure) is Outcome.INCONCLUSIVE
    assert outcome("no-amplifier-reachable", seen) is Outcome.PASS
    assert outcome("udp-ports-only-declared", seen, declaring("53/udp", "123/udp", "161/udp")) is Outcome.PASS
    assert outcome("udp-ports-only-declared", seen, declaring("53/udp", "161/udp")) is Outcome.FAIL


def test_names_of_hosts_are_not_kept(open_host: Namespace) -> None:
    """What servers say about themselves beyond their protocol stays out of the evidence."""
    stored = output_of(open_host, whole_list=True).named("udp.json") or b""
    replies = b"".join(urlsafe_b64decode(reply) for port in json.loads(stored)["ports"] for reply in port["replies"])
    assert b"VERSION 1.6" in replies
    for name in (b"LAB", b"TEST", b"kamailio", b"hostmaster"):
        assert name not in replies


def test_a_closed_resolver_beside_an_open_agent_is_told_apart(open_host: Namespace, seen_open: UdpServices) -> None:
    """Ports that were seen closed get no intrusive question."""
    closed = seen_open.model_copy(
        update={
            "ports": tuple(
                each.model_copy(update={"answer": seen_open.answer(389)}) if each.port == 53 else each
                for each in seen_open.ports
            )
        }
    )
    target = host(ADDRESS)
    output = open_host.call(lambda: scan(udp_exposure, target, closed, authorisation=INTRUSIVE))
    asked = {each["name"]: each["sent"] for each in json.loads(output.named("udp.json") or b"")["questions"]}
    assert asked["recursion"] == ""
    assert read(udp_exposure, output, target).recursion.value is Handling.CLOSED


#: What nmap calls the protocols.
NMAP_NAMES = {
    "domain": UdpProtocol.DNS,
    "isakmp": UdpProtocol.IKE,
    "mdns": UdpProtocol.MDNS,
    "zeroconf": UdpProtocol.MDNS,
    "coap": UdpProtocol.COAP,
}


def test_nmap_agrees(asked_by_nmap: subprocess.Popen[str], seen_open: UdpServices) -> None:
    """nmap's UDP scan with version detection finds the same ports open and closed, and the same protocols."""
    printed, _ = asked_by_nmap.communicate(timeout=300)
    root = ET.fromstring(printed)
    states: dict[int, str] = {}
    names: dict[int, UdpProtocol] = {}
    for port in root.iter("port"):
        number, state, service = int(port.get("portid", "0")), port.find("state"), port.find("service")
        assert state is not None
        states[number] = state.get("state", "")
        if service is not None and service.get("method") == "probed":
            name = service.get("name", "")
            names[number] = NMAP_NAMES.get(name) or UdpProtocol(name)
    for port in root.iter("extraports"):
        assert port.get("state") == "closed"
    assert {port for port, state in states.items() if state == "open"} <= set(seen_open.open)
    assert {port for port in BY_PORT if states.get(port, "closed") == "closed"} == set(BY_PORT) - set(seen_open.open)
    assert names.items() <= {port: seen_open.answer(port).value.protocol for port in seen_open.open}.items()
    assert len(names) >= 8


#: How many times as long as the question its answer may be; that of a NetBIOS node has a table of names.
AMPLIFICATION = {137: 4.0}


def test_no_question_is_amplified(open_host: Namespace) -> None:
    """Counted at the wire with all that servers send, the answers are about as long as the questions, packet headers
    included; the sizes in the facts are those of the first answer."""
    rules = ["add table inet a", "add chain inet a o { type filter hook output priority 0; }"]
    for port in BY_PORT:
        # What servers say to each other is between the ports themselves.
        ways = (("asked", f"udp sport >= 1024 udp dport {port}"), ("answered", f"udp sport {port} udp dport >= 1024"))
        for name, way in ways:
            rules += [f"add counter inet a {name}-{port}", f"add rule inet a o {way} counter name {name}-{port}"]
    open_host.run("nft", "; ".join(rules))
    seen = services_at(open_host, whole_list=True)
    listed = json.loads(open_host.run("nft", "-j", "list", "counters", "table", "inet", "a"))["nftables"]
    open_host.run("nft", "delete", "table", "inet", "a")
    counted = {each["counter"]["name"]: each["counter"] for each in listed if "counter" in each}
    for port in set(seen.open) - {69}:  # TFTP answers from another port
        asked, answered = counted[f"asked-{port}"], counted[f"answered-{port}"]
        assert answered["bytes"] <= AMPLIFICATION.get(port, 2.5) * asked["bytes"], (port, asked, answered)
        assert answered["packets"] <= 2 * asked["packets"], (port, asked, answered)
        reply = seen.answer(port).value
        assert reply.received <= answered["bytes"] - 28 * answered["packets"], (port, reply)
    assert counted["asked-53"]["packets"] == counted["asked-161"]["packets"] == 1


# --- firewalls ---


@pytest.mark.usefixtures("brief")
def test_silence_is_never_a_pass() -> None:
    """Behind a firewall that drops packets nothing is seen, and no check passes."""
    with silent() as space:
        seen = services_at(space, "53/udp")
        exposure = exposure_at(space, seen)
    assert {each.answer.unseen for each in seen.ports} == {Cause.TIMEOUT}
    assert outcome("no-amplifier-reachable", seen) is Outcome.INCONCLUSIVE
    assert outcome("udp-ports-only-declared", seen, declaring("53/udp")) is Outcome.INCONCLUSIVE
    assert outcome("declared-udp-ports-open", seen, declaring("53/udp")) is Outcome.INCONCLUSIVE
    for check in ("no-open-resolver", "ntp-control-not-answered", "no-snmp-public-community", "no-cleartext-snmp"):
        assert outcome(check, exposure) is Outcome.INCONCLUSIVE


def test_a_firewall_that_says_so_is_seen() -> None:
    """A rejection in the name of a policy is filtered: not reachable, and not closed."""
    with prohibited() as space:
        seen = services_at(space, "53/udp")
    assert {each.answer.value.state for each in seen.ports} == {UdpState.FILTERED}
    assert outcome("no-amplifier-reachable", seen) is Outcome.PASS
    assert outcome("declared-udp-ports-open", seen, declaring("53/udp")) is Outcome.INCONCLUSIVE


@pytest.mark.usefixtures("brief")
def test_limited_icmp_is_recognised() -> None:
    """A host that rejects the first questions and then no more: what stays silent is rate-limited, not timed out."""
    chain = "nft 'add chain inet t c { type filter hook output priority 0; }'"
    limit = "nft add rule inet t c icmp type destination-unreachable limit rate over 1/day burst 5 packets drop"
    with namespace("nft add table inet t", chain, limit) as space:
        seen = services_at(space)
    states = Counter(seen.state(port).seen for port in seen.asked)
    assert states == {UdpState.CLOSED: 4, None: len(CHECKED_PORTS) - 4}
    assert {each.answer.unseen for each in seen.ports} == {None, Cause.RATE_LIMITED}


#: Asks the server of another namespace, and prints what was seen.
_ASK = textwrap.dedent(
    """
    import sys
    from inspector.declare.authorisation import Covers
    from inspector_services import udp_probes
    from inspector_services.udp_probes import udp_services
    from tests.plugins.inspector_services.scanning import AUTHORISATION, host, read, scan

    udp_probes.ANSWER_SECONDS, udp_probes.ICMP_SECONDS = 0.5, 0.25
    target = host("198.51.100.2")
    granted = AUTHORISATION.model_copy(update={"covers": Covers(blocks=("198.51.100.2",))})
    print(read(udp_services, scan(udp_services, target, authorisation=granted), target).canonical().decode())
    """
)


def test_a_closed_host_is_seen_closed_though_linux_limits_its_icmp() -> None:
    """Six errors at once and then one at a time is what Linux sends: asked again slowly, every closed port says so.

    The time between them, a second by default, is a fifth of one here (icmp_ratelimit, icmp(7)).
    """
    needs_root()
    join = (
        "ip link add c type veth peer name s netns $server; ip address add 198.51.100.1/24 dev c; ip link set c up; "
        "nsenter -t $server -n sysctl -q -w net.ipv4.icmp_ratelimit=200; "
        "nsenter -t $server -n sh -c 'ip address add 198.51.100.2/24 dev s; ip link set s up'; exec $0 -c \"$1\""
    )
    with namespace() as server:
        found = subprocess.run(
            ["unshare", "-n", "sh", "-c", f"set -e; server={server.pid}; {join}", sys.executable, _ASK],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    assert found.returncode == 0, found.stderr
    seen = UdpServices.parse(found.stdout)
    assert {seen.state(port).seen for port in CHECKED_PORTS} == {UdpState.CLOSED}


# --- servers that mislead, and limits ---


def test_answers_that_no_protocol_prescribes_identify_nothing() -> None:
    """Echoed, garbled and endless answers are open ports without a protocol."""
    with namespace() as space, scripted(space, {53: "echo", 123: "garbage", 161: "flood", 5353: "echo"}):
        seen = services_at(space)
    assert seen.open == (53, 123, 161, 5353)
    assert all(seen.is_unidentified(port) for port in seen.open)
    assert outcome("no-amplifier-reachable", seen) is Outcome.INCONCLUSIVE
    assert outcome("udp-ports-only-declared", seen, declaring("443/tcp")) is Outcome.FAIL


def test_a_host_that_answers_at_every_port_shows_nothing() -> None:
    """Where a port that nothing is expected at answers, too, an unidentified answer proves no service."""
    with namespace() as space, scripted(space, {53: "echo", 61_621: "echo"}):
        seen = services_at(space)
    assert seen.answer(53).unseen is Cause.AMBIGUOUS
    assert outcome("udp-ports-only-declared", seen, declaring("443/tcp")) is Outcome.INCONCLUSIVE


def test_declared_ports_are_asked_in_the_protocol_that_is_declared() -> None:
    """A service at a port of its own is asked its question; an unknown one gets an empty datagram."""
    with namespace() as space, scripted(space, {12_345: "old-ntp", 1194: "silent"}):
        target = host(ADDRESS)
        ports = (DeclaredPort(port=12_345, protocol="udp", service="ntp"), DeclaredPort(port=1194, protocol="udp"))
        target = type(target)(target.subject, Declared(host_declared=True, ports=ports))
        seen = space.call(lambda: read(udp_services, scan(udp_services, target), target))
    assert seen.answer(12_345).value.protocol is UdpProtocol.NTP
    assert seen.answer(1194).unseen is Cause.TIMEOUT


@pytest.mark.usefixtures("brief")
def test_intrusive_questions_are_asked_at_declared_ports_too() -> None:
    """NTP's at a port that is declared with it, and SNMP's at one where an agent is found though DNS is declared."""
    declared = Declared(
        host_declared=True,
        ports=(
            DeclaredPort(port=12_345, protocol="udp", service="ntp"),
            DeclaredPort(port=123, protocol="udp", service="dns"),
            DeclaredPort(port=1194, protocol="udp"),
        ),
    )
    target = type(host(ADDRESS))(host(ADDRESS).subject, declared)
    with namespace() as space, scripted(space, {12_345: "old-ntp", 123: "old-ntp", 1194: "silent"}) as server:
        seen = space.call(lambda: read(udp_services, scan(udp_services, target), target))
        before = server.report()
        output = space.call(lambda: scan(udp_exposure, target, seen, authorisation=INTRUSIVE))
        asked = {port: count - before[port] for port, count in server.report().items()}
    exposure: UdpExposure = read(udp_exposure, output, target)
    elsewhere = {(each.port, each.question): each.handling.seen for each in exposure.elsewhere}
    assert elsewhere == {
        (123, "recursion"): None,
        (12_345, "ntp_control"): Handling.IGNORED,
        (12_345, "ntp_monitor"): Handling.ANSWERED,
    }
    assert outcome("ntp-control-not-answered", exposure) is Outcome.FAIL
    assert asked[1194] == 0
    assert sum(asked.values()) <= udp_exposure.cost(target, {}).connections


@pytest.mark.usefixtures("brief")
def test_declared_ports_beyond_the_bound_are_no_pass() -> None:
    """Of nine open ports the last one is not asked, and its questions count as aborted; a closed one costs none."""
    numbers = tuple(range(12_000, 12_010))
    ports = tuple(DeclaredPort(port=port, protocol="udp", service="ntp") for port in numbers)
    target = type(host(ADDRESS))(host(ADDRESS).subject, Declared(host_declared=True, ports=ports))
    closed = Answer[UdpReply](seen=UdpReply(state=UdpState.CLOSED))
    services = UdpServices(ports=tuple(UdpPort(port=port, answer=closed) for port in (123, 12_000)))
    with namespace() as space, scripted(space, dict.fromkeys(numbers, "old-ntp")) as server:
        output = space.call(lambda: scan(udp_exposure, target, services, authorisation=INTRUSIVE))
        asked = [port for port, count in server.report().items() if count]
    exposure: UdpExposure = read(udp_exposure, output, target)
    unseen = {(each.port, each.question, each.handling.unseen) for each in exposure.elsewhere if each.handling.unseen}
    assert unseen == {(12_009, name, Cause.ABORTED) for name in ("ntp_control", "ntp_monitor")}
    assert asked == list(numbers[1:9])
    refused = tuple(
        each.model_copy(update={"handling": Answer[Handling](seen=Handling.REFUSED)})
        for each in exposure.elsewhere
        if each.handling.is_seen
    )
    left = exposure.model_copy(
        update={"elsewhere": (*refused, *(each for each in exposure.elsewhere if each.handling.unseen))}
    )
    assert outcome("ntp-control-not-answered", left) is Outcome.INCONCLUSIVE


@pytest.mark.usefixtures("brief")
def test_the_cost_bounds_the_questions() -> None:
    """No scan sends more datagrams than its cost says, also where every port stays silent."""
    target = host(ADDRESS)
    cost = udp_services.cost(target, {})
    assert cost.connections == ATTEMPTS * len(CHECKED_PORTS) + 2
    with namespace() as space, scripted(space, dict.fromkeys((*CHECKED_PORTS, 61621), "silent")) as server:
        services_at(space)
        assert server.report() == dict.fromkeys((*CHECKED_PORTS, 61621), ATTEMPTS)


@pytest.mark.usefixtures("brief")
def test_only_what_the_authorisation_covers_is_asked() -> None:
    """Ports that are left out are out of scope; without the address in it nothing is asked at all."""
    some = Covers(blocks=("127.0.0.0/8",), ports=(PortRange(first=53, last=53),))
    names = Covers(names=("other.test",))
    with namespace() as space, scripted(space, {53: "echo", 123: "old-ntp"}):
        granted = AUTHORISATION.model_copy(update={"covers": some})
        seen: UdpServices = read(udp_services, output_of(space, authorisation=granted), host(ADDRESS))
        with pytest.raises(ScanFailure) as failure:
            output_of(space, authorisation=AUTHORISATION.model_copy(update={"covers": names}))
    assert (seen.open, seen.answer(123).unseen) == ((53,), Cause.OUT_OF_SCOPE)
    assert failure.value.cause is Cause.OUT_OF_SCOPE


def test_a_declared_service_does_not_hide_what_the_port_is_for() -> None:
    """A port of the list is asked its own question, too: memcached that is declared as NTP is found."""
    ports = (
        DeclaredPort(port=11211, protocol="udp", service="ntp"),
        DeclaredPort(port=389, protocol="udp", service="coap"),
        DeclaredPort(port=500, protocol="udp", service="sip"),
        DeclaredPort(port=123, protocol="udp", service="dns"),
    )
    target = host(ADDRESS)
    target = type(target)(target.subject, Declared(host_declared=True, ports=ports))
    habits = {11211: "memcached", 389: "cldap-or-garbage", 500: "ike-1", 123: "old-ntp"}
    with namespace() as space, scripted(space, habits) as server:
        seen = space.call(lambda: read(udp_services, scan(udp_services, target), target))
        asked = server.report()
    expected = {11211: UdpProtocol.MEMCACHED, 389: UdpProtocol.CLDAP, 500: UdpProtocol.IKE, 123: UdpProtocol.NTP}
    assert {port: seen.answer(port).value.protocol for port in habits} == expected
    assert asked == {11211: 2, 389: 2, 500: 3, 123: 2}
    assert outcome("no-amplifier-reachable", seen) is Outcome.FAIL
    assert sum(asked.values()) <= udp_services.cost(target, {}).connections
