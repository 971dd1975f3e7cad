"""soa-serials-agree: all name servers serve the same version of the zone."""

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameServer


@check(
    "soa-serials-agree",
    title="All name servers serve the same version of the zone",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.3.5", "RFC 1982"),
)
def soa_serials_agree(servers: Every[NameServer]) -> Verdict:
    """A secondary server whose zone transfers fail serves old records, and stops serving the zone when it expires.

    Remediation: find out at the server with the lower serial number why zone transfers fail: firewall (TCP port 53),
    ``allow-transfer`` and TSIG key at the primary server, ``NOTIFY``.
    """
    asked = [server for server in servers if not server.is_lame]
    if len(asked) < 2 and not servers.missing:
        return not_applicable("fewer than two name servers answer authoritatively")
    serials = {server.where: serial for server in asked if (serial := _serial(server)) is not None}
    if len(set(serials.values())) > 1:
        measured = [f"{where}: {serial}" for where, serial in sorted(serials.items())]
        return failed("different serial numbers in SOA records: {measured}", measured=measured)
    unseen = [(server.where, server.udp.unseen or server.tcp.unseen) for server in asked if _serial(server) is None]
    if unseen:
        where = sorted(place for place, _ in unseen)
        cause = unseen[0][1] or Cause.AMBIGUOUS
        return inconclusive("the SOA record was not seen at {measured}", measured=where, cause=cause)
    return passed("the same serial number {measured} everywhere", measured=next(iter(serials.values()), 0))


def _serial(server: NameServer) -> int | None:
    replies = (each.seen for each in (server.udp, server.tcp))
    return next((each.serial for each in replies if each is not None and each.is_authoritative), None)
