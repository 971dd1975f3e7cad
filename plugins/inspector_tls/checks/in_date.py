"""The certificate is valid now and for a while."""

from inspector import Quantity, Verdict, check, failed, passed
from inspector_tls.certificates.observations import Certificates
from inspector_tls.criteria.client_policies import where_clients_insist


@check(
    "certificate-in-date",
    title="Every certificate is valid on the day of the scan",
    references=("RFC 5280 §4.1.2.5",),
)
@where_clients_insist
def in_date(certificates: Certificates, *, days_left: int = 0) -> Verdict:
    """Clients refuse a certificate outside its dates: the service fails, or users learn to click warnings away. The
    dates are compared with the instant of the scan.

    Remediation: renew the certificate and let a program renew it well before it ends; watch the remaining days.
    """
    at = certificates.seen_at
    for leaf in certificates.leaves:
        if at < leaf.not_before:
            return failed("the certificate is not valid before {measured}", measured=leaf.not_before, facts=leaf.sha256)
        if at > leaf.not_after:
            return failed("the certificate expired at {measured}", measured=leaf.not_after, facts=leaf.sha256)
        days = (leaf.not_after - at).days
        if days < days_left:
            return failed(
                "the certificate ends in {measured}, sooner than {threshold}",
                measured=Quantity(value=days, unit="day"),
                threshold=Quantity(value=days_left, unit="day"),
                facts=leaf.sha256,
            )
    chains = certificates.complete()
    if not chains:
        return failed("the server presents no certificate")
    first = min(chain.leaf.not_after for chain in chains)
    return passed("valid until {measured}", measured=first, facts=[chain.leaf.sha256 for chain in chains])
