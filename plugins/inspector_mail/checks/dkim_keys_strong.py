"""dkim-keys-strong: the keys of declared DKIM selectors are long enough, and allow SHA-256."""

from inspector import Cause, Verdict, check, failed, inconclusive, not_applicable, passed
from inspector_mail.observations import Dkim


@check("dkim-keys-strong", title="DKIM keys are strong", references=("RFC 8301 §3", "RFC 8463"))
def dkim_keys_strong(dkim: Dkim, *, rsa_bits: int = 2048) -> Verdict:
    """Who factors the RSA key of a selector signs mail as the domain; receivers ignore keys below 1024 bits. A key that
    allows SHA-1 alone (``h=sha1``) verifies no signature any more.

    Remediation: make a new RSA key of 2048 bits under a new selector, and revoke the old one some days later; remove
    ``h=`` or set ``h=sha256``.
    """
    if not dkim.declared:
        return inconclusive("no DKIM selector is declared", cause=Cause.NOT_SELECTED)
    for each in dkim.declared:
        key = each.key.seen
        if key is None or key.fault is not None:
            continue
        if key.bits is not None and key.bits < rsa_bits:
            message = "the RSA key of selector {selector} has {measured} bits, at least {threshold} are required"
            return failed(message, selector=each.selector, measured=key.bits, threshold=rsa_bits, facts="selectors")
        if key.hashes and "sha256" not in key.hashes:
            message = "the key of selector {selector} allows {measured} only, {threshold} is required"
            return failed(message, selector=each.selector, measured=key.hashes, threshold="sha256", facts="selectors")
    keys = [each.key.value for each in dkim.declared]  # raises NotSeen
    readable = [key for key in keys if key.fault is None]
    if not readable:
        return not_applicable("no declared selector has a readable key")
    sizes = [str(key.bits) if key.bits else "Ed25519" for key in readable]
    return passed("the sizes of the keys are {measured}", measured=sizes, threshold=rsa_bits, facts="selectors")
