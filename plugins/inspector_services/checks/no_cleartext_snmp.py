from __future__ import annotations

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_services.udp_exposure import answered, first_cause
from inspector_services.udp_observations import Handling, UdpExposure


@check(
    "no-cleartext-snmp",
    title="No SNMP without encryption is offered",
    references=("RFC 3410 §8", "NIST SP 800-53 AC-17(2)"),
)
def no_cleartext_snmp(exposure: UdpExposure) -> Verdict:
    """SNMPv1 and SNMPv2c send the community, their only password, in cleartext; an attacker on the path can read it.

    An agent that ignores the community ``public`` may accept another one, which is not guessed.

    Remediation: use SNMPv3 with authentication and privacy only, over the administration network (snmpd: no
    ``rocommunity`` and ``rwcommunity``, ``rouser NAME priv``).
    """
    answers = exposure.answers("snmp_v1", "snmp_v2c")
    facts = ("/snmp_v1", "/snmp_v2c", "/elsewhere")
    if offered := answered(answers):
        return failed("offers administration in cleartext: {measured}", measured=offered, facts=facts)
    cause = first_cause(answers)
    if cause is not None:
        return inconclusive("whether an agent accepts a community was not seen", cause=cause)
    if any(answer.seen is not Handling.CLOSED for answer in answers.values()):
        return inconclusive("an agent answers, which may accept another community", cause=Cause.AMBIGUOUS)
    return passed("no SNMP agent can be reached: {measured}", measured=tuple(answers), facts=facts)
