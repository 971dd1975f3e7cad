"""name-servers-support-edns: every name server answers queries with EDNS."""

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameServer


@check(
    "name-servers-support-edns",
    title="Name servers support EDNS",
    about=SubjectKind.ZONE,
    references=("RFC 6891 §7", "RFC 8906 §3.2"),
)
def name_servers_support_edns(servers: Every[NameServer]) -> Verdict:
    """Resolvers ask with EDNS, which DNSSEC and answers of more than 512 bytes need. A name server or firewall that
    drops such queries counts as dead; one that answers without EDNS cannot serve a signed zone.

    Remediation: update the name server, and let the firewall pass DNS messages with EDNS over UDP.
    """
    asked = [server for server in servers if not server.is_lame]
    if not asked and not servers.missing:
        return not_applicable("no name server answers authoritatively")
    without = sorted(server.where for server in asked if server.edns.seen is False)
    if without:
        return failed("answers without EDNS from {measured}", measured=without)
    silent = sorted(server.where for server in asked if server.edns.unseen is Cause.TIMEOUT)
    if silent:
        return failed("no answer to queries with EDNS from {measured}, which answers those without", measured=silent)
    unseen = [(server.where, server.edns.unseen) for server in asked if server.edns.unseen]
    if unseen:
        where = sorted(place for place, _ in unseen)
        return inconclusive(
            "no answer to queries with EDNS from {measured}", measured=where, cause=unseen[0][1] or Cause.TIMEOUT
        )
    return passed("answers with EDNS from {measured}", measured=sorted(server.where for server in asked))
