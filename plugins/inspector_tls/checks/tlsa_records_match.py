"""The TLSA records of a domain's mail servers."""

from inspector import (
    Answer,
    Cause,
    Every,
    NotSeen,
    SubjectKind,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)
from inspector_tls.criteria.dane import DaneFault, dane_fault, is_usable, matched
from inspector_tls.mta_sts.observations import MailServer, MailServerName, MtaSts


@check(
    "tlsa-records-match",
    title="Mail servers match their TLSA records",
    about=SubjectKind.MAIL,
    references=("RFC 7672 §2.2, §3.1", "RFC 7671 §8.1"),
)
def tlsa_records_match(records: MtaSts, mail_servers: Every[MailServer]) -> Verdict:
    """Senders that support DANE deliver only to a mail server whose certificate matches one of its TLSA records; mail
    is deferred otherwise. They ignore records that DNSSEC does not authenticate, and cannot use those of usage 0 and 1.
    Whether DNSSEC authenticates is what the configured resolver says, as senders have it.

    Remediation: sign the zones of the domain and of the mail server, publish ``_25._tcp.mx.example.vn. TLSA 3 1 1``
    with the SHA-256 digest of the public key, and publish the record of a new key some days before it is used.
    """
    servers = records.servers.value
    with_tlsa = [server for server in servers if server.tlsa.seen]
    if not with_tlsa:
        _ = [server.tlsa.value for server in servers]  # raises NotSeen
        return not_applicable("no mail server has TLSA records", facts="servers")
    if not records.validating.value:
        return inconclusive("the configured resolver does not validate DNSSEC", cause=Cause.TOOL_MISSING)
    if not records.servers_authenticated.value:
        message = "DNSSEC does not authenticate the MX records of {measured}: an attacker names another mail server"
        return failed(message, measured=records.domain, facts="servers")
    for server in with_tlsa:
        if server.authenticated.seen is False:
            message = "senders ignore the TLSA records of {measured}: DNSSEC does not authenticate them"
            return failed(message, measured=server.host, facts=server.host)
        if not any(map(is_usable, server.tlsa.value)):
            message = "senders can use no TLSA record of {host}: {measured}"
            return failed(message, host=server.host, measured=list(map(str, server.tlsa.value)), facts=server.host)
    faults = {server: _fault(server, mail_servers) for server in with_tlsa}
    for server, fault in faults.items():
        if fault.seen is not None:
            message = "senders that support DANE refuse the mail server {host}: {measured}"
            return failed(message, host=server.host, measured=fault.seen, facts=server.host)
    for server, fault in faults.items():
        if fault.unseen is not None:
            message = "the certificates of {measured} were not seen; declare its smtp endpoint and authorise it"
            return inconclusive(message, measured=server.host, cause=fault.unseen)
    _ = [server.tlsa.value for server in servers], [server.authenticated.value for server in with_tlsa]
    names = [server.host for server in with_tlsa]
    unmatched = [f"{server.host} {record}" for server in with_tlsa for record in _unmatched(server, mail_servers)]
    if unmatched:
        message = "the mail servers match their TLSA records: {measured}; records for no certificate seen: {unmatched}"
        return passed(message, measured=names, unmatched=unmatched, facts="servers")
    return passed("the mail servers match their TLSA records: {measured}", measured=names, facts="servers")


def _fault(server: MailServerName, mail_servers: Every[MailServer]) -> Answer[DaneFault | None]:
    """Why senders refuse the server, at any of its addresses."""
    usable = [record for record in server.tlsa.value if is_usable(record)]
    answers: list[Answer[DaneFault | None]] = []
    for item in mail_servers.all:
        if item.subject.host != server.host:
            continue
        try:
            answers.append(Answer(seen=dane_fault(usable, item.value)))
        except NotSeen as unseen:
            answers.append(Answer(unseen=unseen.cause))
    first = sorted(answers, key=lambda answer: (answer.seen is None, answer.is_seen))[:1]  # faults, unseen, faultless
    return first[0] if first else Answer(unseen=Cause.NOT_SELECTED)


def _unmatched(server: MailServerName, mail_servers: Every[MailServer]) -> list[str]:
    found = [item.value for item in mail_servers.seen if item.subject.host == server.host]
    used = matched(server.tlsa.value, found)
    return [str(record) for record in server.tlsa.value if record not in used]
