"""The parsing of nmap's XML. The documents are hand-made after real ones, for unseen and malformed input."""

import pytest

from inspector import Cause, ScanFailure
from inspector_services.nmap_xml import Recheck, SweepRecord, port_groups, scan_of, states
from inspector_services.observations import OpenPorts, PortState

ADDRESS = "127.0.0.1"


def document(body: str, *, services: str = "1-100", finished: str = 'exit="success"', head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<nmaprun scanner="nmap" version="7.93">'
        f'<scaninfo type="connect" protocol="tcp" numservices="1" services="{services}"/>'
        f'<host><status state="up" reason="user-set"/><address addr="{ADDRESS}" addrtype="ipv4"/>'
        f"<ports>{body}</ports></host>"
        f'<runstats><finished time="1" {finished}/><hosts up="1" down="0" total="1"/></runstats></nmaprun>'
    ).encode()


def port(number: int, state: str, reason: str) -> str:
    return f'<port protocol="tcp" portid="{number}"><state state="{state}" reason="{reason}"/></port>'


def grouped(state: str, reason: str, ports: str | None) -> str:
    named = "" if ports is None else f' ports="{ports}"'
    return f'<extraports state="{state}" count="1"><extrareasons reason="{reason}" count="1"{named}/></extraports>'


def seen(xml: bytes, recheck: Recheck | None = None) -> OpenPorts:
    return OpenPorts(groups=port_groups(states([scan_of(xml, ADDRESS)], SweepRecord(recheck=recheck)), single=()))


CLOSED = grouped("closed", "conn-refused", "2-100")


def test_ports_that_nmap_groups_are_parsed() -> None:
    """Ports listed as ranges have their state too."""
    ports = seen(document(port(1, "open", "syn-ack") + CLOSED))
    assert ports.open == (1,)
    assert ports.in_state(PortState.CLOSED) == tuple(range(2, 101))
    assert len(ports.groups) == 2


def test_groups_without_ranges_are_parsed_where_unambiguous() -> None:
    """A single group is all remaining ports; two groups without ranges leave them unseen."""
    one = seen(document(port(1, "open", "syn-ack") + grouped("closed", "conn-refused", None)))
    assert one.in_state(PortState.CLOSED) == tuple(range(2, 101))
    two = document(grouped("closed", "conn-refused", None) + grouped("filtered", "no-response", None))
    assert seen(two).state(50).unseen is Cause.AMBIGUOUS


@pytest.mark.parametrize(
    ("times", "is_filtered"),
    [('srtt="600000" rttvar="90000" to="900000"', False), ('srtt="200000" rttvar="90000" to="560000"', True)],
    ids=["slow", "fast"],
)
def test_no_response_of_a_slow_address_shows_nothing(times: str, is_filtered: bool) -> None:
    """Where answers come as late as the sweep waits at most, a port without one may have been missed."""
    body = port(1, "open", "syn-ack") + grouped("filtered", "no-response", "2-100")
    xml = document(body).replace(b"</ports>", f"</ports><times {times}/>".encode())
    assert (seen(xml).state(50).seen is PortState.FILTERED) is is_filtered
    assert seen(xml).open == (1,)


def test_no_response_is_filtered_only_where_another_port_answered() -> None:
    """Without any response the ports are unseen; beside a closed port no response means filtered."""
    silent = grouped("filtered", "no-response", "2-100")
    assert seen(document(port(1, "closed", "conn-refused") + silent)).state(50).seen is PortState.FILTERED
    assert seen(document(grouped("filtered", "no-response", "1-100"))).state(50).unseen is Cause.TIMEOUT


@pytest.mark.parametrize(
    ("cause", "unseen"),
    [
        (Cause.TIMEOUT, Cause.BLOCKED),
        (Cause.REFUSED, Cause.BLOCKED),
        (Cause.RESET, Cause.BLOCKED),
        (Cause.OUTSIDE_WINDOW, Cause.OUTSIDE_WINDOW),
    ],
)
def test_a_failed_recheck_makes_every_port_but_the_open_ones_unseen(cause: Cause, unseen: Cause) -> None:
    """When a port that had answered no longer does, what others did not answer proves nothing."""
    xml = document(port(1, "open", "syn-ack") + port(2, "filtered", "no-response") + CLOSED.replace("2-100", "3-100"))
    ports = seen(xml, Recheck(port=1, cause=cause))
    assert ports.open == (1,)
    assert {ports.state(2).unseen, ports.state(3).unseen} == {unseen}
    assert seen(xml, Recheck(port=1)).state(2).seen is PortState.FILTERED


@pytest.mark.parametrize(
    ("state", "reason", "unseen"),
    [
        ("filtered", "host-unreach", Cause.NOT_REACHED),
        ("filtered", "net-unreach", Cause.NOT_REACHED),
        ("open|filtered", "no-response", Cause.AMBIGUOUS),
    ],
)
def test_other_filtered_reasons_are_unseen(state: str, reason: str, unseen: Cause) -> None:
    """An unreachable route does not show the state of the port."""
    assert seen(document(port(1, state, reason) + CLOSED)).state(1).unseen is unseen


def test_a_rejection_by_a_firewall_is_seen() -> None:
    """An ICMP prohibition is an answer, even if it is the only one."""
    assert seen(document(grouped("filtered", "admin-prohibited", "1-100"))).state(9).seen is PortState.FILTERED


def test_an_address_that_accepts_everything_shows_no_service() -> None:
    """When a SYN proxy answers for most ports, none of them is seen open."""
    many = "".join(port(number, "open", "syn-ack") for number in range(1, 61))
    ports = seen(document(many + grouped("closed", "conn-refused", "61-100")))
    assert ports.open == ()
    assert ports.state(5).unseen is Cause.AMBIGUOUS


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"no xml",
        b"\xff\xfe",
        document(CLOSED)[:-20],
        document(CLOSED, head='<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'),
        document(CLOSED, head='<!DOCTYPE x [<!ENTITY a "aaaa">]>').decode().encode("utf-16"),
        document(grouped("closed", "conn-refused", "9-70000")),
        document(grouped("closed", "conn-refused", "9-5")),
        document(grouped("closed", "conn-refused", "nine")),
        document(port(1, "open", "syn-ack").replace('portid="1"', 'portid="one"')),
    ],
)
def test_malformed_or_malicious_xml_is_rejected(xml: bytes) -> None:
    """Entity bombs, truncated and invalid documents raise an error."""
    with pytest.raises(ValueError, match=r"report|entities|codec|range|int"):
        scan_of(xml, ADDRESS)


@pytest.mark.parametrize(
    ("xml", "cause"),
    [
        (document(CLOSED, finished='exit="error"'), Cause.ABORTED),
        (document(CLOSED).replace(b"<host>", b'<host timedout="true">'), Cause.TIMEOUT),
        (document(CLOSED).replace(b'addr="127.0.0.1"', b'addr="127.0.0.2"'), Cause.NOT_REACHED),
    ],
)
def test_a_scan_that_did_not_finish_fails(xml: bytes, cause: Cause) -> None:
    """An aborted or timed-out scan, or one of another address, shows no port."""
    with pytest.raises(ScanFailure) as failure:
        scan_of(xml, ADDRESS)
    assert failure.value.cause is cause


def test_a_port_that_was_not_scanned_is_not_selected() -> None:
    """A port outside all groups is unseen."""
    assert seen(document(CLOSED, services="2-100")).state(4711).unseen is Cause.NOT_SELECTED


def test_notable_ports_are_groups_of_their_own() -> None:
    """A declared or notable port is a span of its own, whatever its neighbours' state."""
    answers = states([scan_of(document(grouped("closed", "conn-refused", "1-100")), ADDRESS)], SweepRecord())
    assert [group.listed for group in port_groups(answers, single={22})] == ["1-21,23-100", "22"]
