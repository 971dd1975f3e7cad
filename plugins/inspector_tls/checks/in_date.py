"""The validity period of certificates."""

from inspector import Quantity, Verdict, check, failed, passed
from inspector_tls.certificates.observations import Certificates, has_ended
from inspector_tls.criteria.client_policies import where_clients_validate


@check(
    "certificate-in-date",
    title="Certificate is within its validity period",
    references=("RFC 5280 §4.1.2.5",),
)
@where_clients_validate
def in_date(certificates: Certificates, *, days_left: int = 0) -> Verdict:
    """Clients reject a certificate outside its validity period: the service becomes unavailable, or users learn to
    dismiss warnings. The dates are compared with the time of the scan; the last second is valid.

    Remediation: renew the certificate, automate the renewal (an ACME client such as ``certbot``) and monitor the
    remaining days.
    """
    at = certificates.seen_at
    for leaf in certificates.leaves:
        if "validity" in leaf.malformed:
            return failed("the validity of the certificate is malformed", facts=leaf.sha256)
        if at < leaf.starts:
            return failed("the certificate is not valid before {measured}", measured=leaf.starts, facts=leaf.sha256)
        if has_ended(leaf.ends, at):
            return failed("the certificate expired on {measured}", measured=leaf.ends, facts=leaf.sha256)
        days = max((leaf.ends - at).days, 0)
        if days < days_left:
            return failed(
                "the certificate expires in {measured}; minimum is {threshold}",
                measured=Quantity(value=days, unit="day"),
                threshold=Quantity(value=days_left, unit="day"),
                facts=leaf.sha256,
            )
    chains = certificates.complete()
    if not chains:
        return failed("presents no certificate")
    first = min(chain.leaf.ends for chain in chains)
    return passed("valid until {measured}", measured=first, facts=[chain.leaf.sha256 for chain in chains])
