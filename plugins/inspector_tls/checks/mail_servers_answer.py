"""Whether the mail servers of a domain speak SMTP to senders."""

from inspector import Cause, Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.mta_sts.observations import MailServer, MtaSts

_MESSAGES = {
    Cause.OUT_OF_SCOPE: "the mail server {measured} is out of scope; declare its smtp endpoint and authorise it",
    Cause.RATE_LIMITED: "the mail server {measured} turns the inspector away for now (421)",
    Cause.BLOCKED: "the mail server {measured} turns the inspector away (521 or 554)",
    Cause.TIMEOUT: "the mail server {measured} did not answer in time; port 25 may be closed at this vantage",
}


@check(
    "mail-servers-answer",
    title="Mail servers answer promptly",
    about=SubjectKind.MAIL,
    references=("RFC 5321 §3.1, §4.5.3.2.1",),
)
def mail_servers_answer(records: MtaSts, mail_servers: Every[MailServer], *, greeting_seconds: int = 20) -> Verdict:
    """Senders give up on a mail server that greets late or speaks another protocol, and try the next one or return the
    mail. A pause of some seconds within the greeting, as Postfix's postscreen makes it, is no fault; a server that
    turns this client away by 421, 521 or 554 is not judged.

    Remediation: let every MX host run the mail server on port 25, and greet within seconds; look for slow name lookups
    of the clients' addresses.
    """
    if not records.servers.value:
        return not_applicable("the domain accepts no mail", facts="servers")
    for item in mail_servers.seen:
        greeting = item.value.greeting
        if item.value.other_protocol:
            message = "the mail server {host} does not speak SMTP: {measured}"
            return failed(message, host=item.value.host, measured=item.value.other_protocol, facts=item.value.host)
        if greeting.seen is not None and greeting.seen.seconds > greeting_seconds:
            return failed(
                "the mail server {host} greets after {measured} s, at most {threshold} s are allowed",
                host=item.value.host,
                measured=greeting.seen.seconds,
                threshold=greeting_seconds,
                facts=item.value.host,
            )
    for item in mail_servers.all:
        cause = item.cause if item.observation is None else item.observation.greeting.unseen
        if cause is not None:
            message = _MESSAGES.get(cause, "the mail server {measured} was not seen")
            return inconclusive(message, measured=item.subject.host or "", cause=cause)
    asked = {item.subject.host for item in mail_servers.all}
    unasked = [server.host for server in records.servers.value if server.host not in asked]
    if unasked:
        return inconclusive("the mail server {measured} was not seen", measured=unasked[0], cause=Cause.NOT_SELECTED)
    found = sorted({each.host for each in mail_servers})
    paused = sorted({each.host for each in mail_servers if each.greeting.seen and each.greeting.seen.paused})
    if paused:
        message = "the mail servers answer: {measured}; these pause within the greeting: {paused}"
        return passed(message, measured=found, paused=paused)
    return passed("the mail servers answer: {measured}", measured=found)
