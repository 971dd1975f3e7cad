"""mail-hosts-exist: the hosts in the MX records of the zone exist and have addresses."""

from inspector import Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_dns.observations import MailHosts


@check("mail-hosts-exist", title="Hosts in MX records exist", references=("RFC 5321 §5.1", "RFC 1912 §2.5", "CWE-350"))
def mail_hosts_exist(mail: MailHosts) -> Verdict:
    """Mail is lost while the host in an MX record does not exist, and whoever registers its domain gets the mail.
    Nothing is ever registered to find out.

    Remediation: remove the MX record, or restore the host that it names.
    """
    hosts = mail.hosts.value
    if not hosts:
        return not_applicable("no MX record that names a host")
    missing = [each.name for each in hosts if each.exists.seen is False]
    if missing:
        return failed("hosts that do not exist: {measured}", measured=missing, facts="hosts")
    empty = [each.name for each in hosts if each.addresses.seen == ()]
    if empty:
        return failed("hosts without an address: {measured}", measured=empty, facts="hosts")
    unseen = [(each.name, each.exists.unseen or each.addresses.unseen) for each in hosts]
    places = [(name, cause) for name, cause in unseen if cause]
    if places:
        where = [name for name, _ in places]
        return inconclusive("not all addresses of {measured} were seen", measured=where, cause=places[0][1])
    return passed("hosts with addresses: {measured}", measured=[each.name for each in hosts], facts="hosts")
