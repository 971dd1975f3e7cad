"""dkim-keys-valid: every declared DKIM selector has a key with which signatures can be verified."""

from inspector import Cause, Verdict, check, failed, inconclusive, passed
from inspector_mail.observations import Dkim


@check("dkim-keys-valid", title="DKIM keys are published and valid", references=("RFC 6376 §3.6.1", "RFC 8463"))
def dkim_keys_valid(dkim: Dkim) -> Verdict:
    """Signatures of a selector whose key record is missing, malformed or revoked do not verify, so that the mail passes
    DMARC by SPF at best, and not at all once it is forwarded. Selectors cannot be listed from outside: they have to be
    declared. What stands at common names is told as information.

    Remediation: publish the key of every selector that signs, e.g.
    ``mail._domainkey.example.vn. TXT "v=DKIM1; k=rsa; p=MIIBIjANBg…"``, without ``t=y``, and declare the selectors
    under ``dkim_selectors``.
    """
    if not dkim.declared:
        return _undeclared(dkim)
    for each in dkim.declared:
        if each.key.seen is not None and each.key.seen.fault is not None:
            message = "selector {selector}: {measured}"
            return failed(message, selector=each.selector, measured=each.key.seen.fault, facts="selectors")
        if each.key.seen is not None and each.key.seen.testing:
            message = "the key of selector {measured} is marked as a test (t=y)"
            return failed(message, measured=each.selector, facts="selectors")
    _ = [each.key.value for each in dkim.declared]  # raises NotSeen
    found = [each.selector for each in dkim.declared]
    return passed("valid keys at the selectors {measured}", measured=found, facts="selectors")


def _undeclared(dkim: Dkim) -> Verdict:
    keys = [each.selector for each in dkim.selectors if each.key.seen is not None and each.key.seen.fault is None]
    if keys and dkim.any_selector.seen is False:
        message = "no DKIM selector is declared; there are keys at {measured}: declare those that sign"
        return inconclusive(message, measured=keys, cause=Cause.NOT_SELECTED)
    return inconclusive("no DKIM selector is declared", cause=Cause.NOT_SELECTED)
