"""name-servers-agree: all name servers serve the same NS, MX and SPF records."""

from inspector import Answer, Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameServer


@check(
    "name-servers-agree",
    title="All name servers give the same answers",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.2.2", "RFC 2182 §3"),
)
def name_servers_agree(servers: Every[NameServer]) -> Verdict:
    """When name servers of a zone answer differently, mail is lost or accepted from strangers depending on which server
    a resolver happens to ask. The check compares the NS, MX and SPF records of the zone, which do not depend on who
    asks.

    Remediation: serve the zone from one source on all name servers (zone transfer from the primary server), and remove
    servers that no longer receive it.
    """
    asked = [server for server in servers if not server.is_lame]
    if len(asked) < 2 and not servers.missing:
        return not_applicable("fewer than two name servers answer authoritatively")
    for kind in ("NS", "MX", "SPF"):
        served = {server.where: answer.seen for server in asked if (answer := _answer(server, kind)).seen is not None}
        if len(set(served.values())) > 1:
            measured = [f"{where}: {', '.join(records) or '-'}" for where, records in sorted(served.items())]
            return failed("different {kind} records: {measured}", kind=kind, measured=measured)
    unseen = [
        (server.where, answer.unseen)
        for server in asked
        for kind in ("NS", "MX", "SPF")
        if (answer := _answer(server, kind)).unseen
    ]
    if unseen:
        where = sorted({place for place, _ in unseen})
        return inconclusive(
            "not all records were seen at {measured}", measured=where, cause=unseen[0][1] or Cause.TIMEOUT
        )
    return passed("the same NS, MX and SPF records at {measured}", measured=sorted(server.where for server in asked))


def _answer(server: NameServer, kind: str) -> Answer[tuple[str, ...]]:
    return {"NS": server.name_servers, "MX": server.mail_servers, "SPF": server.spf}[kind]
