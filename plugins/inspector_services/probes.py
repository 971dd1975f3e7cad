"""The probe of TCP ports: a connect sweep by nmap."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from inspector import (
    HOST,
    Cause,
    Cost,
    Network,
    ParseContext,
    Raw,
    ScanFailure,
    ScanOutput,
    SubjectKind,
    Target,
    probe,
)
from inspector_services.nmap_xml import Recheck, Scan, SweepRecord, is_silent, joined, spans, states
from inspector_services.observations import OpenPorts
from inspector_services.port_roles import NOTABLE

#: The ports of a sweep beyond the declared ones: those of the table; also the system ports 1–1023 (RFC 6335 §6); all.
PortSet = Literal["notable", "system", "all"]

#: nmap's retransmissions: at most three attempts per port.
RETRIES = 2
ARGUMENTS = ("-sT", "--max-retries", str(RETRIES))
#: What is asked first of an address from which no packet has come yet, beside the declared ports: those most often open
#: on the Internet. When none of them answers, the others are not asked.
FIRST_PORTS = frozenset({21, 22, 23, 25, 53, 80, 110, 135, 139, 143, 443, 445, 993, 3306, 3389, 8080, 8443})
#: After a sweep that did not end: how many ports that had answered are connected to, and how often. As many losses tell
#: that the address has stopped answering.
CHECKED_PORTS = 2
CHECKS_PER_PORT = 3
#: nmap's XML of the one or two runs of a sweep.
_XML_NAMES = ("nmap.xml", "nmap-2.xml")
CONNECT_SECONDS = 5.0


def declared_ports(target: Target) -> frozenset[int]:
    """The TCP ports that are declared for the target's host."""
    return frozenset(each.port for each in target.declared.ports if each.protocol == "tcp")


def ports_to_scan(target: Target, port_set: PortSet) -> tuple[int, ...]:
    """The ports of a sweep, ascending."""
    further = {"notable": range(0), "system": range(1, 1024), "all": range(1, 65536)}[port_set]
    return tuple(sorted({*declared_ports(target), *NOTABLE, *further}))


def _sweep_cost(target: Target, options: Mapping[str, Any]) -> Cost:
    count = len(ports_to_scan(target, options.get("sweep", "notable")))
    return Cost(
        connections=CHECKED_PORTS * CHECKS_PER_PORT, port_questions=count * (1 + RETRIES), seconds=30 + count // 25
    )


def parse_ports(output: ScanOutput, context: ParseContext) -> OpenPorts:
    """The state of every scanned port; raises ValueError when nmap's XML is missing or malformed."""
    parts = [raw.data for raw in output.raw if raw.name in _XML_NAMES]
    if not parts:
        raise ValueError("nmap's XML is missing")
    sweep = SweepRecord.parse(output.named("sweep.json") or b"{}")
    answers = states(joined(parts, context.subject.address or ""), sweep)
    return OpenPorts(spans=spans(answers, single=NOTABLE.keys() | set(sweep.declared)))


@probe("ports", kind=OpenPorts, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=parse_ports, cost=_sweep_cost)
async def ports(target: Target, network: Network, *, sweep: PortSet = "notable") -> ScanOutput:
    """Scan the ports by TCP connect, then connect once more to one that answered.

    When that recheck fails, the address began to block this vantage during the sweep, and ports without a response
    are unseen. When the authorisation names ports and leaves some of these out, only the declared ones are scanned.
    An address from which no packet has come yet is asked at a few ports first; the others only when it answers there.
    """
    declared, wanted = declared_ports(target), ports_to_scan(target, sweep)
    seconds = float(_sweep_cost(target, {"sweep": sweep}).seconds)
    not_reached: tuple[int, ...] = ()
    out_of_scope: tuple[int, ...] = ()
    try:
        parts, not_reached = await _sweep(network, wanted, FIRST_PORTS | declared, seconds)
    except ScanFailure as failure:
        if failure.cause is Cause.TIMEOUT:
            await _check_stopped(network)
        if failure.cause is not Cause.OUT_OF_SCOPE or not declared:
            raise
        parts = [await network.nmap(ARGUMENTS, ports=sorted(declared), timeout=seconds)]
        out_of_scope = tuple(port for port in wanted if port not in declared)
    scan = joined(parts, target.address)
    recheck = await _recheck(network, scan, declared)
    record = SweepRecord(
        declared=tuple(sorted(declared)), recheck=recheck, out_of_scope=out_of_scope, not_reached=not_reached
    )
    return ScanOutput(
        raw=(
            *(
                Raw(name=name, data=xml, media_type="application/xml")
                for name, xml in zip(_XML_NAMES, parts, strict=False)
            ),
            Raw(name="sweep.json", data=record.canonical(), media_type="application/json"),
        ),
        tools={"nmap": scan.version},
    )


async def _sweep(
    network: Network, wanted: Collection[int], first: Collection[int], seconds: float
) -> tuple[list[bytes], tuple[int, ...]]:
    """nmap's XML, and the ports that it was not asked because the address is silent at the ``first`` ones."""
    parts: list[bytes] = []
    rest = sorted(wanted)
    if not network.has_answered:
        rest = [port for port in wanted if port not in first]
        parts.append(await network.nmap(ARGUMENTS, ports=[*set(wanted).difference(rest)], timeout=seconds))
        if is_silent(joined(parts, network.target.address)):
            return parts, tuple(rest)
    if rest:
        parts.append(await network.nmap(ARGUMENTS, ports=rest, timeout=seconds))
    return parts, ()


async def _check_stopped(network: Network) -> None:
    """Raise ScanFailure (rate-limited) when ports that answered before the sweep do not any more."""
    for port in network.answered_ports[:CHECKED_PORTS]:
        for _ in range(CHECKS_PER_PORT):
            try:
                stream = await network.connect(port, timeout=CONNECT_SECONDS)
            except ScanFailure as failure:
                if failure.cause is Cause.RATE_LIMITED:
                    raise
            else:
                await stream.close()
                return


async def _recheck(network: Network, scan: Scan, declared: Collection[int]) -> Recheck | None:
    """Connect again to an open port, preferably a declared one, or one that answered before; else to a closed one.

    A closed port tells little: an address that blocks this vantage may reject every connection.
    """
    opened = scan.first("open", preferred=declared) or next(iter(network.answered_ports), None)
    port = opened or scan.first("closed", preferred=declared)
    if port is None:
        return None
    try:
        stream = await network.connect(port, timeout=CONNECT_SECONDS)
    except ScanFailure as failure:
        if failure.cause is Cause.OUT_OF_SCOPE:
            return None  # it answered a scan under another authorisation
        expected = opened is None and failure.cause is Cause.REFUSED
        return Recheck(port=port, cause=None if expected else failure.cause)
    await stream.close()
    return Recheck(port=port, cause=None if opened is not None else Cause.UNSTABLE)
