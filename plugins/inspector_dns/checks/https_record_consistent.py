"""https-record-consistent: the HTTPS records lead to the addresses that the address records name."""

from inspector import Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import NameRecords


@check("https-record-consistent", title="HTTPS records are consistent", references=("RFC 9460 §2.4, §7.3, §9",))
def https_record_consistent(names: NameRecords) -> Verdict:
    """Browsers connect to the addresses that the HTTPS record hints at before they know those of the target. Hints that
    were forgotten in a move lead them to a machine that may belong to somebody else.

    Remediation: keep ``ipv4hint`` and ``ipv6hint`` equal to the address records of the target, or leave them out; use
    either one record in AliasMode (priority 0) or records in ServiceMode.
    """
    records = names.https.value
    if not records:
        return not_applicable("no HTTPS record")
    modes = {each.priority == 0 for each in records}
    if len(modes) > 1:
        return failed("HTTPS records in AliasMode beside such in ServiceMode", facts="https")
    stale = [
        f"{each.target} {hint}"
        for each in records
        if each.addresses.seen is not None
        for hint in sorted(set(each.hints) - set(each.addresses.seen))
    ]
    if stale:
        return failed("hints that are no addresses of the target: {measured}", measured=stale, facts="https")
    empty = [each.target for each in records if each.addresses.seen == () and each.target != "."]
    if empty:
        return failed("targets without an address: {measured}", measured=empty, facts="https")
    unseen = [(each.target, each.addresses.unseen) for each in records if each.addresses.unseen]
    if unseen:
        where = sorted(target for target, _ in unseen)
        return inconclusive("not all addresses of {measured} were seen", measured=where, cause=unseen[0][1])
    return passed("the HTTPS records lead to {measured}", measured=[each.target for each in records], facts="https")
