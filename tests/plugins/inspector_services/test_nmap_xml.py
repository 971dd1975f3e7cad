"""What nmap's XML means. The documents here are hand-made after real ones: for the unseen and the malformed."""

import pytest

from inspector import Cause, ScanFailure
from inspector_services.nmap_xml import Recheck, SweepRecord, scan_of, spans, states
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


def folded(state: str, reason: str, ports: str | None) -> str:
    named = "" if ports is None else f' ports="{ports}"'
    return f'<extraports state="{state}" count="1"><extrareasons reason="{reason}" count="1"{named}/></extraports>'


def seen(xml: bytes, recheck: Recheck | None = None) -> OpenPorts:
    return OpenPorts(spans=spans(states(scan_of(xml, ADDRESS), SweepRecord(recheck=recheck)), single=()))


CLOSED = folded("closed", "conn-refused", "2-100")


def test_ports_that_nmap_folds_are_read() -> None:
    """Ports named only in ranges have their state too."""
    ports = seen(document(port(1, "open", "syn-ack") + CLOSED))
    assert ports.open == (1,)
    assert ports.in_state(PortState.CLOSED) == tuple(range(2, 101))
    assert len(ports.spans) == 2


def test_an_old_nmap_that_names_no_ranges_is_read_where_it_is_clear() -> None:
    """One folded group is all the rest; two without ranges leave the rest unseen."""
    one = seen(document(port(1, "open", "syn-ack") + folded("closed", "conn-refused", None)))
    assert one.in_state(PortState.CLOSED) == tuple(range(2, 101))
    two = document(folded("closed", "conn-refused", None) + folded("filtered", "no-response", None))
    assert seen(two).state(50).unseen is Cause.AMBIGUOUS


def test_silence_counts_as_seen_only_where_something_answered() -> None:
    """An address that says nothing at all is unseen; beside a closed port silence is a filtered port."""
    silent = folded("filtered", "no-response", "2-100")
    assert seen(document(port(1, "closed", "conn-refused") + silent)).state(50).seen is PortState.FILTERED
    assert seen(document(folded("filtered", "no-response", "1-100"))).state(50).unseen is Cause.TIMEOUT


@pytest.mark.parametrize(
    ("cause", "unseen"),
    [
        (Cause.TIMEOUT, Cause.BLOCKED),
        (Cause.REFUSED, Cause.BLOCKED),
        (Cause.RESET, Cause.BLOCKED),
        (Cause.OUTSIDE_WINDOW, Cause.OUTSIDE_WINDOW),
    ],
)
def test_a_lost_control_makes_every_port_but_the_open_ones_unseen(cause: Cause, unseen: Cause) -> None:
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
def test_what_shows_no_firewall_and_no_silence_is_unseen(state: str, reason: str, unseen: Cause) -> None:
    """A router that finds no way says nothing about the port."""
    assert seen(document(port(1, state, reason) + CLOSED)).state(1).unseen is unseen


def test_a_firewall_that_says_no_is_seen() -> None:
    """A prohibition is an answer, even if it is the only one."""
    assert seen(document(folded("filtered", "admin-prohibited", "1-100"))).state(9).seen is PortState.FILTERED


def test_an_address_that_accepts_everything_shows_no_service() -> None:
    """Where a device in front answers for most ports, none of them is seen open."""
    many = "".join(port(number, "open", "syn-ack") for number in range(1, 61))
    ports = seen(document(many + folded("closed", "conn-refused", "61-100")))
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
        document(folded("closed", "conn-refused", "9-70000")),
        document(folded("closed", "conn-refused", "9-5")),
        document(folded("closed", "conn-refused", "nine")),
        document(port(1, "open", "syn-ack").replace('portid="1"', 'portid="one"')),
    ],
)
def test_a_malformed_or_hostile_report_is_refused(xml: bytes) -> None:
    """Entity bombs, truncation and nonsense never become facts."""
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
def test_a_scan_that_did_not_end_well_is_trouble(xml: bytes, cause: Cause) -> None:
    """An aborted or timed-out scan, or one of another address, shows no port."""
    with pytest.raises(ScanFailure) as failure:
        scan_of(xml, ADDRESS)
    assert failure.value.cause is cause


def test_a_port_that_was_never_asked_is_not_selected() -> None:
    """Outside all spans nothing is claimed."""
    assert seen(document(CLOSED, services="2-100")).state(4711).unseen is Cause.NOT_SELECTED


def test_ports_of_interest_stand_alone() -> None:
    """A declared or notable port has an answer of its own, whatever its neighbours say."""
    answers = states(scan_of(document(folded("closed", "conn-refused", "1-100")), ADDRESS), SweepRecord())
    assert [(span.first, span.last) for span in spans(answers, single={22})] == [(1, 21), (22, 22), (23, 100)]
