"""From nmap's XML to the state of every port that was asked: pure, and wary of what the XML may hold.

python-nmap reads the ports that nmap lists one by one. Ports that nmap folds into ``extraports`` it does not read, so
those come from the document itself. Nothing here starts a program: a ``PortScanner`` that is made the ordinary way
would run ``nmap -V``.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import groupby

from nmap import PortScanner, PortScannerError

from inspector import Answer, Cause, Model, ScanFailure
from inspector_services.observations import PortState, Span

State = Answer[PortState]

#: How nmap says that a firewall refused, as opposed to silence.
_PROHIBITED = frozenset({"admin-prohibited", "host-prohibited", "net-prohibited", "port-unreach", "proto-unreach"})
_SILENT = "no-response"
#: An address on which at least this many ports, and more than half of those asked, accept connections is answered for
#: by a device in front of it (a SYN proxy): nothing shows that a service stands behind any of them.
_SUSPICIOUSLY_MANY = 40


class Control(Model):
    """A port that had answered, asked once more after the sweep; ``cause`` says why it no longer answers the same."""

    port: int
    cause: Cause | None = None


class Sweep(Model):
    """What was asked besides nmap's own record: the declared ports, the control, and the ports left out of scope."""

    declared: tuple[int, ...] = ()
    control: Control | None = None
    out_of_scope: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scan:
    """What nmap saw at one address: by port its state and nmap's reason."""

    version: str
    ports: Mapping[int, tuple[str, str]]

    def first(self, state: str, *, among: Collection[int]) -> int | None:
        """A port in this state (nmap's word): the lowest one ``among`` these, else the lowest one."""
        found = [port for port, (seen, _) in self.ports.items() if seen == state]
        return min(found, key=lambda port: (port not in among, port), default=None)


def scan_of(xml: bytes, address: str) -> Scan:
    """What nmap's XML says about ``address``. Raises ScanFailure when nmap gave up, ValueError on anything
    unexpected.
    """
    text = xml.decode("utf-8")
    if "<!ENTITY" in text:
        raise ValueError("the XML declares entities, which nmap never does")
    try:
        read = PortScanner.__new__(PortScanner).analyse_nmap_xml_scan(text)
        root = ET.fromstring(text)  # noqa: S314  (no entity is declared, no external one is fetched)
    except (PortScannerError, ET.ParseError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"this is no complete nmap report: {type(error).__name__}") from None
    finished = root.find("runstats/finished")
    if finished is None or finished.get("exit") != "success":
        raise ScanFailure(Cause.ABORTED, "nmap did not finish")
    host = _host(root, address)
    listed = read["scan"].get(_written(host), {}).get("tcp", {})
    ports = {int(port): (str(told["state"]), str(told["reason"])) for port, told in listed.items()}
    asked = set(_ports(read["nmap"]["scaninfo"].get("tcp", {}).get("services") or ""))
    ports |= _folded(host, asked - ports.keys())
    return Scan(version=root.get("version", "?"), ports=ports)


def _written(host: ET.Element) -> str:
    return next((each.get("addr", "") for each in host.findall("address") if each.get("addrtype") != "mac"), "")


def _host(root: ET.Element, address: str) -> ET.Element:
    for host in root.findall("host"):
        if ip_address(_written(host)) == ip_address(address):
            if host.get("timedout") == "true":
                raise ScanFailure(Cause.TIMEOUT, "nmap gave up on the address")
            return host
    raise ScanFailure(Cause.NOT_REACHED, "nmap reports nothing about the address")


def _ports(text: str) -> Iterator[int]:
    """The ports of nmap's notation ``1-60,443``; raises ValueError."""
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        span = range(int(first), int(last or first) + 1)
        if not 1 <= span.start < span.stop <= 65536:
            raise ValueError(f"{part!r} is no range of ports")
        yield from span


def _folded(host: ET.Element, remaining: Collection[int]) -> dict[int, tuple[str, str]]:
    """The ports that nmap names only in ranges; an old nmap names none, which is unambiguous for one group alone."""
    groups = [
        (extra.get("state", ""), reason.get("reason", ""), reason.get("ports"))
        for extra in host.findall("ports/extraports")
        for reason in extra.findall("extrareasons")
    ]
    found = dict.fromkeys(remaining, ("unknown", ""))
    for state, reason, ports in groups:
        if ports is not None:
            found |= {port: (state, reason) for port in _ports(ports) if port in found}
        elif len(groups) == 1:
            found = dict.fromkeys(remaining, (state, reason))
    return found


def states(scan: Scan, sweep: Sweep) -> dict[int, State]:
    """The answer of every port, where silence counts as seen only if the address is known to have kept answering."""
    lost = None if sweep.control is None else sweep.control.cause
    heard = any(state in ("open", "closed") or reason in _PROHIBITED for state, reason in scan.ports.values())
    opened = [port for port, (state, _) in scan.ports.items() if state == "open"]
    crowded = len(opened) >= _SUSPICIOUSLY_MANY and len(opened) * 2 > len(scan.ports)
    seen = {port: _state(*told, heard=heard, crowded=crowded, lost=lost) for port, told in scan.ports.items()}
    return dict.fromkeys(sweep.out_of_scope, State(unseen=Cause.OUT_OF_SCOPE)) | seen


def _state(state: str, reason: str, *, heard: bool, crowded: bool, lost: Cause | None) -> State:
    if state == "open":
        return State(unseen=Cause.AMBIGUOUS) if crowded else State(seen=PortState.OPEN)
    if lost is not None:
        return State(unseen=Cause.BLOCKED if lost in (Cause.TIMEOUT, Cause.RESET, Cause.REFUSED) else lost)
    if state == "closed":
        return State(seen=PortState.CLOSED)
    if state == "filtered" and reason == _SILENT:
        return State(seen=PortState.FILTERED) if heard else State(unseen=Cause.TIMEOUT)
    if state == "filtered" and reason in _PROHIBITED:
        return State(seen=PortState.FILTERED)
    return State(unseen=Cause.NOT_REACHED if state == "filtered" else Cause.AMBIGUOUS)


def spans(answers: Mapping[int, State], alone: Collection[int]) -> tuple[Span, ...]:
    """Neighbouring ports of one answer joined; ports in ``alone`` and open ones stand by themselves."""
    found: list[Span] = []

    def group(item: tuple[int, tuple[int, State]]) -> tuple[int, State | int]:
        place, (port, answer) = item
        single = port in alone or answer.seen is PortState.OPEN
        return (port - place, port if single else answer)

    for _, members in groupby(enumerate(sorted(answers.items(), key=lambda item: item[0])), key=group):
        ports = [item for _, item in members]
        found.append(Span(first=ports[0][0], last=ports[-1][0], state=ports[0][1]))
    return tuple(found)
