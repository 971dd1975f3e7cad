"""zone-transfer-refused: no name server gives the whole zone to anybody."""

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, passed
from inspector_dns.observations import NameServerExposure


@check(
    "zone-transfer-refused",
    title="Zone transfers are refused",
    about=SubjectKind.ZONE,
    references=("RFC 5936 §5", "CWE-200"),
)
def zone_transfer_refused(servers: Every[NameServerExposure]) -> Verdict:
    """A zone transfer gives an attacker the list of all hosts at once, internal and forgotten ones among them. The
    check asks for a transfer, reads one message of it and keeps only its first record.

    Remediation: allow zone transfers to the secondary servers only, by TSIG key.
    """
    open_to_all = sorted(server.where for server in servers if server.transfer.seen)
    if open_to_all:
        return failed("the zone is given to anybody by {measured}", measured=open_to_all)
    unseen = [(server.where, server.transfer.unseen) for server in servers if server.transfer.unseen]
    if unseen:
        where = sorted(place for place, _ in unseen)
        return inconclusive("no response from {measured}", measured=where, cause=unseen[0][1])
    return passed("no transfer from {measured}", measured=sorted(each.where for each in servers))
