"""spf-networks-narrow: the addresses that pass SPF are together no more than a network of this size."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain


@check("spf-networks-narrow", title="SPF authorises few addresses", references=("RFC 7208 §11.4",))
def spf_networks_narrow(mail: MailDomain, *, ipv4_prefix: int = 10, ipv6_prefix: int = 24) -> Verdict:
    """Whoever has one of the addresses that an SPF record names sends mail in the domain's name: the more there are, in
    networks of providers above all, the more strangers. All addresses that pass are counted, included records among
    them; ``ptr`` and macros of the message are left out.

    Remediation: name the addresses of the domain's own mail servers instead of whole networks, and remove includes of
    providers that send no mail for the domain.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    spf = mail.spf.value
    fault = spf.evaluation.value.fault
    if fault:
        return not_applicable("no SPF record that authorises a sender: {measured}", measured=fault)
    for family, allowed, found in zip(("IPv4", "IPv6"), (ipv4_prefix, ipv6_prefix), spf.families, strict=True):
        if found.together is not None and found.together < allowed:
            return failed(
                "authorises as many {family} addresses as a /{measured} network has, at most a /{threshold} is allowed;"
                " the widest is {widest}",
                family=family,
                measured=found.together,
                threshold=allowed,
                widest=found.networks[0],
                facts="spf",
            )
    widest = [family.networks[0] for family in spf.families if family.networks]
    return passed("the widest networks that SPF authorises are {measured}", measured=widest, facts="spf")
