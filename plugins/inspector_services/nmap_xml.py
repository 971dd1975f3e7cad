"""Parses nmap's XML, an untrusted input, into the state of every scanned port. Pure.

python-nmap parses the ports that nmap lists one by one. It ignores the ports that nmap groups into ``extraports``, so
those are parsed from the document here. No program is started: calling ``PortScanner()`` would run ``nmap -V``, so the
instance is made without its constructor.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from nmap import PortScanner, PortScannerError

from inspector import Answer, Cause, Model, ScanFailure
from inspector_services.observations import PortGroup, PortState, port_ranges, ports_in

State = Answer[PortState]

#: nmap's reasons for a rejection by ICMP, as opposed to no response.
_PROHIBITED = frozenset({"admin-prohibited", "host-prohibited", "net-prohibited", "port-unreach", "proto-unreach"})
_NO_RESPONSE = "no-response"
#: The microseconds that a sweep waits for an answer, at most: nmap's own estimate for an address that is not below it
#: was cut.
_MOST_WAIT_US = 900_000
#: When at least this many ports, and more than half of those scanned, accept connections, a SYN proxy in front of the
#: address answers: no open port shows that a service exists.
_SYN_PROXY_PORTS = 40


class Recheck(Model):
    """A port that answered, connected to again after the sweep; ``cause`` says why it answers differently now."""

    port: int
    cause: Cause | None = None


class SweepRecord(Model):
    """What nmap's XML does not record: the declared ports, the recheck, and the ports not scanned.

    Those were out of scope, or ``not_reached``: no packet came back from any of the ports that were scanned first. Or
    they are ``unasked`` (in nmap's notation): something was lost before their turn. The first ``verified`` runs of nmap
    were followed by a recheck that succeeded; ``recheck`` is the last one.
    """

    declared: tuple[int, ...] = ()
    recheck: Recheck | None = None
    verified: int = 0
    out_of_scope: tuple[int, ...] = ()
    not_reached: tuple[int, ...] = ()
    unasked: str = ""
    unasked_cause: Cause | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """nmap's result for one address: state and reason by port, in nmap's terms.

    ``is_slow``: its answers come so late that no answer in the time that a sweep waits shows nothing.
    """

    version: str
    ports: Mapping[int, tuple[str, str]]
    is_slow: bool = False


def first_of(scans: Iterable[Scan], state: str, *, preferred: Collection[int]) -> int | None:
    """The lowest port in this state among the ``preferred`` ones, else the lowest in this state."""
    found = [port for scan in scans for port, (seen, _) in scan.ports.items() if seen == state]
    return min(found, key=lambda port: (port not in preferred, port), default=None)


def scan_of(xml: bytes, address: str) -> Scan:
    """nmap's result for ``address``; raises ScanFailure when nmap did not finish, ValueError when the XML is
    malformed.
    """
    text = xml.decode("utf-8")
    if "<!ENTITY" in text:
        raise ValueError("the XML declares entities, which nmap never does")
    try:
        parsed = PortScanner.__new__(PortScanner).analyse_nmap_xml_scan(text)
        root = ET.fromstring(text)  # noqa: S314  (no entity is declared, no external one is fetched)
    except (PortScannerError, ET.ParseError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a complete nmap report: {type(error).__name__}") from None
    finished = root.find("runstats/finished")
    if finished is None or finished.get("exit") != "success":
        raise ScanFailure(Cause.ABORTED, "nmap did not finish")
    host = _host(root, address)
    listed = parsed["scan"].get(_address_of(host), {}).get("tcp", {})
    ports = {int(port): (str(each["state"]), str(each["reason"])) for port, each in listed.items()}
    scanned = set(ports_in(parsed["nmap"]["scaninfo"].get("tcp", {}).get("services") or ""))
    ports |= _grouped(host, scanned - ports.keys())
    return Scan(version=root.get("version", "?"), ports=ports, is_slow=_is_slow(host))


def _address_of(host: ET.Element) -> str:
    return next((each.get("addr", "") for each in host.findall("address") if each.get("addrtype") != "mac"), "")


def _host(root: ET.Element, address: str) -> ET.Element:
    for host in root.findall("host"):
        if ip_address(_address_of(host)) == ip_address(address):
            if host.get("timedout") == "true":
                raise ScanFailure(Cause.TIMEOUT, "nmap reached its host timeout")
            return host
    raise ScanFailure(Cause.NOT_REACHED, "nmap reports no result for the address")


def _is_slow(host: ET.Element) -> bool:
    times = host.find("times")
    if times is None or int(times.get("srtt", "-1")) <= 0:
        return False  # no answer was measured
    return int(times.get("to", "0")) >= _MOST_WAIT_US


def _grouped(host: ET.Element, remaining: Collection[int]) -> dict[int, tuple[str, str]]:
    """The ports that nmap lists as ranges only; versions that omit the ranges are unambiguous for a single group."""
    groups = [
        (extra.get("state", ""), reason.get("reason", ""), reason.get("ports"))
        for extra in host.findall("ports/extraports")
        for reason in extra.findall("extrareasons")
    ]
    found = dict.fromkeys(remaining, ("unknown", ""))
    for state, reason, ports in groups:
        if ports is not None:
            found |= {port: (state, reason) for port in ports_in(ports) if port in found}
        elif len(groups) == 1:
            found = dict.fromkeys(remaining, (state, reason))
    return found


def is_silent(scan: Scan) -> bool:
    """Whether no packet came back from any of the ports that were scanned."""
    return all(reason == _NO_RESPONSE for _, reason in scan.ports.values())


def is_proxied(scans: Iterable[Scan]) -> bool:
    """Whether so many ports accept connections that a SYN proxy in front of the address must answer for all."""
    found = [state for scan in scans for state, _ in scan.ports.values()]
    opened = found.count("open")
    return opened >= _SYN_PROXY_PORTS and opened * 2 > len(found)


def states(scans: Sequence[Scan], sweep: SweepRecord) -> dict[int, State]:
    """The state of every port; no response counts as filtered only where the address is known to have responded, and
    not so late that others would be missed.
    """
    lost = None if sweep.recheck is None else sweep.recheck.cause
    responsive = any(
        state in ("open", "closed") or reason in _PROHIBITED for scan in scans for state, reason in scan.ports.values()
    )
    responsive = responsive and not any(scan.is_slow for scan in scans)
    proxied = is_proxied(scans)
    seen: dict[int, State] = {}
    for place, scan in enumerate(scans):
        since = None if place < sweep.verified else lost
        answers = {
            each: _state(*each, responsive=responsive, proxied=proxied, lost=since) for each in set(scan.ports.values())
        }
        seen |= {port: answers[each] for port, each in scan.ports.items()}
    unscanned = dict.fromkeys(sweep.out_of_scope, State(unseen=Cause.OUT_OF_SCOPE))
    unscanned |= dict.fromkeys(sweep.not_reached, State(unseen=Cause.NOT_REACHED))
    unscanned |= dict.fromkeys(ports_in(sweep.unasked), State(unseen=sweep.unasked_cause or Cause.ABORTED))
    return unscanned | seen


def lost_cause(cause: Cause) -> Cause:
    """Why a port is unseen where a recheck failed for this cause."""
    return Cause.BLOCKED if cause in (Cause.TIMEOUT, Cause.RESET, Cause.REFUSED) else cause


def _state(state: str, reason: str, *, responsive: bool, proxied: bool, lost: Cause | None) -> State:
    """The answer for one port; ``lost`` is why the recheck failed, after which only open ports are believed."""
    if state == "open":
        return State(unseen=Cause.AMBIGUOUS) if proxied else State(seen=PortState.OPEN)
    if lost is not None:
        return State(unseen=lost_cause(lost))
    if state == "closed":
        return State(seen=PortState.CLOSED)
    if state == "filtered" and reason == _NO_RESPONSE:
        return State(seen=PortState.FILTERED) if responsive else State(unseen=Cause.TIMEOUT)
    if state == "filtered" and reason in _PROHIBITED:
        return State(seen=PortState.FILTERED)
    return State(unseen=Cause.NOT_REACHED if state == "filtered" else Cause.AMBIGUOUS)


def port_groups(answers: Mapping[int, State], single: Collection[int]) -> tuple[PortGroup, ...]:
    """The ports with equal answers in one group each; open ports and those in ``single`` in groups of their own."""
    kinds: dict[State, State] = {}
    # Most ports share few objects, which are compared once.
    equal = {
        known: kinds.setdefault(each, each) for known, each in {id(each): each for each in answers.values()}.items()
    }
    members: dict[tuple[int, int], tuple[State, list[int]]] = {}
    for port in sorted(answers):
        answer = equal[id(answers[port])]
        is_apart = port in single or answer.seen is PortState.OPEN
        members.setdefault((id(answer), port if is_apart else 0), (answer, []))[1].append(port)
    return tuple(_group(port_ranges(ports), answer) for answer, ports in members.values())


@lru_cache(maxsize=4096)
def _group(listed: str, state: State) -> PortGroup:
    return PortGroup(listed=listed, state=state)
