"""The certificate keeps the browsers' rules."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Objection


@check(
    "certificate-profile-conforms",
    title="Publicly trusted certificates keep the profile of the CA/Browser Forum",
    references=("CA/Browser Forum Baseline Requirements §7.1", "RFC 5280 §4"),
)
def profile_conforms(certificates: Certificates) -> Verdict:
    """Browsers may refuse a certificate that breaks the rules of public authorities, and an authority that breaks them
    must revoke it within days. An authority of one's own is not bound by them. Named are the findings of pkilint.

    Remediation: have the certificate issued anew, and tell the authority what was found.
    """
    for chain in certificates.served:
        trust, objections = chain.public_trust.seen, chain.objections.seen
        errors = _errors(objections or ())
        if trust is not None and trust.chains and errors:
            return failed("breaks the profile: {measured}", measured=errors, facts=chain.leaf.sha256)
    public = [chain for chain in certificates.complete() if chain.is_public]
    if not public:
        return not_applicable("no certificate leads to a public root")
    warnings = sorted({each.code for chain in public for each in chain.objections.value})
    if warnings:
        return passed("keeps the profile; noted: {measured}", measured=warnings)
    return passed("keeps the profile", facts=[chain.leaf.sha256 for chain in public])


def _errors(objections: tuple[Objection, ...]) -> list[str]:
    return [each.code for each in objections if each.severity == "error"]
