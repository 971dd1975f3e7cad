"""The MTA-STS policy of a mail domain."""

from inspector import Every, SubjectKind, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_tls.criteria.mta_sts import policy_fault
from inspector_tls.mta_sts.observations import MtaSts, MtaStsPolicy, RecordFault


@check(
    "mta-sts-policy-usable",
    title="MTA-STS policy is usable",
    about=SubjectKind.MAIL,
    references=("RFC 8461 §3",),
)
def mta_sts_policy_usable(records: MtaSts, policies: Every[MtaStsPolicy]) -> Verdict:
    """Senders ignore an MTA-STS record with an error, and a policy that is not served as ``text/plain`` with status 200
    by a host with a valid certificate: then an attacker on the path can remove STARTTLS and read the mail. Redirects
    are not followed. The policy is fetched only where its host is declared and authorised.

    Remediation: publish one record ``_mta-sts.example.vn. TXT "v=STSv1; id=20260101"``, and serve the policy at
    ``https://mta-sts.example.vn/.well-known/mta-sts.txt`` with a certificate for that name; or remove both.
    """
    fault = records.record.value
    if fault is RecordFault.MISSING:
        return not_applicable("the domain publishes no MTA-STS record", facts="record")
    if fault is not None:
        return failed("senders ignore the MTA-STS record: {measured}", measured=fault, facts="record")
    for policy in policies:
        unusable = policy_fault(policy)
        if unusable is not None:
            message = "senders do not use the policy of {host}: {measured}"
            return failed(message, host=policy.host, measured=unusable, facts="reply")
    missing = [(item.subject.host or "", item.cause) for item in policies.missing]
    for host, cause in missing:
        if cause is not None:
            message = "the policy of {measured} was not fetched; declare that host and authorise it"
            return inconclusive(message, measured=host, cause=cause)
    modes = sorted({each.reply.value.policy.mode for each in policies if each.reply.value.policy is not None})
    return passed("senders can use the policy, whose mode is {measured}", measured=modes)
