"""mail-hosts-have-reverse-names: the addresses of the mail hosts have names that lead back to them."""

from inspector import Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import MailHosts


@check(
    "mail-hosts-have-reverse-names",
    title="Mail hosts have reverse names",
    references=("RFC 1912 §2.1", "RFC 8601 §2.7.3", "M3AWG Sender Best Common Practices §4.1"),
)
def mail_hosts_have_reverse_names(mail: MailHosts) -> Verdict:
    """Large mail providers refuse mail from addresses without a reverse name that leads back to the address. The hosts
    that receive mail often send it, too; where others send it, this says nothing about them.

    Remediation: have the provider of the addresses set their PTR records to the names of the hosts.
    """
    hosts = mail.hosts.value
    if not hosts:
        return not_applicable("no MX record that names a host")
    unnamed = sorted(f"{each.name} ({address})" for each in hosts for address in each.unnamed.seen or ())
    if unnamed:
        return failed("addresses without a reverse name: {measured}", measured=unnamed, facts="hosts")
    wrong = sorted(f"{each.name} ({address})" for each in hosts for address in each.unconfirmed.seen or ())
    if wrong:
        return failed("addresses whose reverse names do not lead back: {measured}", measured=wrong, facts="hosts")
    unseen = [(each.name, each.unnamed.unseen or each.unconfirmed.unseen) for each in hosts]
    places = [(name, cause) for name, cause in unseen if cause]
    if places:
        where = [name for name, _ in places]
        return inconclusive("not all reverse names of {measured} were seen", measured=where, cause=places[0][1])
    if not any(each.addresses.value for each in hosts):
        return not_applicable("the hosts in MX records have no address")
    return passed("addresses with reverse names: {measured}", measured=[each.name for each in hosts], facts="hosts")
