"""How long senders keep an MTA-STS policy."""

from inspector import (
    Cause,
    Every,
    NotSeen,
    Quantity,
    SubjectKind,
    Verdict,
    check,
    failed,
    inconclusive,
    not_applicable,
    passed,
)
from inspector_tls.criteria.mta_sts import used_policies
from inspector_tls.mta_sts.observations import MtaSts, MtaStsPolicy, StsMode


@check(
    "mta-sts-policy-lasting",
    title="MTA-STS policy is kept long enough",
    about=SubjectKind.MAIL,
    references=("RFC 8461 §3.2, §10.2",),
)
def mta_sts_policy_lasting(
    records: MtaSts, policies: Every[MtaStsPolicy], *, max_age_seconds: int = 604_800
) -> Verdict:
    """Senders keep a policy for ``max_age`` seconds. An attacker who suppresses DNS or HTTPS for longer than that has
    the protection removed; weeks are recommended.

    Remediation: set ``max_age: 1209600`` (two weeks) or more once the policy is in mode ``enforce``.
    """
    if records.record.value is not None:
        return not_applicable("senders find no MTA-STS policy", facts="record")
    if not policies.all:
        raise NotSeen(Cause.NOT_SELECTED)  # a policy that nobody asked for is not one without effect
    used = [policy for policy in used_policies(policies) if policy.mode is StsMode.ENFORCE]
    for policy in used:
        if policy.max_age < max_age_seconds:
            return failed(
                "senders keep the policy for {measured}, at least {threshold} is required",
                measured=Quantity(value=policy.max_age, unit="second"),
                threshold=Quantity(value=max_age_seconds, unit="second"),
                facts="reply",
            )
    missing = [(item.subject.host or "", item.cause) for item in policies.missing]
    for host, cause in missing:
        if cause is not None:
            message = "the policy of {measured} was not fetched; declare that host and authorise it"
            return inconclusive(message, measured=host, cause=cause)
    if not used:
        return not_applicable("no policy is in mode enforce", facts="reply")
    kept = Quantity(value=min(policy.max_age for policy in used), unit="second")
    return passed("senders keep the policy for {measured}", measured=kept, facts="reply")
