"""Elliptic curves of the key exchange."""

from inspector import Quantity, Verdict, check, failed, not_applicable, passed
from inspector_tls.observations import Part, Tls


@check(
    "groups-strong",
    title="Elliptic curves of the key exchange are large enough",
    references=("RFC 9325 §4.5", "RFC 8422 §5.1.1"),
    needs=(Part.SUITES, Part.GROUPS, Part.CURVES),
)
def groups_strong(tls: Tls, *, bits: int = 224) -> Verdict:
    """Session keys agreed on a small curve can be computed. The check covers the elliptic-curve groups of TLS 1.3 and
    the curves of the newest version before it; primes are checked separately.

    Remediation: accept X25519 and P-256 or larger curves only.
    """
    curves = [group for group in tls.accepted_groups if group.kind != "finite field"]
    small = [group.name for group in curves if group.bits < bits]
    least = Quantity(value=bits, unit="bit")
    if small:
        return failed("accepts {measured}; minimum size is {threshold}", measured=small, threshold=least)
    _ = tls.groups.complete.value, tls.curves.complete.value
    if not curves:
        return not_applicable("offers no elliptic-curve key exchange")
    return passed(
        "accepts {measured}; minimum size is {threshold}", measured=[group.name for group in curves], threshold=least
    )
