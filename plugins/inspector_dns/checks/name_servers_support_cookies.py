"""name-servers-support-cookies: every name server answers a client cookie with its own."""

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameServer


@check(
    "name-servers-support-cookies",
    title="Name servers support DNS cookies",
    about=SubjectKind.ZONE,
    references=("RFC 7873 §5", "RFC 9018"),
)
def name_servers_support_cookies(servers: Every[NameServer]) -> Verdict:
    """With cookies a resolver recognises forged answers, and a name server can limit the answers to forged addresses
    only while it is used in an attack on others.

    Remediation: update the name server: current ones have cookies; all servers at one address need the same secret.
    """
    asked = [server for server in servers if not server.is_lame]
    if not asked and not servers.missing:
        return not_applicable("no name server answers authoritatively")
    without = sorted(server.where for server in asked if server.cookies.seen is False)
    if without:
        return failed("no cookie from {measured}", measured=without)
    unseen = [(server.where, server.cookies.unseen) for server in asked if server.cookies.unseen]
    if unseen:
        where = sorted(place for place, _ in unseen)
        return inconclusive("no response from {measured}", measured=where, cause=unseen[0][1])
    return passed("cookies from {measured}", measured=sorted(server.where for server in asked))
