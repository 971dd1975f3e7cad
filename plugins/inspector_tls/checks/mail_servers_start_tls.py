"""STARTTLS at every mail server of a domain."""

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.mta_sts.observations import MailServer, MtaSts
from inspector_tls.starttls.observations import TlsReadiness


@check(
    "mail-servers-start-tls",
    title="All mail servers offer STARTTLS",
    about=SubjectKind.MAIL,
    references=("RFC 3207", "RFC 8314 §3"),
)
def mail_servers_start_tls(records: MtaSts, mail_servers: Every[MailServer]) -> Verdict:
    """Senders choose any of a domain's mail servers; one without STARTTLS has mail cross the Internet in clear text,
    and an attacker who blocks the others makes all of it go there.

    Remediation: install a certificate on every MX host, and enable STARTTLS.
    """
    if not records.servers.value:
        return not_applicable("the domain accepts no mail", facts="servers")
    for item in mail_servers.seen:
        greeting = item.value.greeting.seen
        if greeting is not None and greeting.readiness is not TlsReadiness.OFFERED:
            message = "the mail server {host} ({address}) does not begin TLS: {measured}"
            return failed(
                message,
                host=item.value.host,
                address=item.subject.address or "",
                measured=item.value.reply,
                facts=item.value.host,
            )
    return _unseen(records, mail_servers) or passed(
        "all mail servers offer STARTTLS: {measured}", measured=sorted({each.host for each in mail_servers})
    )


def _unseen(records: MtaSts, mail_servers: Every[MailServer]) -> Verdict | None:
    for item in mail_servers.all:
        cause = item.cause if item.observation is None else item.observation.greeting.unseen
        if cause is not None:
            message = "the mail server {measured} was not seen; declare its smtp endpoint and authorise it"
            return inconclusive(message, measured=item.subject.host or "", cause=cause)
    asked = {item.subject.host for item in mail_servers.all}
    for server in records.servers.value:
        if server.host not in asked:
            message = "the mail server {measured} was not seen; declare its smtp endpoint and authorise it"
            return inconclusive(message, measured=server.host, cause=Cause.NOT_SELECTED)
    return None
