from __future__ import annotations

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_services.addresses import by_family, seen, unseen_ports
from inspector_services.observations import OpenPorts
from inspector_services.port_roles import label


@check(
    "ipv6-exposes-no-more",
    title="No TCP port is open over IPv6 that IPv4 hides",
    references=("RFC 4942 §2.1.9", "RFC 9099 §2.6", "NIST SP 800-119 §6"),
    about=SubjectKind.HOST,
)
def ipv6_exposes_no_more(ports: Every[OpenPorts]) -> Verdict:
    """Firewall rules are often written for IPv4 alone: what they hide is then open to everybody who asks over IPv6.

    The check does not apply to a host without addresses of both families.

    Remediation: write rules that hold for both families (nftables: ``table inet``), and let the service listen on the
    IPv6 addresses that need it only.
    """
    four, six = by_family(ports).values()
    if not (four and six):
        return not_applicable("the host has addresses of one family only")
    over_four, over_six = seen(four), seen(six)
    opened = frozenset[int]().union(*(each.opened for each in over_six.values()))
    if len(over_four) == len(four):
        hidden = opened.intersection(*(each.hidden for each in over_four.values()))
        if hidden:
            where = sorted(address for address, each in over_six.items() if each.opened & hidden)
            return failed(
                "open at {addresses}, and at no IPv4 address: {measured}",
                addresses=", ".join(where),
                measured=map(label, sorted(hidden)),
                facts=("/groups",),
            )
    count, cause = unseen_ports((*over_four.values(), *over_six.values()))
    if count:
        return inconclusive("the state of {count} ports was not seen at every address", count=count, cause=cause)
    return passed("IPv6 shows no open port that IPv4 hides", facts=("/groups",))
