"""The lifetime of publicly trusted certificates."""

from datetime import UTC, datetime

from inspector import Quantity, Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificate, Certificates

#: The maximum in days, by the date of issue (Baseline Requirements §6.3.2; ballots 193, SC31 and SC-081v3).
_LIMITS = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2018, 3, 1, tzinfo=UTC), 825),
)
#: The maximum in days before the first of these dates: 39 months.
_EARLIEST_LIMIT = 1187


@check(
    "certificate-lifetime-limited",
    title="Certificate lifetime is within the CA/Browser Forum limit",
    references=("CA/Browser Forum Baseline Requirements §6.3.2",),
)
def lifetime_limited(certificates: Certificates) -> Verdict:
    """A stolen key can be used as long as the certificate is valid; browsers reject a publicly trusted certificate that
    is valid for longer than the rules allowed when it was issued. Private CAs are not bound by these rules.

    Remediation: have the certificate reissued by a CA that keeps the limits, and automate the renewal (an ACME client
    such as ``certbot``).
    """
    for chain in certificates.served:
        trust, limit = chain.public_trust.seen, _limit(chain.leaf)
        if trust is not None and trust.chains and chain.leaf.lifetime_days > limit:
            return failed(
                "the certificate is valid for {measured}; the limit on {issued} was {threshold}",
                measured=Quantity(value=chain.leaf.lifetime_days, unit="day"),
                threshold=Quantity(value=limit, unit="day"),
                issued=chain.leaf.starts,
                facts=chain.leaf.sha256,
            )
    public = [chain.leaf for chain in certificates.complete() if chain.is_public]
    if not public:
        return not_applicable("no certificate chains to a publicly trusted root")
    longest = max(leaf.lifetime_days for leaf in public)
    return passed(
        "valid for at most {measured}",
        measured=Quantity(value=longest, unit="day"),
        facts=[leaf.sha256 for leaf in public],
    )


def _limit(leaf: Certificate) -> int:
    return next((days for since, days in _LIMITS if leaf.starts >= since), _EARLIEST_LIMIT)
