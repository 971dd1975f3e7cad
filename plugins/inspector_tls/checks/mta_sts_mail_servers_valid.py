"""The mail servers of a domain under its MTA-STS policy."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from inspector import (
    Answer,
    Cause,
    Every,
    NotSeen,
    SubjectKind,
    SubjectResult,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)
from inspector_tls.criteria.mta_sts import CertificateFault, certificate_fault, used_policies
from inspector_tls.mta_sts.observations import MailServer, MailServerName, MtaSts, MtaStsPolicy, StsMode, StsPolicy


class ServerFault(StrEnum):
    """Why senders refuse a mail server, besides its certificates, as message text."""

    NO_PATTERN = "it matches no mx pattern of the policy"
    NO_TLS = "it does not begin TLS"


Fault = ServerFault | CertificateFault


@check(
    "mta-sts-mail-servers-valid",
    title="Mail servers conform to the MTA-STS policy",
    about=SubjectKind.MAIL,
    references=("RFC 8461 §4.1, §4.2, §5",),
)
def mta_sts_mail_servers_valid(
    records: MtaSts, policies: Every[MtaStsPolicy], mail_servers: Every[MailServer]
) -> Verdict:
    """Under a policy in mode ``enforce`` senders deliver only to MX hosts that match one of its ``mx`` patterns, offer
    STARTTLS and present a current certificate that names the MX host and chains to a publicly trusted root; mail to
    others is returned. In mode ``testing`` they deliver all the same. Where an MX host has TLSA records, senders that
    support DANE validate its certificate by these instead: see ``tlsa-records-match``.

    Remediation: list every MX host in the policy, and install a certificate of a public CA for its name; or set the
    mode to ``testing`` until that is done.
    """
    if records.record.value is not None:
        return not_applicable("senders find no MTA-STS policy", facts="record")
    servers = records.servers.value
    if not servers:
        return not_applicable("the domain accepts no mail", facts="servers")
    if not policies.all:
        raise NotSeen(Cause.NOT_SELECTED)  # a policy that nobody asked for is not one without effect
    used = used_policies(policies)
    for item in policies.missing if not used else ():
        message = "the policy of {measured} was not fetched; declare that host and authorise it"
        return inconclusive(message, measured=item.subject.host or "", cause=item.cause or Cause.NOT_REACHED)
    mode = max((policy.mode for policy in used), key=list(StsMode).index, default=StsMode.NONE)
    if mode is StsMode.NONE:
        return not_applicable("senders apply no policy: it is unusable, or its mode is none", facts="reply")
    applied = [policy for policy in used if policy.mode is mode]
    return _judge(mode, {server: _fault(server.host, applied, mail_servers) for server in servers})


def _judge(mode: StsMode, faults: Mapping[MailServerName, Answer[Fault | None]]) -> Verdict:
    """The verdict over the fault of each mail server under a policy that is applied in this mode."""
    found = {server: fault.seen for server, fault in faults.items() if fault.seen is not None}
    for server, fault in found.items():
        if mode is StsMode.ENFORCE and server.tlsa.seen == ():
            message = "senders that apply the policy refuse the mail server {host}: {measured}"
            return failed(message, host=server.host, measured=fault, facts=server.host)
    for server, answer in faults.items():
        if answer.unseen is not None:
            message = "the certificates of {measured} were not seen; declare its smtp endpoint and authorise it"
            return inconclusive(message, measured=server.host, cause=answer.unseen)
    for server, fault in found.items():
        if mode is StsMode.TESTING:
            message = "the policy is in mode testing; enforced, it excludes the mail server {host}: {measured}"
            return not_applicable(message, host=server.host, measured=fault, facts=server.host)
        message = "{host}: {measured}; senders that support DANE use its TLSA records instead"
        cause = server.tlsa.unseen or Cause.AMBIGUOUS
        return inconclusive(message, host=server.host, measured=fault, cause=cause, facts=server.host)
    names = [server.host for server in faults]
    return passed("the mail servers conform to the policy in mode {mode}: {measured}", mode=mode, measured=names)


def _fault(host: str, applied: Sequence[StsPolicy], mail_servers: Every[MailServer]) -> Answer[Fault | None]:
    """Why senders refuse a host that receives mail, at any of its addresses."""
    if not all(policy.matches(host) for policy in applied):
        return Answer(seen=ServerFault.NO_PATTERN)
    answers = [_tls_fault(item) for item in mail_servers.all if item.subject.host == host]
    first = sorted(answers, key=lambda answer: (answer.seen is None, answer.is_seen))[:1]  # faults, unseen, faultless
    return first[0] if first else Answer(unseen=Cause.NOT_SELECTED)


def _tls_fault(item: SubjectResult[MailServer]) -> Answer[Fault | None]:
    try:
        certificates = item.value.certificates.value
        return Answer(seen=ServerFault.NO_TLS if certificates is None else certificate_fault(certificates))
    except NotSeen as unseen:
        return Answer(unseen=unseen.cause)
