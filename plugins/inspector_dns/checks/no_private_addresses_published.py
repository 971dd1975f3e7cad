"""no-private-addresses-published: a public host name has no address of a private network."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_dns.observations import NameRecords
from inspector_dns.reachability import is_private, is_server_address


@check(
    "no-private-addresses-published",
    title="Private addresses are not published",
    references=("RFC 1918 §5", "RFC 6890", "CWE-200"),
)
def no_private_addresses_published(names: NameRecords) -> Verdict:
    """A private address beside a public one leads some clients to nowhere, or to a machine of their own network that
    happens to have it, and shows outsiders how the internal network is numbered. A name with private addresses only is
    internal, and not judged.

    Remediation: keep internal addresses in a separate view of the zone that only the internal network sees.
    """
    found = (*names.ipv4.value, *names.ipv6.value)
    wrong = [each for each in found if is_private(each) or not is_server_address(each)]
    if wrong and len(wrong) < len(found):
        return failed("addresses that the Internet does not reach: {measured}", measured=wrong, facts=("ipv4", "ipv6"))
    if wrong or not found:
        return not_applicable("the name has no public address")
    return passed("public addresses only: {measured}", measured=found, facts=("ipv4", "ipv6"))
