"""No certificate lives longer than its issuer was allowed to give it."""

from datetime import UTC, datetime

from inspector import Quantity, Verdict, check, failed, not_applicable, passed
from inspector_tls.certificates.observations import Certificate, Certificates

#: Most days by the day of issue (CA/Browser Forum Baseline Requirements §6.3.2, ballots 193, SC31 and SC-081v3).
_LIMITS = (
    (datetime(2029, 3, 15, tzinfo=UTC), 47),
    (datetime(2027, 3, 15, tzinfo=UTC), 100),
    (datetime(2026, 3, 15, tzinfo=UTC), 200),
    (datetime(2020, 9, 1, tzinfo=UTC), 398),
    (datetime(2018, 3, 1, tzinfo=UTC), 825),
)
#: Issued before: 39 months.
_EARLIEST_LIMIT = 1187


@check(
    "certificate-lifetime-limited",
    title="No publicly trusted certificate lives longer than allowed on the day of its issue",
    references=("CA/Browser Forum Baseline Requirements §6.3.2",),
)
def lifetime_limited(certificates: Certificates) -> Verdict:
    """Whoever steals a key can use it as long as the certificate lives; browsers refuse a public certificate that lives
    longer than the rules allowed when it was issued. An authority of one's own is not bound by them.

    Remediation: have the certificate issued anew by an authority that keeps the limits, and let a program renew it.
    """
    for chain in certificates.served:
        trust, limit = chain.public_trust.seen, _limit(chain.leaf)
        if trust is not None and trust.chains and chain.leaf.lifetime_days > limit:
            return failed(
                "the certificate was issued for {measured}, longer than the {threshold} allowed on {issued}",
                measured=Quantity(value=chain.leaf.lifetime_days, unit="day"),
                threshold=Quantity(value=limit, unit="day"),
                issued=chain.leaf.not_before,
                facts=chain.leaf.sha256,
            )
    public = [chain.leaf for chain in certificates.complete() if chain.is_public]
    if not public:
        return not_applicable("no certificate leads to a public root")
    longest = max(leaf.lifetime_days for leaf in public)
    return passed(
        "issued for at most {measured}",
        measured=Quantity(value=longest, unit="day"),
        facts=[leaf.sha256 for leaf in public],
    )


def _limit(leaf: Certificate) -> int:
    return next((days for since, days in _LIMITS if leaf.not_before >= since), _EARLIEST_LIMIT)
