"""delegation-consistent: the parent zone delegates to the name servers that the zone itself names."""

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import Delegation, NameServer


@check(
    "delegation-consistent",
    title="Parent zone and zone name the same name servers",
    about=SubjectKind.ZONE,
    references=("RFC 1034 §4.2.2", "RFC 1912 §2.8"),
)
def delegation_consistent(delegation: Delegation, servers: Every[NameServer]) -> Verdict:
    """Resolvers learn the name servers of a zone from its parent first and from the zone itself later. Where the two
    differ, some queries go to servers that are not meant to serve the zone, or servers that are meant to get none.

    Remediation: have the registrar delegate the zone to exactly the name servers in its NS records, and remove servers
    that no longer serve it from both.
    """
    parent = delegation.parent.value
    referrals = delegation.referrals
    if not referrals:
        return _hidden(delegation, parent)
    delegated = sorted({referral.names for referral in referrals})
    if len(delegated) > 1:
        message = "the name servers of the parent zone {parent} delegate to different name servers: {measured}"
        return inconclusive(message, parent=parent, measured=map(" ".join, delegated), cause=Cause.UNSTABLE)
    (names,) = delegated
    asked = [server for server in servers if not server.is_lame]
    for server in asked:
        served = server.name_servers.seen
        if served is not None and set(served) != set(names):
            message = "the parent zone {parent} delegates to {delegated}, but {server} names {measured}"
            return failed(message, parent=parent, delegated=names, server=server.where, measured=served)
    unseen = [(server.where, server.name_servers.unseen) for server in asked if server.name_servers.unseen]
    if unseen or not asked:
        where, cause = sorted(place for place, _ in unseen), unseen[0][1] if unseen else Cause.NOT_SELECTED
        return inconclusive("the NS records of the zone were not seen at {measured}", measured=where, cause=cause)
    return passed("the parent zone {parent} and the zone name {measured}", parent=parent, measured=names)


def _hidden(delegation: Delegation, parent: str) -> Verdict:
    """The verdict where no name server of the parent delegates the zone."""
    answers = [server.referral for server in delegation.servers.value]
    seen = [answer.seen for answer in answers if answer.seen is not None]
    if any(referral.authoritative and referral.rcode == "NOERROR" for referral in seen):
        message = "the name servers of the parent zone {parent} serve the zone, too: they do not show its delegation"
        return inconclusive(message, parent=parent, cause=Cause.AMBIGUOUS)
    if seen:
        message = "the parent zone {parent} does not delegate the zone: {measured}"
        rcodes = sorted({referral.rcode for referral in seen})
        return inconclusive(message, parent=parent, measured=rcodes, cause=Cause.AMBIGUOUS)
    cause = delegation.unseen or Cause.NOT_REACHED
    return inconclusive("no name server of the parent zone {parent} answered", parent=parent, cause=cause)
