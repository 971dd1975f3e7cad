"""The probe of TCP ports: a sweep by nmap."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
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
from inspector_services.nmap_xml import (
    Recheck,
    Scan,
    SweepRecord,
    first_of,
    is_proxied,
    is_silent,
    lost_cause,
    port_groups,
    scan_of,
    states,
)
from inspector_services.observations import OpenPorts, port_ranges
from inspector_services.port_roles import NOTABLE

#: How many of the ports that are open most often are asked, beside the declared and the notable ones; 65535 is all.
TopPorts = Literal[100, 1000, 65535]
_ALL = 65535
LAST_PORT = 65535
#: As many of them are asked before all others.
_FIRST_OF_ALL = 1000

#: The ports that one run of nmap asks of an address: an interrupted sweep of all ports asks as many again, at most.
BLOCK_PORTS = 2048
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
#: nmap's XML of each run of a sweep.
_XML_NAME = re.compile(r"nmap(?:-[0-9]+)?\.xml")
CONNECT_SECONDS = 5.0
#: A port that is connected to again answered a sweep in less than a second.
RECHECK_SECONDS = 3.0


def declared_ports(target: Target) -> frozenset[int]:
    """The TCP ports that are declared for the target's host."""
    return frozenset(each.port for each in target.declared.ports if each.protocol == "tcp")


def blocks_of(target: Target, common: Collection[int], *, all_ports: bool) -> list[list[int]]:
    """The ports of a sweep by run of nmap: the declared, notable and ``common`` ones; then all others, if wanted."""
    first = {*declared_ports(target), *NOTABLE, *common}
    rest = [port for port in range(1, LAST_PORT + 1) if port not in first] if all_ports else []
    return [sorted(first), *(rest[start : start + BLOCK_PORTS] for start in range(0, len(rest), BLOCK_PORTS))]


def _sweep_cost(target: Target, options: Mapping[str, Any]) -> Cost:
    top = int(options.get("top_ports", 100))
    count = min(_ALL, len(declared_ports(target) | NOTABLE.keys()) + top)
    blocks = 1 + math.ceil(count / BLOCK_PORTS)
    return Cost(
        connections=CHECKED_PORTS * CHECKS_PER_PORT + blocks,
        port_questions=count * (1 + RETRIES),
        seconds=30 * blocks + count // 25,
    )


def parse_ports(output: ScanOutput, context: ParseContext) -> OpenPorts:
    """The state of every scanned port; raises ValueError when nmap's XML is missing or malformed."""
    parts = [raw.data for raw in output.raw if _XML_NAME.fullmatch(raw.name)]
    if not parts:
        raise ValueError("nmap's XML is missing")
    sweep = SweepRecord.parse(output.named("sweep.json") or b"{}")
    answers = states([scan_of(xml, context.subject.address or "") for xml in parts], sweep)
    return OpenPorts(groups=port_groups(answers, single=NOTABLE.keys() | set(sweep.declared)))


@probe("ports", kind=OpenPorts, schemes={HOST}, subject_kind=SubjectKind.ADDRESS, parse=parse_ports, cost=_sweep_cost)
async def ports(
    target: Target, network: Network, *, top_ports: TopPorts = 100, parts: tuple[str, ...] | None = None
) -> ScanOutput:
    """Scan the ports by TCP connect, then connect once more to one that answered.

    When that recheck fails, the address began to block this vantage during the sweep, and ports without a response
    are unseen. When the authorisation names ports and leaves some of these out, only the declared ones are scanned.
    An address from which no packet has come yet is asked at a few ports first; the others only when it answers there.
    A sweep of all ports goes on in blocks, with a recheck after each, as long as that succeeds; what was rechecked is
    kept, so that after an interruption only the block that was being asked is asked again.
    Where ``parts`` names ports, only these are asked, and the declared ones, which answer where the address does.
    """
    sweep = _Sweep(network, declared_ports(target))
    if parts is None:
        common = await network.common_ports(min(top_ports, _FIRST_OF_ALL))
        blocks = blocks_of(target, common, all_ports=top_ports == _ALL)
    else:
        blocks = [sorted(sweep.declared.union(map(int, parts)))]
    sweep.take(network.kept())
    try:
        if not sweep.has_asked(blocks[0]):
            await sweep.begin(blocks[0])
    except ScanFailure as failure:
        if failure.cause is Cause.TIMEOUT:
            await _check_stopped(network)
        if failure.cause is not Cause.OUT_OF_SCOPE or not sweep.declared:
            raise
        await sweep.only_declared(port for block in blocks for port in block)
    else:
        for place, block in enumerate(blocks[1:], start=1):
            if sweep.has_asked(block):
                continue
            if (cause := await sweep.loss()) is not None:
                sweep.record["unasked"] = port_ranges([port for each in blocks[place:] for port in each])
                sweep.record["unasked_cause"] = cause
                break
            await sweep.ask(block)
    return await sweep.output()


class _Sweep:
    """The runs of nmap against one address, and what their XML does not record."""

    def __init__(self, network: Network, declared: frozenset[int]) -> None:
        self.declared = declared
        self.record: dict[str, Any] = {"declared": tuple(sorted(declared))}
        self._network = network
        self._parts: list[bytes] = []
        self._scans: list[Scan] = []
        self._kept = 0

    async def ask(self, wanted: Collection[int]) -> None:
        """One run of nmap."""
        xml = await self._network.nmap(ARGUMENTS, ports=sorted(wanted), timeout=30 + len(wanted) / 25)
        self._scans.append(scan_of(xml, self._network.target.address))
        self._parts.append(xml)

    def take(self, parts: Iterable[bytes]) -> None:
        """Take what was kept before an interruption; each part was followed by a recheck that succeeded."""
        self._parts.extend(parts)
        self._scans.extend(scan_of(xml, self._network.target.address) for xml in self._parts)
        self.record["verified"] = self._kept = len(self._parts)

    def has_asked(self, wanted: Iterable[int]) -> bool:
        """Whether these ports were asked before an interruption."""
        asked = {port for scan in self._scans[: self._kept] for port in scan.ports}
        return asked.issuperset(wanted)

    async def begin(self, wanted: Collection[int]) -> None:
        """Ask the first block: where no packet has come yet, a few ports before the others."""
        rest = set(wanted)
        if not self._network.has_answered:
            first = rest & (FIRST_PORTS | self.declared) or rest
            await self.ask(first)
            rest -= first
            if is_silent(self._scans[-1]):
                self.record["not_reached"] = tuple(sorted(rest))
                return
        if rest:
            await self.ask(rest)

    async def only_declared(self, wanted: Iterable[int]) -> None:
        """Ask the declared ports; all others are out of scope."""
        self.record["out_of_scope"] = tuple(sorted(set(wanted) - self.declared))
        self._parts.clear()
        self._scans.clear()
        await self.ask(self.declared)

    async def loss(self) -> Cause | None:
        """Why no more ports are asked: the address does not answer as it did, or at every port alike."""
        if "not_reached" in self.record:
            return Cause.NOT_REACHED
        if is_proxied(self._scans):
            return Cause.AMBIGUOUS
        await self._check()
        recheck: Recheck | None = self.record["recheck"]
        if recheck is not None and recheck.cause is not None:
            return lost_cause(recheck.cause)
        for part in self._parts[self.record["verified"] :]:
            await self._network.keep(part)
        self.record["verified"] = len(self._scans)
        return None

    async def _check(self) -> None:
        self.record["recheck"] = await _recheck(self._network, self._scans, self.declared)

    async def output(self) -> ScanOutput:
        """What was seen, after a recheck of what came since the last one."""
        if "recheck" not in self.record or "unasked" not in self.record:
            await self._check()
        names = ("nmap.xml", *(f"nmap-{number}.xml" for number in range(2, len(self._parts) + 1)))
        record = SweepRecord(**self.record)
        return ScanOutput(
            raw=(
                *(
                    Raw(name=name, data=xml, media_type="application/xml")
                    for name, xml in zip(names, self._parts, strict=True)
                ),
                Raw(name="sweep.json", data=record.canonical(), media_type="application/json"),
            ),
            tools={"nmap": self._scans[0].version},
        )


async def _check_stopped(network: Network) -> None:
    """Raise ScanFailure (rate-limited) when ports that answered before the sweep do not any more."""
    for port in network.answered_ports[:CHECKED_PORTS]:
        for _ in range(CHECKS_PER_PORT):
            try:
                stream = await network.connect(port, timeout=RECHECK_SECONDS)
            except ScanFailure as failure:
                if failure.cause is Cause.RATE_LIMITED:
                    raise
            else:
                await stream.close()
                return


async def _recheck(network: Network, scans: Sequence[Scan], declared: Collection[int]) -> Recheck | None:
    """Connect again to an open port, preferably a declared one, or one that answered before; else to a closed one.

    A closed port tells little: an address that blocks this vantage may reject every connection. An open one that fails
    is asked twice more, so that an address that has stopped answering is known as one.
    """
    opened = first_of(scans, "open", preferred=declared) or next(iter(network.answered_ports), None)
    port = opened or first_of(scans, "closed", preferred=declared)
    if port is None:
        return None
    cause = await _refusal(network, port)
    if cause is Cause.OUT_OF_SCOPE:
        return None  # it answered a scan under another authorisation
    if opened is None:
        expected = cause is Cause.REFUSED
        return Recheck(port=port, cause=None if expected else cause or Cause.UNSTABLE)
    for _ in range(CHECKS_PER_PORT - 1 if cause is not None else 0):
        await _refusal(network, port)
    return Recheck(port=port, cause=cause)


async def _refusal(network: Network, port: int) -> Cause | None:
    """Why a connection to ``port`` fails; None when it does not."""
    try:
        stream = await network.connect(port, timeout=RECHECK_SECONDS)
    except ScanFailure as failure:
        return failure.cause
    await stream.close()
    return None
