from __future__ import annotations

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.addresses import by_family, seen, unseen_ports
from inspector_services.observations import OpenPorts
from inspector_services.port_roles import label


@check(
    "same-ports-on-every-address",
    title="The same TCP ports are open at every address of a host",
    references=("NIST SP 800-53 CM-2", "CIS Controls v8 4.1"),
    about=SubjectKind.HOST,
)
def same_ports_on_every_address(ports: Every[OpenPorts]) -> Verdict:
    """The addresses behind one name are meant to be alike: a port that is open at one of them only is a forgotten
    service, a firewall rule that is missing there, or a server that is down. Addresses are compared within IPv4 and
    within IPv6; the check does not apply where there is a single one of each.

    Remediation: configure the servers behind the name and their firewalls from one template, or give each server a name
    of its own.
    """
    several = [addresses for addresses in by_family(ports).values() if len(addresses) > 1]
    if not several:
        return not_applicable("the host has a single address of each family")
    for addresses in several:
        reaches = seen(addresses)
        opened = frozenset[int]().union(*(each.opened for each in reaches.values()))
        hidden = frozenset[int]().union(*(each.hidden for each in reaches.values()))
        if differing := sorted(opened & hidden):
            where = sorted(address for address, each in reaches.items() if each.opened.intersection(differing))
            return failed(
                "open at {addresses}, and not at every other address: {measured}",
                addresses=", ".join(where),
                measured=map(label, differing),
                facts=("/groups",),
            )
    for addresses in several:
        count, cause = unseen_ports(seen(addresses).values())
        if count:
            return inconclusive("the state of {count} ports was not seen at every address", count=count, cause=cause)
    return passed("the same ports are open at every address", facts=("/groups",))
