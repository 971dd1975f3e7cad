"""ipv6-answers: the IPv6 addresses of a name accept connections where its IPv4 addresses do."""

from collections.abc import Iterator
from dataclasses import dataclass

from inspector import Cause, Every, NotSeen, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import AddressConnection, ConnectionResult, NameRecords
from inspector_dns.reachability import is_globally_reachable


@check(
    "ipv6-answers",
    title="IPv6 addresses accept connections",
    about=SubjectKind.HOST,
    references=("RFC 6724", "RFC 8305 §8"),
)
def ipv6_answers(names: NameRecords, connections: Every[AddressConnection]) -> Verdict:
    """Clients prefer IPv6. Where a name has an AAAA record and nobody accepts connections at its address, some of them
    wait until they give up, and clients in IPv6-only networks do not reach the service at all.

    Silence counts only where this vantage is seen to have IPv6.

    Remediation: let the service listen on its IPv6 address and open the port in the firewall for IPv6 too, or remove
    the AAAA record.
    """
    if not names.exists.value:
        return inconclusive("the name does not exist: {measured}", measured=names.host, cause=Cause.NOT_REACHED)
    published = {address for address in names.ipv6.value if is_globally_reachable(address)}
    if not published:
        return not_applicable("no AAAA record of a globally reachable address")
    found = list(_found(connections))
    if not found:
        raise NotSeen(Cause.NOT_SELECTED)
    over_six = [each for each in found if each.address in published]
    works = any(each.result is ConnectionResult.ACCEPTED or each.family_works for each in over_six)
    by_four = {each.port for each in found if ":" not in each.address and each.result is ConnectionResult.ACCEPTED}
    dead = [each for each in over_six if each.port in by_four and each.is_dead(works)]
    if dead:
        message = "accept no connection, while IPv4 does: {measured}"
        return failed(
            message, measured=sorted(each.where for each in dead), facts=sorted({each.address for each in dead})
        )
    inspected = {each.address for each in over_six}
    if left_out := sorted(published - inspected):
        message = "this vantage did not connect over IPv6 to {measured}"
        return inconclusive(message, measured=left_out, cause=Cause.WRONG_VANTAGE)
    unclear = [each for each in over_six if each.result is not ConnectionResult.ACCEPTED]
    if unclear:
        cause = next((each.cause for each in unclear if each.cause), Cause.NOT_REACHED)
        message = "no connection over IPv6, and it is not known why: {measured}"
        return inconclusive(message, measured=sorted(each.where for each in unclear), cause=cause)
    return passed("accept connections over IPv6: {measured}", measured=sorted(each.where for each in over_six))


@dataclass(frozen=True, slots=True)
class _Connection:
    """What came of a connection to a port at an address; no result: the ``cause`` says why."""

    address: str
    port: int
    result: ConnectionResult | None
    cause: Cause | None
    family_works: bool

    @property
    def where(self) -> str:
        return f"[{self.address}]:{self.port}"

    def is_dead(self, works: bool) -> bool:
        """Whether nobody accepts connections there, other than for the vantage."""
        return self.result is ConnectionResult.REFUSED or (works and self.result is ConnectionResult.SILENT)


def _found(connections: Every[AddressConnection]) -> Iterator[_Connection]:
    for item in connections.all:
        if item.subject.address is None:
            continue
        seen = item.observation
        yield _Connection(
            address=item.subject.address,
            port=item.subject.port or 0,
            result=None if seen is None else seen.result.seen,
            cause=item.cause if seen is None else seen.result.unseen,
            family_works=seen is not None and seen.family_works,
        )
