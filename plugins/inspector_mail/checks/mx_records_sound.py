"""mx-records-sound: every MX record leads to a mail server, or the domain has a null MX alone."""

from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Final

from inspector import Answer, Cause, NotSeen, Verdict, check, failed, inconclusive, is_address, not_applicable, passed
from inspector_mail.observations import MailDomain, MxHost

#: Networks that no sender on the Internet reaches (RFC 6890): this network, loopback, private and link-local ones.
_UNREACHABLE: Final = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
        *("169.254.0.0/16", "224.0.0.0/3", "::/128", "::1/128", "::ffff:0:0/96", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)


class MxFault(StrEnum):
    """Why senders do not reach the host of an MX record, as message text."""

    NULL = "a null MX stands beside other MX records"
    ADDRESS = "the MX record names an address instead of a host"
    ALIAS = "the host is an alias (CNAME)"
    NOWHERE = "the host has no address"
    PRIVATE = "an address of the host is not reachable from the Internet"


@check(
    "mx-records-sound",
    title="MX records lead to mail servers",
    references=("RFC 5321 §5.1", "RFC 7505 §3", "RFC 2181 §10.3"),
)
def mx_records_sound(mail: MailDomain) -> Verdict:
    """Senders try each MX host in the order of preference. One without an address, with a private one, or under an
    alias delays or loses mail; a null MX beside other records means nothing.

    Remediation: let each MX record name a host with public address records of its own; a domain that receives no mail
    publishes only ``example.vn. MX 0 .``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    hosts = mail.mx.value
    if not hosts:
        return not_applicable("the domain has no MX records")
    if mail.accepts_no_mail:
        return passed("the domain has a null MX: it receives no mail", facts="mx")
    faults = {host.host: _fault(host) for host in hosts}
    for host, fault in faults.items():
        if fault.seen is not None:
            return failed("MX host {host}: {measured}", host=host, measured=fault.seen, facts="mx")
    _ = [fault.value for fault in faults.values()]  # raises NotSeen
    return passed("MX hosts with public addresses: {measured}", measured=list(faults), facts="mx")


def _fault(host: MxHost) -> Answer[MxFault | None]:
    if host.host == ".":
        return Answer(seen=MxFault.NULL)
    if is_address(host.host):
        return Answer(seen=MxFault.ADDRESS)
    if host.alias.seen:
        return Answer(seen=MxFault.ALIAS)
    try:
        addresses = host.addresses.value
        _ = host.alias.value
    except NotSeen as unseen:
        return Answer(unseen=unseen.cause)
    if not addresses:
        return Answer(seen=MxFault.NOWHERE)
    unreachable = any(ip_address(each) in network for each in addresses for network in _UNREACHABLE)
    return Answer(seen=MxFault.PRIVATE if unreachable else None)
