"""spf-without-ptr: neither the domain's SPF record nor an included one uses ptr."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import MailDomain


@check("spf-without-ptr", title="SPF does not rely on reverse DNS", references=("RFC 7208 §5.5",))
def spf_without_ptr(mail: MailDomain) -> Verdict:
    """The mechanism ``ptr`` is slow, and unreliable where reverse DNS fails; many receivers skip it, so that mail which
    depends on it does not pass. RFC 7208 says not to publish it.

    Remediation: replace ``ptr`` by ``ip4``, ``ip6``, ``a`` or ``mx``.
    """
    if not mail.exists.value:
        return inconclusive("the domain does not exist: {measured}", measured=mail.domain, cause=Cause.NOT_REACHED)
    spf = mail.spf.value
    fault = spf.evaluation.value.fault
    if fault:
        return not_applicable("no SPF record that authorises a sender: {measured}", measured=fault)
    found = [term for term in spf.open_terms if term.lstrip("+-~?").lower().partition(":")[0] == "ptr"]
    if found:
        return failed("uses the mechanism ptr: {measured}", measured=found, facts="spf")
    return passed("does not use the mechanism ptr", facts="spf")
