"""The certificate profile of the CA/Browser Forum."""

from inspector import Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificates, Chain, LintFinding


@check(
    "certificate-profile-conforms",
    title="Certificate conforms to the CA/Browser Forum profile",
    references=("CA/Browser Forum Baseline Requirements §7.1", "RFC 5280 §4"),
)
def profile_conforms(certificates: Certificates) -> Verdict:
    """Browsers may reject a publicly trusted certificate that violates the Baseline Requirements, and its CA must
    revoke it within days. Private CAs are not bound by them. The codes named are those of pkilint; of intermediate
    certificates, basicConstraints and keyUsage are checked, and whether every part can be read.

    Remediation: have the certificate reissued, and report the violation to the CA.
    """
    for chain in certificates.served:
        trust = chain.public_trust.seen
        verdict = _violation(chain) if trust is not None and trust.chains else None
        if verdict is not None:
            return verdict
    public = [chain for chain in certificates.complete() if chain.is_public]
    if not public:
        return not_applicable("no certificate chains to a publicly trusted root")
    warnings = sorted({each.code for chain in public for each in chain.lint_findings.value})
    if warnings:
        return passed("conforms to the profile; warnings: {measured}", measured=warnings)
    return passed("conforms to the profile", facts=[chain.leaf.sha256 for chain in public])


def _violation(chain: Chain) -> Verdict | None:
    for certificate in chain.relied:
        violated = (*certificate.malformed, *certificate.authority_flaws)
        if violated:
            return failed(
                "{certificate} violates RFC 5280: {measured}",
                certificate=certificate.subject,
                measured=violated,
                facts=certificate.sha256,
            )
    errors = _errors(chain.lint_findings.seen or ())
    return failed("violates the profile: {measured}", measured=errors, facts=chain.leaf.sha256) if errors else None


def _errors(lint_findings: tuple[LintFinding, ...]) -> list[str]:
    return [each.code for each in lint_findings if each.severity == "error"]
